//! Which model code runs a checkpoint, told from its configuration.

use serde_json::Value;

use crate::ComparatorError;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Architecture {
    Llama,
    Qwen2,
    Qwen3,
    Gemma3,
    Phi3,
    Qwen3Vl,
}

/// The names that configurations and GGUF files use. Many families are Llamas by name.
const NAMES: [(&str, Architecture); 7] = [
    ("llama", Architecture::Llama),
    ("qwen2", Architecture::Qwen2),
    ("qwen3", Architecture::Qwen3),
    ("gemma3", Architecture::Gemma3),
    ("gemma3_text", Architecture::Gemma3),
    ("phi3", Architecture::Phi3),
    ("qwen3_vl", Architecture::Qwen3Vl),
];

impl Architecture {
    /// From the `model_type` of a Hugging Face configuration, or `general.architecture` of a GGUF file.
    pub fn detect(config: &Value) -> Result<Self, ComparatorError> {
        let found = config["model_type"].as_str().unwrap_or("(no model_type)");
        NAMES.into_iter().find(|(name, _)| *name == found).map(|(_, architecture)| architecture).ok_or_else(
            || ComparatorError::UnknownArchitecture {
                found: found.to_owned(),
                known: NAMES.map(|(name, _)| name).join(", "),
            },
        )
    }

    /// The last parts of the GGUF tensors inside a block that the borrowed code reads. A file with any other
    /// tensor means something by it, and running without it would be another model.
    pub(crate) fn block_tensors(self) -> &'static [&'static str] {
        match self {
            Self::Llama => &[
                "attn_norm.weight",
                "attn_q.weight",
                "attn_k.weight",
                "attn_v.weight",
                "attn_output.weight",
                "ffn_norm.weight",
                "ffn_gate.weight",
                "ffn_up.weight",
                "ffn_down.weight",
            ],
            Self::Qwen2 => &[
                "attn_norm.weight",
                "attn_q.weight",
                "attn_k.weight",
                "attn_v.weight",
                "attn_output.weight",
                "attn_q.bias",
                "attn_k.bias",
                "attn_v.bias",
                "ffn_norm.weight",
                "ffn_gate.weight",
                "ffn_up.weight",
                "ffn_down.weight",
            ],
            Self::Qwen3 => &[
                "attn_norm.weight",
                "attn_q.weight",
                "attn_k.weight",
                "attn_v.weight",
                "attn_output.weight",
                "attn_q_norm.weight",
                "attn_k_norm.weight",
                "ffn_norm.weight",
                "ffn_gate.weight",
                "ffn_up.weight",
                "ffn_down.weight",
            ],
            Self::Gemma3 => &[
                "attn_norm.weight",
                "attn_q.weight",
                "attn_k.weight",
                "attn_v.weight",
                "attn_output.weight",
                "attn_q_norm.weight",
                "attn_k_norm.weight",
                "post_attention_norm.weight",
                "ffn_norm.weight",
                "ffn_gate.weight",
                "ffn_up.weight",
                "ffn_down.weight",
                "post_ffw_norm.weight",
            ],
            Self::Phi3 => &[
                "attn_norm.weight",
                "attn_qkv.weight",
                "attn_output.weight",
                "ffn_norm.weight",
                "ffn_up.weight",
                "ffn_down.weight",
            ],
            // Is read from safetensors only.
            Self::Qwen3Vl => &[],
        }
    }

    /// Whether heads are as wide as the hidden state divides, with no say of the file's.
    pub(crate) fn derives_head_width(self) -> bool {
        matches!(self, Self::Llama | Self::Qwen2 | Self::Phi3)
    }
}
