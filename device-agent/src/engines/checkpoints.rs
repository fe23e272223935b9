//! What every engine does with a checkpoint beside running it: naming it, counting it, checking that it is the
//! one that was asked for.

use dyno_protocol::{Failure, FailureKind, LoadSpec};
use dyno_weights::{Checkpoint, Format};

const EMBEDDING: &str = "language_model.embed_tokens.weight";

/// The content hash, which must be the one that was asked for.
pub(super) fn identity(checkpoint: &Checkpoint, load: &LoadSpec) -> Result<String, Failure> {
    let sha256 = checkpoint.sha256().map_err(|error| Failure::new(FailureKind::Model, error.to_string()))?;
    match &load.expect_sha256 {
        Some(expected) if *expected != sha256 => {
            let path = checkpoint.path().display();
            let what = format!("{path} has the hash {sha256}, not the one that was asked for, {expected}");
            Err(Failure::new(FailureKind::Model, what).with_next_step("push or fetch the model again"))
        }
        _ => Ok(sha256),
    }
}

pub(super) fn parameters(checkpoint: &Checkpoint) -> u64 {
    checkpoint
        .names()
        .filter_map(|name| checkpoint.shape(name))
        .map(|shape| shape.iter().map(|size| *size as u64).product::<u64>())
        .sum()
}

/// The token table's format and, where the layers are in another one, that of most of the weights.
pub(super) fn format(checkpoint: &Checkpoint) -> String {
    let Some(table) = checkpoint.format(EMBEDDING) else { return "unknown".to_owned() };
    let layers: Option<Format> = checkpoint
        .names()
        .filter(|name| name.contains(".mlp.") && name.ends_with("weight"))
        .find_map(|name| checkpoint.format(name));
    match layers {
        Some(layers) if layers != table => format!("{layers} with tables in {table}"),
        _ => table.to_string(),
    }
}

/// Threads of an engine's own, so that their number is what was asked for and nobody else's work is on them.
pub(super) fn pool(load: &LoadSpec) -> Result<rayon::ThreadPool, Failure> {
    let threads = load.threads.map_or(0, |threads| threads as usize);
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|error| Failure::new(FailureKind::Engine, format!("no threads: {error}")))
}

/// The processor is the only unit of this build's engines.
pub(super) fn processor_only(load: &LoadSpec) -> Result<(), Failure> {
    use dyno_protocol::ComputeUnit::{Any, Cpu};
    if matches!(load.unit, Cpu | Any) {
        return Ok(());
    }
    let what = format!("the engine `{}` of this build runs on the processor only", load.engine);
    Err(Failure::new(FailureKind::Refused, what))
}
