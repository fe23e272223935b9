//! Any bytes as the weights of a folder, with and without MLX's quantization block.
#![no_main]

use dyno_weights::Checkpoint;
use dyno_weights_fuzz::{exercise, folder};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let folder = folder();
    std::fs::write(folder.path().join("model.safetensors"), data).expect("memory can be written");
    for config in [r#"{"quantization":{"bits":4,"group_size":32}}"#, r#"{"quantization":{"mode":"mxfp4"}}"#] {
        std::fs::write(folder.path().join("config.json"), config).expect("memory can be written");
        if let Ok(checkpoint) = Checkpoint::open(folder.path()) {
            exercise(&checkpoint);
        }
    }
});
