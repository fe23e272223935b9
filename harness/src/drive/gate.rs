//! Probes, rests and gates: how fast the device is now, and whether a trial may begin.

use dyno_protocol::{Failure, FailureKind, Prompt, Record, RecordBody, Step};
use dyno_reports::bundle::{EventBody, ProbeReason, Probed};
use dyno_reports::cell::{Cell, PlannedTrial};
use dyno_reports::derive::probe_rate;
use dyno_suites::{Gate, Probe};

use super::job::{self, Stop, Terms};
use super::sitting::Sitting;
use super::trial::{self, LOAD_NS};
use super::{Drive, DriveError};

const PROBE_NS: u64 = 600_000_000_000;
const SPARE_NS: u64 = 60_000_000_000;

/// What a gate said.
pub(super) enum Passed {
    Yes,
    /// The trial may not begin, for this reason.
    No(String),
    Interrupted,
    /// The agent or the way to it is gone: the trial will find that out and deal with it.
    Lost,
}

/// Probes the configuration of a trial and writes down what was observed. `None` when it was interrupted.
pub(super) fn probe(
    drive: &mut Drive<'_, '_>,
    cell: &Cell,
    why: ProbeReason,
    sitting: &mut Sitting,
) -> Result<Option<Probed>, DriveError> {
    let Some(probe) = drive.definitions.suite(&cell.suite).ok().and_then(|suite| suite.probe) else {
        return Ok(None);
    };
    let mut records = Vec::new();
    let failure = match observe(drive, cell, &probe, sitting, &mut records) {
        Ok(()) => None,
        Err(Stop::Interrupted) => return Ok(None),
        Err(Stop::Failure(failure)) => Some(failure),
        Err(Stop::Trouble(error)) => Some(error.as_failure()),
    };
    let probed = Probed { session: sitting.session(), why, cell: cell.clone(), records, failure };
    drive.writer.append(EventBody::Probed(Box::new(probed.clone())))?;
    drive.writer.sync()?;
    Ok(Some(probed))
}

fn observe(
    drive: &mut Drive<'_, '_>,
    cell: &Cell,
    probe: &Probe,
    sitting: &mut Sitting,
    records: &mut Vec<Record>,
) -> Result<(), Stop> {
    let (load, _) = drive.supply.load(cell).map_err(Stop::refused)?;
    let steps = vec![Step::Load { load, keep: true }];
    let number = sitting.next_number();
    let id = |part: &str| format!("probe-{number}-{part}-{}", std::process::id());
    job::run(drive, sitting, &id("load"), steps, Terms::within(LOAD_NS), records)?;
    let work = probe.work();
    let made: Prompt = trial::prompt(&work, &job::loaded(records)?, sitting)?;
    let rules = probe.rules();
    let Some(workload) = work.workload(made) else { return Ok(()) };
    let steps = vec![Step::Run { workload, warm_up: rules.warm_up, repeat: rules.repeat }];
    job::run(drive, sitting, &id("run"), steps, Terms::within(PROBE_NS), records)
}

/// The device does nothing for so long on its own clock; gives the time that passed there.
pub(super) fn rest(
    drive: &mut Drive<'_, '_>,
    sitting: &mut Sitting,
    id: &str,
    duration_ns: u64,
) -> Result<(Option<u64>, u64), Stop> {
    let mut records = Vec::new();
    let terms = Terms { sensor_interval_ns: 0, ..Terms::within(duration_ns.saturating_add(SPARE_NS)) };
    job::run(drive, sitting, id, vec![Step::Idle { duration_ns }], terms, &mut records)?;
    let begin_ns = records.iter().find_map(|record| match &record.body {
        RecordBody::Started { .. } => Some(record.at_ns),
        _ => None,
    });
    let end_ns = records.last().map(|record| record.at_ns);
    Ok((begin_ns, begin_ns.zip(end_ns).map_or(duration_ns, |(begin, end)| end.saturating_sub(begin))))
}

/// The step between two trials that heat: a rest, written down.
pub(super) fn wait(
    drive: &mut Drive<'_, '_>,
    planned: &PlannedTrial,
    duration_ns: u64,
    sitting: &mut Sitting,
) -> Result<(), DriveError> {
    let id = format!("rest-{}-{}", sitting.next_number(), std::process::id());
    // The gate after it meets the same trouble and deals with it.
    if let Ok((begin_ns, waited_ns)) = rest(drive, sitting, &id, duration_ns) {
        drive.writer.append(EventBody::Waited {
            session: sitting.session(),
            trial: Some(planned.id.clone()),
            what: "the device to cool down after the trial before".to_owned(),
            begin_ns,
            waited_ns,
            reached: true,
        })?;
    }
    Ok(())
}

/// Lets the trial pass when its probe is back at its cold reference; the device rests until then, each time
/// longer, because a probe heats it as well.
pub(super) fn pass(
    drive: &mut Drive<'_, '_>,
    planned: &PlannedTrial,
    attempt: u32,
    sitting: &mut Sitting,
) -> Result<Passed, DriveError> {
    let suite = drive.definitions.suite(&planned.cell.suite).ok();
    let Some(gate) = suite.and_then(|suite| suite.gate) else { return Ok(Passed::Yes) };
    let Some(reference) = sitting.reference(&planned.cell) else {
        let why = "there is no cold reference of its configuration in this sitting to compare a probe with";
        return Ok(Passed::No(format!("not begun: {why}")));
    };
    let (mut waited_ns, mut rest_ns, mut first_ns) = (0, gate.rest_ns, None);
    loop {
        let why = ProbeReason::Gate { trial: planned.id.clone(), attempt };
        let Some(probed) = probe(drive, &planned.cell, why, sitting)? else { return Ok(Passed::Interrupted) };
        let rate = match (&probed.failure, probe_rate(&probed.records)) {
            (Some(Failure { kind: FailureKind::AgentDied, .. }), _) => return Ok(Passed::Lost),
            (Some(failure), _) => return Ok(Passed::No(format!("not begun: its probe failed: {failure}"))),
            (None, Err(reason)) => {
                return Ok(Passed::No(format!("not begun: its probe has no rate: {reason}")));
            }
            (None, Ok(rate)) => rate,
        };
        let reached = rate >= reference * (1.0 - gate.within);
        if reached || waited_ns >= gate.timeout_ns {
            let what = told(&gate, rate, reference);
            if waited_ns > 0 || !reached {
                drive.screen.say(&format!("waited {} for {what}", crate::cmd::duration(waited_ns)));
            }
            drive.writer.append(EventBody::Waited {
                session: sitting.session(),
                trial: Some(planned.id.clone()),
                what,
                begin_ns: first_ns,
                waited_ns,
                reached,
            })?;
            return Ok(if reached {
                Passed::Yes
            } else {
                Passed::No(too_hot(&gate, rate, reference, waited_ns))
            });
        }
        let id = format!("gate-{}-{}", sitting.next_number(), std::process::id());
        match rest(drive, sitting, &id, rest_ns) {
            Ok((begin_ns, rested_ns)) => {
                first_ns = first_ns.or(begin_ns);
                // An agent that says it rested for no time would be asked for ever.
                waited_ns += rested_ns.max(1_000_000);
                rest_ns = gate.longer(rest_ns);
            }
            Err(Stop::Interrupted) => return Ok(Passed::Interrupted),
            Err(Stop::Failure(_) | Stop::Trouble(_)) => return Ok(Passed::Lost),
        }
    }
}

fn told(gate: &Gate, rate: f64, reference: f64) -> String {
    format!(
        "its probe to be back within {:.0} % of its cold reference: {rate:.1} of {reference:.1} token/s",
        gate.within * 100.0
    )
}

fn too_hot(gate: &Gate, rate: f64, reference: f64, waited_ns: u64) -> String {
    format!(
        "hot start: after {:.0} s of rest its probe ran at {:.1} % of its cold reference, and {:.0} % are asked for; \
         not begun",
        waited_ns as f64 / 1e9,
        rate / reference * 100.0,
        (1.0 - gate.within) * 100.0
    )
}
