//! A checkpoint in another format, made once and kept in the cache under the hash of its source.

use std::path::{Path, PathBuf};

/// The checkpoint in the format that `quant` names: itself where it is in it already.
#[cfg(feature = "local-agent")]
pub(crate) fn to_format(checkpoint: &Path, quant: &str) -> anyhow::Result<PathBuf> {
    use anyhow::Context;
    use dyno_agent::weights::{Checkpoint, Format, write_hugging_face};

    let wanted = format_of(quant)?;
    let opened = Checkpoint::open(checkpoint)?;
    let stored = opened.format(EMBEDDING).context("the checkpoint has no token table")?;
    if stored == wanted {
        return Ok(checkpoint.to_owned());
    }
    let name = format!("{}-{}", &opened.sha256()?[..16], quant.replace(':', "-"));
    let place = crate::folders::model_cache().join(match wanted {
        format if format.is_ggml_block() => format!("{name}.gguf"),
        _ => name,
    });
    if place.exists() {
        return Ok(place);
    }
    std::fs::create_dir_all(crate::folders::model_cache())?;
    if matches!(wanted, Format::F32 | Format::F16 | Format::Bf16) {
        anyhow::ensure!(
            wanted == Format::Bf16 && !matches!(stored, Format::F32 | Format::F16),
            "{} is stored in {stored}; it is run as `--quant stored`",
            checkpoint.display()
        );
        return Ok(write_hugging_face(&opened, &place, &mut |_| {})?.path);
    }
    write_quantized(&opened, wanted, &place, &mut |_| {})
}

#[cfg(not(feature = "local-agent"))]
pub(crate) fn to_format(checkpoint: &Path, quant: &str) -> anyhow::Result<PathBuf> {
    anyhow::bail!(
        "this build of dyno cannot convert {} to {quant}; convert it with a full build and name the result",
        checkpoint.display()
    )
}

#[cfg(feature = "local-agent")]
const EMBEDDING: &str = "language_model.embed_tokens.weight";

/// What agents call the number format of a quantization level: `4bit`, `4bit-g32`, `gguf:q8_0`, `bf16`.
pub(crate) fn format_name(quant: &str) -> String {
    let affine = quant.split_once("bit").map(|(bits, group)| {
        let group = group.strip_prefix("-g").unwrap_or("64");
        format!("affine{bits}-g{group}")
    });
    affine.unwrap_or_else(|| quant.trim_start_matches("gguf:").to_owned())
}

/// The number format behind a quantization level's name.
#[cfg(feature = "local-agent")]
pub(crate) fn format_of(quant: &str) -> anyhow::Result<dyno_agent::weights::Format> {
    format_name(quant).parse().map_err(|_| anyhow::anyhow!("there is no converter to `{quant}`"))
}

/// Quantizes into the container that the format belongs to.
#[cfg(feature = "local-agent")]
pub(crate) fn write_quantized(
    checkpoint: &dyno_agent::weights::Checkpoint,
    format: dyno_agent::weights::Format,
    out: &Path,
    progress: &mut dyn FnMut(dyno_agent::weights::Progress<'_>),
) -> anyhow::Result<PathBuf> {
    use dyno_agent::weights::{Format, MlxRecipe, quantize_to_gguf, quantize_to_mlx};

    let written = match format {
        Format::Affine { bits, group } => {
            quantize_to_mlx(checkpoint, &MlxRecipe::uniform(bits, group)?, out, progress)?
        }
        format => quantize_to_gguf(checkpoint, format, out, progress)?,
    };
    Ok(written.path)
}

#[cfg(all(test, feature = "local-agent"))]
mod tests {
    use super::format_of;
    use dyno_agent::weights::Format;

    #[test]
    fn levels_of_the_command_line_are_formats() {
        assert_eq!(format_of("4bit").unwrap(), Format::Affine { bits: 4, group: 64 });
        assert_eq!(format_of("6bit-g32").unwrap(), Format::Affine { bits: 6, group: 32 });
        assert_eq!(format_of("gguf:q8_0").unwrap(), Format::Q8_0);
        assert_eq!(format_of("bf16").unwrap(), Format::Bf16);
        assert!(format_of("gguf:q4_k_m").unwrap_err().to_string().contains("no converter"));
        assert!(format_of("9bit").is_err());
    }
}
