//! Pieces that the analyses are put together from.

use std::collections::BTreeMap;

use dyno_protocol::{
    BuildFacts, BuildProfile, ComputeUnit, Conditions, DeviceFacts, DeviceKind, EngineFacts, Failure,
    FailureKind, Known, PowerSource, SensorFacts, ThermalState,
};
use dyno_reports::analysis::{Attempt, Estimate, RunRow, Sample, SensorRow, SessionRow, Summary, TrialRow};
use dyno_reports::bundle::{BUNDLE_FORMAT, HostFacts, Manifest, Outcome, RunStatus, SessionId, ToolFacts};
use dyno_reports::cell::{Cell, PlannedTrial};
use dyno_reports::chart::Band;
use dyno_reports::evidence::Evidence;
use dyno_reports::page::{ClaimWords, Glossary, MetricWords, ModelWords};
use dyno_reports::verdict::{ClaimVerdict, EvidenceLine, Leaning, Verdict};

pub(crate) const RUN: &str = "2026-11-21-main";
const HASH: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

pub(crate) fn glossary() -> Glossary {
    let metric = |label: &str, unit: &str, scale: f64, higher, decimals, definition: &str| MetricWords {
        label: label.to_owned(),
        unit: unit.to_owned(),
        scale,
        higher_is_better: Some(higher),
        decimals: Some(decimals),
        definition: definition.to_owned(),
        quality: unit == "%",
    };
    let metrics = [
        (
            "decode_rate",
            metric(
                "decode rate",
                "tok/s",
                1.0,
                true,
                1,
                "Tokens after the first over the time from the first token's stamp to the last one's.",
            ),
        ),
        (
            "prefill_rate",
            metric(
                "prefill rate",
                "tok/s",
                1.0,
                true,
                0,
                "Prompt tokens read over the time from handing over the prompt to the end of the last chunk.",
            ),
        ),
        (
            "ttft",
            metric(
                "time to first token",
                "ms",
                1.0,
                false,
                0,
                "From handing over the prompt to the first token's stamp.",
            ),
        ),
        (
            "peak_footprint",
            metric(
                "peak footprint",
                "MB",
                1e-6,
                false,
                0,
                "The most memory that the system charged to the process.",
            ),
        ),
        (
            "accuracy",
            metric(
                "accuracy",
                "%",
                100.0,
                true,
                1,
                "Right answers over all items; no answer is a wrong one.",
            ),
        ),
    ];
    let models =
        [("tiny-1m", 1_200_000, true), ("tiny-5m", 5_100_000, true), ("qwen3.5-0.8b", 852_000_000, false)];
    let bands = [
        (
            "ane-decode-2b",
            "decode_rate",
            Band { stated: 27.0, low: Some(25.0), high: Some(30.0), label: "about 27 tok/s".into() },
        ),
        (
            "speed-2b-iphone-mlx",
            "decode_rate",
            Band {
                stated: 60.0,
                low: Some(54.0),
                high: None,
                label: "at least 60 tok/s, 10 % allowed".into(),
            },
        ),
        (
            "speed-here",
            "decode_rate",
            Band { stated: 20.0, low: Some(20.0), high: None, label: "at least 20 tok/s".into() },
        ),
        (
            "toy-4x",
            "accuracy",
            Band { stated: 0.55, low: Some(0.55), high: None, label: "the larger model's 55 %".into() },
        ),
    ];
    Glossary {
        metrics: metrics.into_iter().map(|(id, words)| (id.to_owned(), words)).collect(),
        models: models
            .into_iter()
            .map(|(id, parameters, toy)| (id.to_owned(), ModelWords { parameters: Some(parameters), toy }))
            .collect(),
        claims: bands
            .into_iter()
            .map(|(id, metric, band)| (id.to_owned(), ClaimWords { bands: vec![(metric.to_owned(), band)] }))
            .collect(),
    }
}

pub(crate) fn cell(suite: &str, case: &str, model: &str, quant: &str, engine: &str) -> Cell {
    Cell {
        suite: suite.to_owned(),
        suite_version: 1,
        case: case.to_owned(),
        case_version: 1,
        model: model.to_owned(),
        quant: quant.to_owned(),
        engine: engine.to_owned(),
        unit: ComputeUnit::Cpu,
        device: "this-machine".to_owned(),
        axes: BTreeMap::new(),
    }
}

pub(crate) fn run() -> RunRow {
    let definitions = [("claims/qwen35.toml", HASH), ("metrics.toml", HASH)];
    RunRow {
        manifest: Manifest {
            format: BUNDLE_FORMAT,
            run_id: RUN.to_owned(),
            status: RunStatus::Finished,
            tool: ToolFacts { version: "0.1.0".into(), binary_sha256: Some(HASH.into()), debug_build: false },
            host: HostFacts { os: "linux".into(), arch: "x86_64".into(), logical_cores: 2 },
            command: vec!["dyno".into(), "run".into(), "--seed".into(), "7".into()],
            seed: 7,
            started_at: "2026-11-21T04:00:00Z".into(),
            ended_at: Some("2026-11-21T04:02:31Z".into()),
            definitions: definitions
                .into_iter()
                .map(|(name, hash)| (name.to_owned(), hash.to_owned()))
                .collect(),
        },
        events_sha256: HASH.to_owned(),
        defects: vec![],
        notes: vec!["waited 12 s for the processor to become idle".into()],
    }
}

pub(crate) fn session() -> SessionRow {
    SessionRow {
        run_id: RUN.to_owned(),
        session: SessionId("s1".into()),
        device: "this-machine".into(),
        runner: "local".into(),
        facts: DeviceFacts {
            device_id: "linux-7f3a".into(),
            name: "workbench".into(),
            kind: DeviceKind::Linux,
            model_identifier: Known::unknown("the firmware names none"),
            marketing_name: Known::unknown("not a product"),
            chip: Known::Is("AMD EPYC 9R14".into()),
            logical_cores: 2,
            memory_bytes: Known::Is(25_769_803_776),
            os_name: "Linux".into(),
            os_version: Known::Is("6.1.0-28".into()),
            os_build: Known::Is("#1 SMP Debian 6.1.119-1".into()),
            build: build(),
            engines: vec![EngineFacts {
                name: "dyno-cpu".into(),
                version: "0.1.0".into(),
                units: vec![ComputeUnit::Cpu],
            }],
            sensors: vec![SensorFacts {
                name: "cpu_temperature_celsius".into(),
                source: "/sys/class/hwmon/hwmon0/temp1_input".into(),
            }],
        },
        evidence: Evidence::Measured,
        began_at: "2026-11-21T04:00:01Z".into(),
        sensors: vec![SensorRow {
            name: "cpu_temperature_celsius".into(),
            source: "/sys/class/hwmon/hwmon0/temp1_input".into(),
            samples: 148,
            first: 41.0,
            lowest: 40.5,
            highest: 63.25,
            last: 58.0,
        }],
        ended_with: None,
    }
}

fn build() -> BuildFacts {
    BuildFacts {
        version: "0.1.0".into(),
        binary_sha256: Known::Is(HASH.into()),
        profile: BuildProfile::Release,
        target: "x86_64-unknown-linux-gnu".into(),
    }
}

pub(crate) fn conditions() -> Conditions {
    Conditions {
        at_ns: 1,
        power: Known::Is(PowerSource::Mains),
        battery_percent: Known::unknown("no battery"),
        low_power_mode: Known::Is(false),
        thermal: Known::Is(ThermalState::Nominal),
        foreground: Known::Is(true),
        unlocked_for_ns: Known::unknown("not a phone"),
        free_memory_bytes: Known::Is(18_000_000_000),
        other_load: Known::Is(0.04),
    }
}

pub(crate) fn trial(
    cell: &Cell,
    round: u32,
    first_line: u64,
    values: &[(&str, f64)],
    outcome: Option<Outcome>,
) -> TrialRow {
    let planned = PlannedTrial::new(cell.clone(), round, 1_000_000_000);
    TrialRow {
        run_id: RUN.to_owned(),
        trial: planned.id,
        cell: cell.clone(),
        round,
        attempt: Some(Attempt {
            attempt: 1,
            session: SessionId("s1".into()),
            outcome,
            prompt_sha256: Some(HASH.into()),
            prompt_text: Some("<|im_start|>user\nadd 17 25<|im_end|>\n<|im_start|>assistant\n".into()),
            output_text: Some("42".into()),
            model_sha256: Some(HASH.into()),
            format: Some("affine-4bit-g64".into()),
            unit_path: Some("dyno-cpu avx512".into()),
            begin_conditions: Some(conditions()),
            end_conditions: Some(conditions()),
            build: Some(build()),
            flags: vec![],
            values: values.iter().map(|(id, value)| ((*id).to_owned(), *value)).collect(),
            events: (first_line, first_line + 9),
        }),
    }
}

pub(crate) fn failed(kind: FailureKind, what: &str, next_step: &str) -> Outcome {
    Outcome::Failed { failure: Failure::new(kind, what).with_next_step(next_step) }
}

/// Values that spread a little around a middle, the same every time.
pub(crate) fn spread(middle: f64, count: u32, share: f64) -> Vec<f64> {
    (0..count)
        .map(|index| {
            let turn = f64::from((index * 7 + 3) % 11) / 10.0 - 0.5;
            middle * (1.0 + share * turn)
        })
        .collect()
}

pub(crate) fn summary(
    cell: &Cell,
    metric: &str,
    evidence: Evidence,
    values: &[f64],
    trials: &[&TrialRow],
) -> Summary {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0).max(1.0);
    let half = 1.96 * (variance / count).sqrt();
    let interval = (values.len() > 2).then_some((mean - half, mean + half));
    let samples = values
        .iter()
        .enumerate()
        .map(|(index, value)| {
            let trial = trials[index % trials.len()];
            Sample {
                run_id: trial.run_id.clone(),
                session: SessionId("s1".into()),
                trial: trial.trial.clone(),
                attempt: 1,
                pass: (index / trials.len()) as u32,
                value: *value,
            }
        })
        .collect();
    Summary {
        cell: cell.clone(),
        metric: metric.to_owned(),
        evidence,
        estimate: Estimate {
            value: mean,
            interval,
            passes: values.len() as u32,
            trials: trials.len() as u32,
            sessions: 1,
            method: "hierarchical bootstrap of the mean, 2,000 draws".into(),
            warnings: if interval.is_none() {
                vec!["needs at least 3 passes for an interval".into()]
            } else {
                vec![]
            },
        },
        samples,
        ceiling: (metric == "decode_rate" && mean < 66.0).then_some(mean / 66.0),
        model_sha256: Some(HASH.into()),
    }
}

pub(crate) fn line(
    kind: Evidence,
    what: &str,
    metric: &str,
    unit: &str,
    values: (f64, Option<(f64, f64)>),
) -> EvidenceLine {
    EvidenceLine {
        kind,
        what: what.to_owned(),
        metric: metric.to_owned(),
        unit: unit.to_owned(),
        value: values.0,
        low: values.1.map(|interval| interval.0),
        high: values.1.map(|interval| interval.1),
        samples: 3,
        refers_to: vec![],
        flags: vec![],
    }
}

pub(crate) struct Claim<'a> {
    pub(crate) id: &'a str,
    pub(crate) number: u32,
    pub(crate) title: &'a str,
    pub(crate) statement: &'a str,
    pub(crate) verdict: Verdict,
    pub(crate) leaning: Option<Leaning>,
    pub(crate) headline: &'a str,
    pub(crate) differs: &'a [&'a str],
}

pub(crate) fn verdict(claim: &Claim<'_>, evidence: Vec<EvidenceLine>) -> ClaimVerdict {
    ClaimVerdict {
        claim: claim.id.to_owned(),
        number: claim.number,
        title: claim.title.to_owned(),
        statement: claim.statement.to_owned(),
        source: "A source made up for this page, https://example.org/claims".to_owned(),
        verdict: claim.verdict,
        leaning: claim.leaning,
        headline: claim.headline.to_owned(),
        why: vec![if evidence.is_empty() {
            "nothing at hand was measured on the device that the claim names".to_owned()
        } else {
            "the interval was tested against the claim's own tolerance, one-sided, at 5 %".to_owned()
        }],
        differs: claim.differs.iter().map(|text| (*text).to_owned()).collect(),
        evidence,
        decide_with: format!("dyno run speed --device iphone --claim {}", claim.id),
    }
}
