//! Runs of two sides that never happened, written as bundles. Noise is drawn from a seed, and both visits of a pair
//! share the drift of their round.

#![allow(dead_code, reason = "each test uses some of it")]

use dyno_protocol::{ComputeUnit, DeviceFacts};
use dyno_reports::bundle::{Bundle, ItemAnswer, RunStatus, Writer};
use dyno_reports::cell::{Cell, Side};
use dyno_reports::derive::testing::{self, Told, phone, run_of_sides};
use dyno_reports::evidence::Evidence;
use dyno_suites::Definitions;
use dyno_tests::cli::Desk;

/// What happens on the bench.
pub(crate) struct Bench {
    pub(crate) rounds: u32,
    pub(crate) model: &'static str,
    /// Tokens a second of the candidate over those of the base.
    pub(crate) candidate_rate: f64,
    /// Standard deviation of one trial, as a share.
    pub(crate) noise: f64,
    pub(crate) seed: u64,
    /// A case that the candidate is not asked for.
    pub(crate) left_out: Option<&'static str>,
    /// Ask items too.
    pub(crate) items: bool,
}

impl Default for Bench {
    fn default() -> Self {
        Self {
            rounds: 10,
            model: "tiny-1m",
            candidate_rate: 1.0,
            noise: 0.01,
            seed: 1,
            left_out: None,
            items: false,
        }
    }
}

pub(crate) fn decode(model: &str) -> Cell {
    testing::cell("speed/decode", model, "dyno", ComputeUnit::Cpu)
}

/// Measures both sides in turn into a bundle; `change` has the last word on every trial.
pub(crate) fn in_turn(desk: &Desk, name: &str, bench: &Bench, change: impl Fn(Side, Told) -> Told) {
    let mut random = Random(bench.seed);
    let mut told = Vec::new();
    for round in 0..bench.rounds {
        // A device that slows down by six percent over the run.
        let drift = 1.0 - 0.06 * f64::from(round) / f64::from(bench.rounds);
        let order =
            if round % 2 == 0 { [Side::Base, Side::Candidate] } else { [Side::Candidate, Side::Base] };
        for side in order {
            for case in ["decode", "chat", "items"] {
                let asked = case != "items" || (bench.items && round == 0);
                if !asked || (side == Side::Candidate && bench.left_out == Some(case)) {
                    continue;
                }
                let suite = if case == "items" { "other" } else { "speed" };
                let cell = testing::cell(&format!("{suite}/{case}"), bench.model, "dyno", ComputeUnit::Cpu);
                let cell = Cell { side: Some(side), ..cell };
                let factor = if side == Side::Candidate { bench.candidate_rate } else { 1.0 };
                let rate = 20.0 * drift * factor * (bench.noise * random.normal()).exp();
                let one =
                    if case == "items" { Told::new(cell, vec![]) } else { Told::at_rate(cell, rate, 100.0) };
                told.push(change(side, one));
            }
        }
    }
    let mut candidate = phone();
    candidate.build.binary_sha256 = dyno_protocol::Known::Is("bb".into());
    let sides = [(Some(Side::Base), phone()), (Some(Side::Candidate), candidate)];
    write(desk, name, &run_of_sides(name, &sides, Evidence::Measured, &told));
}

/// One session of three trials of one build.
pub(crate) fn one_side(desk: &Desk, name: &str, facts: &DeviceFacts, rate: f64) {
    let trial = |factor: f64| Told::at_rate(decode("tiny-1m"), rate * factor, 100.0);
    let told = [0.998, 1.0, 1.002].map(trial);
    write(desk, name, &testing::run(name, facts, Evidence::Measured, &told));
}

pub(crate) fn answer(item: &str, right: bool) -> ItemAnswer {
    ItemAnswer {
        item: item.into(),
        cluster: None,
        answer: Some(if right { "1" } else { "2" }.into()),
        right,
        truncated: false,
        looped: false,
        tokens: 10,
        asked: None,
    }
}

fn write(desk: &Desk, name: &str, bundle: &Bundle) {
    let definitions = Definitions::embedded().unwrap_or_else(|errors| panic!("{errors}"));
    let mut writer = Writer::create(&desk.path(name), bundle.manifest.clone(), &definitions.verbatim())
        .expect("the desk can be written");
    for event in &bundle.events {
        writer.append(event.body.clone()).expect("the desk can be written");
    }
    writer.finish(RunStatus::Finished, "2026-01-01T01:00:00Z").expect("the desk can be written");
}

/// Numbers that look random and are the same everywhere (`SplitMix64`, Steele, Lea and Flood 2014).
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}
