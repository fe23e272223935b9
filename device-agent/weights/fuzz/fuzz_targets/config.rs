//! Any text as the configuration: of an MLX folder with good weights, and of synthetic ones.
#![no_main]

use dyno_weights::{Checkpoint, Format};
use dyno_weights_fuzz::{exercise, folder};
use libfuzzer_sys::fuzz_target;

const WEIGHTS: &[u8] = include_bytes!("../corpus/safetensors/affine");

fuzz_target!(|data: &[u8]| {
    let folder = folder();
    std::fs::write(folder.path().join("config.json"), data).expect("memory can be written");
    std::fs::write(folder.path().join("model.safetensors"), WEIGHTS).expect("memory can be written");
    if let Ok(checkpoint) = Checkpoint::open(folder.path()) {
        exercise(&checkpoint);
    }
    if let Ok(config) = serde_json::from_slice(data) {
        for format in [Format::Bf16, Format::Affine { bits: 4, group: 64 }, Format::Q6K] {
            if let Ok(checkpoint) = Checkpoint::synthetic(&config, 1, format) {
                exercise(&checkpoint);
            }
        }
    }
});
