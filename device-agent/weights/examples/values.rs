//! Writes every tensor of a checkpoint in f32, as our readers give it: `values CHECKPOINT OUT.safetensors`.
//! `scripts/oracle/weights_agreement.py` compares them with what other readers give.

use std::collections::HashMap;
use std::error::Error;
use std::path::Path;

use candle_core::{Device, Tensor};
use dyno_weights::Checkpoint;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(from), Some(to)) = (args.next(), args.next()) else {
        return Err("usage: values CHECKPOINT OUT.safetensors".into());
    };
    let checkpoint = Checkpoint::open(Path::new(&from))?;
    let mut values: HashMap<String, Tensor> = HashMap::new();
    for name in checkpoint.names() {
        let shape = checkpoint.shape(name).unwrap_or_default();
        values.insert(name.to_owned(), checkpoint.tensor(name, shape, &Device::Cpu)?);
    }
    Ok(candle_core::safetensors::save(&values, to)?)
}
