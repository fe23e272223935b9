//! Which format a tensor takes when a whole model is stored in one: what converters leave in floats stays in
//! floats, and a row that a format cannot hold falls back to one that can.

use crate::format::{Format, Side};
use crate::shapes::{Role, TensorSpec};

/// The role of a tensor known by name and shape only (a checkpoint may hold tensors no configuration names).
pub(crate) fn role_of(name: &str, shape: &[usize]) -> Role {
    let ends = |end: &str| name.ends_with(end);
    let vision = name.starts_with("visual.");
    match name {
        _ if ends(".bias") => Role::Bias,
        _ if ends(".A_log") => Role::ALog,
        _ if ends(".dt_bias") => Role::DtBias,
        _ if ends(".conv1d.weight") => Role::Conv,
        _ if ends("pos_embed.weight") => Role::Positions,
        _ if crate::names::is_zero_centred_norm(name) => Role::ZeroNorm,
        _ if ends(".mlp.gate.weight") || ends(".shared_expert_gate.weight") => Role::Router,
        _ if shape.len() < 2 => Role::PlainNorm,
        _ if vision => Role::VisionMatrix,
        "lm_head.weight" | "language_model.embed_tokens.weight" => Role::Table,
        _ => Role::Matrix,
    }
}

/// The format of one tensor of a model stored in `wanted`.
pub(crate) fn format_of(spec: &TensorSpec, wanted: Format) -> Format {
    let cols = spec.shape.last().copied().unwrap_or(1);
    let fits = |format: Format| format.row_bytes(cols, Side::Bf16).is_some();
    let float = if wanted.is_ggml_block() { Format::F32 } else { Format::Bf16 };
    match (spec.role, wanted) {
        (Role::Table | Role::Matrix, _) if fits(wanted) => wanted,
        (Role::Table | Role::Matrix, _) if wanted.is_ggml_block() && fits(Format::Q8_0) => Format::Q8_0,
        (_, Format::F32 | Format::F16) => wanted,
        // The published checkpoints keep these two in full precision.
        (Role::ALog, _) => Format::F32,
        (Role::PlainNorm, _) if spec.name.ends_with(".linear_attn.norm.weight") => Format::F32,
        (Role::Router, Format::Affine { .. }) if fits(Format::Affine { bits: 8, group: 64 }) => {
            Format::Affine { bits: 8, group: 64 }
        }
        (Role::Table | Role::Matrix | Role::VisionMatrix, _) => Format::Bf16,
        _ => float,
    }
}
