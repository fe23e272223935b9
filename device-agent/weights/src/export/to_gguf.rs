//! GGUF files: the language model in one, the vision tower in a projector beside it, both in the conventions
//! that llama.cpp expects.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::piece::{Piece, Source};
use super::v_heads::{Reorder, reorder};
use super::{Progress, Written, gguf_file, gguf_metadata, vocabulary};
use crate::WeightError;
use crate::checkpoint::{Checkpoint, VHeadOrder};
use crate::containers::gguf::names::{PATCH_SECOND, gguf};
use crate::entry::{Entry, Fix, Stored};
use crate::experts::{ExpertDims, Which};
use crate::format::{Format, Side};
use crate::formats::encode::can_encode;
use crate::names::is_zero_centred_norm;
use crate::placement::{format_of, role_of};
use crate::shapes::{Dims, Role, TensorSpec};

/// Quantizes a checkpoint into the GGUF file `out`; vision goes to `mmproj-` and that name. Every matrix of
/// the language model takes `format` where its rows allow it, tables included; vectors stay f32.
pub fn quantize_to_gguf(
    checkpoint: &Checkpoint,
    format: Format,
    out: &Path,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Written, WeightError> {
    if format.is_mlx() || !can_encode(format) {
        return Err(WeightError::Recipe(format!("GGUF files cannot be written in {format}")));
    }
    let config = checkpoint.config();
    let dims = Dims::of(config).map_err(|what| WeightError::config(checkpoint.path(), what))?;
    let plan = Plan { checkpoint, dims, format };
    let (text, vision) = plan.pieces()?;
    let mtp = |name: &str| name.strip_prefix("mtp.layers.")?.split('.').next()?.parse::<usize>().ok();
    let mtp_layers = checkpoint.names().filter_map(mtp).max().map_or(0, |last| last + 1);
    let mut metadata = gguf_metadata::of_text(config, &plan.dims, mtp_layers, format);
    let rows = checkpoint.shape("language_model.embed_tokens.weight").and_then(|s| s.first().copied());
    vocabulary::add(&mut metadata, checkpoint, rows.unwrap_or(0))?;
    let mut files = vec![gguf_file::write(out, &metadata, &text, progress)?];
    if !vision.is_empty() {
        let metadata = gguf_metadata::of_vision(config, checkpoint.texts().preprocessor_config.as_ref());
        files.push(gguf_file::write(&projector_path(out), &metadata, &vision, progress)?);
    }
    Ok(Written { path: out.to_owned(), files })
}

/// The name under which opening a model finds its projector.
fn projector_path(out: &Path) -> PathBuf {
    let name = out.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
    out.with_file_name(format!("mmproj-{name}"))
}

struct Plan<'a> {
    checkpoint: &'a Checkpoint,
    dims: Dims,
    format: Format,
}

impl<'a> Plan<'a> {
    /// The pieces of the model and of the projector.
    fn pieces(&self) -> Result<(Vec<Piece<'a>>, Vec<Piece<'a>>), WeightError> {
        let (mut text, mut vision, mut prefixes) = (Vec::new(), Vec::new(), BTreeSet::new());
        for (name, entry) in &self.checkpoint.entries {
            if matches!(entry.stored, Stored::Foreign(_)) {
                continue;
            }
            if let Some(at) = name.find(".mlp.experts.") {
                prefixes.insert(&name[..at + ".mlp.experts".len()]);
            } else if name == "visual.patch_embed.proj.weight" {
                vision.extend(self.patch_frames(entry)?);
            } else {
                let to = if name.starts_with("visual.") { &mut vision } else { &mut text };
                to.push(self.piece(name, entry)?);
            }
        }
        for prefix in prefixes {
            text.extend(self.experts(prefix)?);
        }
        Ok((text, vision))
    }

    fn target_name(&self, name: &str, entry: &Entry) -> Result<String, WeightError> {
        gguf(name, self.dims.layers).ok_or_else(|| entry.error("has no name in GGUF"))
    }

    fn piece(&self, name: &'a str, entry: &'a Entry) -> Result<Piece<'a>, WeightError> {
        let role = role_of(name, &entry.shape);
        let reorder = match self.checkpoint.v_head_order() {
            VHeadOrder::Grouped => reorder(name, &self.dims, true),
            VHeadOrder::Tiled => Reorder::default(),
        };
        let mut piece = Piece {
            name: self.target_name(name, entry)?,
            shape: entry.shape.clone(),
            format: self.format_of(name, role, &entry.shape),
            side: Side::F32,
            source: Source::Values(Vec::new()),
            reorder,
        };
        piece.source = match role {
            Role::Table | Role::Matrix | Role::VisionMatrix | Role::Positions => {
                let (checkpoint, rows, cols) = (self.checkpoint, piece.rows(), piece.cols());
                Source::Rows(Box::new(move || Ok(vec![checkpoint.matrix(name, rows, cols)?])))
            }
            Role::ALog => Source::Values(entry.neg_exp()?),
            Role::ZeroNorm if is_zero_centred_norm(name) => {
                Source::Values(entry.values()?.into_iter().map(|v| v + 1.0).collect())
            }
            _ => Source::Values(entry.values()?),
        };
        if role == Role::Conv {
            let taps = entry.shape.last().copied().filter(|n| *n > 1).unwrap_or(4);
            piece.shape = vec![entry.elements() / taps, taps];
        }
        Ok(piece)
    }

    fn format_of(&self, name: &str, role: Role, shape: &[usize]) -> Format {
        match role {
            Role::Table | Role::Matrix => {
                let spec = TensorSpec { name: name.to_owned(), shape: shape.to_vec(), role };
                format_of(&spec, self.format)
            }
            Role::VisionMatrix => Format::Bf16,
            _ => Format::F32,
        }
    }

    /// The two frames of the patch embedding, each `[hidden, channels, height, width]`.
    fn patch_frames(&self, entry: &Entry) -> Result<Vec<Piece<'a>>, WeightError> {
        let shape = match (&entry.fix, entry.shape.as_slice()) {
            (Fix::PatchChannelsLast, &[hidden, time, height, width, channels]) => {
                [hidden, channels, time, height, width]
            }
            (_, &[hidden, channels, time, height, width]) => [hidden, channels, time, height, width],
            _ => return Err(entry.error("is a patch embedding without five dimensions")),
        };
        let [hidden, channels, time, height, width] = shape;
        if time != 2 {
            return Err(entry.error(format!("covers {time} frames; GGUF has room for two")));
        }
        let (values, plane) = (entry.values()?, height * width);
        let names = ["visual.patch_embed.proj.weight", PATCH_SECOND];
        names
            .into_iter()
            .enumerate()
            .map(|(frame, name)| {
                let planes = values.chunks_exact(plane).skip(frame).step_by(2);
                Ok(Piece {
                    name: self.target_name(name, entry)?,
                    shape: vec![hidden, channels, height, width],
                    format: Format::F32,
                    side: Side::F32,
                    source: Source::Values(planes.flatten().copied().collect()),
                    reorder: Reorder::default(),
                })
            })
            .collect()
    }

    fn experts(&self, prefix: &'a str) -> Result<Vec<Piece<'a>>, WeightError> {
        let Dims { experts: count, expert_inner: inner, hidden, layers, .. } = self.dims;
        let (checkpoint, dims) = (self.checkpoint, ExpertDims { count, inner, hidden });
        let piece = |which: Which| {
            let name = format!("{prefix}.{}.weight", which.name());
            let (out, inp) = if which == Which::Down { (hidden, inner) } else { (inner, hidden) };
            let shape = vec![count, out, inp];
            Ok(Piece {
                name: gguf(&name, layers).ok_or_else(|| {
                    WeightError::tensor(self.checkpoint.path(), &name, "has no name in GGUF")
                })?,
                format: self.format_of(&name, Role::Matrix, &shape),
                shape,
                side: Side::F32,
                source: Source::Rows(Box::new(move || {
                    let fused = if which == Which::Down { None } else { checkpoint.fused(prefix, dims)? };
                    checkpoint.expert_matrices(prefix, which, dims, fused.as_ref())
                })),
                reorder: Reorder::default(),
            })
        };
        [Which::Gate, Which::Up, Which::Down].into_iter().map(piece).collect()
    }
}
