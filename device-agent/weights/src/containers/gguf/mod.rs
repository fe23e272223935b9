//! GGUF files and their vision projectors, as a checkpoint. Values come in GGUF's conventions (one added to
//! norms, `-exp(A_log)`, split patch embedding) and each entry notes how to undo its own; the order of value
//! heads is the one thing left as it is.

mod config;
pub(crate) mod header;
pub(crate) mod metadata;
pub(crate) mod names;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use serde_json::{Map, Value, json};

use self::config::Seen;
use self::header::{Header, RawTensor};
use self::metadata::Metadata;
use crate::WeightError;
use crate::bytes::Bytes;
use crate::checkpoint::{Checkpoint, Container, VHeadOrder};
use crate::entry::{Entry, Fix, Stored};
use crate::matrix::Matrix;
use crate::names::is_zero_centred_norm;
use crate::texts::{GgufVocabulary, Texts, TokenizerSource};

/// No model has nearly as many; a larger number is a lie that would only cost time.
const MAX_LAYERS: u64 = 4096;

/// The vision projector in the folder of a model, if there is one; of several the first by name.
pub(crate) fn projector_beside(path: &Path) -> Option<PathBuf> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|p| p != path && p.extension().is_some_and(|e| e.eq_ignore_ascii_case("gguf")))
        .filter(|p| p.file_name().is_some_and(|n| n.to_string_lossy().starts_with("mmproj")))
        .collect();
    found.sort();
    found.into_iter().next()
}

pub(crate) fn open(path: &Path, projector: Option<&Path>) -> Result<Checkpoint, WeightError> {
    let header = header::read(path, &Bytes::map(path)?)?;
    let metadata = &header.metadata;
    let arch = metadata
        .text("general.architecture")
        .ok_or_else(|| WeightError::damaged(path, "no key `general.architecture`"))?;
    if metadata.number("split.count").is_some_and(|n| n > 1) {
        return Err(WeightError::unsupported(path, "one part of a split file; join the parts first"));
    }
    let seen = look(path, &arch, &header)?;
    let family = arch.starts_with("qwen35");
    let mut entries = BTreeMap::new();
    let rotary = if arch == "llama" { llama_head_rows(metadata) } else { None };
    collect(path, &header.tensors, seen.trunk, family, rotary, &mut entries)?;
    let vocabulary = vocabulary(path, metadata)?;
    let text = config::of_text(metadata, &arch, &seen);
    let hidden = text.get("hidden_size").and_then(Value::as_u64);
    let mut config = if family { family_config(&arch, text, &seen, vocabulary.as_ref()) } else { text };
    let (mut files, mut preprocessor) = (vec![path.to_owned()], None);
    if let Some(projector) = projector {
        let side = header::read(projector, &Bytes::map(projector)?)?;
        // A projector found by chance may belong to a neighbour of another width.
        if side.metadata.number("clip.vision.projection_dim") == hidden {
            collect(projector, &side.tensors, seen.trunk, false, None, &mut entries)?;
            let positions = entries.get("visual.pos_embed.weight").and_then(|e| e.shape.first().copied());
            let vision = config::of_vision(&side.metadata, positions.unwrap_or(0));
            config.insert("vision_config".to_owned(), vision.into());
            preprocessor = Some(config::of_preprocessor(&side.metadata));
            files.push(projector.to_owned());
            files.sort();
        }
    }
    Ok(Checkpoint {
        path: path.to_owned(),
        config: Value::Object(config),
        container: Container::Gguf,
        order: if family { VHeadOrder::Tiled } else { VHeadOrder::Grouped },
        entries,
        files,
        texts: Texts {
            tokenizer: vocabulary.map(TokenizerSource::Gguf),
            chat_template: metadata.text("tokenizer.chat_template"),
            preprocessor_config: preprocessor,
            ..Texts::default()
        },
        recipe: None,
        hashes: OnceLock::new(),
    })
}

/// What only the tensors tell. Newer converters count the multi-token blocks among the blocks, older ones do
/// not, so the first block with a multi-token tensor ends the trunk.
fn look(path: &Path, arch: &str, header: &Header) -> Result<Seen, WeightError> {
    let blocks = header.metadata.number(&format!("{arch}.block_count")).unwrap_or(0);
    if blocks > MAX_LAYERS {
        return Err(WeightError::damaged(path, format!("claims {blocks} blocks")));
    }
    let block_of = |t: &RawTensor| t.name.strip_prefix("blk.")?.split_once('.')?.0.parse::<u64>().ok();
    let mtp: Vec<u64> =
        header.tensors.iter().filter(|t| t.name.contains(".nextn.")).filter_map(block_of).collect();
    let trunk = mtp.iter().copied().min().unwrap_or(blocks).min(MAX_LAYERS);
    let mtp_layers = mtp.iter().copied().max().map_or(0, |last| last.min(MAX_LAYERS) + 1 - trunk);
    let table = header.tensors.iter().find(|t| t.name == "token_embd.weight");
    let tied = !header.tensors.iter().any(|t| t.name == "output.weight");
    let vocab = table.and_then(|t| t.shape.first().copied()).unwrap_or(0);
    Ok(Seen { vocab, tied, trunk, mtp_layers })
}

/// Rows per head of query and key, which llama-style converters reorder.
fn llama_head_rows(metadata: &Metadata) -> Option<usize> {
    let heads = metadata.number("llama.attention.head_count")?;
    let rows = metadata
        .number("llama.attention.key_length")
        .or_else(|| metadata.number("llama.embedding_length")?.checked_div(heads))?;
    usize::try_from(rows).ok().filter(|rows| *rows >= 2 && rows.is_multiple_of(2))
}

fn collect(
    path: &Path,
    tensors: &[RawTensor],
    trunk: u64,
    family: bool,
    rotary: Option<usize>,
    entries: &mut BTreeMap<String, Entry>,
) -> Result<(), WeightError> {
    let file: Arc<Path> = Arc::from(path);
    let mut second = None;
    for tensor in tensors {
        let wrong = |what: String| WeightError::tensor(path, &tensor.name, what);
        let name = names::canonical(&tensor.name, trunk as usize).unwrap_or_else(|| tensor.name.clone());
        let stored = match &tensor.data {
            Err(number) => Stored::Foreign(format!("number {number} of GGUF")),
            Ok((format, bytes)) => {
                let cols = tensor.shape.last().copied().unwrap_or(1);
                let rows = tensor.shape.iter().rev().skip(1).product();
                Stored::Matrix(Matrix::plain(*format, (rows, cols), bytes.clone()).map_err(&wrong)?)
            }
        };
        if name == names::PATCH_SECOND {
            second = Some((tensor.shape.clone(), stored));
            continue;
        }
        let rope = ["q_proj.weight", "k_proj.weight", "q_proj.bias", "k_proj.bias"];
        let fix = match rotary {
            _ if family && is_zero_centred_norm(&name) => Fix::MinusOne,
            _ if family && name.ends_with(".linear_attn.A_log") => Fix::LogOfNegated,
            Some(head_rows) if rope.iter().any(|end| name.ends_with(end)) => {
                if !tensor.shape.first().is_some_and(|rows| rows.is_multiple_of(head_rows)) {
                    return Err(wrong(format!("has rows that are no multiple of the head's {head_rows}")));
                }
                Fix::InterleavedRotary { head_rows }
            }
            _ => Fix::None,
        };
        let entry = Entry {
            file: file.clone(),
            source: tensor.name.clone(),
            shape: tensor.shape.clone(),
            stored,
            fix,
        };
        if entries.insert(name, entry).is_some() {
            return Err(wrong("is there twice, under one name or two that mean the same".to_owned()));
        }
    }
    join_frames(entries, second)
}

/// Makes one patch embedding out of its two frames.
fn join_frames(
    entries: &mut BTreeMap<String, Entry>,
    second: Option<(Vec<usize>, Stored)>,
) -> Result<(), WeightError> {
    let Some((shape, stored)) = second else { return Ok(()) };
    let Some(first) = entries.get_mut("visual.patch_embed.proj.weight") else { return Ok(()) };
    let (Stored::Matrix(second), true, &[hidden, channels, height, width]) =
        (stored, shape == first.shape, shape.as_slice())
    else {
        return Err(first.error(format!("has shape {:?}, its second frame {shape:?}", first.shape)));
    };
    first.shape = vec![hidden, channels, 2, height, width];
    first.fix = Fix::PatchSecondFrame(second);
    Ok(())
}

fn family_config(
    arch: &str,
    text: Map<String, Value>,
    seen: &Seen,
    vocabulary: Option<&GgufVocabulary>,
) -> Map<String, Value> {
    let (model, class) = if arch == "qwen35moe" {
        ("qwen3_5_moe", "Qwen3_5MoeForConditionalGeneration")
    } else {
        ("qwen3_5", "Qwen3_5ForConditionalGeneration")
    };
    let mut config = Map::new();
    config.insert("architectures".to_owned(), json!([class]));
    config.insert("model_type".to_owned(), model.into());
    config.insert("tie_word_embeddings".to_owned(), seen.tied.into());
    config.insert("text_config".to_owned(), text.into());
    for (key, token) in [
        ("image_token_id", "<|image_pad|>"),
        ("video_token_id", "<|video_pad|>"),
        ("vision_start_token_id", "<|vision_start|>"),
        ("vision_end_token_id", "<|vision_end|>"),
    ] {
        if let Some(id) = vocabulary.and_then(|v| v.tokens.iter().position(|t| t == token)) {
            config.insert(key.to_owned(), id.into());
        }
    }
    config
}

fn vocabulary(path: &Path, metadata: &Metadata) -> Result<Option<GgufVocabulary>, WeightError> {
    let damaged = |what: String| WeightError::damaged(path, what);
    let model =
        metadata.text("tokenizer.ggml.model").filter(|model| !matches!(model.as_str(), "none" | "no_vocab"));
    let Some(model) = model else { return Ok(None) };
    let texts = |key: &str| metadata.texts(key).map_err(damaged);
    let id = |key: &str| metadata.number(key).and_then(|n| u32::try_from(n).ok());
    let types = metadata.numbers("tokenizer.ggml.token_type").unwrap_or_default();
    Ok(Some(GgufVocabulary {
        model,
        pre: metadata.text("tokenizer.ggml.pre"),
        tokens: texts("tokenizer.ggml.tokens")?.unwrap_or_default(),
        token_types: types.into_iter().map(|t| i32::try_from(t).unwrap_or(0)).collect(),
        merges: texts("tokenizer.ggml.merges")?.unwrap_or_default(),
        bos_id: id("tokenizer.ggml.bos_token_id"),
        eos_id: id("tokenizer.ggml.eos_token_id"),
        padding_id: id("tokenizer.ggml.padding_token_id"),
        add_bos: metadata.number("tokenizer.ggml.add_bos_token").map(|n| n != 0),
    }))
}
