//! The containers weights arrive in. Each turns files into entries under canonical names; none knows models.

pub(crate) mod folder;
pub(crate) mod gguf;
pub(crate) mod json;
pub(crate) mod mlx;
pub(crate) mod safetensors;
