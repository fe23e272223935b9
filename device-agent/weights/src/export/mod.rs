//! Writing checkpoints: quantized for MLX, quantized for GGUF, or in Hugging Face layout. Everything goes
//! under a temporary name first and is renamed when complete, with hashes beside it.

mod gguf_file;
mod gguf_metadata;
mod piece;
mod recipe;
mod safetensors_file;
mod to_folder;
mod to_gguf;
mod v_heads;
mod vocabulary;
mod whole_file;

use std::path::PathBuf;

pub use self::recipe::MlxRecipe;
pub use self::to_folder::{quantize_to_mlx, write_hugging_face};
pub use self::to_gguf::quantize_to_gguf;
use crate::format::Format;
use crate::identity::FileHash;
use crate::{Checkpoint, WeightError};

/// How far a conversion has come.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// The tensor just finished, under its new name.
    pub tensor: &'a str,
    pub done_bytes: u64,
    pub total_bytes: u64,
}

/// What a conversion left behind.
#[derive(Clone, Debug)]
pub struct Written {
    /// The folder or the model file; open this.
    pub path: PathBuf,
    pub files: Vec<FileHash>,
}

/// Writes a synthetic checkpoint as files of its own format: Hugging Face layout for floats, an MLX folder
/// for affine codes, a GGUF file (`out.gguf` with a projector beside it) for GGUF's blocks.
pub fn write_synthetic(
    checkpoint: &Checkpoint,
    out: &std::path::Path,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Written, WeightError> {
    let table = checkpoint.format("language_model.embed_tokens.weight");
    match table.ok_or_else(|| WeightError::Recipe("the checkpoint has no token table".to_owned()))? {
        Format::F32 | Format::F16 | Format::Bf16 => write_hugging_face(checkpoint, out, progress),
        Format::Affine { bits, group } => {
            quantize_to_mlx(checkpoint, &MlxRecipe::uniform(bits, group)?, out, progress)
        }
        format if format.is_ggml_block() => quantize_to_gguf(checkpoint, format, out, progress),
        format => Err(WeightError::Recipe(format!("there is no writer for {format}"))),
    }
}
