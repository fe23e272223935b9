//! The engine over the emulated device: the same ids as on the processor, however they are chosen, and what is
//! said about where the work ran.

use std::path::Path;

use dyno_gpu_emulator::{Emulator, Mode};
use dyno_protocol::{ModelSource, Sampling, StopRule};
use dyno_qwen35::{CpuPath, Input, LoadOptions, Logits, Qwen35, greedy};

use super::*;
use crate::clock::Clock;

#[derive(Default)]
struct Seen {
    ids: Vec<u32>,
    reused: u32,
    read: u32,
}

impl Watch for Seen {
    fn seen(&mut self, _: u32) {}
    fn reused(&mut self, tokens: u32) {
        self.reused += tokens;
    }
    fn read(&mut self, tokens: u32) -> ControlFlow<()> {
        self.read += tokens;
        ControlFlow::Continue(())
    }
    fn token(&mut self, id: u32) -> ControlFlow<()> {
        self.ids.push(id);
        ControlFlow::Continue(())
    }
    fn stamps_are_chunks(&mut self) {}
    fn speculated(&mut self, _: u32, _: u32) {}
}

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("qwen35/tests/data/dense")
}

fn engine() -> OnGpu {
    let cache = std::env::temp_dir().join("dyno-emulator-of-the-agent");
    let device = Box::new(Emulator::new(cache, Mode::Plain));
    let load = LoadSpec {
        engine: NAME.to_owned(),
        unit: ComputeUnit::Gpu,
        source: ModelSource::Path { path: folder().to_string_lossy().into_owned() },
        expect_sha256: None,
        threads: None,
        vision: false,
        draft_head: false,
        memory_limit_bytes: None,
    };
    let checkpoint = Checkpoint::open(&folder()).unwrap();
    OnGpu::load(device, checkpoint, &load, Opened::now(Clock::start())).unwrap()
}

fn generate(engine: &mut OnGpu, ids: &[u32], sampling: &Sampling, reuse_prefix: u32) -> Seen {
    let prompt = Prompt::new(None, ids.to_vec(), Vec::new());
    let stop = StopRule { max_tokens: 12, ignore_end: true, stop_on_loop: false, thinking_budget: None };
    let task = Generate {
        prompt: &prompt,
        sampling,
        stop: &stop,
        reuse_prefix,
        allocate_context: None,
        speculate: false,
    };
    let mut seen = Seen::default();
    assert_eq!(engine.generate(&task, &mut seen).unwrap(), Finish::Length);
    seen
}

#[test]
fn the_device_gives_the_processors_ids_and_says_where_they_came_from() {
    let ids: Vec<u32> = (0..30).map(|i| (i * 37 + 11) % 499).collect();
    let options =
        LoadOptions { device: candle_core::Device::Cpu, vision: false, mtp: false, cpu: CpuPath::Reference };
    let model = Qwen35::load(&Checkpoint::open(&folder()).unwrap(), &options, &mut |_| ()).unwrap();
    let mut state = model.state().unwrap();
    let mut logits = model.forward(&mut state, Input::text(&ids), Logits::Last).unwrap().logits;
    let mut expected = Vec::new();
    for _ in 0..12 {
        expected.push(greedy(&logits).unwrap()[0]);
        let last = Input::text(&expected[expected.len() - 1..]);
        logits = model.forward(&mut state, last, Logits::Last).unwrap().logits;
    }

    let mut engine = engine();
    let plain = generate(&mut engine, &ids, &Sampling::GREEDY, 20);
    assert_eq!((plain.ids, plain.reused, plain.read), (expected.clone(), 0, 30));
    let again = generate(&mut engine, &ids, &Sampling::GREEDY, 20);
    assert_eq!(
        (again.ids, again.reused, again.read),
        (expected.clone(), 20, 10),
        "the prefix comes from a snapshot"
    );
    // With a penalty of nothing and the likeliest only, the choice is made here and must be the same.
    let sampled = Sampling { top_k: 1, temperature: 1.0, ..Sampling::GREEDY };
    assert_eq!(generate(&mut engine, &ids, &sampled, 0).ids, expected);

    let loaded = engine.loaded();
    assert_eq!(loaded.unit, ComputeUnit::Gpu);
    assert!(loaded.evidence.dispatches_per_token.value().is_some_and(|n| *n > 10.0 && *n < 200.0));
    assert!(
        loaded.evidence.notes.iter().any(|note| note.contains("self-test")),
        "{:?}",
        loaded.evidence.notes
    );

    let prefix = Prompt::new(None, ids.clone(), Vec::new());
    let scored = engine.score(&prefix, &[expected.clone()], &mut Seen::default()).unwrap();
    let own = model.score(Input::text(&ids), &[&expected]).unwrap();
    for (a, b) in scored[0].token_log_probs.iter().zip(&own[0].log_probs) {
        assert!((a - b).abs() < 1e-3, "{a} for {b}");
    }
    assert_eq!(scored[0].greedy, own[0].was_greedy);
}
