//! Claims against runs that never happened: each kind of test to each of its answers, and every claim of the
//! register to every answer it can have.

mod answers;
mod heat_and_energy;
mod register;
mod third_party;

use dyno_protocol::{ComputeUnit, DeviceFacts, RecordBody};

use crate::analysis::Analysis;
use crate::bundle::Bundle;
use crate::cell::Cell;
use crate::derive::testing::{Told, cell, definitions, phone, ran_on, run};
use crate::evidence::Evidence;
use crate::verdict::{ClaimVerdict, Verdict};

fn verdict(claim: &str, bundles: &[Bundle]) -> ClaimVerdict {
    let analysis = Analysis::of(bundles, &definitions());
    analysis
        .verdicts
        .into_iter()
        .find(|found| found.claim == claim)
        .unwrap_or_else(|| panic!("no claim {claim}"))
}

fn on(facts: &DeviceFacts, told: &[Told]) -> Bundle {
    run("run", facts, Evidence::Measured, told)
}

/// Three trials around a rate.
fn three(cell: &Cell, rate: f64, ttft_ms: f64) -> Vec<Told> {
    [0.995, 1.0, 1.004].map(|share| Told::at_rate(cell.clone(), rate * share, ttft_ms * share)).into()
}

fn decode(model: &str, unit: ComputeUnit) -> Cell {
    cell("speed/decode", model, "coreml", unit)
}

fn chat(model: &str) -> Cell {
    cell("speed/chat", model, "coreml", ComputeUnit::NeuralEngine)
}

fn with_operations(mut told: Vec<Told>, operations: &[(ComputeUnit, u64)]) -> Vec<Told> {
    for body in told.iter_mut().flat_map(|one| &mut one.bodies) {
        if let RecordBody::Generation(pass) = body {
            pass.evidence = ran_on(operations);
        }
    }
    told
}

#[track_caller]
fn says(found: &ClaimVerdict, verdict: Verdict, in_headline: &str) {
    assert_eq!(found.verdict, verdict, "{found:#?}");
    assert!(found.headline.contains(in_headline), "{:?} lacks {in_headline:?}", found.headline);
    assert!(found.headline.ends_with('.') && !found.why.is_empty());
}
