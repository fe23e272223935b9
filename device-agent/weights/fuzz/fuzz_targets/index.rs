//! Any text as the index of a sharded folder that holds one good shard.
#![no_main]

use dyno_weights::Checkpoint;
use dyno_weights_fuzz::{exercise, folder};
use libfuzzer_sys::fuzz_target;

const SHARD: &[u8] = include_bytes!("../corpus/safetensors/plain");

fuzz_target!(|data: &[u8]| {
    let folder = folder();
    let write = |name: &str, content: &[u8]| std::fs::write(folder.path().join(name), content);
    write("config.json", b"{}").expect("memory can be written");
    write("model-1.safetensors", SHARD).expect("memory can be written");
    write("model.safetensors.index.json", data).expect("memory can be written");
    if let Ok(checkpoint) = Checkpoint::open(folder.path()) {
        exercise(&checkpoint);
    }
});
