//! Whether it loads, runs and answers rightly: from every attempt, the failed ones first of all.

use std::collections::BTreeMap;

use dyno_protocol::FailureKind;
use dyno_suites::{Claim, Where};

use super::Ground;
use super::matching::{Aim, cell_differs, describe_cell};
use super::part::Part;
use super::third_party;
use crate::bundle::Outcome;
use crate::derive::{Fault, Judged};
use crate::evidence::Evidence;
use crate::verdict::{EvidenceLine, Leaning, Verdict};

pub(super) fn judge(claim: &Claim, at: &Where, ground: &Ground<'_>) -> Part {
    let aim = Aim::new(claim, at);
    let mut part = Part::open();
    // Of several attempts at a trial the last one counts.
    let mut last: BTreeMap<(&str, &str), &Judged<'_>> = BTreeMap::new();
    for one in ground.judged.iter().filter(|one| aim.is_at(one.cell())) {
        last.insert((one.attempted.run_id, &one.attempted.planned.id.0), one);
    }
    let mut verdicts = Vec::new();
    let mut found: Vec<&str> = Vec::new();
    for one in last.into_values() {
        let (Some(identity), Some(evidence)) = (&one.identity, one.evidence) else { continue };
        let differs = differs(&aim, one, identity, evidence, ground);
        let cell = describe_cell(one.cell());
        if !differs.is_empty() {
            let line =
                format!("{cell}, on {} ({}): {}", identity.device(), evidence.word(), differs.join("; "));
            if !part.differs.contains(&line) {
                part.differs.push(line);
            }
            continue;
        }
        let (verdict, why) = of_attempt(one);
        part.evidence.push(line(one, &cell, evidence, verdict));
        if part.finding.is_none() || verdict == Verdict::Fails {
            part.finding = Some(format!("On {} {why}", identity.device()));
        }
        part.why.push(format!("trial {}: {why}", one.attempted.planned.id));
        found.push(&one.cell().model);
        verdicts.push(verdict);
    }
    for (_, planned) in ground.without.iter().filter(|(_, planned)| aim.is_at(&planned.cell)) {
        if cell_differs(&aim.of, at, &planned.cell, Evidence::Measured, ground.definitions).is_empty() {
            part.why.push(format!("trial {} was planned and never begun", planned.id));
            verdicts.push(Verdict::CannotTell);
        }
    }
    for model in aim.of.models.iter().filter(|model| !found.contains(&model.as_str())) {
        part.why.push(format!("no trial of {model} matches the claim's conditions"));
        verdicts.push(Verdict::CannotTell);
    }
    part.verdict = Verdict::all(verdicts);
    let rows = third_party::rows(&aim, ground);
    if let Some((_, first)) = rows.first() {
        let what = third_party::describe(first);
        let circumstances = third_party::circumstances(&rows);
        part.lean(Leaning::Indicated, || format!("A third party ran {what}{circumstances}"));
    }
    part
}

/// An attempt that failed before it loaded has no weights to name; everything else has to match.
fn differs(
    aim: &Aim<'_>,
    one: &Judged<'_>,
    identity: &crate::derive::Identity,
    evidence: Evidence,
    ground: &Ground<'_>,
) -> Vec<String> {
    let mut differs = aim.differs(one.cell(), identity, evidence, ground.definitions);
    if matches!(one.outcome, Some(Outcome::Failed { .. })) {
        let begun = one.attempted.begin_conditions().is_some();
        differs.retain(|what| {
            !what.starts_with("the hash of the weights") && (begun || !what.contains("is not known"))
        });
    }
    differs
}

fn of_attempt(one: &Judged<'_>) -> (Verdict, String) {
    match &one.outcome {
        Some(Outcome::Done) if one.attempted.expected_ids.is_some() => {
            (Verdict::Holds, "it loaded, ran and gave the tokens that a right engine gives".to_owned())
        }
        Some(Outcome::Done) => (
            Verdict::CannotTell,
            "it loaded and ran; whether its output is right was not checked against a reference".to_owned(),
        ),
        Some(Outcome::Invalid { reasons }) => {
            let wrong = one.faults.iter().any(|fault| matches!(fault, Fault::WrongOutput(_)));
            let verdict = if wrong { Verdict::Fails } else { Verdict::CannotTell };
            (verdict, format!("its output does not count: {}", reasons.join("; ")))
        }
        Some(Outcome::Failed { failure }) => {
            // Only these say something about the model on the device; the rest is about the measurement.
            let tells =
                matches!(failure.kind, FailureKind::Model | FailureKind::Memory | FailureKind::Engine);
            let verdict = if tells { Verdict::Fails } else { Verdict::CannotTell };
            (verdict, format!("it failed: {}", failure.what))
        }
        None => (Verdict::CannotTell, "the attempt was cut".to_owned()),
    }
}

fn line(one: &Judged<'_>, cell: &str, kind: Evidence, verdict: Verdict) -> EvidenceLine {
    EvidenceLine {
        kind,
        what: cell.to_owned(),
        metric: "ran_correctly".to_owned(),
        unit: "ratio".to_owned(),
        value: f64::from(u8::from(verdict == Verdict::Holds)),
        low: None,
        high: None,
        samples: one.attempted.passes().count() as u32,
        refers_to: vec![one.attempted.planned.id.0.clone()],
        flags: one.flags.clone(),
    }
}
