//! Whole checkpoints through the emulator: the same ids as the processor's engine, and how often a token dispatches.

use std::path::Path;

use dyno_gpu::{Dry, Model, Scalar};
use dyno_gpu_emulator::{Emulator, Mode};
use dyno_qwen35::{CpuPath, Input, LoadOptions, Logits, Qwen35, greedy};
use dyno_weights::{Checkpoint, Format, shapes};

const CACHE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/emulator");
const DECODED: usize = 64;

fn recorded(name: &str) -> Checkpoint {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../qwen35/tests/data").join(name);
    Checkpoint::open(&folder).expect("opens")
}

fn prompt(len: u32) -> Vec<u32> {
    (0..len).map(|i| (i * i * 7 + i * 13 + 5) % 499).collect()
}

/// What the processor's engine gives, and its logits of the first choice.
fn expected(weights: &Checkpoint, ids: &[u32]) -> (Vec<u32>, Vec<f32>) {
    let options =
        LoadOptions { device: candle_core::Device::Cpu, vision: false, mtp: false, cpu: CpuPath::Reference };
    let model = Qwen35::load(weights, &options, &mut |_| ()).expect("loads");
    let mut state = model.state().expect("starts");
    let mut logits = model.forward(&mut state, Input::text(ids), Logits::Last).expect("reads").logits;
    let first = logits.flatten_all().and_then(|row| row.to_vec1()).expect("a row");
    let mut chosen = Vec::new();
    while chosen.len() < DECODED {
        let id = greedy(&logits).expect("rows")[0];
        chosen.push(id);
        logits = model.forward(&mut state, Input::text(&[id]), Logits::Last).expect("goes on").logits;
    }
    (chosen, first)
}

fn decodes_as_the_processor(weights: &Checkpoint, seed: u32) {
    let ids = prompt(75);
    let (expected, first) = expected(weights, &ids);
    let mut gpu = Emulator::new(CACHE, Mode::Plain);
    gpu.seed = seed;
    let mut model = Model::load(gpu, weights, Scalar::F32).expect("loads");
    let mut state = model.state(ids.len() + DECODED).expect("a state");
    // In two pieces, the second of which begins inside a block of the rule and of the keys.
    model.read(&mut state, &ids[..41], false).expect("reads");
    let mut submission = model.read(&mut state, &ids[41..], true).expect("reads on");
    let mut logits = Vec::new();
    model.logits(&mut logits).expect("logits");
    let off = logits.iter().zip(&first).map(|(a, b)| (a - b).abs()).fold(0f32, f32::max);
    assert!(off < 1e-3, "the first logits are off by {off}");
    let mut chosen = Vec::new();
    for at in 0..DECODED {
        // The next step is handed over before anyone looks at the id it reads.
        let next = if at + 1 < DECODED { Some(model.step(&mut state).expect("steps")) } else { None };
        chosen.push(model.id(&state, ids.len() + at, submission).expect("an id"));
        submission = next.unwrap_or(submission);
    }
    assert_eq!(chosen, expected);
}

#[test]
fn a_whole_checkpoint_decodes_to_the_processors_ids() {
    decodes_as_the_processor(&recorded("dense"), 0);
}

#[test]
fn so_does_one_with_a_head_of_its_own_in_another_order_of_lanes() {
    decodes_as_the_processor(&recorded("untied"), 3);
}

#[test]
fn a_snapshot_is_not_touched_by_what_is_read_after_it() {
    let weights = recorded("dense");
    let ids = prompt(40);
    let mut model = Model::load(Emulator::new(CACHE, Mode::Plain), &weights, Scalar::F32).expect("loads");
    let mut state = model.state(60).expect("a state");
    model.read(&mut state, &ids[..20], false).expect("reads");
    let mut kept = model.snapshot(&state).expect("a copy");
    model.read(&mut state, &ids[20..], true).expect("reads on");
    let mut first = Vec::new();
    model.logits(&mut first).expect("logits");
    model.read(&mut state, &[3, 4, 5], true).expect("reads something else");
    model.read(&mut kept, &ids[20..], true).expect("reads on");
    let mut again = Vec::new();
    model.logits(&mut again).expect("logits");
    assert_eq!(first, again);
    assert!(model.read(&mut kept, &prompt(30), true).is_err(), "a context has an end");
}

/// The published layers, narrowed: how often a token dispatches depends on layers and formats alone.
#[test]
fn a_token_of_the_smallest_published_model_takes_few_dispatches() {
    let mut config = shapes::config("0.8b").expect("a size");
    for (key, value) in
        [("hidden_size", 128), ("intermediate_size", 128), ("vocab_size", 8192), ("eos_token_id", 0)]
    {
        config["text_config"][key] = value.into();
    }
    config.as_object_mut().expect("an object").remove("vision_config");
    let format = Format::Affine { bits: 4, group: 64 };
    let weights = Checkpoint::synthetic(&config, 1, format).expect("made");
    let mut model = Model::load(Dry::default(), &weights, Scalar::F16).expect("loads");
    assert_eq!(model.config().text.mixers.len(), 24, "the layers are the published ones");
    let mut state = model.state(10_000).expect("a state");
    model.read(&mut state, &prompt(500), true).expect("reads");
    let before = model.tally().clone();
    model.step(&mut state).expect("steps");
    let (dispatches, submissions) =
        (model.tally().all() - before.all(), model.tally().submissions - before.submissions);
    assert!(dispatches <= 140, "{dispatches} dispatches");
    assert_eq!(submissions, 1);
}
