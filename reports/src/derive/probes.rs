//! Probes: the anchors that show whether a sitting's device changed, and the gates that keep a hot one waiting.

use dyno_protocol::{GenerationPass, PassKind, Record, RecordBody};

use super::generation::decode_rate;
use super::replay::Session;
use crate::analysis::{Drift, ProbeRow, WaitRow};
use crate::bundle::{ProbeReason, Probed};
use crate::cell::{Cell, PlannedTrial};
use crate::stats::median;

/// What the probe right before an attempt showed against the cold reference of its sitting.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Gate {
    pub(crate) reference: f64,
    pub(crate) rate: f64,
}

impl Gate {
    pub(super) fn before(session: &Session<'_>, planned: &PlannedTrial, attempt: u32) -> Option<Self> {
        let of_attempt = |probed: &&&Probed| match &probed.why {
            ProbeReason::Gate { trial, attempt: of } => *trial == planned.id && *of == attempt,
            _ => false,
        };
        let last = session.probes.iter().rev().find(of_attempt)?;
        let reference = session.reference(&planned.cell)?;
        Some(Self { reference, rate: probe_rate(&last.records).ok()? })
    }

    pub(crate) fn share(self) -> f64 {
        self.rate / self.reference
    }
}

/// The median decode rate of a probe's timed passes, in tokens a second, or why there is none.
pub fn probe_rate(records: &[Record]) -> Result<f64, String> {
    let timed = records.iter().filter_map(|record| match &record.body {
        RecordBody::Generation(pass) if pass.kind == PassKind::Timed => Some(&**pass),
        _ => None,
    });
    let rates: Vec<Result<f64, String>> = timed.map(|pass: &GenerationPass| decode_rate(pass)).collect();
    let kept: Vec<f64> = rates.iter().filter_map(|rate| rate.as_ref().ok().copied()).collect();
    median(&kept).ok_or_else(|| match rates.into_iter().find_map(Result::err) {
        Some(reason) => reason,
        None => "the probe gave no pass".to_owned(),
    })
}

/// Everything that was probed and waited for in a session.
pub(crate) fn probe_rows(session: &Session<'_>) -> (Vec<ProbeRow>, Vec<WaitRow>) {
    let probes = session.probes.iter().map(|probed| ProbeRow {
        why: probed.why.clone(),
        what: configuration(&probed.cell),
        at_ns: probed.records.first().map(|record| record.at_ns),
        rate: probe_rate(&probed.records).ok(),
        failure: probed.failure.as_ref().map(|failure| failure.what.clone()),
    });
    let waits = session.waits.iter().map(|wait| WaitRow {
        what: wait.what.to_owned(),
        begin_ns: wait.begin_ns,
        waited_ns: wait.waited_ns,
        reached: wait.reached,
    });
    (probes.collect(), waits.collect())
}

/// What each configuration's probe lost or won between the start of a sitting and its end.
pub(crate) fn drifts(session: &Session<'_>) -> Vec<Drift> {
    let of = |why: ProbeReason| session.probes.iter().copied().filter(move |probed| probed.why == why);
    let drift = |end: &Probed| {
        let start = of(ProbeReason::Start).find(|start| start.cell.is_configured_as(&end.cell))?;
        let (from, to) = (probe_rate(&start.records).ok()?, probe_rate(&end.records).ok()?);
        (from > 0.0).then(|| Drift { what: configuration(&end.cell), from, to })
    };
    of(ProbeReason::End).filter_map(drift).collect()
}

fn configuration(cell: &Cell) -> String {
    format!("{} {}, {}", cell.model, cell.quant, cell.engine)
}
