//! Runs that never happened, for tests: every stamp is chosen, so that every answer is known beforehand.

use std::collections::BTreeMap;
use std::path::PathBuf;

use dyno_protocol::{
    Bandwidth, BuildFacts, BuildProfile, ComputeUnit, Conditions, Cost, DeviceFacts, DeviceKind, EngineFacts,
    Finish, GenerationPass, Known, LoadRegime, Loaded, Memory, PassKind, PowerSource, PrefillChunk, Prompt,
    Record, RecordBody, SensorFacts, ThermalState, UnitEvidence,
};
use dyno_suites::Definitions;

use crate::bundle::{
    BUNDLE_FORMAT, Bundle, Event, EventBody, HostFacts, ItemAnswer, Manifest, Outcome, RunStatus, SessionId,
    SessionStart, ToolFacts,
};
use crate::cell::{Cell, PlannedTrial, Side};
use crate::evidence::Evidence;

pub fn definitions() -> Definitions {
    Definitions::embedded().unwrap_or_else(|errors| panic!("{errors}"))
}

pub fn unknown<T>() -> Known<T> {
    Known::unknown("made for a test")
}

/// A phone as the claims mean it; tests change one thing at a time.
pub fn phone() -> DeviceFacts {
    DeviceFacts {
        device_id: "test-phone".into(),
        name: "Test phone".into(),
        kind: DeviceKind::Iphone,
        model_identifier: Known::Is("iPhone18,1".into()),
        marketing_name: Known::Is("iPhone 17 Pro".into()),
        chip: Known::Is("Test".into()),
        logical_cores: 6,
        memory_bytes: Known::Is(12_000_000_000),
        os_name: "iOS".into(),
        os_version: Known::Is("26.4".into()),
        os_build: Known::Is("23T1".into()),
        build: BuildFacts {
            version: "0.0.0".into(),
            binary_sha256: Known::Is("aa".into()),
            profile: BuildProfile::Release,
            target: "test".into(),
        },
        engines: ["coreml", "mlx", "dyno"]
            .map(|name| EngineFacts { name: name.into(), version: "1".into(), units: vec![ComputeUnit::Cpu] })
            .into(),
        sensors: vec![
            SensorFacts { name: "package_energy_uj".into(), source: "test".into() },
            SensorFacts { name: "battery_percent".into(), source: "test".into() },
        ],
    }
}

pub fn cell(case: &str, model: &str, engine: &str, unit: ComputeUnit) -> Cell {
    let depth = (case == "speed/decode").then(|| ("depth".to_owned(), "0".to_owned()));
    let (suite, case) = case.split_once('/').expect("suite/case");
    Cell {
        suite: suite.into(),
        suite_version: 1,
        case: case.into(),
        case_version: 1,
        model: model.into(),
        quant: "int8".into(),
        engine: engine.into(),
        unit,
        device: "phone".into(),
        axes: depth.into_iter().collect(),
        side: None,
    }
}

pub fn calm() -> Conditions {
    Conditions {
        at_ns: 0,
        power: Known::Is(PowerSource::Battery),
        battery_percent: Known::Is(80.0),
        low_power_mode: Known::Is(false),
        thermal: Known::Is(ThermalState::Nominal),
        foreground: Known::Is(true),
        unlocked_for_ns: unknown(),
        free_memory_bytes: unknown(),
        other_load: unknown(),
    }
}

pub fn memory(peak_bytes: u64) -> Memory {
    Memory {
        footprint_bytes: Known::Is(peak_bytes),
        peak_footprint_bytes: Known::Is(peak_bytes),
        resident_bytes: Known::Is(2 * peak_bytes),
        peak_resident_bytes: Known::Is(2 * peak_bytes),
    }
}

pub fn ran_on(operations: &[(ComputeUnit, u64)]) -> UnitEvidence {
    let operations = if operations.is_empty() { unknown() } else { Known::Is(operations.to_vec()) };
    UnitEvidence { path: "test".into(), operations, dispatches_per_token: unknown(), notes: vec![] }
}

pub fn loaded(regime: LoadRegime) -> Loaded {
    Loaded {
        begin_ns: 0,
        end_ns: 1_500_000_000,
        spans: vec![],
        regime,
        model_sha256: "bb".into(),
        engine: "test".into(),
        unit: ComputeUnit::Cpu,
        format: "int8".into(),
        parameters: 0,
        weight_bytes: 1,
        vocabulary: 1000,
        context_limit: 4096,
        vision: false,
        cost: Known::Is(Cost { read_bytes: 1_000_000_000, flops: 1 }),
        evidence: ran_on(&[]),
        memory: memory(1_000_000_000),
    }
}

pub fn prompt() -> Prompt {
    Prompt::new(None, vec![1, 2, 3, 4], vec![])
}

/// A pass of so many tokens at this rate after a first token at `ttft_ms`, beginning at `begin_ns`.
pub fn pass(number: u32, begin_ns: u64, tokens: u32, rate: f64, ttft_ms: f64) -> GenerationPass {
    let first = begin_ns + (ttft_ms * 1e6) as u64;
    let token_at_ns: Vec<u64> =
        (0..tokens).map(|token| first + (f64::from(token) * 1e9 / rate) as u64).collect();
    let last = token_at_ns.last().copied().unwrap_or(first);
    GenerationPass {
        step: 0,
        pass: number,
        kind: PassKind::Timed,
        prompt_sha256: prompt().sha256,
        prompt_tokens: 4,
        reused_tokens: 0,
        begin_ns,
        vision: None,
        prefill: vec![PrefillChunk { tokens: 4, begin_ns, end_ns: first - 1 }],
        token_ids: (0..tokens).map(|token| token % 7).collect(),
        token_at_ns,
        end_ns: last + 5_000_000,
        finish: Finish::Length,
        text: Some("text".into()),
        stamps_are_tokens: true,
        memory: memory(1_000_000_000),
        evidence: ran_on(&[(ComputeUnit::NeuralEngine, 95), (ComputeUnit::Cpu, 5)]),
        speculation: None,
    }
}

/// What one attempt leaves, before it becomes events.
#[derive(Debug, Clone)]
pub struct Told {
    pub cell: Cell,
    pub conditions: Conditions,
    pub loaded: Option<Loaded>,
    pub bodies: Vec<RecordBody>,
    pub expected_ids: Option<Vec<u32>>,
    pub answers: Vec<ItemAnswer>,
    pub outcome: Option<Outcome>,
}

impl Told {
    pub fn new(cell: Cell, passes: Vec<GenerationPass>) -> Self {
        Self {
            cell,
            conditions: calm(),
            loaded: Some(loaded(LoadRegime::Kept)),
            bodies: passes.into_iter().map(|pass| RecordBody::Generation(Box::new(pass))).collect(),
            expected_ids: None,
            answers: vec![],
            outcome: Some(Outcome::Done),
        }
    }

    /// Three passes around this rate, of as many tokens as the case plans.
    pub fn at_rate(cell: Cell, rate: f64, ttft_ms: f64) -> Self {
        let tokens = if cell.case == "chat" { 64 } else { 128 };
        let passes = (0..3).map(|number| {
            let begin_ns = 1_000_000_000 * u64::from(1 + 30 * number);
            pass(number, begin_ns, tokens, rate * (1.0 + 0.002 * f64::from(number)), ttft_ms)
        });
        Self::new(cell, passes.collect())
    }

    pub fn with_bandwidth(cell: Cell, bytes_per_s: u64) -> Self {
        let bandwidth = Bandwidth {
            step: 0,
            pass: 0,
            kind: PassKind::Timed,
            read_bytes: bytes_per_s,
            threads: 2,
            begin_ns: 0,
            end_ns: 1_000_000_000,
        };
        Self { loaded: None, bodies: vec![RecordBody::Bandwidth(bandwidth)], ..Self::new(cell, vec![]) }
    }
}

/// A run of one session on one device.
pub fn run(id: &str, facts: &DeviceFacts, evidence: Evidence, told: &[Told]) -> Bundle {
    run_of_sides(id, &[(None, facts.clone())], evidence, told)
}

/// A run that measured two builds in turn, each with its own facts.
pub fn run_of_sides(
    id: &str,
    sides: &[(Option<Side>, DeviceFacts)],
    evidence: Evidence,
    told: &[Told],
) -> Bundle {
    let name = |place: usize| {
        let place = if place == 0 { String::new() } else { format!("-{place}") };
        SessionId(format!("{id}-session{place}"))
    };
    let mut rounds: BTreeMap<&Cell, u32> = BTreeMap::new();
    let mut planned = Vec::new();
    for one in told {
        let round = rounds.entry(&one.cell).or_default();
        planned.push(PlannedTrial::new(one.cell.clone(), *round, 1));
        *round += 1;
    }
    let mut bodies = vec![EventBody::Planned { trials: planned.clone(), skipped: vec![] }];
    for (place, (_, facts)) in sides.iter().enumerate() {
        bodies.push(EventBody::SessionBegan(Box::new(SessionStart {
            session: name(place),
            device: "phone".into(),
            runner: "test".into(),
            facts: facts.clone(),
            evidence,
            began_at: "2026-01-01T00:00:00Z".into(),
            beside: (place > 0).then(|| name(0)),
        })));
    }
    for (one, planned) in told.iter().zip(planned) {
        let trial = planned.id;
        let session = name(sides.iter().position(|(side, _)| *side == one.cell.side).unwrap_or(0));
        bodies.push(EventBody::TrialBegan {
            trial: trial.clone(),
            attempt: 1,
            session: session.clone(),
            prompt: Some(prompt()),
            expected_ids: one.expected_ids.clone(),
        });
        let conditions = one.conditions.clone();
        let mut records = vec![RecordBody::Started { conditions: conditions.clone() }];
        records.extend(one.loaded.clone().map(|loaded| RecordBody::Loaded(Box::new(loaded))));
        records.extend(one.bodies.iter().cloned());
        records.push(RecordBody::Ended { failure: None, conditions });
        for (number, body) in records.into_iter().enumerate() {
            let record = Record { record: number as u64, at_ns: 0, body };
            bodies.push(EventBody::Observed { trial: trial.clone(), attempt: 1, record });
        }
        if !one.answers.is_empty() {
            bodies.push(EventBody::Answered {
                trial: trial.clone(),
                attempt: 1,
                answers: one.answers.clone(),
            });
        }
        if let Some(outcome) = one.outcome.clone() {
            bodies.push(EventBody::TrialEnded { trial, attempt: 1, outcome });
        }
    }
    for place in 0..sides.len() {
        bodies.push(EventBody::SessionEnded { session: name(place), failure: None });
    }
    bundle(id, bodies)
}

pub fn bundle(id: &str, bodies: Vec<EventBody>) -> Bundle {
    Bundle {
        dir: PathBuf::from(id),
        manifest: Manifest {
            format: BUNDLE_FORMAT,
            run_id: id.into(),
            status: RunStatus::Finished,
            tool: ToolFacts { version: "0.0.0-test".into(), binary_sha256: None, debug_build: false },
            host: HostFacts { os: "test".into(), arch: "test".into(), logical_cores: 1 },
            command: vec![],
            seed: 0,
            started_at: "2026-01-01T00:00:00Z".into(),
            ended_at: None,
            definitions: BTreeMap::new(),
        },
        events: bodies.into_iter().enumerate().map(|(seq, body)| Event { seq: seq as u64, body }).collect(),
        events_sha256: id.into(),
        definitions: BTreeMap::new(),
        defects: vec![],
    }
}
