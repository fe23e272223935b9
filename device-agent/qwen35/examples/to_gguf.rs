//! Writes a checkpoint as a GGUF file in f32: `to_gguf CHECKPOINT OUT.gguf`. Lets llama.cpp read the very
//! weights the other engines of `scripts/oracle/crosscheck.py` read.

use std::error::Error;
use std::path::Path;

use dyno_weights::{Checkpoint, Format, quantize_to_gguf};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(from), Some(to)) = (args.next(), args.next()) else {
        return Err("usage: to_gguf CHECKPOINT OUT.gguf".into());
    };
    quantize_to_gguf(&Checkpoint::open(Path::new(&from))?, Format::F32, Path::new(&to), &mut |_| ())?;
    Ok(())
}
