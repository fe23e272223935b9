//! The one naming of tensors. Canonical names are the Hugging Face names of the family without the leading
//! `model.`, and every stacked matrix ends in `.weight`:
//!
//! `language_model.embed_tokens.weight`, `language_model.layers.N.*`, `language_model.norm.weight`,
//! `lm_head.weight`, `visual.*`, `mtp.*`, and for experts either
//! `...mlp.experts.{gate_up_proj,gate_proj,up_proj,down_proj}.weight` (stacked) or
//! `...mlp.experts.E.{gate,up,down}_proj.weight` (one by one).

/// The canonical form of a tensor or module name out of a safetensors file. GGUF names have their own table.
pub(crate) fn canonical(name: &str) -> String {
    let name = name.strip_prefix("model.").unwrap_or(name);
    let (part, rest) = split_prefix(name);
    let rest = rest.replace(".mlp.switch_mlp.", ".mlp.experts.");
    let stacked = [".experts.gate_up_proj", ".experts.gate_proj", ".experts.up_proj", ".experts.down_proj"];
    if stacked.iter().any(|end| rest.ends_with(end)) {
        return format!("{part}{rest}.weight");
    }
    format!("{part}{rest}")
}

fn split_prefix(name: &str) -> (&'static str, &str) {
    const PREFIXES: [(&str, &str); 8] = [
        ("language_model.mtp.", "mtp."),
        ("language_model.model.mtp.", "mtp."),
        ("language_model.lm_head.", "lm_head."),
        ("language_model.model.", "language_model."),
        ("language_model.", "language_model."),
        ("vision_tower.", "visual."),
        ("visual.", "visual."),
        ("mtp.", "mtp."),
    ];
    for (from, to) in PREFIXES {
        if let Some(rest) = name.strip_prefix(from) {
            return (to, rest);
        }
    }
    let bare = ["layers.", "embed_tokens.", "norm."].iter().any(|start| name.starts_with(start));
    (if bare { "language_model." } else { "" }, name)
}

/// The name in a Hugging Face checkpoint.
pub(crate) fn hugging_face(name: &str) -> String {
    let stacked = [".experts.gate_up_proj.weight", ".experts.down_proj.weight"];
    let name = match name.strip_suffix(".weight") {
        Some(stem) if stacked.iter().any(|end| name.ends_with(end)) => stem,
        _ => name,
    };
    let inside = name.starts_with("language_model.") || name.starts_with("visual.");
    if inside { format!("model.{name}") } else { name.to_owned() }
}

/// The name in an MLX repository.
pub(crate) fn mlx(name: &str) -> String {
    let name = name.replace(".mlp.experts.", ".mlp.switch_mlp.");
    if let Some(rest) = name.strip_prefix("language_model.") {
        return format!("language_model.model.{rest}");
    }
    match name.strip_prefix("visual.") {
        Some(rest) => format!("vision_tower.{rest}"),
        None => format!("language_model.{name}"),
    }
}

/// Whether this is a norm whose stored weight is zero-centred (the model multiplies by one plus it).
pub(crate) fn is_zero_centred_norm(name: &str) -> bool {
    const ENDS: [&str; 6] = [
        ".input_layernorm.weight",
        ".post_attention_layernorm.weight",
        ".q_norm.weight",
        ".k_norm.weight",
        ".pre_fc_norm_embedding.weight",
        ".pre_fc_norm_hidden.weight",
    ];
    let text = name.starts_with("language_model.") || name.starts_with("mtp.");
    let last = matches!(name, "language_model.norm.weight" | "mtp.norm.weight");
    last || text && (ENDS.iter().any(|end| name.ends_with(end)))
}

#[cfg(test)]
mod tests {
    use super::{canonical, hugging_face, is_zero_centred_norm, mlx};

    #[test]
    fn every_layout_meets_in_one_name() {
        let cases = [
            ("model.language_model.embed_tokens.weight", "language_model.embed_tokens.weight"),
            ("model.embed_tokens.weight", "language_model.embed_tokens.weight"),
            ("language_model.model.embed_tokens.scales", "language_model.embed_tokens.scales"),
            ("embed_tokens.weight", "language_model.embed_tokens.weight"),
            ("model.layers.3.self_attn.q_proj.weight", "language_model.layers.3.self_attn.q_proj.weight"),
            ("language_model.model.norm.weight", "language_model.norm.weight"),
            ("model.norm.weight", "language_model.norm.weight"),
            ("lm_head.weight", "lm_head.weight"),
            ("language_model.lm_head.biases", "lm_head.biases"),
            ("model.visual.blocks.0.norm1.bias", "visual.blocks.0.norm1.bias"),
            ("vision_tower.pos_embed.weight", "visual.pos_embed.weight"),
            ("model.vision_tower.pos_embed.weight", "visual.pos_embed.weight"),
            ("mtp.fc.weight", "mtp.fc.weight"),
            ("language_model.mtp.fc.weight", "mtp.fc.weight"),
            ("language_model.model.mtp.norm.weight", "mtp.norm.weight"),
            (
                "model.language_model.layers.1.mlp.experts.gate_up_proj",
                "language_model.layers.1.mlp.experts.gate_up_proj.weight",
            ),
            (
                "language_model.model.layers.1.mlp.switch_mlp.down_proj.scales",
                "language_model.layers.1.mlp.experts.down_proj.scales",
            ),
            (
                "model.layers.1.mlp.experts.7.up_proj.weight",
                "language_model.layers.1.mlp.experts.7.up_proj.weight",
            ),
        ];
        for (from, to) in cases {
            assert_eq!(canonical(from), to, "{from}");
            assert_eq!(canonical(to), to, "canonical names stay as they are");
            assert_eq!(canonical(&hugging_face(to)), to);
            assert_eq!(canonical(&mlx(to)), to);
        }
    }

    #[test]
    fn the_gated_norm_and_vision_norms_are_plain() {
        assert!(is_zero_centred_norm("language_model.layers.0.input_layernorm.weight"));
        assert!(is_zero_centred_norm("mtp.layers.0.self_attn.k_norm.weight"));
        assert!(is_zero_centred_norm("language_model.norm.weight"));
        assert!(!is_zero_centred_norm("language_model.layers.0.linear_attn.norm.weight"));
        assert!(!is_zero_centred_norm("visual.merger.norm.weight"));
    }
}
