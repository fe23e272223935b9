//! The table between GGUF's tensor names and the canonical ones, used in both directions.

/// Tensors outside blocks.
const WHOLE: [(&str, &str); 3] = [
    ("token_embd.weight", "language_model.embed_tokens.weight"),
    ("output_norm.weight", "language_model.norm.weight"),
    ("output.weight", "lm_head.weight"),
];

/// Tensors of a block, after `blk.N.` and after `layers.N.`. The first match counts when writing.
const BLOCK: [(&str, &str); 37] = [
    ("attn_norm.weight", "input_layernorm.weight"),
    ("post_attention_norm.weight", "post_attention_layernorm.weight"),
    ("ffn_norm.weight", "post_attention_layernorm.weight"),
    ("attn_qkv.weight", "linear_attn.in_proj_qkv.weight"),
    ("attn_gate.weight", "linear_attn.in_proj_z.weight"),
    ("ssm_alpha.weight", "linear_attn.in_proj_a.weight"),
    ("ssm_beta.weight", "linear_attn.in_proj_b.weight"),
    ("ssm_out.weight", "linear_attn.out_proj.weight"),
    ("ssm_conv1d.weight", "linear_attn.conv1d.weight"),
    ("ssm_a", "linear_attn.A_log"),
    ("ssm_dt.bias", "linear_attn.dt_bias"),
    ("ssm_norm.weight", "linear_attn.norm.weight"),
    ("attn_q.weight", "self_attn.q_proj.weight"),
    ("attn_k.weight", "self_attn.k_proj.weight"),
    ("attn_v.weight", "self_attn.v_proj.weight"),
    ("attn_q.bias", "self_attn.q_proj.bias"),
    ("attn_k.bias", "self_attn.k_proj.bias"),
    ("attn_v.bias", "self_attn.v_proj.bias"),
    ("attn_output.weight", "self_attn.o_proj.weight"),
    ("attn_q_norm.weight", "self_attn.q_norm.weight"),
    ("attn_k_norm.weight", "self_attn.k_norm.weight"),
    ("ffn_gate.weight", "mlp.gate_proj.weight"),
    ("ffn_up.weight", "mlp.up_proj.weight"),
    ("ffn_down.weight", "mlp.down_proj.weight"),
    ("ffn_gate_inp.weight", "mlp.gate.weight"),
    ("ffn_gate_exps.weight", "mlp.experts.gate_proj.weight"),
    ("ffn_up_exps.weight", "mlp.experts.up_proj.weight"),
    ("ffn_down_exps.weight", "mlp.experts.down_proj.weight"),
    ("ffn_gate_up_exps.weight", "mlp.experts.gate_up_proj.weight"),
    ("ffn_gate_inp_shexp.weight", "mlp.shared_expert_gate.weight"),
    ("ffn_gate_shexp.weight", "mlp.shared_expert.gate_proj.weight"),
    ("ffn_up_shexp.weight", "mlp.shared_expert.up_proj.weight"),
    ("ffn_down_shexp.weight", "mlp.shared_expert.down_proj.weight"),
    // Of the multi-token block; their canonical names have no layer number.
    ("nextn.eh_proj.weight", "mtp.fc.weight"),
    ("nextn.enorm.weight", "mtp.pre_fc_norm_embedding.weight"),
    ("nextn.hnorm.weight", "mtp.pre_fc_norm_hidden.weight"),
    ("nextn.shared_head_norm.weight", "mtp.norm.weight"),
];

/// Tensors of the vision projector outside blocks.
const VISION: [(&str, &str); 10] = [
    ("v.patch_embd.weight", "visual.patch_embed.proj.weight"),
    ("v.patch_embd.bias", "visual.patch_embed.proj.bias"),
    ("v.position_embd.weight", "visual.pos_embed.weight"),
    ("v.post_ln.weight", "visual.merger.norm.weight"),
    ("v.post_ln.bias", "visual.merger.norm.bias"),
    ("mm.0.weight", "visual.merger.linear_fc1.weight"),
    ("mm.0.bias", "visual.merger.linear_fc1.bias"),
    ("mm.2.weight", "visual.merger.linear_fc2.weight"),
    ("mm.2.bias", "visual.merger.linear_fc2.bias"),
    // The second frame of the patch embedding has no name of its own on the other side.
    ("v.patch_embd.weight.1", PATCH_SECOND),
];

/// Stands for the second half of the patch embedding until the two are joined.
pub(crate) const PATCH_SECOND: &str = "visual.patch_embed.proj.weight.1";

/// Modules of a vision block; each has a weight and a bias.
const VISION_BLOCK: [(&str, &str); 6] = [
    ("ln1", "norm1"),
    ("ln2", "norm2"),
    ("attn_qkv", "attn.qkv"),
    ("attn_out", "attn.proj"),
    ("ffn_up", "mlp.linear_fc1"),
    ("ffn_down", "mlp.linear_fc2"),
];

fn from_left(table: &'static [(&str, &str)], key: &str) -> Option<&'static str> {
    table.iter().find(|(left, _)| *left == key).map(|(_, right)| *right)
}

fn from_right(table: &'static [(&str, &str)], key: &str) -> Option<&'static str> {
    table.iter().find(|(_, right)| *right == key).map(|(left, _)| *left)
}

/// `N` and the rest, out of `N.rest`.
fn numbered(text: &str) -> Option<(usize, &str)> {
    let (number, rest) = text.split_once('.')?;
    Some((number.parse().ok()?, rest))
}

/// The canonical name; blocks from `trunk` on are the multi-token head's. Nothing for names the table lacks.
pub(crate) fn canonical(name: &str, trunk: usize) -> Option<String> {
    if let Some(whole) = from_left(&WHOLE, name).or_else(|| from_left(&VISION, name)) {
        return Some(whole.to_owned());
    }
    if let Some(rest) = name.strip_prefix("v.blk.") {
        let (block, rest) = numbered(rest)?;
        let (module, part) = rest.rsplit_once('.')?;
        let module = from_left(&VISION_BLOCK, module)?;
        return matches!(part, "weight" | "bias").then(|| format!("visual.blocks.{block}.{module}.{part}"));
    }
    let (block, rest) = numbered(name.strip_prefix("blk.")?)?;
    let right = from_left(&BLOCK, rest)?;
    if right.starts_with("mtp.") {
        return Some(right.to_owned());
    }
    Some(if block < trunk {
        format!("language_model.layers.{block}.{right}")
    } else {
        format!("mtp.layers.{}.{right}", block - trunk)
    })
}

/// The GGUF name of a canonical one, for a model whose trunk has so many layers.
pub(crate) fn gguf(name: &str, trunk: usize) -> Option<String> {
    if let Some(whole) = from_right(&WHOLE, name).or_else(|| from_right(&VISION, name)) {
        return Some(whole.to_owned());
    }
    if let Some(rest) = name.strip_prefix("visual.blocks.") {
        let (block, rest) = numbered(rest)?;
        let (module, part) = rest.rsplit_once('.')?;
        return Some(format!("v.blk.{block}.{}.{part}", from_right(&VISION_BLOCK, module)?));
    }
    if let Some(left) = from_right(&BLOCK, name) {
        return Some(format!("blk.{trunk}.{left}"));
    }
    let (block, rest) = if let Some(rest) = name.strip_prefix("mtp.layers.") {
        let (block, rest) = numbered(rest)?;
        (trunk.checked_add(block)?, rest)
    } else {
        numbered(name.strip_prefix("language_model.layers.")?)?
    };
    from_right(&BLOCK, rest)
        .filter(|left| !left.starts_with("nextn."))
        .map(|left| format!("blk.{block}.{left}"))
}

#[cfg(test)]
mod tests {
    use super::{BLOCK, VISION, VISION_BLOCK, WHOLE, canonical, gguf};

    #[test]
    fn names_go_there_and_back() {
        let blocks = BLOCK.iter().filter(|(left, _)| *left != "ffn_norm.weight");
        let mut names: Vec<String> = blocks
            .flat_map(|(left, _)| {
                let block = if left.starts_with("nextn.") { [24, 24] } else { [3, 24] };
                block.map(|n| format!("blk.{n}.{left}"))
            })
            .collect();
        names.extend(WHOLE.iter().chain(&VISION).map(|(left, _)| (*left).to_owned()));
        names.extend(VISION_BLOCK.iter().map(|(left, _)| format!("v.blk.7.{left}.bias")));
        for name in names {
            let there = canonical(&name, 24).unwrap_or_else(|| panic!("{name} has no canonical name"));
            assert_eq!(gguf(&there, 24).as_deref(), Some(name.as_str()), "{there}");
        }
    }

    #[test]
    fn strange_numbers_are_no_names() {
        assert_eq!(canonical("blk.99999999999999999999999.attn_q.weight", 4), None);
        assert_eq!(canonical("blk..attn_q.weight", 4), None);
        assert_eq!(canonical("blk.1.mystery.weight", 4), None);
    }
}
