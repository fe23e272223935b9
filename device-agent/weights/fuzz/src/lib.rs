//! What every target does with a checkpoint that opened: ask for all of it, in all ways.

use std::path::PathBuf;

use candle_core::Device;
use dyno_weights::Checkpoint;
use tempfile::TempDir;

/// More than any input can honestly hold, decoded.
const MAX_ELEMENTS: usize = 1 << 20;

/// A folder in memory where there is one.
pub fn folder() -> TempDir {
    let memory = PathBuf::from("/dev/shm");
    let made = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
    made.expect("a temporary folder can be made")
}

/// Reads every tensor in its own shape and in a wrong one. Errors are fine; panics are not.
pub fn exercise(checkpoint: &Checkpoint) {
    let names: Vec<String> = checkpoint.names().map(str::to_owned).collect();
    let device = Device::Cpu;
    for name in &names {
        let shape = checkpoint.shape(name).map(<[usize]>::to_vec).unwrap_or_default();
        let elements = shape.iter().product::<usize>();
        let _ = (checkpoint.format(name), checkpoint.bits_per_weight(name), checkpoint.stored_bytes(name));
        if elements > MAX_ELEMENTS {
            continue;
        }
        let _ = checkpoint.tensor(name, &shape, &device);
        let _ = checkpoint.tensor(name, &[elements, 2], &device);
        let _ = checkpoint.neg_exp_a(name, elements, &device);
        let cols = shape.last().copied().unwrap_or(1);
        for (rows, cols) in [(elements / cols.max(1), cols), (cols, elements / cols.max(1)), (0, 0)] {
            if let Ok(linear) = checkpoint.linear(name, rows, cols, &device) {
                let _ = linear.dequantize();
            }
        }
        if let Some(at) = name.find(".mlp.experts.") {
            let prefix = &name[..at + ".mlp.experts".len()];
            if let &[count, rows, cols] = shape.as_slice() {
                let _ = checkpoint.experts(prefix, count, rows / 2, cols, &device);
                let _ = checkpoint.experts(prefix, count, rows, cols, &device);
            }
        }
    }
    let _ = (checkpoint.config(), checkpoint.texts(), checkpoint.sha256());
}
