//! An opened checkpoint: one naming, one convention of values, whatever container it came from. Opening reads
//! headers only; tensors are handed out of the mapped files when asked for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use candle_core::{Device, Tensor};
use serde_json::Value;

use crate::entry::{Entry, Fix, rotary_row};
use crate::format::Format;
use crate::identity::{self, FileHash};
use crate::linear::{Embedding, Linear};
use crate::matrix::Matrix;
use crate::texts::Texts;
use crate::{WeightError, containers, synthetic};

/// Where the weights came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Container {
    Safetensors,
    Mlx,
    Gguf,
    Synthetic,
}

/// Which key head serves value head `h` of the gated delta layers, given `r` value heads per key head of `k`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VHeadOrder {
    /// `h / r`: safetensors.
    Grouped,
    /// `h % k`: GGUF.
    Tiled,
}

/// An opened checkpoint; see the module head.
#[derive(Debug)]
pub struct Checkpoint {
    pub(crate) path: PathBuf,
    pub(crate) config: Value,
    pub(crate) container: Container,
    pub(crate) order: VHeadOrder,
    pub(crate) entries: BTreeMap<String, Entry>,
    pub(crate) files: Vec<PathBuf>,
    pub(crate) texts: Texts,
    /// What identifies a checkpoint that has no files.
    pub(crate) recipe: Option<String>,
    pub(crate) hashes: OnceLock<Vec<FileHash>>,
}

impl Checkpoint {
    /// Opens a folder of safetensors (Hugging Face or MLX) or a `.gguf` file; a vision projector whose name
    /// starts with `mmproj` beside a `.gguf` is opened too.
    pub fn open(path: &Path) -> Result<Self, WeightError> {
        let meta = std::fs::metadata(path).map_err(|e| WeightError::read(path, e))?;
        if meta.is_dir() {
            return containers::folder::open(path);
        }
        if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("gguf")) {
            return containers::gguf::open(path, containers::gguf::projector_beside(path).as_deref());
        }
        Err(WeightError::unsupported(path, "expected a folder with config.json or a .gguf file"))
    }

    /// Opens a `.gguf` file with a named vision projector, or with none.
    pub fn open_gguf(path: &Path, projector: Option<&Path>) -> Result<Self, WeightError> {
        containers::gguf::open(path, projector)
    }

    /// Seeded weights of the shapes in `config`, stored in `format`; made tensor by tensor when asked for.
    pub fn synthetic(config: &Value, seed: u64, format: Format) -> Result<Self, WeightError> {
        synthetic::checkpoint(config, seed, format)
    }

    /// The Hugging Face style configuration.
    pub fn config(&self) -> &Value {
        &self.config
    }

    pub fn container(&self) -> Container {
        self.container
    }

    pub fn v_head_order(&self) -> VHeadOrder {
        self.order
    }

    /// What was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn has(&self, name: &str) -> bool {
        self.entries.contains_key(name)
    }

    /// Canonical names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// Dimensions of a tensor as stored, outermost first.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.entries.get(name).map(|entry| entry.shape.as_slice())
    }

    pub(crate) fn entry(&self, name: &str) -> Result<&Entry, WeightError> {
        self.entries
            .get(name)
            .ok_or_else(|| WeightError::Missing { path: self.path.clone(), tensor: name.to_owned() })
    }

    pub(crate) fn shaped(&self, name: &str, wanted: &[usize]) -> Result<&Entry, WeightError> {
        let entry = self.entry(name)?;
        if entry.answers_to(name, wanted) {
            return Ok(entry);
        }
        Err(entry.error(format!("has shape {:?}, but the configuration needs {wanted:?}", entry.shape)))
    }

    /// A dense f32 tensor in the Hugging Face convention.
    pub fn tensor(&self, name: &str, shape: &[usize], device: &Device) -> Result<Tensor, WeightError> {
        let entry = self.shaped(name, shape)?;
        Ok(Tensor::from_vec(entry.values()?, shape, &Device::Cpu)?.to_device(device)?)
    }

    /// `-exp(A_log)` of a gated delta layer, f32 `[heads]`. Taken as stored where the container stores it so,
    /// because going through the logarithm and back would cost a rounding.
    pub fn neg_exp_a(&self, name: &str, heads: usize, device: &Device) -> Result<Tensor, WeightError> {
        let entry = self.shaped(name, &[heads])?;
        Ok(Tensor::from_vec(entry.neg_exp()?, heads, &Device::Cpu)?.to_device(device)?)
    }

    pub(crate) fn matrix(&self, name: &str, out: usize, inp: usize) -> Result<Matrix, WeightError> {
        let entry = self.shaped(name, &[out, inp])?;
        let found = match &entry.fix {
            Fix::None => {
                let matrix = entry.matrix()?;
                matrix.reshaped(out, inp).ok_or_else(|| format!("cannot be laid out as {out}x{inp}"))
            }
            Fix::InterleavedRotary { head_rows } => {
                Ok(entry.matrix()?.gathered(|row| rotary_row(row, *head_rows)))
            }
            _ => Matrix::dense((out, inp), &entry.values()?),
        };
        found.map_err(|what| entry.error(what))
    }

    /// A linear map `[out, inp]` in its stored format.
    pub fn linear(&self, name: &str, out: usize, inp: usize, device: &Device) -> Result<Linear, WeightError> {
        Ok(Linear::new(self.matrix(name, out, inp)?, device)?)
    }

    /// The token table `[vocab, hidden]`.
    pub fn embedding(
        &self,
        name: &str,
        vocab: usize,
        hidden: usize,
        device: &Device,
    ) -> Result<Embedding, WeightError> {
        Ok(Embedding::new(self.matrix(name, vocab, hidden)?, device)?)
    }

    /// The format a tensor is stored in, or nothing when it is absent or no weight at all.
    pub fn format(&self, name: &str) -> Option<Format> {
        self.entries.get(name)?.format()
    }

    /// Bytes of one tensor as stored, scales and biases included; zero when absent.
    pub fn stored_bytes(&self, name: &str) -> u64 {
        self.entries.get(name).map_or(0, Entry::stored_bytes)
    }

    /// Bytes of these tensors as stored: what reading each once costs.
    pub fn weight_bytes<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> u64 {
        names.into_iter().map(|name| self.stored_bytes(name)).sum()
    }

    /// Stored bits per weight of one tensor, everything counted.
    pub fn bits_per_weight(&self, name: &str) -> Option<f64> {
        let entry = self.entries.get(name)?;
        Some(entry.stored_bytes() as f64 * 8.0 / entry.elements() as f64)
    }

    /// Every file that the checkpoint is made of, sorted by name; none for synthetic weights.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// The hash of each file, computed once (this reads everything).
    pub fn file_hashes(&self) -> Result<&[FileHash], WeightError> {
        if let Some(known) = self.hashes.get() {
            return Ok(known);
        }
        let hashes = identity::hash_files(&self.files)?;
        Ok(self.hashes.get_or_init(|| hashes))
    }

    /// One hash for the whole: over the names and hashes of the files, or over the recipe of synthetic weights.
    pub fn sha256(&self) -> Result<String, WeightError> {
        match &self.recipe {
            Some(recipe) => Ok(identity::of_text(recipe)),
            None => Ok(identity::of_files(self.file_hashes()?)),
        }
    }

    /// The raw tokenizer, chat template and side configurations found with the weights.
    pub fn texts(&self) -> &Texts {
        &self.texts
    }
}
