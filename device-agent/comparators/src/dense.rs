//! Safetensors checkpoints in f32, tensor by tensor through the strict reader.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use candle_core::{DType, Device, Error, Result, Shape, Tensor};
use candle_nn::var_builder::{SimpleBackend, VarBuilderArgs};
use candle_nn::{Init, VarBuilder};
use candle_transformers::models::{gemma3, llama, phi3, qwen2, qwen3};
use dyno_weights::Checkpoint;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::borrowed::{Core, guarded};
use crate::qwen3_vl::Qwen3Vl;
use crate::{Architecture, ComparatorError, config};

pub(crate) fn load(
    checkpoint: &Checkpoint,
    architecture: Architecture,
    device: &Device,
) -> std::result::Result<(Core, usize), ComparatorError> {
    let path = checkpoint.path();
    let wrongly = |why| ComparatorError::WouldRunWrongly { path: path.to_owned(), why };
    let completed = config::complete(checkpoint.config(), architecture);
    if let Some(why) = config::disobeyed(&completed, architecture) {
        return Err(wrongly(why));
    }
    let limit = config::context_limit(&completed, architecture);
    if architecture == Architecture::Qwen3Vl {
        let model = Qwen3Vl::load(checkpoint, &completed, device)?;
        return Ok((Core::Qwen3Vl(Box::new(model)), limit));
    }
    let used = Arc::new(Mutex::new(BTreeSet::new()));
    let reader: Box<dyn SimpleBackend> = Box::new(Reader { checkpoint, used: Arc::clone(&used) });
    let builder = VarBuilderArgs::from_backend(reader, DType::F32, device.clone());
    let core = build(architecture, &completed, builder, device)
        .map_err(|why| ComparatorError::Load { path: path.to_owned(), why })?;
    let used = used.lock().unwrap_or_else(PoisonError::into_inner);
    let tied = completed["tie_word_embeddings"] == true;
    // A tied head may be stored a second time, and rotary tables are computed anew.
    let needless = |name: &str| tied && name == "lm_head.weight" || name.ends_with("rotary_emb.inv_freq");
    let unused = checkpoint.names().find(|name| !(used.contains(*name) || needless(name)));
    match unused {
        Some(name) => Err(wrongly(format!("the tensor {name} is not used"))),
        None => Ok((core, limit)),
    }
}

fn build(
    architecture: Architecture,
    completed: &Value,
    builder: VarBuilder,
    device: &Device,
) -> std::result::Result<Core, String> {
    Ok(match architecture {
        Architecture::Llama => {
            let parsed: llama::LlamaConfig = parse(completed)?;
            let tied = parsed.tie_word_embeddings.unwrap_or(false);
            // The conversion drops the tie.
            let config = llama::Config { tie_word_embeddings: tied, ..parsed.into_config(false) };
            let cache = guarded(|| llama::Cache::new(true, DType::F32, &config, device))?;
            let model = guarded(|| llama::Llama::load(builder, &config))?;
            Core::Llama(Box::new(model), cache.clone(), cache)
        }
        Architecture::Qwen2 => {
            let config: qwen2::Config = parse(completed)?;
            Core::Qwen2(Box::new(guarded(|| qwen2::ModelForCausalLM::new(&config, builder))?))
        }
        Architecture::Qwen3 => {
            let config: qwen3::Config = parse(completed)?;
            Core::Qwen3(Box::new(guarded(|| qwen3::ModelForCausalLM::new(&config, builder))?))
        }
        Architecture::Gemma3 => {
            let config: gemma3::Config = parse(completed)?;
            Core::Gemma3(Box::new(guarded(|| gemma3::Model::new(false, &config, builder))?))
        }
        Architecture::Phi3 => {
            let config: phi3::Config = parse(completed)?;
            Core::Phi3(Box::new(guarded(|| phi3::Model::new(&config, builder))?))
        }
        Architecture::Qwen3Vl => return Err("it is not one of the borrowed families".to_owned()),
    })
}

fn parse<T: DeserializeOwned>(config: &Value) -> std::result::Result<T, String> {
    serde_json::from_value(config.clone()).map_err(|error| format!("config.json: {error}"))
}

/// Hands out tensors and remembers which were asked for.
struct Reader<'a> {
    checkpoint: &'a Checkpoint,
    used: Arc<Mutex<BTreeSet<String>>>,
}

/// The name in the checkpoint of what the borrowed code calls `model.layers...`.
fn canonical(name: &str) -> String {
    name.strip_prefix("model.").map_or_else(|| name.to_owned(), |rest| format!("language_model.{rest}"))
}

impl SimpleBackend for Reader<'_> {
    fn get(&self, shape: Shape, name: &str, _: Init, dtype: DType, device: &Device) -> Result<Tensor> {
        let name = canonical(name);
        let tensor = self.checkpoint.tensor(&name, shape.dims(), device).map_err(Error::wrap)?;
        self.used.lock().unwrap_or_else(PoisonError::into_inner).insert(name);
        tensor.to_dtype(dtype)
    }

    fn get_unchecked(&self, name: &str, dtype: DType, device: &Device) -> Result<Tensor> {
        let shape = self.checkpoint.shape(&canonical(name)).map(Shape::from);
        let shape = shape.ok_or_else(|| Error::Msg(format!("there is no tensor {name}")))?;
        self.get(shape, name, Init::Const(0.0), dtype, device)
    }

    fn contains_tensor(&self, name: &str) -> bool {
        self.checkpoint.has(&canonical(name))
    }
}
