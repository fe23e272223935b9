//! Bundles and definitions in, everything a reader sees out. Only puts together what `derive` and `claims` find.

use std::collections::BTreeSet;

use dyno_suites::{Definitions, WorkKind};

use crate::analysis::{Analysis, Attempt, Estimate, RunRow, SessionRow, Summary, TrialRow};
use crate::bundle::{Bundle, Metered, RunStatus, SessionId};
use crate::cell::PlannedTrial;
use crate::claims;
use crate::compare::{self, Comparison, Floors, Sides, Terms};
use crate::derive::{self, Group, Judged, Measured, Replay};
use crate::quality::{self, Quality};

impl Analysis {
    /// The order of bundles does not matter to any number. A run that is given twice counts once.
    pub fn of(bundles: &[Bundle], definitions: &Definitions) -> Self {
        let mut seen = BTreeSet::new();
        let (bundles, twice): (Vec<&Bundle>, Vec<&Bundle>) =
            bundles.iter().partition(|bundle| seen.insert((&bundle.manifest.run_id, &bundle.events_sha256)));
        let replays: Vec<Replay<'_>> = bundles.iter().map(|bundle| Replay::of(bundle)).collect();
        let mut without: Vec<(&str, &PlannedTrial)> = Vec::new();
        let mut judged: Vec<Judged<'_>> = Vec::new();
        let meters: Vec<&Metered> = replays.iter().flat_map(|replay| &replay.meters).copied().collect();
        for replay in &replays {
            let run_id = replay.bundle.manifest.run_id.as_str();
            for (planned, attempts) in derive::judge_run(replay, definitions, &meters) {
                if attempts.is_empty() {
                    without.push((run_id, planned));
                }
                judged.extend(attempts);
            }
        }
        let groups = derive::pool(&judged);
        let foreign: Vec<_> = replays.iter().flat_map(|replay| &replay.foreign).copied().collect();
        let ground = claims::Ground {
            definitions,
            groups: &groups,
            judged: &judged,
            without: &without,
            foreign: &foreign,
        };
        let mut warnings = warnings(&replays, &judged, &without, definitions);
        for bundle in twice {
            warnings.push(format!("{} was given twice and counts once", bundle.manifest.run_id));
        }
        Self {
            runs: replays.iter().map(run_row).collect(),
            sessions: replays.iter().flat_map(|replay| session_rows(replay, &judged)).collect(),
            verdicts: claims::judge_all(&ground),
            summaries: groups.iter().flat_map(summaries).collect(),
            trials: trial_rows(&judged, &without),
            skipped: replays
                .iter()
                .flat_map(|replay| replay.skipped.iter().map(|skipped| (*skipped).clone()))
                .collect(),
            quality: Quality::of(&groups, definitions),
            comparison: interleaved(&bundles, definitions),
            courses: derive::courses(&judged, &meters, |one| is_sustained(one, definitions)),
            foreign: foreign.iter().map(|(source, rows)| ((*source).clone(), rows.to_vec())).collect(),
            warnings,
        }
    }
}

/// The comparison that is in the runs themselves: those that measured two sides in turn.
fn interleaved(bundles: &[&Bundle], definitions: &Definitions) -> Option<Comparison> {
    let mut both = bundles.iter().copied().filter(|bundle| compare::is_two_sided(bundle)).peekable();
    both.peek()?;
    let sides = Sides::interleaved(both).ok()?;
    Some(compare::compare(&sides, definitions, &Terms::usual(&Floors::default())))
}

fn run_row(replay: &Replay<'_>) -> RunRow {
    RunRow {
        manifest: replay.bundle.manifest.clone(),
        events_sha256: replay.bundle.events_sha256.clone(),
        defects: replay.bundle.defects.iter().map(ToString::to_string).collect(),
        notes: replay.notes.clone(),
    }
}

fn session_rows(replay: &Replay<'_>, judged: &[Judged<'_>]) -> Vec<SessionRow> {
    let run_id = &replay.bundle.manifest.run_id;
    let rows = replay.sessions.values().map(|session| {
        let start = session.start;
        let attempts = judged.iter().map(|one| &one.attempted).filter(|attempt| {
            attempt.run_id == run_id
                && attempt.session.is_some_and(|found| found.start.session == start.session)
        });
        let (probes, waits) = derive::probe_rows(session);
        SessionRow {
            run_id: run_id.clone(),
            session: start.session.clone(),
            device: start.device.clone(),
            runner: start.runner.clone(),
            facts: start.facts.clone(),
            evidence: start.evidence,
            began_at: start.began_at.clone(),
            sensors: derive::sensor_rows(session, attempts),
            probes,
            waits,
            drifts: derive::drifts(session),
            ended_with: match (session.ended, session.failure) {
                (_, Some(failure)) => Some(failure.what.clone()),
                (false, None) => Some("it was cut: its end was never written".to_owned()),
                (true, None) => None,
            },
        }
    });
    rows.collect()
}

fn summaries<'a>(group: &'a Group<'a>) -> impl Iterator<Item = Summary> + 'a {
    let ceiling = group.metrics.get("share_of_ceiling").map(|measured| measured.fit.value());
    group.metrics.iter().map(move |(metric, measured)| {
        let mut estimate = estimate(measured);
        if *metric == "accuracy"
            && let Some(share) = quality::share(group.attempts.iter().flat_map(|one| &one.answers))
        {
            // Its replications are the items, not the trial that asked them.
            estimate.interval = share.interval(0.95);
            estimate.method = share.method();
            estimate.warnings.clear();
        }
        estimate.warnings.extend(group.apart.iter().cloned());
        estimate.warnings.extend(group.flags.iter().cloned());
        Summary {
            cell: group.cell.clone().into_owned(),
            metric: (*metric).to_owned(),
            evidence: group.evidence,
            estimate,
            samples: measured.samples.clone(),
            ceiling: if *metric == "decode_rate" { ceiling } else { None },
            model_sha256: group.identity.model_sha256.clone(),
        }
    })
}

pub(crate) fn estimate(measured: &Measured) -> Estimate {
    let fit = &measured.fit;
    let (interval, method, warnings) = match &measured.own {
        None => (fit.interval(0.95), fit.method(), fit.warnings()),
        Some(Ok(own)) => (
            Some(*own),
            "read off one trial, with that trial's own interval".to_owned(),
            vec![
                "one trial: the interval speaks of that trial and not of how trials differ; at least 2 are needed \
                 for that, 3 or more are better"
                    .to_owned(),
            ],
        ),
        Some(Err(why)) => {
            (None, "read off one trial, no interval".to_owned(), vec![format!("no interval: {why}")])
        }
    };
    Estimate {
        value: fit.value(),
        interval,
        passes: fit.passes,
        trials: fit.trials,
        sessions: fit.sessions,
        method,
        warnings,
    }
}

fn trial_rows(judged: &[Judged<'_>], without: &[(&str, &PlannedTrial)]) -> Vec<TrialRow> {
    let row = |run_id: &str, planned: &PlannedTrial, attempt| TrialRow {
        run_id: run_id.to_owned(),
        trial: planned.id.clone(),
        cell: planned.cell.clone(),
        round: planned.round,
        attempt,
    };
    let attempted =
        judged.iter().map(|one| row(one.attempted.run_id, one.attempted.planned, Some(attempt_row(one))));
    attempted.chain(without.iter().map(|(run_id, planned)| row(run_id, planned, None))).collect()
}

fn attempt_row(one: &Judged<'_>) -> Attempt {
    let attempted = &one.attempted;
    let loaded = attempted.loaded();
    let session = attempted.session.map(|session| session.start);
    Attempt {
        attempt: attempted.attempt,
        session: session.map_or_else(|| SessionId("unknown".to_owned()), |start| start.session.clone()),
        outcome: one.outcome.clone(),
        prompt_sha256: attempted.prompt.map(|prompt| prompt.sha256.clone()),
        prompt_text: attempted.prompt.and_then(|prompt| prompt.text.clone()),
        output_text: attempted.passes().find_map(|pass| pass.text.clone()),
        model_sha256: loaded.map(|loaded| loaded.model_sha256.clone()),
        format: loaded.map(|loaded| loaded.format.clone()),
        weight_bytes: loaded.map(|loaded| loaded.weight_bytes),
        unit_path: loaded.map(|loaded| loaded.evidence.path.clone()),
        begin_conditions: attempted.begin_conditions().cloned(),
        end_conditions: attempted.end_conditions().cloned(),
        build: session.map(|start| start.facts.build.clone()),
        flags: one.flags.clone(),
        values: one.medians(),
        events: attempted.lines,
    }
}

fn is_sustained(one: &Judged<'_>, definitions: &Definitions) -> bool {
    let cell = one.cell();
    let case = definitions.case(&format!("{}/{}", cell.suite, cell.case));
    case.is_ok_and(|(_, case)| case.work.kind() == WorkKind::Sustain)
}

/// What a reader must know before believing any of it.
fn warnings(
    replays: &[Replay<'_>],
    judged: &[Judged<'_>],
    without: &[(&str, &PlannedTrial)],
    definitions: &Definitions,
) -> Vec<String> {
    let mut warnings = Vec::new();
    let known = definitions.verbatim();
    for replay in replays {
        let manifest = &replay.bundle.manifest;
        let run = &manifest.run_id;
        match manifest.status {
            RunStatus::Finished => {}
            RunStatus::Interrupted => {
                warnings.push(format!("{run} was interrupted: what is missing was never measured"));
            }
            RunStatus::Started => {
                warnings.push(format!("{run} was never closed: it still goes on, or it was cut"));
            }
        }
        if replay.resumed > 0 {
            warnings.push(format!(
                "{run} was taken up again {} times: its numbers are of several sessions",
                replay.resumed
            ));
        }
        if manifest.tool.debug_build {
            warnings.push(format!("{run} was driven by a debug build of Dyno"));
        }
        for defect in &replay.bundle.defects {
            warnings.push(format!("{run}: {defect}"));
        }
        let other = |(name, text): (&String, &String)| {
            replay.bundle.definitions.get(name).is_some_and(|kept| kept != text).then(|| name.clone())
        };
        let others: Vec<String> = known.iter().filter_map(other).collect();
        if !others.is_empty() {
            warnings.push(format!(
                "{run} was measured with other definitions than it is judged with: {}",
                others.join(", ")
            ));
        }
        for session in replay.sessions.values() {
            for drift in derive::drifts(session).iter().filter(|drift| drift.is_noted()) {
                warnings.push(format!(
                    "the device {} changed while it was measured: the probe of {} ran at {:.1} token/s at the start \
                     of the sitting and at {:.1} at its end ({:+.1} %)",
                    session.start.device,
                    drift.what,
                    drift.from,
                    drift.to,
                    drift.share() * 100.0
                ));
            }
        }
        let debug: BTreeSet<&str> = replay
            .sessions
            .values()
            .filter(|session| session.start.facts.build.profile == dyno_protocol::BuildProfile::Debug)
            .map(|session| session.start.device.as_str())
            .collect();
        for device in debug {
            warnings.push(format!(
                "the agent on {device} is a debug build: its speed is not the speed of a release"
            ));
        }
    }
    let cut = judged.iter().filter(|one| one.attempted.outcome.is_none()).count();
    let counted = [
        (without.len(), "planned trials were never begun"),
        (cut, "attempts were cut before their end and give no numbers"),
        (
            judged
                .iter()
                .filter(|one| matches!(one.outcome, Some(crate::bundle::Outcome::Invalid { .. })))
                .count(),
            "attempts gave invalid numbers, which count nowhere",
        ),
        (
            judged
                .iter()
                .filter(|one| matches!(one.outcome, Some(crate::bundle::Outcome::Failed { .. })))
                .count(),
            "attempts failed",
        ),
        (
            judged
                .iter()
                .filter(|one| one.flags.iter().any(|flag| flag.starts_with("nondeterministic")))
                .count(),
            "attempts gave different ids in greedy passes over one prompt",
        ),
    ];
    for (count, what) in counted {
        if count > 0 {
            warnings.push(format!("{count} {what}"));
        }
    }
    warnings
}
