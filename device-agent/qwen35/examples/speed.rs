//! How fast a checkpoint is here: `speed CHECKPOINT [PATH [PROMPT,.. [DEPTH,.. [TOKENS]]]]` prints one JSON line:
//! seconds to load, tokens a second for prompts of these lengths and for decoding after these depths, peak memory.
#![allow(clippy::print_stdout, reason = "an example's only way to answer")]

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use candle_core::Device;
use dyno_qwen35::{CpuPath, Input, LoadOptions, Logits, Qwen35, State, StateLimits};
use dyno_weights::Checkpoint;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let folder = args.first().ok_or("usage: speed CHECKPOINT [PATH [PROMPT,.. [DEPTH,.. [TOKENS]]]]")?;
    let cpu: CpuPath = args.get(1).map_or(Ok(CpuPath::Best), |path| path.parse())?;
    let lengths = |at: usize, default: &str| -> Result<Vec<usize>, Box<dyn Error>> {
        let text = args.get(at).map_or(default, String::as_str);
        text.split(',').filter(|part| !part.is_empty()).map(|part| Ok(part.parse()?)).collect()
    };
    let (prompts, depths) = (lengths(2, "128,512")?, lengths(3, "0,1024")?);
    let tokens = args.get(4).map_or(Ok(32), |tokens| tokens.parse())?;

    let begin = Instant::now();
    let weights = Checkpoint::open(Path::new(folder))?;
    let options = LoadOptions { device: Device::Cpu, vision: false, mtp: false, cpu };
    let model = Qwen35::load(&weights, &options, &mut |_| ())?;
    let loaded = begin.elapsed().as_secs_f64();
    let mut first = Vec::new();
    let mut state = model.state()?;
    model.step(&mut state, 1, &mut first)?;
    let first = begin.elapsed().as_secs_f64();

    let mut parts = vec![
        format!("\"path\":\"{}\"", model.path()),
        format!("\"load_s\":{loaded:.4}"),
        format!("\"first_token_s\":{first:.4}"),
    ];
    for length in prompts {
        let mut state = model.state_within(StateLimits { context: Some(length), bytes: None })?;
        let begin = Instant::now();
        read(&model, &mut state, length)?;
        parts.push(format!("\"prefill_{length}\":{:.3}", length as f64 / begin.elapsed().as_secs_f64()));
    }
    for depth in depths {
        let context = Some(depth + tokens + 1);
        let mut state = model.state_within(StateLimits { context, bytes: None })?;
        read(&model, &mut state, depth.max(1))?;
        let mut logits = Vec::new();
        let begin = Instant::now();
        for token in 0..tokens {
            model.step(&mut state, (token * 7919 % 1000) as u32, &mut logits)?;
        }
        parts.push(format!("\"decode_{depth}\":{:.3}", tokens as f64 / begin.elapsed().as_secs_f64()));
    }
    if let Some(peak) = peak_bytes() {
        parts.push(format!("\"peak_rss_mib\":{:.1}", peak as f64 / f64::from(1 << 20)));
    }
    println!("{{{}}}", parts.join(","));
    Ok(())
}

/// Prompt tokens that the agent reads at a time.
const CHUNK: usize = 512;

fn read(model: &Qwen35, state: &mut State, length: usize) -> Result<(), Box<dyn Error>> {
    let ids: Vec<u32> = (0..length).map(|i| (i * 104_729 % 1000) as u32).collect();
    for chunk in ids.chunks(CHUNK) {
        model.forward(state, Input::text(chunk), Logits::Last)?;
    }
    Ok(())
}

/// The most memory this process had at once, by the system's account.
fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
}
