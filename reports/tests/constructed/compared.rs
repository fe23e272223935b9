//! A comparison and a history made by hand.

use dyno_reports::analysis::{Analysis, Estimate};
use dyno_reports::cell::Cell;
use dyno_reports::compare::{Comparison, Difference, Effect, Judgement, Problem, Row};
use dyno_reports::evidence::Evidence;
use dyno_reports::history::{Annotation, Detection, Grounds, Point, Trend, trend};
use dyno_suites::Direction;

use super::parts::cell;
use super::reports::ordinary;

fn estimate(value: f64) -> Estimate {
    Estimate {
        value,
        interval: Some((value * 0.99, value * 1.01)),
        passes: 30,
        trials: 10,
        sessions: 1,
        method: "geometric mean, Student's t over 10 trial means".into(),
        warnings: vec![],
    }
}

fn row(cell: Cell, metric: &str, base: f64, change: f64, judgement: Judgement) -> Row {
    let effect = Effect {
        change,
        relative: true,
        interval: Some((change - 0.012, change + 0.012)),
        error: Some(0.005),
        margin: 0.03,
        repetitions: 10,
        paired: true,
        method: "ratios of 10 pairs, Student's t".into(),
        p: 0.001,
        p_adjusted: 0.004,
        significant: change.abs() > 0.012,
        relevant: change.abs() >= 0.03,
        floor: None,
    };
    Row {
        cell,
        metric: metric.into(),
        evidence: Evidence::Measured,
        base: Some(estimate(base)),
        candidate: Some(estimate(base * (1.0 + change))),
        effect: Some(effect),
        judgement,
        problem: None,
        why: vec![],
    }
}

/// A report with a comparison in it: one of each judgement, and a cell that crashed.
pub(crate) fn compared() -> Analysis {
    let decode = |model: &str| cell("speed", "decode", model, "bf16", "dyno-cpu");
    let crashed = Row {
        effect: None,
        candidate: None,
        problem: Some(Problem::Crashed),
        why: vec!["2 of 10 trials of the candidate gave no valid number: the agent ended (signal 11)".into()],
        ..row(cell("speed", "chat", "tiny-5m", "bf16", "dyno-cpu"), "ttft", 80.0, 0.0, Judgement::CannotTell)
    };
    let undecided = Row {
        problem: Some(Problem::Undecided),
        why: vec!["the interval holds both no change and a change that matters".into()],
        ..row(decode("tiny-5m"), "peak_footprint", 60e6, -0.011, Judgement::CannotTell)
    };
    let difference = |what: &str, base: &str, candidate: &str, refuses| Difference {
        what: what.into(),
        base: base.into(),
        candidate: candidate.into(),
        refuses,
    };
    let comparison = Comparison {
        base: vec!["2026-11-21-main".into()],
        candidate: vec!["2026-11-21-main".into()],
        differences: vec![
            difference("agent build", "9f86d081884c7d65", "60303ae22b998861", false),
            difference("OS build", "23T1", "23T2", true),
        ],
        rows: vec![
            row(decode("tiny-1m"), "decode_rate", 412.0, -0.061, Judgement::Regressed),
            row(decode("tiny-5m"), "decode_rate", 118.0, 0.047, Judgement::Improved),
            row(decode("tiny-1m"), "peak_footprint", 21e6, 0.002, Judgement::Same),
            undecided,
            crashed,
        ],
        alpha: 0.05,
        tests: 4,
        warnings: vec!["2 trials of the base gave no valid number: their pairs are lost".into()],
    };
    Analysis { comparison: Some(comparison), ..ordinary() }
}

/// Two series: one with a new system and a regression after it, one where nothing happened.
pub(crate) fn trends() -> Vec<Trend> {
    let wobble = [0.0, 0.7, -0.5, 0.3, -0.8, 0.4, -0.2, 0.6, -0.6, 0.1];
    let point = |index: usize, value: f64| Point {
        run_id: format!("nightly-{index:02}"),
        at: format!("2026-{:02}-{:02}T03:00:00Z", 9 + index / 28, 1 + index % 28),
        build: format!("{:x}", 0x9f86_d081_884c_7d65_u64.wrapping_mul(index as u64 + 1)),
        version: "0.1.0".into(),
        value: value + wobble[index % 10],
        trials: 3,
        evidence: Evidence::Measured,
        grounds: Grounds {
            device_id: "iphone".into(),
            os_build: Some(if index < 20 { "23T1" } else { "23T2" }.into()),
            battery_health_percent: Some(97),
            definition: "1.1".into(),
        },
    };
    let level = |index: usize| match index {
        0..20 => 28.0,
        20..42 => 30.0,
        _ => 27.5,
    };
    let notes = vec![
        Annotation { at: "2026-09-10T12:00:00Z".into(), who: "Ada".into(), text: "a new cable".into() },
        Annotation {
            at: "2026-10-16T09:00:00Z".into(),
            who: "Grace".into(),
            text: "<b>the desk</b> moved".into(),
        },
    ];
    let changed = (0..56).map(|index| point(index, level(index))).collect();
    let calm = (0..30).map(|index| point(index, 60.0)).collect();
    let how = Detection { least_change: 0.03, ..Detection::default() };
    [
        ("speed/decode qwen3.5-2b int8 coreml on iphone, depth 0", changed),
        ("speed/decode qwen3.5-2b 4bit mlx on iphone, depth 0", calm),
    ]
    .map(|(title, points)| {
        trend(title, "decode_rate", Direction::HigherIsBetter, points, notes.clone(), &how)
    })
    .into()
}
