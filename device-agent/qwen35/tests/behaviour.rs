//! What must hold between the model's own ways of computing one thing.

use std::path::Path;

use candle_core::{D, Device, Tensor};
use dyno_qwen35::{
    CpuPath, Input, LoadOptions, LoadPhase, Logits, ModelError, Qwen35, Speculation, State, StateLimits,
    greedy,
};
use dyno_weights::Checkpoint;
use proptest::prelude::*;

/// Different groupings of the same sums; far below any recorded reference's gate.
const ROUNDING: f32 = 5e-4;

/// Tests that hold however the model is computed.
macro_rules! on_every_path {
    ($($test:ident),* $(,)?) => {
        mod on_every_path {
            $(
                #[test]
                fn $test() {
                    super::CpuPath::exact().into_iter().for_each(super::$test);
                }
            )*
        }
    };
}

fn load(name: &str, path: CpuPath) -> Qwen35 {
    load_from(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name), path)
}

fn load_from(folder: &Path, cpu: CpuPath) -> Qwen35 {
    let weights = Checkpoint::open(folder).expect("opens");
    let options = LoadOptions { device: Device::Cpu, vision: false, mtp: true, cpu };
    Qwen35::load(&weights, &options, &mut |_| ()).expect("loads")
}

fn read(model: &Qwen35, state: &mut State, ids: &[u32]) -> Tensor {
    model.forward(state, Input::text(ids), Logits::Last).expect("reads").logits
}

fn gap(a: &Tensor, b: &Tensor) -> f32 {
    (a - b).and_then(|d| d.abs()?.max_all()?.to_scalar()).expect("same shape")
}

/// Bit for bit.
fn same(a: &Tensor, b: &Tensor) -> bool {
    let bits = |x: &Tensor| -> Vec<u32> {
        let values = x.flatten_all().and_then(|x| x.to_vec1::<f32>()).expect("values");
        values.into_iter().map(f32::to_bits).collect()
    };
    bits(a) == bits(b)
}

fn prompt(seed: u32, len: usize) -> Vec<u32> {
    (0..len as u32)
        .map(|i| (seed.wrapping_mul(2_654_435_761).wrapping_add(i * i * 7 + i * 13)) % 499)
        .collect()
}

fn plain_greedy(model: &Qwen35, ids: &[u32], count: usize) -> Vec<u32> {
    let mut state = model.state().expect("starts");
    let mut logits = read(model, &mut state, ids);
    let mut chosen = Vec::with_capacity(count);
    while chosen.len() < count {
        let next = greedy(&logits).expect("rows")[0];
        chosen.push(next);
        logits = read(model, &mut state, &[next]);
    }
    chosen
}

/// Tokens, and how many drafts were accepted of how many.
fn with_drafts(model: &Qwen35, ids: &[u32], count: usize, drafts: usize) -> (Vec<u32>, u64, u64) {
    let mut state = model.state().expect("starts");
    let output = model.forward(&mut state, Input::text(ids), Logits::Last).expect("reads");
    let mut speculation = Speculation::new(model, drafts).expect("has a draft head");
    speculation.saw(ids, &output).expect("takes note");
    let mut chosen = greedy(&output.logits).expect("rows");
    while chosen.len() < count {
        let last = chosen[chosen.len() - 1];
        let more = speculation.round(&mut state, last).expect("goes on");
        chosen.extend(more);
        assert_eq!(state.len(), ids.len() + chosen.len() - 1, "the last choice is not read yet");
    }
    chosen.truncate(count);
    let figures = speculation.figures();
    assert_eq!(figures.drafts, figures.rounds * drafts as u64);
    (chosen, figures.accepted, figures.drafts)
}

fn drafts_never_change_what_comes_out(path: CpuPath) {
    for (name, prompts) in [("dense", 6), ("moe", 2), ("untied", 4)] {
        let model = load(name, path);
        for seed in 0..prompts {
            let ids = prompt(seed, 1 + seed as usize * 17);
            let plain = plain_greedy(&model, &ids, 12);
            for drafts in [0, 1, 3] {
                let (chosen, ..) = with_drafts(&model, &ids, 12, drafts);
                assert_eq!(chosen, plain, "{name} prompt {seed}, {drafts} drafts");
            }
        }
    }
}

/// Random weights hardly ever agree with their draft head. So the head is left two words, and the draft
/// head always proposes the first of them: some drafts then hold and some do not.
fn drafts_that_hold_are_kept_and_counted(path: CpuPath) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/untied");
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::copy(source.join("config.json"), folder.path().join("config.json")).expect("copies");
    let mut tensors =
        candle_core::safetensors::load(source.join("model.safetensors"), &Device::Cpu).expect("loads");
    let head = tensors["lm_head.weight"].clone();
    let words = head.narrow(0, 0, 2).and_then(|rows| rows.pad_with_zeros(0, 0, 510)).expect("cuts");
    let silent = (tensors["mtp.norm.weight"].zeros_like().expect("shape") - 1.0).expect("shape");
    tensors.insert("lm_head.weight".to_owned(), words);
    tensors.insert("mtp.norm.weight".to_owned(), silent);
    candle_core::safetensors::save(&tensors, folder.path().join("model.safetensors")).expect("saves");
    let model = load_from(folder.path(), path);
    let (mut accepted, mut drafted) = (0, 0);
    for seed in 0..4 {
        let ids = prompt(seed, 9);
        let plain = plain_greedy(&model, &ids, 30);
        let (chosen, held, of) = with_drafts(&model, &ids, 30, 3);
        assert_eq!(chosen, plain, "prompt {seed}");
        accepted += held;
        drafted += of;
    }
    assert!(0 < accepted && accepted < drafted, "{accepted} of {drafted}");
}

fn a_rewound_state_goes_on_as_if_nothing_had_been_tried(path: CpuPath) {
    let model = load("dense", path);
    let ids = prompt(1, 30);
    for kept in 0..=4 {
        let mut tried = model.state().expect("starts");
        read(&model, &mut tried, &ids);
        tried.record();
        read(&model, &mut tried, &[7, 8, 9, 10]);
        tried.rewind(30 + kept).expect("recorded");
        let mut fresh = model.state().expect("starts");
        read(&model, &mut fresh, &ids);
        for id in &[7, 8, 9, 10][..kept] {
            read(&model, &mut fresh, &[*id]);
        }
        let (a, b) = (read(&model, &mut tried, &[11]), read(&model, &mut fresh, &[11]));
        assert!(gap(&a, &b) < ROUNDING, "{kept} kept: {}", gap(&a, &b));
        assert!(matches!(tried.rewind(30), Err(ModelError::Refused { .. })), "the window has ended");
    }
}

fn a_snapshot_restores_exactly_and_is_independent(path: CpuPath) {
    let model = load("moe", path);
    let mut state = model.state().expect("starts");
    read(&model, &mut state, &prompt(5, 40));
    let snapshot = state.clone();
    let first = read(&model, &mut state, &[1, 2, 3]);
    read(&model, &mut state, &prompt(6, 300));
    let mut again = snapshot.clone();
    assert!(same(&first, &read(&model, &mut again, &[1, 2, 3])));
    // Both branches go on at once without seeing each other.
    let mut other = snapshot.clone();
    read(&model, &mut other, &[9, 9, 9]);
    let mut third = snapshot;
    read(&model, &mut third, &[1, 2, 3]);
    let (a, b) = (read(&model, &mut again, &[4]), read(&model, &mut third, &[4]));
    assert!(same(&a, &b));
    assert!(gap(&a, &read(&model, &mut other, &[4])) > 0.01);
}

fn scores_are_those_of_the_whole_sequence(path: CpuPath) {
    let model = load("dense", path);
    let prefix = prompt(2, 25);
    let long: Vec<u32> = prompt(8, 150);
    let continuations: [&[u32]; 4] = [&[5], &[5, 6, 7], &long, &[]];
    let scored = model.score(Input::text(&prefix), &continuations).expect("scores");
    for (ids, scored) in continuations.iter().zip(&scored) {
        let whole: Vec<u32> = prefix.iter().chain(*ids).copied().collect();
        let mut state = model.state().expect("starts");
        let logits = model.forward(&mut state, Input::text(&whole), Logits::All).expect("reads").logits;
        assert_eq!(scored.log_probs.len(), ids.len());
        for (i, id) in ids.iter().enumerate() {
            let row = logits.get(prefix.len() + i - 1).and_then(|row| row.to_vec1::<f32>()).expect("a row");
            let top = row.iter().copied().fold(f32::MIN, f32::max);
            let total: f64 = row.iter().map(|logit| f64::from(logit - top).exp()).sum();
            let direct = f64::from(row[*id as usize] - top) - total.ln();
            assert!((direct - f64::from(scored.log_probs[i])).abs() < f64::from(ROUNDING));
            assert_eq!(scored.was_greedy[i], row[*id as usize] >= top);
        }
    }
    let greedy_ids = plain_greedy(&model, &prefix, 6);
    let sure = model.score(Input::text(&prefix), &[&greedy_ids]).expect("scores");
    assert!(sure[0].was_greedy.iter().all(|hit| *hit));
    assert!(sure[0].total() > scored[2].total());
}

#[test]
fn the_lowest_id_wins_a_tie() {
    let logits = Tensor::new(&[[1f32, 3.0, 3.0, 0.0], [2.0, 2.0, 2.0, 2.0]], &Device::Cpu).expect("a tensor");
    assert_eq!(greedy(&logits).expect("rows"), [1, 0]);
}

fn limits_are_kept_before_work_is_done(path: CpuPath) {
    let model = load("dense", path);
    let needed_bytes = model.memory_bytes(100);
    let limits = |context, bytes| StateLimits { context: Some(context), bytes: Some(bytes) };
    assert!(matches!(
        model.state_within(limits(100, needed_bytes - 1)),
        Err(ModelError::Memory { context: 100, .. })
    ));
    let mut state = model.state_within(limits(100, needed_bytes)).expect("fits");
    read(&model, &mut state, &prompt(0, 60));
    assert_eq!(state.bytes(), needed_bytes, "what was stated is what is taken");
    assert_eq!(state.room(), Some(40));
    let refused = model.forward(&mut state, Input::text(&prompt(0, 41)), Logits::Last);
    assert!(matches!(refused, Err(ModelError::ContextFull { held: 60, context: 100, more: 41 })));
    read(&model, &mut state, &prompt(1, 40));
    assert_eq!((state.len(), state.room(), state.bytes()), (100, Some(0), needed_bytes));
}

fn drafting_stops_at_the_end_of_the_context(path: CpuPath) {
    let model = load("dense", path);
    let ids = prompt(4, 10);
    let plain = plain_greedy(&model, &ids, 12);
    let mut state = model.state_within(StateLimits { context: Some(20), bytes: None }).expect("fits");
    let output = model.forward(&mut state, Input::text(&ids), Logits::Last).expect("reads");
    let mut speculation = Speculation::new(&model, 3).expect("has a draft head");
    speculation.saw(&ids, &output).expect("takes note");
    let mut chosen = greedy(&output.logits).expect("rows");
    while state.room() != Some(0) {
        chosen.extend(speculation.round(&mut state, chosen[chosen.len() - 1]).expect("fits"));
    }
    assert_eq!(chosen, plain[..11]);
}

fn what_cannot_be_read_is_refused_and_leaves_the_state_alone(path: CpuPath) {
    let model = load("dense", path);
    let mut state = model.state().expect("starts");
    read(&model, &mut state, &[1, 2]);
    assert!(model.forward(&mut state, Input::text(&[]), Logits::Last).is_err());
    assert!(model.forward(&mut state, Input::text(&[3, 512]), Logits::Last).is_err());
    assert_eq!(state.len(), 2);
    let mut fresh = model.state().expect("starts");
    read(&model, &mut fresh, &[1, 2]);
    assert!(same(&read(&model, &mut state, &[3]), &read(&model, &mut fresh, &[3])));
}

fn loading_announces_every_part_once(path: CpuPath) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/dense");
    let weights = Checkpoint::open(&folder).expect("opens");
    let options = LoadOptions { device: Device::Cpu, vision: true, mtp: true, cpu: path };
    let mut phases = Vec::new();
    Qwen35::load(&weights, &options, &mut |phase| phases.push(phase)).expect("loads");
    let mut expected = vec![LoadPhase::Config, LoadPhase::Embedding];
    expected.extend((0..4).map(|index| LoadPhase::Layer { index, of: 4 }));
    expected.extend([LoadPhase::Head, LoadPhase::Vision, LoadPhase::DraftHead]);
    assert_eq!(phases, expected);
}

on_every_path! {
    drafts_never_change_what_comes_out,
    drafts_that_hold_are_kept_and_counted,
    a_rewound_state_goes_on_as_if_nothing_had_been_tried,
    a_snapshot_restores_exactly_and_is_independent,
    scores_are_those_of_the_whole_sequence,
    limits_are_kept_before_work_is_done,
    drafting_stops_at_the_end_of_the_context,
    what_cannot_be_read_is_refused_and_leaves_the_state_alone,
    loading_announces_every_part_once,
}

/// Shorter arithmetic is another model by a little, but drafts must not change that one either.
#[test]
fn drafts_change_nothing_in_fast_arithmetic() {
    for path in CpuPath::all().into_iter().filter(|path| !CpuPath::exact().contains(path)) {
        drafts_never_change_what_comes_out(path);
    }
}

/// Activations as bytes, products in bf16, keys and values in f16: together a fiftieth of the logits' spread at
/// most, on random weights, which is the hardest case. A mixture of experts has no such bound: a router that is
/// nearly undecided may choose another expert.
#[test]
fn fast_arithmetic_stays_near_the_reference() {
    for name in ["dense", "untied"] {
        let reference = load(name, CpuPath::Reference);
        for path in CpuPath::all() {
            let model = load(name, path);
            for (seed, len) in [(1, 5), (2, 60)] {
                let ids = prompt(seed, len);
                let run = |model: &Qwen35| {
                    let mut state = model.state().expect("starts");
                    let all =
                        model.forward(&mut state, Input::text(&ids), Logits::All).expect("reads").logits;
                    let next = read(model, &mut state, &[3]);
                    Tensor::cat(&[all, next], 0).expect("rows")
                };
                let (ours, right) = (run(&model), run(&reference));
                let spread =
                    right.flatten_all().and_then(|x| x.var(0)?.sqrt()?.to_scalar::<f32>()).expect("a number");
                let mean = (&ours - &right).and_then(|gap| gap.sqr()?.mean_all()?.sqrt()?.to_scalar::<f32>());
                let mean = mean.expect("a number");
                assert!(mean < 0.02 * spread, "{name} by {path}, {len} tokens: {mean} of {spread}");
            }
        }
    }
}

/// A step is a forward pass over one token.
#[test]
fn stepping_is_reading_one_token() {
    for path in CpuPath::all() {
        let model = load("dense", path);
        let mut stepped = model.state().expect("starts");
        read(&model, &mut stepped, &prompt(3, 20));
        let mut whole = stepped.clone();
        let mut logits = Vec::new();
        for id in [1, 400, 7] {
            model.step(&mut stepped, id, &mut logits).expect("steps");
            let right = read(&model, &mut whole, &[id]).flatten_all().and_then(|row| row.to_vec1::<f32>());
            assert_eq!(logits, right.expect("a row"), "{path}");
        }
        assert!(model.step(&mut stepped, 512, &mut logits).is_err());
        assert_eq!((stepped.len(), whole.len()), (23, 23));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// However a prompt is cut, the last logits and everything after are the same.
    #[test]
    fn any_split_of_a_prompt_is_the_same_prompt(
        seed in 0u32..1000,
        parts in proptest::collection::vec(1usize..90, 1..6),
    ) {
        for path in CpuPath::exact() {
        let model = load("untied", path);
        let ids = prompt(seed, parts.iter().sum());
        let mut whole = model.state().expect("starts");
        let one = read(&model, &mut whole, &ids);
        let mut split = model.state().expect("starts");
        let mut last = None;
        let mut rest = &ids[..];
        for part in parts.iter().copied() {
            let (now, later) = rest.split_at(part);
            last = Some(read(&model, &mut split, now));
            rest = later;
        }
        prop_assert!(gap(&one, &last.expect("one part at least")) < ROUNDING);
        let (a, b) = (read(&model, &mut whole, &[1, 2]), read(&model, &mut split, &[1, 2]));
        prop_assert!(gap(&a, &b) < ROUNDING);
        prop_assert_eq!(a.argmax(D::Minus1).expect("rows").to_vec1::<u32>().expect("ids"),
            b.argmax(D::Minus1).expect("rows").to_vec1::<u32>().expect("ids"));
        }
    }
}
