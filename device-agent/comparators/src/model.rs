//! One comparator: a model with its state, fed by token ids.

use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use dyno_qwen35::config::VisionConfig;
use dyno_qwen35::vision::Patches;
use dyno_text::{ChatTemplate, Tokenizer};
use dyno_weights::{Checkpoint, Container};

use crate::borrowed::Core;
use crate::cost::Shape;
use crate::qwen3_vl::{Qwen3Vl, Seen};
use crate::{Architecture, ComparatorError, dense, gguf, vocabulary};

/// What a measurement needs of a language model, whatever runs it.
pub trait LanguageModel: Send {
    type Error;

    /// Rows of logits.
    fn vocab(&self) -> usize;
    fn context_limit(&self) -> usize;
    /// Tokens in the state.
    fn len(&self) -> usize;
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    fn reset(&mut self);
    /// Logits after the last of these tokens.
    fn feed(&mut self, ids: &[u32]) -> Result<Vec<f32>, Self::Error>;
    /// Logits after each of these tokens.
    fn feed_all(&mut self, ids: &[u32]) -> Result<Vec<Vec<f32>>, Self::Error>;
    /// Bytes read and floating-point operations for one token with this many before it.
    fn cost(&self, depth: usize) -> (u64, u64);
}

/// A checkpoint of another family, loaded.
pub struct Comparator {
    path: PathBuf,
    core: Core,
    architecture: Architecture,
    shape: Shape,
    device: Device,
    context_limit: usize,
    length: usize,
    tokenizer: Tokenizer,
    template: Option<ChatTemplate>,
}

impl std::fmt::Debug for Comparator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Comparator")
            .field("architecture", &self.architecture)
            .field("shape", &self.shape)
            .field("context_limit", &self.context_limit)
            .field("length", &self.length)
            .finish_non_exhaustive()
    }
}

impl Comparator {
    /// Loads a folder of safetensors, or a `.gguf` file. Either way the strict reader of the weights crate sees the
    /// file first, so a hostile header never reaches the model code.
    pub fn open(path: &Path, device: &Device) -> Result<Self, ComparatorError> {
        let checkpoint = Checkpoint::open(path)?;
        let architecture = Architecture::detect(checkpoint.config())?;
        let (core, limit, tokenizer, template) = match checkpoint.container() {
            Container::Gguf => {
                let loaded = gguf::load(&checkpoint, architecture, device)?;
                let template = vocabulary::template_of_gguf(&checkpoint, &loaded.content)?;
                let tokenizer = vocabulary::tokenizer_of_gguf(&loaded.content)?;
                (loaded.core, loaded.context_limit, tokenizer, template)
            }
            Container::Safetensors => {
                let (core, limit) = dense::load(&checkpoint, architecture, device)?;
                let template = ChatTemplate::from_folder(path)?;
                (core, limit, Tokenizer::from_folder(path)?, template)
            }
            Container::Mlx | Container::Synthetic => {
                return Err(ComparatorError::WouldRunWrongly {
                    path: path.to_owned(),
                    why: "only plain safetensors and GGUF files of other families are read".into(),
                });
            }
        };
        let shape = Shape::of(&checkpoint, architecture)?;
        let (path, device) = (path.to_owned(), device.clone());
        Ok(Self {
            path,
            core,
            architecture,
            shape,
            device,
            context_limit: limit,
            length: 0,
            tokenizer,
            template,
        })
    }

    pub fn architecture(&self) -> Architecture {
        self.architecture
    }

    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// The checkpoint's own chat template; base models have none.
    pub fn template(&self) -> Option<&ChatTemplate> {
        self.template.as_ref()
    }

    /// The vision tower's configuration, where there is one.
    pub fn vision(&self) -> Option<&VisionConfig> {
        self.seeing().map(Qwen3Vl::vision)
    }

    fn seeing(&self) -> Option<&Qwen3Vl> {
        match &self.core {
            Core::Qwen3Vl(model) => Some(model),
            _ => None,
        }
    }

    /// What the prepared pictures of one prompt become.
    pub fn see<'a>(&self, pictures: impl IntoIterator<Item = &'a Patches>) -> Result<Seen, ComparatorError> {
        let model = self.seeing().ok_or_else(|| ComparatorError::Blind { path: self.path.clone() })?;
        Ok(model.see(pictures)?)
    }

    /// Logits after the last of these tokens, among which placeholders stand for what was seen.
    pub fn feed_seen(&mut self, ids: &[u32], seen: &Seen) -> Result<Vec<f32>, ComparatorError> {
        self.check(ids)?;
        let Core::Qwen3Vl(model) = &mut self.core else {
            return Err(ComparatorError::Blind { path: self.path.clone() });
        };
        let logits = model.feed(ids, Some(seen))?;
        self.length += ids.len();
        Ok(logits.flatten_all()?.to_vec1()?)
    }

    fn check(&self, ids: &[u32]) -> Result<(), ComparatorError> {
        let wanted = self.length + ids.len();
        if wanted > self.context_limit {
            return Err(ComparatorError::ContextFull { wanted, limit: self.context_limit });
        }
        let vocab = self.shape.vocab;
        match ids.iter().find(|id| **id as usize >= vocab) {
            Some(id) => Err(ComparatorError::UnknownToken { id: *id, vocab }),
            None => Ok(()),
        }
    }

    fn step(&mut self, ids: &[u32]) -> Result<Tensor, ComparatorError> {
        let input = Tensor::new(ids, &self.device)?.unsqueeze(0)?;
        let logits = self.core.forward(&input, self.length)?;
        self.length += ids.len();
        Ok(logits)
    }
}

impl LanguageModel for Comparator {
    type Error = ComparatorError;

    fn vocab(&self) -> usize {
        self.shape.vocab
    }

    fn context_limit(&self) -> usize {
        self.context_limit
    }

    fn len(&self) -> usize {
        self.length
    }

    fn reset(&mut self) {
        self.core.clear();
        self.length = 0;
    }

    fn feed(&mut self, ids: &[u32]) -> Result<Vec<f32>, ComparatorError> {
        self.check(ids)?;
        let mut last = None;
        for chunk in ids.chunks(self.core.longest_run()) {
            last = Some(self.step(chunk)?);
        }
        Ok(last.ok_or(ComparatorError::NothingFed)?.flatten_all()?.to_vec1()?)
    }

    /// The borrowed code computes the last position alone, so this feeds one token after the other.
    fn feed_all(&mut self, ids: &[u32]) -> Result<Vec<Vec<f32>>, ComparatorError> {
        self.check(ids)?;
        ids.iter().map(|id| Ok(self.step(&[*id])?.flatten_all()?.to_vec1()?)).collect()
    }

    fn cost(&self, depth: usize) -> (u64, u64) {
        self.shape.cost(depth)
    }
}
