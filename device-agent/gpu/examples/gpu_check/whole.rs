//! Whole models: the recorded one against the processor's ids, seeded weights of real shapes for their speed.

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use dyno_gpu::cuda::Cuda;
use dyno_gpu::{Gpu, Model, Scalar};
use dyno_qwen35::{CpuPath, Input, LoadOptions, Logits, Qwen35, greedy};
use dyno_weights::{Checkpoint, shapes};
use serde_json::{Value, json};

pub(crate) const MODELS: &[(&str, &str, Scalar)] = &[
    ("0.8b", "affine4-g64", Scalar::F16),
    ("0.8b", "affine4-g64", Scalar::F32),
    ("2b", "affine4-g64", Scalar::F16),
    ("0.8b", "bf16", Scalar::F16),
];
const PROMPT: usize = 64;
const DECODED: usize = 256;

/// A small checkpoint that belongs to the project's tests.
pub(crate) fn recorded() -> Result<Checkpoint, Box<dyn Error>> {
    Ok(Checkpoint::open(Path::new("device-agent/qwen35/tests/data/dense"))?)
}

fn chosen(
    model: &mut Model<Cuda>,
    ids: &[u32],
    count: usize,
) -> Result<(Vec<u32>, f64, f64), Box<dyn Error>> {
    let mut state = model.state(ids.len() + count + 1)?;
    let begin = Instant::now();
    let mut submission = model.read(&mut state, ids, true)?;
    let mut chosen = vec![model.id(&state, ids.len(), submission)?];
    let read = begin.elapsed().as_secs_f64();
    let begin = Instant::now();
    submission = model.step(&mut state)?;
    while chosen.len() < count {
        let next = model.step(&mut state)?;
        chosen.push(model.id(&state, ids.len() + chosen.len(), submission)?);
        submission = next;
    }
    let seconds = begin.elapsed().as_secs_f64();
    model.release(&state);
    Ok((chosen, read, seconds))
}

/// Sixty-four tokens of the recorded checkpoint here and on the processor.
pub(crate) fn same_ids(gpu: Cuda) -> Result<(Value, Cuda), Box<dyn Error>> {
    let weights = recorded()?;
    let ids: Vec<u32> = (0..75u32).map(|i| (i * i * 7 + i * 13 + 5) % 499).collect();
    let options =
        LoadOptions { device: candle_core::Device::Cpu, vision: false, mtp: false, cpu: CpuPath::Reference };
    let processor = Qwen35::load(&weights, &options, &mut |_| ())?;
    let mut state = processor.state()?;
    let mut logits = processor.forward(&mut state, Input::text(&ids), Logits::Last)?.logits;
    let mut expected = Vec::new();
    while expected.len() < 64 {
        let id = greedy(&logits)?[0];
        expected.push(id);
        logits = processor.forward(&mut state, Input::text(&[id]), Logits::Last)?.logits;
    }
    let mut model = Model::load(gpu, &weights, Scalar::F32)?;
    let (found, _, _) = chosen(&mut model, &ids, 64)?;
    let same = found.iter().zip(&expected).take_while(|(a, b)| a == b).count();
    Ok((json!({"tokens": expected.len(), "same_as_processor": same}), model.into_gpu()))
}

/// Tokens per second of seeded weights of a published shape.
pub(crate) fn decode(
    gpu: Cuda,
    size: &str,
    format: &str,
    kind: Scalar,
) -> Result<(Value, Cuda), Box<dyn Error>> {
    let config = shapes::config(size).ok_or("no such size")?;
    let weights = Checkpoint::synthetic(&config, 7, format.parse()?)?;
    let mut model = Model::load(gpu, &weights, kind)?;
    let ids: Vec<u32> = (0..PROMPT as u32).map(|i| (i * 7919 + 13) % 200_000).collect();
    chosen(&mut model, &ids, 32)?;
    let (dispatches, submissions) = (model.tally().all(), model.tally().submissions);
    let busy = model.gpu().busy_ns().unwrap_or_default();
    let (found, read, seconds) = chosen(&mut model, &ids, DECODED)?;
    let busy = (model.gpu().busy_ns().unwrap_or_default() - busy) as f64 * 1e-9;
    let steps = (found.len() - 1) as f64;
    let per_token =
        (model.tally().all() - dispatches) as f64 / (model.tally().submissions - submissions) as f64;
    let name = model.gpu().name();
    let measured = json!({
        "model": size, "weights": "synthetic", "format": format, "activations": format!("{kind:?}"),
        "device": name, "prompt_tokens": PROMPT, "prompt_s": read, "decoded": found.len(),
        "tokens_per_s": steps / seconds, "device_busy_s": busy, "wall_s": read + seconds,
        "dispatches_per_token": per_token, "weight_bytes": model.weight_bytes(),
        "weight_bytes_per_s": model.weight_bytes() as f64 * steps / seconds,
    });
    Ok((measured, model.into_gpu()))
}
