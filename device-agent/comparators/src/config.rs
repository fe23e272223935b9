//! Configurations in the form that the borrowed code expects, and what in them it would not obey.

use serde_json::{Map, Value, json};

use crate::Architecture;

/// Fills in what newer and older configurations leave out.
pub(crate) fn complete(config: &Value, architecture: Architecture) -> Value {
    // What sees keeps its language model's part apart.
    let inner = (architecture == Architecture::Qwen3Vl).then(|| &config["text_config"]);
    let tied = config["tie_word_embeddings"].clone();
    let config = inner.unwrap_or(config);
    let mut out = config.as_object().cloned().unwrap_or_default();
    default(&mut out, "tie_word_embeddings", tied);
    let rope = config["rope_parameters"].clone();
    // Gemma 3 keeps two sets, one for each kind of layer.
    let (main, local) = if rope["full_attention"].is_object() {
        (rope["full_attention"].clone(), rope["sliding_attention"].clone())
    } else {
        (rope, Value::Null)
    };
    default(&mut out, "rope_theta", main["rope_theta"].clone());
    default(&mut out, "rope_local_base_freq", local["rope_theta"].clone());
    if main["rope_type"].as_str().is_some_and(|kind| kind != "default") {
        default(&mut out, "rope_scaling", main);
    }
    let number = |key: &str| config[key].as_u64();
    let heads = number("num_attention_heads").unwrap_or(1).max(1);
    default(&mut out, "num_key_value_heads", json!(heads));
    default(&mut out, "head_dim", json!(number("hidden_size").unwrap_or(0) / heads));
    default(&mut out, "tie_word_embeddings", json!(architecture == Architecture::Gemma3));
    default(&mut out, "attention_bias", json!(false));
    match architecture {
        Architecture::Qwen2 | Architecture::Qwen3 => {
            default(&mut out, "use_sliding_window", json!(false));
            default(&mut out, "max_window_layers", json!(number("num_hidden_layers")));
            if architecture == Architecture::Qwen2 {
                default(&mut out, "sliding_window", json!(number("max_position_embeddings")));
            }
        }
        Architecture::Gemma3 => {
            default(&mut out, "hidden_activation", json!("gelu_pytorch_tanh"));
            default(&mut out, "rope_local_base_freq", json!(10_000.0));
            default(&mut out, "sliding_window_pattern", json!(6));
            default(&mut out, "query_pre_attn_scalar", json!(256));
        }
        Architecture::Llama | Architecture::Phi3 | Architecture::Qwen3Vl => {}
    }
    Value::Object(out)
}

fn default(config: &mut Map<String, Value>, key: &str, value: Value) {
    if config.get(key).is_none_or(Value::is_null) && !value.is_null() {
        config.insert(key.to_owned(), value);
    }
}

/// What the borrowed code would silently leave out of this completed configuration.
pub(crate) fn disobeyed(config: &Value, architecture: Architecture) -> Option<String> {
    let scaling = &config["rope_scaling"];
    let kind = scaling["rope_type"].as_str().or_else(|| scaling["type"].as_str()).unwrap_or("default");
    let scales = match architecture {
        Architecture::Llama => matches!(kind, "default" | "llama3"),
        Architecture::Phi3 => matches!(kind, "default" | "longrope"),
        Architecture::Qwen2 | Architecture::Qwen3 | Architecture::Qwen3Vl | Architecture::Gemma3 => {
            kind == "default"
        }
    };
    if !scales {
        return Some(format!("its rotary scaling \"{kind}\" is not applied"));
    }
    if architecture.derives_head_width() {
        let (hidden, heads) = (config["hidden_size"].as_u64(), config["num_attention_heads"].as_u64());
        let width = hidden.zip(heads).and_then(|(hidden, heads)| hidden.checked_div(heads));
        if width != config["head_dim"].as_u64() {
            return Some("its heads are wider than the hidden state divides".into());
        }
    }
    if config["use_sliding_window"] == true {
        return Some("its sliding window is not applied".into());
    }
    let period = config["sliding_window_pattern"].as_u64().unwrap_or(6);
    let kinds = config["layer_types"].as_array().into_iter().flatten();
    let unusual = kinds
        .enumerate()
        .any(|(layer, kind)| (kind == "full_attention") != (layer as u64 + 1).is_multiple_of(period.max(1)));
    if architecture == Architecture::Gemma3 && unusual {
        return Some("its layers do not alternate as the code expects".into());
    }
    None
}

/// How many tokens the borrowed code can hold and still be right. Windows are applied to prompts at most, not
/// while generating, so a context ends where a window would begin to matter.
pub(crate) fn context_limit(config: &Value, architecture: Architecture) -> usize {
    let number = |key: &str| config[key].as_u64().and_then(|n| usize::try_from(n).ok());
    let trained = number("max_position_embeddings").unwrap_or(0);
    match architecture {
        Architecture::Gemma3 | Architecture::Phi3 => trained.min(number("sliding_window").unwrap_or(trained)),
        Architecture::Llama | Architecture::Qwen2 | Architecture::Qwen3 | Architecture::Qwen3Vl => trained,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newer_rotary_settings_are_found() {
        let config = json!({"rope_parameters": {"rope_theta": 5e5, "rope_type": "llama3", "factor": 8.0},
            "hidden_size": 64, "num_attention_heads": 4});
        let completed = complete(&config, Architecture::Llama);
        assert_eq!(completed["rope_theta"], 5e5);
        assert_eq!(completed["rope_scaling"]["factor"], 8.0);
        assert_eq!(completed["head_dim"], 16);
        assert_eq!(disobeyed(&completed, Architecture::Llama), None);
        assert!(disobeyed(&completed, Architecture::Qwen2).unwrap().contains("llama3"));
    }

    #[test]
    fn what_would_be_left_out_is_named() {
        let wide = json!({"hidden_size": 64, "num_attention_heads": 4, "head_dim": 32});
        assert!(disobeyed(&wide, Architecture::Llama).is_some());
        assert_eq!(disobeyed(&wide, Architecture::Qwen3), None);
        let window = json!({"use_sliding_window": true, "sliding_window": 8});
        assert!(disobeyed(&window, Architecture::Qwen3).is_some());
        let layers = json!({"layer_types": ["full_attention", "sliding_attention"]});
        assert!(disobeyed(&layers, Architecture::Gemma3).is_some());
    }

    #[test]
    fn a_window_ends_the_context() {
        let config = json!({"max_position_embeddings": 4096, "sliding_window": 512});
        assert_eq!(context_limit(&config, Architecture::Gemma3), 512);
        assert_eq!(context_limit(&config, Architecture::Qwen2), 4096);
    }
}
