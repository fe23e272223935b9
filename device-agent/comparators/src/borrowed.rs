//! The borrowed model code of candle-transformers behind one face.

use candle_core::{DType, Tensor};
use candle_transformers::models::{
    gemma3, llama, phi3, quantized_gemma3, quantized_llama, quantized_phi3, quantized_qwen2, quantized_qwen3,
    qwen2, qwen3,
};

use crate::qwen3_vl::Qwen3Vl;

pub(crate) enum Core {
    /// The second cache is empty: clearing copies it.
    Llama(Box<llama::Llama>, llama::Cache, llama::Cache),
    Qwen2(Box<qwen2::ModelForCausalLM>),
    Qwen3(Box<qwen3::ModelForCausalLM>),
    Gemma3(Box<gemma3::Model>),
    Phi3(Box<phi3::Model>),
    QuantizedLlama(Box<quantized_llama::ModelWeights>),
    QuantizedQwen2(Box<quantized_qwen2::ModelWeights>),
    QuantizedQwen3(Box<quantized_qwen3::ModelWeights>),
    QuantizedGemma3(Box<quantized_gemma3::ModelWeights>),
    QuantizedPhi3(Box<quantized_phi3::ModelWeights>),
    /// Not borrowed at all.
    Qwen3Vl(Box<Qwen3Vl>),
}

impl Core {
    /// Logits after the last of `ids`, which stand at `position` and on.
    pub(crate) fn forward(&mut self, ids: &Tensor, position: usize) -> candle_core::Result<Tensor> {
        let logits = match self {
            Self::Llama(model, cache, _) => model.forward(ids, position, cache),
            Self::Qwen2(model) => model.forward(ids, position),
            Self::Qwen3(model) => model.forward(ids, position),
            Self::Gemma3(model) => model.forward(ids, position),
            Self::Phi3(model) => model.forward(ids, position),
            Self::QuantizedLlama(model) => model.forward(ids, position),
            Self::QuantizedQwen2(model) => model.forward(ids, position),
            Self::QuantizedQwen3(model) => model.forward(ids, position),
            Self::QuantizedGemma3(model) => model.forward(ids, position),
            Self::QuantizedPhi3(model) => model.forward(ids, position),
            // It counts positions itself: behind a picture they are not the count of tokens.
            Self::Qwen3Vl(model) => {
                model.feed(&ids.flatten_all()?.to_vec1()?, None).map_err(candle_core::Error::wrap)
            }
        };
        logits?.to_dtype(DType::F32)
    }

    /// The most tokens to feed at once: masks grow with the square of it.
    pub(crate) fn longest_run(&self) -> usize {
        match self {
            // Its cache cannot take more than one token (candle-transformers 0.11.1: values out of order in memory).
            Self::Gemma3(_) => 1,
            _ => 512,
        }
    }

    pub(crate) fn clear(&mut self) {
        match self {
            Self::Llama(_, cache, empty) => cache.clone_from(empty),
            Self::Qwen2(model) => model.clear_kv_cache(),
            Self::Qwen3(model) => model.clear_kv_cache(),
            Self::Gemma3(model) => model.clear_kv_cache(),
            Self::Phi3(model) => model.clear_kv_cache(),
            Self::QuantizedLlama(model) => model.clear_kv_cache(),
            Self::QuantizedQwen2(model) => model.clear_kv_cache(),
            Self::QuantizedQwen3(model) => model.clear_kv_cache(),
            Self::Qwen3Vl(model) => model.clear(),
            // These two begin anew whenever they are fed at position zero.
            Self::QuantizedGemma3(_) | Self::QuantizedPhi3(_) => {}
        }
    }
}

/// Runs a loader of the borrowed code, which panics on some broken checkpoints instead of answering.
pub(crate) fn guarded<T>(load: impl FnOnce() -> candle_core::Result<T>) -> Result<T, String> {
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(load)) {
        Ok(Ok(model)) => Ok(model),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("the model code broke down on it".to_owned()),
    }
}
