//! Four reports: an ordinary one, one full of hostile text, one with ten thousand trials, and an empty one.

use dyno_protocol::{FailureKind, ThermalState};
use dyno_reports::analysis::{Analysis, Course, CourseReading, StateSpan, TrialRow};
use dyno_reports::bundle::{Outcome, SessionId};
use dyno_reports::cell::{Cell, PlannedTrial, Skipped};
use dyno_reports::evidence::Evidence;
use dyno_reports::verdict::{ClaimVerdict, Leaning, Verdict};

use super::parts::{Claim, RUN, cell, failed, line, run, session, spread, summary, trial, verdict};

pub(crate) fn empty() -> Analysis {
    Analysis {
        runs: vec![],
        sessions: vec![],
        verdicts: vec![],
        summaries: vec![],
        trials: vec![],
        skipped: vec![],
        foreign: vec![],
        courses: vec![],
        quality: dyno_reports::quality::Quality::default(),
        comparison: None,
        warnings: vec![],
    }
}

/// What a first run on a plain Linux machine leaves.
pub(crate) fn ordinary() -> Analysis {
    let mut analysis = empty();
    analysis.runs = vec![run()];
    analysis.sessions = vec![session()];
    let synthetic = Evidence::SyntheticWeights;
    let mut first_line = 14;
    let mut measure = |cell: Cell, evidence, metrics: &[(&str, f64, u32, f64)]| {
        let trials: Vec<TrialRow> = (1..=3)
            .map(|round| {
                let values: Vec<(&str, f64)> =
                    metrics.iter().map(|(id, middle, _, _)| (*id, *middle)).collect();
                first_line += 12;
                trial(&cell, round, first_line, &values, Some(Outcome::Done))
            })
            .collect();
        let refs: Vec<&TrialRow> = trials.iter().collect();
        for (metric, middle, count, share) in metrics {
            analysis.summaries.push(summary(
                &cell,
                metric,
                evidence,
                &spread(*middle, *count, *share),
                &refs,
            ));
        }
        analysis.trials.extend(trials);
    };
    let speeds = [
        ("tiny-1m", "q4", Evidence::Measured, 912.4, 8_140.0, 3.1, 9.4e6),
        ("tiny-1m", "bf16", Evidence::Measured, 744.0, 7_020.0, 3.6, 12.1e6),
        ("tiny-5m", "q4", Evidence::Measured, 401.7, 3_310.0, 7.9, 18.8e6),
        ("qwen3.5-0.8b", "q4", synthetic, 28.6, 162.0, 812.0, 612e6),
        ("qwen3.5-0.8b", "q8", synthetic, 21.9, 118.0, 1_094.0, 1_020e6),
    ];
    for (model, quant, evidence, decode, prefill, first, peak) in speeds {
        let metrics = [
            ("decode_rate", decode, 12, 0.02),
            ("prefill_rate", prefill, 12, 0.04),
            ("ttft", first, 12, 0.09),
            ("peak_footprint", peak, 2, 0.0),
        ];
        measure(cell("speed", "short-chat", model, quant, "dyno-cpu"), evidence, &metrics);
    }
    for (model, quant, share) in [("tiny-1m", "q4", 0.58), ("tiny-1m", "bf16", 0.61), ("tiny-5m", "q4", 0.55)]
    {
        let metrics = [("accuracy", share, 40, 0.3)];
        measure(cell("quality", "add", model, quant, "dyno-cpu"), Evidence::Measured, &metrics);
    }
    gaps(&mut analysis);
    analysis.courses = vec![course()];
    analysis.verdicts = claims();
    analysis.warnings = vec!["Other programs took up to 18 % of the processor during 4 of 26 trials.".into()];
    analysis
}

fn gaps(analysis: &mut Analysis) {
    let big = cell("speed", "long-context", "qwen3.5-2b", "bf16", "dyno-cpu");
    let step = "choose a smaller model or a quantization with fewer bits";
    let memory = failed(FailureKind::Memory, "weights and context need 4.1 GB, the limit is 2.0 GB", step);
    analysis.trials.push(trial(&big, 1, 402, &[], Some(memory)));
    let wrong =
        Outcome::Invalid { reasons: vec!["output differs from the reference from token 12 on".into()] };
    let broken = cell("speed", "short-chat", "tiny-5m", "q2", "dyno-cpu");
    analysis.trials.push(trial(&broken, 1, 420, &[("decode_rate", 611.0)], Some(wrong)));
    analysis.trials.push(trial(&broken, 2, 440, &[], None));
    let mut never = trial(&broken, 3, 460, &[], None);
    never.attempt = None;
    analysis.trials.push(never);
    let mut phone = cell("speed", "short-chat", "qwen3.5-2b", "q4", "core-ml");
    phone.device = "iphone".into();
    analysis.skipped = vec![Skipped { cell: phone, reason: "no iPhone is attached".into() }];
}

/// Five minutes of a machine that gets warm, and what follows.
fn course() -> Course {
    let cell = cell("thermal", "five-minutes", "qwen3.5-0.8b", "q4", "dyno-cpu");
    let every = |step: u32, until: u32, value: &dyn Fn(f64) -> f64| -> Vec<(f64, f64)> {
        (0..until / step).map(|at| f64::from(at * step)).map(|s| (s, value(s))).collect()
    };
    let rate = |s: f64| 24.0 + 6.0 * (-(s - 40.0).max(0.0) / 60.0).exp() + (s * 0.9).sin() * 0.3;
    let span = |from_s, to_s, state| StateSpan { from_s, to_s, state };
    let reading =
        |name: &str, unit: &str, points| CourseReading { name: name.into(), unit: unit.into(), points };
    Course {
        run_id: RUN.into(),
        session: SessionId("s1".into()),
        trial: PlannedTrial::new(cell.clone(), 0, 1).id,
        attempt: 1,
        cell,
        evidence: Evidence::Measured,
        rate: every(4, 300, &rate),
        recovery: vec![(301.0, 24.2), (305.0, 25.9), (311.0, 28.1), (320.0, 29.6)],
        end_s: 300.0,
        onset_s: Some((41.0, Some((32.0, 48.0)))),
        plateau: Some(24.1),
        gate_share: Some(0.994),
        states: vec![
            span(0.0, 95.0, ThermalState::Nominal),
            span(95.0, 230.0, ThermalState::Fair),
            span(230.0, 320.0, ThermalState::Serious),
        ],
        readings: vec![
            reading("package_temperature_c", "c", every(4, 320, &|s| 63.0 - 22.0 * (-s / 80.0).exp())),
            reading("cpu0_clock_hz", "hz", every(4, 320, &|s| 3.2e9 * rate(s) / 30.0)),
            reading("power by rapl", "w", every(10, 300, &|s| 8.0 + 12.0 * rate(s) / 30.0)),
            reading("battery_percent", "percent", every(10, 320, &|s| 78.0 - (s / 100.0).floor())),
        ],
    }
}

fn claims() -> Vec<ClaimVerdict> {
    let differs = ["no OS build", "Debug build", "charging", "thermal state fair"];
    let holds = Claim {
        id: "speed-here",
        number: 1,
        title: "0.8B decodes at 20 tok/s or more here",
        statement: "On this machine's processor the 0.8B shape at 4 bits decodes at least 20 tokens a second.",
        verdict: Verdict::Holds,
        leaning: None,
        headline: "A 0.8B model writes faster than 20 tokens a second on this machine.",
        differs: &[],
    };
    let fails = Claim {
        id: "toy-4x",
        number: 2,
        title: "The small toy beats the large one",
        statement: "The small toy model answers more items right than one four times its size.",
        verdict: Verdict::Fails,
        leaning: None,
        headline: "The small toy model does not beat the one four times its size.",
        differs: &[],
    };
    let ane = Claim {
        id: "ane-decode-2b",
        number: 3,
        title: "2B on the Neural Engine, about 27 tok/s",
        statement: "Qwen3.5-2B decodes at about 27 tokens a second on the Neural Engine of an iPhone 17 Pro.",
        verdict: Verdict::CannotTell,
        leaning: Some(Leaning::Indicated),
        headline: "Others measured 26.9 to 28.1 tokens a second, but not under the claim's conditions.",
        differs: &differs,
    };
    let mlx = Claim {
        id: "speed-2b-iphone-mlx",
        number: 4,
        title: "2B with MLX, 60 tok/s",
        statement: "Qwen3.5-2B at 4 bits decodes at 60 tokens a second with MLX on an iPhone 17 Pro.",
        verdict: Verdict::CannotTell,
        leaning: Some(Leaning::Contradicted),
        headline: "What others measured lies below the claim, but their conditions differ.",
        differs: &differs,
    };
    let mut verdicts = vec![
        verdict(
            &holds,
            vec![line(
                Evidence::SyntheticWeights,
                "0.8B, 4 bits, here",
                "decode_rate",
                "tok/s",
                (28.6, Some((28.3, 28.9))),
            )],
        ),
        verdict(
            &fails,
            vec![line(Evidence::Measured, "tiny-1m, 4 bits", "accuracy", "%", (0.51, Some((0.47, 0.54))))],
        ),
        verdict(
            &ane,
            vec![line(
                Evidence::ThirdParty,
                "Yardstick, 3 rows",
                "decode_rate",
                "tok/s",
                (27.63, Some((26.89, 28.1))),
            )],
        ),
        verdict(
            &mlx,
            vec![line(
                Evidence::ThirdParty,
                "Yardstick, 3 rows",
                "decode_rate",
                "tok/s",
                (51.2, Some((50.7, 51.6))),
            )],
        ),
    ];
    for number in 5..=16 {
        let open = Claim {
            id: "open",
            number,
            title: "0.8B on the Neural Engine, 80 tok/s",
            statement: "Qwen3.5-0.8B decodes at 80 tokens a second on the Neural Engine of an iPhone 17 Pro.",
            verdict: Verdict::CannotTell,
            leaning: None,
            headline: "Nobody has measured this yet: no row of the 0.8B on an iPhone exists.",
            differs: &[],
        };
        verdicts.push(verdict(&open, vec![]));
    }
    verdicts
}

/// The same text wherever a device, a model, a prompt or another tool could have put one.
pub(crate) fn hostile(text: &str) -> Analysis {
    let mut analysis = ordinary();
    let put = || text.to_owned();
    analysis.warnings.push(put());
    for run in &mut analysis.runs {
        run.manifest.run_id = put();
        run.manifest.command = vec![put(), put()];
        run.manifest.definitions.insert(put(), put());
        run.manifest.tool.version = put();
        run.manifest.started_at = put();
        run.events_sha256 = put();
        run.defects.push(put());
        run.notes.push(put());
    }
    for session in &mut analysis.sessions {
        session.device = put();
        session.runner = put();
        session.session = SessionId(put());
        session.facts.device_id = put();
        session.facts.os_name = put();
        session.facts.chip = dyno_protocol::Known::unknown(text);
        session.sensors[0].name = put();
        session.sensors[0].source = put();
        session.ended_with = Some(put());
    }
    for row in &mut analysis.trials {
        row.cell.model = put();
        row.cell.device = put();
        row.cell.axes.insert(put(), put());
        row.run_id = put();
        row.trial.0 = put();
        if let Some(attempt) = &mut row.attempt {
            attempt.prompt_text = Some(put());
            attempt.output_text = Some(put());
            attempt.flags.push(put());
            attempt.values.push((put(), f64::NAN));
            attempt.unit_path = Some(put());
            if let Some(Outcome::Invalid { reasons }) = &mut attempt.outcome {
                reasons.push(put());
            }
        }
    }
    for summary in &mut analysis.summaries {
        summary.cell.model = put();
        summary.cell.quant.push_str(text);
        summary.cell.suite = put();
        summary.cell.case = put();
        summary.estimate.method = put();
        summary.estimate.warnings.push(put());
        for sample in &mut summary.samples {
            sample.run_id = put();
            sample.trial.0 = put();
        }
    }
    for verdict in &mut analysis.verdicts {
        verdict.claim = put();
        verdict.title = put();
        verdict.statement = put();
        verdict.headline = put();
        verdict.why.push(put());
        verdict.differs.push(put());
        verdict.decide_with = put();
        for line in &mut verdict.evidence {
            line.what = put();
            line.metric = put();
            line.unit = put();
            line.flags.push(put());
            line.refers_to.push(put());
        }
    }
    for course in &mut analysis.courses {
        course.cell.model = put();
        course.cell.device = put();
        course.session = SessionId(put());
        for reading in &mut course.readings {
            reading.name = put();
        }
    }
    for skipped in &mut analysis.skipped {
        skipped.reason = put();
        skipped.cell.engine = put();
    }
    for (source, rows) in &mut analysis.foreign {
        source.file = put();
        source.licence = Some(put());
        for row in rows {
            row.model = put();
            row.flags.push(put());
            row.values.insert(put(), f64::INFINITY);
        }
    }
    analysis
}

/// Many cells, three rounds of each.
pub(crate) fn large(trials: usize) -> Analysis {
    let mut analysis = ordinary();
    analysis.trials.clear();
    analysis.summaries.clear();
    for index in 0..trials.div_ceil(3) {
        let model = ["qwen3.5-0.8b", "tiny-1m", "tiny-5m"][index % 3];
        let mut cell = cell("speed", "depth", model, ["q4", "q8", "bf16"][index / 3 % 3], "dyno-cpu");
        cell.axes.insert("depth".into(), (index / 9 * 16).to_string());
        let middle = 30.0 / (1.0 + index as f64 / 4_000.0);
        let rows: Vec<TrialRow> = (1..=3)
            .map(|round| {
                let failed_row = (index * 3 + round as usize).is_multiple_of(97);
                let outcome = if failed_row {
                    failed(FailureKind::TimedOut, "no token came within 60 s", "raise the limit")
                } else {
                    Outcome::Done
                };
                trial(
                    &cell,
                    round,
                    (index * 36 + round as usize * 12) as u64,
                    &[("decode_rate", middle)],
                    Some(outcome),
                )
            })
            .collect();
        let refs: Vec<&TrialRow> = rows.iter().collect();
        analysis.summaries.push(summary(
            &cell,
            "decode_rate",
            Evidence::SyntheticWeights,
            &spread(middle, 9, 0.03),
            &refs,
        ));
        analysis.trials.extend(rows);
    }
    analysis.trials.truncate(trials);
    analysis
}
