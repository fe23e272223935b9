//! Prints the ids that greedy decoding gives: `greedy CHECKPOINT COUNT ID..`. Other engines are compared
//! with it by `scripts/oracle/crosscheck.py`.
#![allow(clippy::print_stdout, reason = "an example's only way to answer")]

use std::error::Error;
use std::path::Path;

use candle_core::Device;
use dyno_qwen35::{CpuPath, Input, LoadOptions, Logits, Qwen35, greedy};
use dyno_weights::Checkpoint;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(folder), Some(count)) = (args.next(), args.next()) else {
        return Err("usage: greedy CHECKPOINT COUNT ID..".into());
    };
    let count: usize = count.parse()?;
    let mut ids = args.map(|id| id.parse()).collect::<Result<Vec<u32>, _>>()?;
    let weights = Checkpoint::open(Path::new(&folder))?;
    let options = LoadOptions { device: Device::Cpu, vision: false, mtp: false, cpu: CpuPath::default() };
    let model = Qwen35::load(&weights, &options, &mut |_| ())?;
    let mut state = model.state()?;
    for _ in 0..count {
        let logits = model.forward(&mut state, Input::text(&ids), Logits::Last)?.logits;
        ids = greedy(&logits)?;
        println!("{}", ids[0]);
    }
    Ok(())
}
