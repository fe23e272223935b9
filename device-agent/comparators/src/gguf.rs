//! GGUF checkpoints in their own number formats.

use std::fs::File;
use std::io::BufReader;

use candle_core::Device;
use candle_core::quantized::gguf_file::{Content, Value};
use candle_transformers::models::{
    quantized_gemma3, quantized_llama, quantized_phi3, quantized_qwen2, quantized_qwen3,
};
use dyno_weights::Checkpoint;

use crate::borrowed::{Core, guarded};
use crate::{Architecture, ComparatorError, config};

pub(crate) struct Loaded {
    pub(crate) core: Core,
    pub(crate) context_limit: usize,
    pub(crate) content: Content,
}

/// `checkpoint` is the same file, already read by the strict reader.
pub(crate) fn load(
    checkpoint: &Checkpoint,
    architecture: Architecture,
    device: &Device,
) -> Result<Loaded, ComparatorError> {
    let path = checkpoint.path();
    let broken = |why: String| ComparatorError::Load { path: path.to_owned(), why };
    let open = || File::open(path).map(BufReader::new).map_err(|error| broken(error.to_string()));
    let mut reader = open()?;
    // Reading the header is cheap, and the loaders below take theirs for good.
    let content = guarded(|| Content::read(&mut reader)).map_err(broken)?;
    if let Some(why) = disobeyed(checkpoint, architecture, &content) {
        return Err(ComparatorError::WouldRunWrongly { path: path.to_owned(), why });
    }
    let mut reader = open()?;
    let core = guarded(|| {
        let content = Content::read(&mut reader)?;
        let reader = &mut reader;
        Ok(match architecture {
            Architecture::Llama => Core::QuantizedLlama(Box::new(quantized_llama::ModelWeights::from_gguf(
                content, reader, device,
            )?)),
            Architecture::Qwen2 => Core::QuantizedQwen2(Box::new(quantized_qwen2::ModelWeights::from_gguf(
                content, reader, device,
            )?)),
            Architecture::Qwen3 => Core::QuantizedQwen3(Box::new(quantized_qwen3::ModelWeights::from_gguf(
                content, reader, device,
            )?)),
            Architecture::Gemma3 => Core::QuantizedGemma3(Box::new(
                quantized_gemma3::ModelWeights::from_gguf(content, reader, device)?,
            )),
            Architecture::Phi3 => {
                let model = quantized_phi3::ModelWeights::from_gguf(false, content, reader, device)?;
                Core::QuantizedPhi3(Box::new(model))
            }
            Architecture::Qwen3Vl => candle_core::bail!("this family is read from safetensors only"),
        })
    })
    .map_err(broken)?;
    Ok(Loaded { core, context_limit: context_limit(checkpoint, architecture, &content), content })
}

fn context_limit(checkpoint: &Checkpoint, architecture: Architecture, content: &Content) -> usize {
    let limit = config::context_limit(checkpoint.config(), architecture);
    let window = number(content, architecture, "attention.sliding_window").filter(|window| *window > 0);
    match architecture {
        // The rotary table of this code ends here.
        Architecture::Llama => limit.min(quantized_llama::MAX_SEQ_LEN),
        Architecture::Gemma3 | Architecture::Phi3 => limit.min(window.unwrap_or(limit)),
        Architecture::Qwen2 | Architecture::Qwen3 | Architecture::Qwen3Vl => limit,
    }
}

fn disobeyed(checkpoint: &Checkpoint, architecture: Architecture, content: &Content) -> Option<String> {
    let outside = ["token_embd.weight", "output_norm.weight", "output.weight"];
    let unused = content.tensor_infos.keys().find(|name| {
        let in_block = name.strip_prefix("blk.").and_then(|rest| rest.split_once('.'));
        match in_block {
            Some((_, last)) => !architecture.block_tensors().contains(&last),
            None => !outside.contains(&name.as_str()),
        }
    });
    if let Some(name) = unused {
        return Some(format!("the tensor {name} is not used"));
    }
    let config = checkpoint.config();
    let width = config["hidden_size"].as_u64().zip(config["num_attention_heads"].as_u64());
    let width = width.and_then(|(hidden, heads)| hidden.checked_div(heads));
    if architecture.derives_head_width() && width != config["head_dim"].as_u64() {
        return Some("its heads are wider than the hidden state divides".into());
    }
    let kind = match content.metadata.get(&key(architecture, "rope.scaling.type")) {
        Some(Value::String(kind)) => kind.as_str(),
        _ => "none",
    };
    (kind != "none").then(|| format!("its rotary scaling \"{kind}\" is not applied"))
}

fn key(architecture: Architecture, name: &str) -> String {
    let prefix = match architecture {
        Architecture::Llama => "llama",
        Architecture::Qwen2 => "qwen2",
        Architecture::Qwen3 => "qwen3",
        Architecture::Gemma3 => "gemma3",
        Architecture::Phi3 => "phi3",
        Architecture::Qwen3Vl => "qwen3vl",
    };
    format!("{prefix}.{name}")
}

fn number(content: &Content, architecture: Architecture, name: &str) -> Option<usize> {
    content.metadata.get(&key(architecture, name))?.to_u32().ok().map(|number| number as usize)
}
