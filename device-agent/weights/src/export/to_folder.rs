//! Folders of safetensors: MLX repositories and plain Hugging Face layout.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::piece::{Piece, Source};
use super::recipe::MlxRecipe;
use super::v_heads::{Reorder, reorder};
use super::{Progress, Written, safetensors_file, whole_file};
use crate::WeightError;
use crate::checkpoint::{Checkpoint, VHeadOrder};
use crate::entry::{Entry, Stored};
use crate::experts::{ExpertDims, Which};
use crate::format::{Format, Side};
use crate::identity::listing;
use crate::names;
use crate::shapes::Dims;

/// Quantizes a checkpoint into an MLX repository at `out`, which must not exist yet. Tensors that already have
/// the wanted format are copied as they are.
pub fn quantize_to_mlx(
    checkpoint: &Checkpoint,
    recipe: &MlxRecipe,
    out: &Path,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Written, WeightError> {
    let plan = Plan::new(checkpoint)?;
    let pieces = plan.mlx(recipe)?;
    let config = mlx_config(checkpoint.config(), recipe, &pieces);
    write_folder(checkpoint, &config, &pieces, out, progress)
}

/// Writes a checkpoint in Hugging Face layout at `out`, which must not exist yet. Floats stay in the float
/// they are in; what is quantized becomes bf16.
pub fn write_hugging_face(
    checkpoint: &Checkpoint,
    out: &Path,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Written, WeightError> {
    let pieces = Plan::new(checkpoint)?.hugging_face()?;
    let mut config = checkpoint.config().clone();
    if let Some(table) = config.as_object_mut() {
        table.remove("quantization");
        table.remove("quantization_config");
    }
    write_folder(checkpoint, &config, &pieces, out, progress)
}

/// What every layout needs to know about the source.
struct Plan<'a> {
    checkpoint: &'a Checkpoint,
    dims: Dims,
    side: Side,
}

impl<'a> Plan<'a> {
    fn new(checkpoint: &'a Checkpoint) -> Result<Self, WeightError> {
        let dims =
            Dims::of(checkpoint.config()).map_err(|what| WeightError::config(checkpoint.path(), what))?;
        // Scales and small tensors take the float type of the source's norms; blocks have none of their own.
        let norm = checkpoint.format("language_model.layers.0.input_layernorm.weight");
        let from_blocks =
            checkpoint.format("language_model.embed_tokens.weight").is_some_and(Format::is_ggml_block);
        let side = norm.and_then(Side::of).filter(|_| !from_blocks).unwrap_or(Side::Bf16);
        Ok(Self { checkpoint, dims, side })
    }

    /// Everything but expert stacks, and the prefixes of those.
    fn singles(&self) -> (Vec<(&'a str, &'a Entry)>, BTreeSet<&'a str>) {
        let (mut singles, mut prefixes) = (Vec::new(), BTreeSet::new());
        for (name, entry) in &self.checkpoint.entries {
            if matches!(entry.stored, Stored::Foreign(_)) {
                continue;
            }
            match name.find(".mlp.experts.") {
                Some(at) => {
                    prefixes.insert(&name[..at + ".mlp.experts".len()]);
                }
                None => singles.push((name.as_str(), entry)),
            }
        }
        (singles, prefixes)
    }

    fn reorder(&self, name: &str) -> Reorder {
        match self.checkpoint.v_head_order() {
            VHeadOrder::Grouped => Reorder::default(),
            VHeadOrder::Tiled => reorder(name, &self.dims, false),
        }
    }

    fn expert_dims(&self) -> ExpertDims {
        ExpertDims { count: self.dims.experts, inner: self.dims.expert_inner, hidden: self.dims.hidden }
    }

    fn rows(&self, name: &'a str, entry: &Entry) -> Source<'a> {
        let cols = entry.shape.last().copied().unwrap_or(1);
        let (checkpoint, rows) = (self.checkpoint, entry.elements() / cols);
        Source::Rows(Box::new(move || Ok(vec![checkpoint.matrix(name, rows, cols)?])))
    }

    /// One matrix of every expert, or of gate and up in turn.
    fn expert_rows(&self, prefix: &'a str, whiches: &'static [Which]) -> Source<'a> {
        let (checkpoint, dims) = (self.checkpoint, self.expert_dims());
        Source::Rows(Box::new(move || {
            let fused = if whiches.contains(&Which::Down) { None } else { checkpoint.fused(prefix, dims)? };
            let of = |which: &Which| checkpoint.expert_matrices(prefix, *which, dims, fused.as_ref());
            let stacks = whiches.iter().map(of).collect::<Result<Vec<_>, _>>()?;
            Ok((0..dims.count).flat_map(|e| stacks.iter().map(move |stack| stack[e].clone())).collect())
        }))
    }

    fn mlx(&self, recipe: &MlxRecipe) -> Result<Vec<Piece<'a>>, WeightError> {
        let (singles, prefixes) = self.singles();
        let mut pieces = Vec::new();
        for (name, entry) in singles {
            let wanted = recipe.format_of(name, &entry.shape, self.dims.layers);
            let mut piece = Piece {
                name: names::mlx(name),
                shape: entry.shape.clone(),
                format: wanted.unwrap_or(self.side.as_format()),
                side: self.side,
                source: Source::Values(Vec::new()),
                reorder: self.reorder(name),
            };
            if names::is_zero_centred_norm(name) {
                piece.source = Source::Values(entry.values()?.into_iter().map(|v| v + 1.0).collect());
            } else if name.ends_with(".linear_attn.conv1d.weight") {
                // The values keep their order; only the dimension of one moves to the end.
                let taps = entry.shape.last().copied().filter(|n| *n > 1).unwrap_or(4);
                piece.shape = vec![entry.elements() / taps, taps, 1];
                piece.reorder = piece.reorder.with_rows_cut(taps);
                piece.source = Source::Values(entry.values()?);
            } else if name == "visual.patch_embed.proj.weight" {
                (piece.shape, piece.source) = channels_last(entry)?;
            } else if name.ends_with(".A_log") {
                piece.format = Format::F32;
                piece.source = Source::Values(entry.values()?);
            } else if entry.shape.len() < 2 {
                piece.source = Source::Values(entry.values()?);
            } else {
                piece.source = self.rows(name, entry);
            }
            pieces.push(piece);
        }
        for prefix in prefixes {
            for which in [&[Which::Gate], &[Which::Up], &[Which::Down]] {
                let name = format!("{prefix}.{}.weight", which[0].name());
                let shape = stack_shape(which[0], self.expert_dims());
                pieces.push(Piece {
                    format: recipe
                        .format_of(&name, &shape, self.dims.layers)
                        .unwrap_or(self.side.as_format()),
                    name: names::mlx(&name),
                    shape,
                    side: self.side,
                    source: self.expert_rows(prefix, which),
                    reorder: Reorder::default(),
                });
            }
        }
        Ok(pieces)
    }

    fn hugging_face(&self) -> Result<Vec<Piece<'a>>, WeightError> {
        let (singles, prefixes) = self.singles();
        let mut pieces = Vec::new();
        for (name, entry) in singles {
            let stored = entry.format().filter(|f| f.is_float());
            let mut piece = Piece {
                name: names::hugging_face(name),
                shape: entry.shape.clone(),
                format: stored.unwrap_or(Format::Bf16),
                side: self.side,
                source: Source::Values(Vec::new()),
                reorder: self.reorder(name),
            };
            if name.ends_with(".linear_attn.conv1d.weight") {
                let taps = entry.shape.last().copied().filter(|n| *n > 1).unwrap_or(4);
                piece.shape = vec![entry.elements() / taps, 1, taps];
                piece.source = Source::Values(entry.values()?);
            } else if name == "visual.patch_embed.proj.weight" {
                piece.shape = channels_first_shape(entry);
                piece.source = Source::Values(entry.values()?);
            } else if entry.shape.len() < 2 {
                piece.source = Source::Values(entry.values()?);
            } else {
                piece.source = self.rows(name, entry);
            }
            pieces.push(piece);
        }
        for prefix in prefixes {
            let dims = self.expert_dims();
            let stacks: [(&str, &'static [Which], Vec<usize>); 2] = [
                ("gate_up_proj", &[Which::Gate, Which::Up], vec![dims.count, 2 * dims.inner, dims.hidden]),
                ("down_proj", &[Which::Down], stack_shape(Which::Down, dims)),
            ];
            for (which, parts, shape) in stacks {
                let name = format!("{prefix}.{which}.weight");
                // Split experts have no stack to ask; the first one speaks for all.
                let stored = [
                    name.clone(),
                    format!("{prefix}.down_proj.weight"),
                    format!("{prefix}.0.down_proj.weight"),
                ];
                let stored =
                    stored.iter().find_map(|name| self.checkpoint.format(name)).filter(|f| f.is_float());
                pieces.push(Piece {
                    name: names::hugging_face(&name),
                    shape,
                    format: stored.unwrap_or(Format::Bf16),
                    side: self.side,
                    source: self.expert_rows(prefix, parts),
                    reorder: Reorder::default(),
                });
            }
        }
        Ok(pieces)
    }
}

fn stack_shape(which: Which, dims: ExpertDims) -> Vec<usize> {
    match which {
        Which::Gate | Which::Up => vec![dims.count, dims.inner, dims.hidden],
        Which::Down => vec![dims.count, dims.hidden, dims.inner],
    }
}

/// The Hugging Face shape of a patch embedding, whichever it is stored in.
fn channels_first_shape(entry: &Entry) -> Vec<usize> {
    match (&entry.fix, entry.shape.as_slice()) {
        (crate::entry::Fix::PatchChannelsLast, &[hidden, time, height, width, channels]) => {
            vec![hidden, channels, time, height, width]
        }
        _ => entry.shape.clone(),
    }
}

fn channels_last(entry: &Entry) -> Result<(Vec<usize>, Source<'static>), WeightError> {
    let &[hidden, channels, time, height, width] = channels_first_shape(entry).as_slice() else {
        return Err(entry.error("is a patch embedding without five dimensions"));
    };
    let (values, inner) = (entry.values()?, time * height * width);
    let mut out = Vec::with_capacity(values.len());
    for h in 0..hidden {
        for i in 0..inner {
            out.extend((0..channels).map(|c| values[(h * channels + c) * inner + i]));
        }
    }
    Ok((vec![hidden, time, height, width, channels], Source::Values(out)))
}

fn mlx_config(config: &Value, recipe: &MlxRecipe, pieces: &[Piece<'_>]) -> Value {
    let table = |format: Format| match format {
        Format::Affine { bits, group } => json!({ "group_size": group, "bits": bits, "mode": "affine" }),
        _ => Value::Null,
    };
    let mut block = table(recipe.general()).as_object().cloned().unwrap_or_else(Map::new);
    for piece in pieces.iter().filter(|p| p.format.is_mlx() && p.format != recipe.general()) {
        let module = piece.name.strip_suffix(".weight").unwrap_or(&piece.name);
        block.insert(module.to_owned(), table(piece.format));
    }
    let mut config = config.clone();
    if let Some(top) = config.as_object_mut() {
        top.insert("quantization".to_owned(), block.clone().into());
        top.insert("quantization_config".to_owned(), block.into());
    }
    config
}

/// Files that go along unchanged.
const COMPANIONS: [&str; 7] = [
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
    "chat_template.json",
    "generation_config.json",
    "preprocessor_config.json",
    "video_preprocessor_config.json",
];

fn write_folder(
    checkpoint: &Checkpoint,
    config: &Value,
    pieces: &[Piece<'_>],
    out: &Path,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Written, WeightError> {
    let mut partial = out.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    if out.exists() {
        let exists =
            std::io::Error::new(std::io::ErrorKind::AlreadyExists, "it is there already; remove it first");
        return Err(WeightError::write(out, exists));
    }
    if partial.exists() {
        std::fs::remove_dir_all(&partial).map_err(|e| WeightError::write(&partial, e))?;
    }
    std::fs::create_dir_all(&partial).map_err(|e| WeightError::write(&partial, e))?;
    let mut files = vec![safetensors_file::write(&partial.join("model.safetensors"), pieces, progress)?];
    let config = serde_json::to_string_pretty(config).unwrap_or_default();
    files.push(whole_file::write(&partial.join("config.json"), config.as_bytes())?);
    for path in checkpoint.files() {
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        if COMPANIONS.contains(&name) {
            let content = std::fs::read(path).map_err(|e| WeightError::read(path, e))?;
            files.push(whole_file::write(&partial.join(name), &content)?);
        }
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    whole_file::write(&partial.join("SHA256SUMS"), listing(&files).as_bytes())?;
    std::fs::rename(&partial, out).map_err(|e| WeightError::write(out, e))?;
    Ok(Written { path: out.to_owned(), files })
}
