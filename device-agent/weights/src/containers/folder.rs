//! A folder with `config.json` and safetensors, as Hugging Face or MLX lays it out, sharded or not.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use safetensors::tensor::Dtype;
use serde_json::Value;

use super::mlx::{self, Quantization};
use super::safetensors::RawTensor;
use super::{json, safetensors as file};
use crate::WeightError;
use crate::checkpoint::{Checkpoint, Container, VHeadOrder};
use crate::entry::{Entry, Fix, Stored};
use crate::format::Format;
use crate::matrix::Matrix;
use crate::names::{canonical, is_zero_centred_norm};
use crate::texts::{Texts, TokenizerSource};

const INDEX: &str = "model.safetensors.index.json";
const SIDE_FILES: [&str; 9] = [
    "config.json",
    INDEX,
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
    "chat_template.json",
    "generation_config.json",
    "preprocessor_config.json",
    "video_preprocessor_config.json",
];

pub(crate) fn open(folder: &Path) -> Result<Checkpoint, WeightError> {
    let config_path = folder.join("config.json");
    let config = json::value(&config_path)?.ok_or_else(|| {
        let missing = std::io::Error::new(std::io::ErrorKind::NotFound, "no config.json in the folder");
        WeightError::read(&config_path, missing)
    })?;
    if !config.is_object() {
        return Err(WeightError::config(&config_path, "is no JSON object"));
    }
    let weight_files = weight_files(folder)?;
    let mut raw = Vec::new();
    for path in &weight_files {
        raw.extend(file::read(path)?);
    }
    check_index(folder, &raw)?;
    let quantization = Quantization::read(&config, &config_path)?;
    let (entries, converted) = assemble(raw, &quantization)?;
    let container =
        if converted || quantization.is_present() { Container::Mlx } else { Container::Safetensors };
    let mut files = weight_files;
    files.extend(SIDE_FILES.iter().map(|name| folder.join(name)).filter(|path| path.is_file()));
    files.sort();
    Ok(Checkpoint {
        path: folder.to_owned(),
        config,
        container,
        order: VHeadOrder::Grouped,
        entries,
        files,
        texts: texts(folder)?,
        recipe: None,
        hashes: OnceLock::new(),
    })
}

/// The safetensors that make up the model: those the index names, else those called `model*`; and the file
/// in which converters leave the multi-token head.
fn weight_files(folder: &Path) -> Result<Vec<PathBuf>, WeightError> {
    let mut names = BTreeSet::new();
    if let Some(map) = index(folder)? {
        names.extend(map.into_values());
    } else {
        for entry in std::fs::read_dir(folder).map_err(|e| WeightError::read(folder, e))? {
            let name = entry.map_err(|e| WeightError::read(folder, e))?.file_name();
            let Some(name) = name.to_str() else { continue };
            if name.starts_with("model") && name.ends_with(".safetensors") {
                names.insert(name.to_owned());
            }
        }
    }
    if folder.join("mtp.safetensors").is_file() {
        names.insert("mtp.safetensors".to_owned());
    }
    if names.is_empty() {
        return Err(WeightError::unsupported(folder, "no model*.safetensors in the folder"));
    }
    Ok(names.into_iter().map(|name| folder.join(name)).collect())
}

/// The index: which file each tensor is in. Names of files may not lead out of the folder.
fn index(folder: &Path) -> Result<Option<BTreeMap<String, String>>, WeightError> {
    let path = folder.join(INDEX);
    let Some(value) = json::value(&path)? else { return Ok(None) };
    let map = value.get("weight_map").and_then(Value::as_object);
    let map = map.ok_or_else(|| WeightError::damaged(&path, "no table `weight_map`"))?;
    let mut files = BTreeMap::new();
    for (tensor, file) in map {
        let plain = file.as_str().filter(|name| {
            let plain = !name.contains(['/', '\\', '\0']) && !name.starts_with('.');
            plain && name.ends_with(".safetensors")
        });
        let file = plain.ok_or_else(|| {
            WeightError::tensor(
                &path,
                tensor,
                format!("is said to be in {file}, which is no plain file name"),
            )
        })?;
        files.insert(tensor.clone(), file.to_owned());
    }
    Ok(Some(files))
}

/// Every tensor of the index must be where the index says.
fn check_index(folder: &Path, raw: &[RawTensor]) -> Result<(), WeightError> {
    let Some(map) = index(folder)? else { return Ok(()) };
    let found: BTreeSet<(&str, &str)> =
        raw.iter().filter_map(|t| Some((t.source.as_str(), t.file.file_name()?.to_str()?))).collect();
    for (tensor, file) in &map {
        if !found.contains(&(tensor.as_str(), file.as_str())) {
            return Err(WeightError::Missing { path: folder.join(file), tensor: tensor.clone() });
        }
    }
    Ok(())
}

type Entries = BTreeMap<String, Entry>;

/// Names made canonical, quantised parts put together, conventions noted. Also tells whether MLX converted
/// the values: its convolution kernels end in a dimension of one.
fn assemble(raw: Vec<RawTensor>, quantization: &Quantization) -> Result<(Entries, bool), WeightError> {
    let mut by_name: BTreeMap<String, RawTensor> = BTreeMap::new();
    for tensor in raw {
        let name = canonical(&tensor.source);
        if let Some(other) = by_name.get(&name) {
            return Err(WeightError::tensor(
                &tensor.file,
                &tensor.source,
                format!("means the same as `{}` in {}", other.source, other.file.display()),
            ));
        }
        by_name.insert(name, tensor);
    }
    let converted = by_name.iter().any(|(name, t)| {
        name.ends_with(".linear_attn.conv1d.weight") && t.shape.len() == 3 && t.shape[2] == 1
    });
    let mut entries = Entries::new();
    for (name, tensor) in &by_name {
        let error = |what: String| WeightError::tensor(&tensor.file, &tensor.source, what);
        let stem = |end: &str| name.strip_suffix(end).map(|stem| format!("{stem}.weight"));
        if let Some(weight) = stem(".scales").or_else(|| stem(".biases")) {
            if !by_name.contains_key(&weight) {
                return Err(error("belongs to a weight that is not there".to_owned()));
            }
            continue;
        }
        let part = |end: &str| name.strip_suffix(".weight").and_then(|s| by_name.get(&format!("{s}.{end}")));
        let (stored, shape) = if let Some(scales) = part("scales") {
            let (matrix, shape) =
                mlx::assemble(name, quantization, tensor, scales, part("biases")).map_err(&error)?;
            (Stored::Matrix(matrix), shape)
        } else {
            (plain(tensor).map_err(&error)?, tensor.shape.clone())
        };
        let fix = if converted && is_zero_centred_norm(name) {
            Fix::MinusOne
        } else if name == "visual.patch_embed.proj.weight"
            && shape.len() == 5
            && shape[1] != 3
            && shape[4] == 3
        {
            Fix::PatchChannelsLast
        } else {
            Fix::None
        };
        let entry = Entry { file: tensor.file.clone(), source: tensor.source.clone(), shape, stored, fix };
        entries.insert(name.clone(), entry);
    }
    Ok((entries, converted))
}

fn plain(tensor: &RawTensor) -> Result<Stored, String> {
    let format = match tensor.dtype {
        Dtype::F32 => Format::F32,
        Dtype::F16 => Format::F16,
        Dtype::BF16 => Format::Bf16,
        other => return Ok(Stored::Foreign(format!("{other:?}"))),
    };
    let cols = tensor.shape.last().copied().unwrap_or(1);
    let rows = tensor.shape.iter().rev().skip(1).product();
    Matrix::plain(format, (rows, cols), tensor.bytes.clone()).map(Stored::Matrix)
}

fn texts(folder: &Path) -> Result<Texts, WeightError> {
    let value = |name: &str| json::value(&folder.join(name));
    let tokenizer_config = value("tokenizer_config.json")?;
    let chat_template = match json::text(&folder.join("chat_template.jinja"))? {
        Some(template) => Some(template),
        None => value("chat_template.json")?
            .as_ref()
            .and_then(template_of)
            .or_else(|| tokenizer_config.as_ref().and_then(template_of)),
    };
    Ok(Texts {
        tokenizer: json::text(&folder.join("tokenizer.json"))?.map(TokenizerSource::HuggingFace),
        chat_template,
        tokenizer_config,
        generation_config: value("generation_config.json")?,
        preprocessor_config: value("preprocessor_config.json")?,
        video_preprocessor_config: value("video_preprocessor_config.json")?,
    })
}

/// The template in a configuration: a text, or a list of named ones of which `default` counts.
fn template_of(config: &Value) -> Option<String> {
    match config.get("chat_template")? {
        Value::String(template) => Some(template.clone()),
        Value::Array(named) => {
            let default = named.iter().find(|t| t.get("name").and_then(Value::as_str) == Some("default"))?;
            Some(default.get("template")?.as_str()?.to_owned())
        }
        _ => None,
    }
}
