//! Evidence that is refused by its nature, and claims that wait for a suite.

use dyno_protocol::DeviceKind;
use dyno_suites::{Claim, EvidenceKind, Words};

use super::Ground;
use super::matching::{describe, kind};
use super::part::Part;
use crate::derive::Group;
use crate::verdict::{EvidenceLine, Verdict};

/// The claim says that such evidence shows something. It fails as soon as some is at hand, because it is refused
/// as evidence about what the claim names; without any there is nothing to refuse. It cannot hold.
pub(super) fn evidence(
    claim: &Claim,
    kinds: &[EvidenceKind],
    device_kinds: &[DeviceKind],
    because: &str,
    ground: &Ground<'_>,
) -> Part {
    let is_refused = |group: &&Group<'_>| {
        kinds.contains(&kind(group.evidence)) || device_kinds.contains(&group.identity.kind)
    };
    let wanted = &claim.conditions.device_kinds;
    let refused: Vec<&Group<'_>> = ground.groups.iter().filter(is_refused).collect();
    let (matching, others): (Vec<&Group<'_>>, Vec<&Group<'_>>) =
        refused.into_iter().partition(|group| wanted.is_empty() || wanted.contains(&group.identity.kind));
    let mut part = Part::open();
    if let Some(first) = others.first() {
        let kinds: Vec<&str> = wanted.iter().map(|kind| kind.word()).collect();
        let (count, found) = (others.len(), first.identity.kind.word());
        part.differs
            .push(format!("{count} cells are of a device of kind {found}, not {}", kinds.join(" or ")));
    }
    let Some(first) = matching.first() else {
        return part.because("no number of such a device is at hand, so there is none to refuse");
    };
    part.verdict = Verdict::Fails;
    part.finding = Some(format!(
        "{} cells measured on {} are refused as evidence about a real device",
        matching.len(),
        first.identity.device()
    ));
    part.evidence = matching.iter().flat_map(|group| lines(group, ground)).collect();
    part.because(format!("their numbers are refused: {because}"))
}

/// The numbers that were refused, for the reader to see.
fn lines(group: &Group<'_>, ground: &Ground<'_>) -> Vec<EvidenceLine> {
    let measured = group.metrics.iter();
    measured
        .map(|(metric, measured)| EvidenceLine {
            kind: group.evidence,
            what: describe(group),
            metric: (*metric).to_owned(),
            unit: ground
                .definitions
                .metric(metric)
                .map_or_else(|_| String::new(), |metric| metric.unit.word().to_owned()),
            value: measured.fit.value(),
            low: None,
            high: None,
            samples: measured.fit.passes,
            refers_to: group.attempts.iter().map(|one| one.attempted.planned.id.0.clone()).collect(),
            flags: vec!["refused as evidence".to_owned()],
        })
        .collect()
}

pub(super) fn needs_suite(suite: &str, because: &str) -> Part {
    let what = format!("It takes the suite `{suite}`, which is not there yet: cannot tell.");
    Part { waits_for_suite: true, ..Part::open() }.because(what).because(because.trim())
}
