//! Any bytes as a GGUF model, and as the projector of one.
#![no_main]

use dyno_weights::Checkpoint;
use dyno_weights_fuzz::{exercise, folder};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let folder = folder();
    let path = folder.path().join("model.gguf");
    std::fs::write(&path, data).expect("memory can be written");
    for projector in [None, Some(path.as_path())] {
        if let Ok(checkpoint) = Checkpoint::open_gguf(&path, projector) {
            exercise(&checkpoint);
        }
    }
});
