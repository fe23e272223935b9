//! One attempt at one trial: load, prompt, run, judge.

use std::time::Duration;

use dyno_protocol::{
    Answer, Conditions, DeviceFacts, DeviceKind, Failure, FailureKind, Job, JobId, Loaded, Message,
    MessagePart, Prompt, Question, Record, RecordBody, RenderRequest, RepeatRule, Role, Step, WarmUpRule,
    simulated_id,
};
use dyno_reports::bundle::{EventBody, Outcome};
use dyno_reports::cell::PlannedTrial;
use dyno_runners::RunnerError;
use dyno_suites::{Case, PassRules, PromptSource, Suite, Variant, Words, Work, filler_prompt};

use super::circumstances;
use super::sitting::Sitting;
use super::{Drive, DriveError};

/// Between sensor samples. Ten a second shows heat and clocks without costing a measurable share of a core.
pub(super) const SENSOR_INTERVAL_NS: u64 = 100_000_000;
pub(super) const QUESTION: Duration = Duration::from_secs(20);
/// A load may make gigabytes of seeded weights or compile programs first.
pub(super) const LOAD_NS: u64 = 3_600_000_000_000;
const RUN_NS: u64 = 7_200_000_000_000;

pub(super) struct Tried {
    pub(super) outcome: Outcome,
    /// Something that a fresh agent may mend.
    pub(super) trouble: Option<String>,
}

/// Why an attempt stopped before its end.
pub(super) enum Stop {
    Interrupted,
    /// The agent said so, and is well.
    Failure(Failure),
    /// The agent or the way to it is gone.
    Trouble(RunnerError),
}

impl From<RunnerError> for Stop {
    fn from(error: RunnerError) -> Self {
        match error.refusal() {
            Some(failure) => Self::Failure(failure.clone()),
            None => Self::Trouble(error),
        }
    }
}

/// What an attempt has gathered so far.
#[derive(Default)]
struct Gathered {
    records: Vec<Record>,
    prompt: Option<Prompt>,
    expected_ids: Option<Vec<u32>>,
}

pub(super) fn attempt(
    drive: &mut Drive<'_, '_>,
    planned: &PlannedTrial,
    attempt: u32,
    sitting: &mut Sitting,
) -> Result<Option<Tried>, DriveError> {
    let mut gathered = Gathered::default();
    let stopped = run(drive, planned, attempt, sitting, &mut gathered).err();
    let begin = EventBody::TrialBegan {
        trial: planned.id.clone(),
        attempt,
        session: sitting.session(),
        prompt: gathered.prompt.clone(),
        expected_ids: gathered.expected_ids.clone(),
    };
    drive.writer.append(begin)?;
    for record in &gathered.records {
        let observed = EventBody::Observed { trial: planned.id.clone(), attempt, record: record.clone() };
        drive.writer.append(observed)?;
    }
    settle(drive, planned, attempt, stopped, || {
        dyno_reports::derive::invalid_because(
            &gathered.records,
            gathered.prompt.as_ref(),
            gathered.expected_ids.as_deref(),
        )
    })
}

/// Writes the end of an attempt. `faults` says what speaks against one that came to its end.
pub(super) fn settle(
    drive: &mut Drive<'_, '_>,
    planned: &PlannedTrial,
    attempt: u32,
    stopped: Option<Stop>,
    faults: impl FnOnce() -> Vec<String>,
) -> Result<Option<Tried>, DriveError> {
    let (outcome, trouble) = match stopped {
        Some(Stop::Interrupted) => return Ok(None),
        Some(Stop::Failure(failure)) => {
            let mendable = matches!(failure.kind, FailureKind::AgentDied | FailureKind::TimedOut);
            let trouble = mendable.then(|| failure.what.clone());
            (Outcome::Failed { failure }, trouble)
        }
        Some(Stop::Trouble(error)) => {
            let failure = error.as_failure();
            (Outcome::Failed { failure }, Some(error.to_string()))
        }
        None => {
            let reasons = faults();
            (if reasons.is_empty() { Outcome::Done } else { Outcome::Invalid { reasons } }, None)
        }
    };
    let end = EventBody::TrialEnded { trial: planned.id.clone(), attempt, outcome: outcome.clone() };
    drive.writer.append(end)?;
    Ok(Some(Tried { outcome, trouble }))
}

fn run(
    drive: &mut Drive<'_, '_>,
    planned: &PlannedTrial,
    attempt: u32,
    sitting: &mut Sitting,
    gathered: &mut Gathered,
) -> Result<(), Stop> {
    let cell = &planned.cell;
    let name = format!("{}/{}", cell.suite, cell.case);
    let (suite, case) = drive.definitions.case(&name).map_err(|unknown| refused(unknown.to_string()))?;
    let variant = variant(case, planned).ok_or_else(|| refused(format!("`{name}` has no such variant")))?;
    refuse_circumstances(suite, sitting)?;
    let rules = case.pass_rules(drive.short);
    let id = |part: &str| JobId(format!("{}-{attempt}-{part}-{}", planned.id, std::process::id()));

    let load = if let Work::Bandwidth { .. } = variant.work {
        None
    } else {
        Some(drive.supply.load(cell).map_err(refused)?)
    };
    if let Some((load, expected_ids)) = load {
        let is_load = variant.work == Work::Load;
        // A load that is the thing measured is done as often as the rules say; any other just has to be there.
        let steps = (0..if is_load { rules.repeat.min_passes } else { 1 })
            .map(|_| Step::Load { load: load.clone(), keep: !is_load })
            .collect();
        follow(drive, sitting, job(id("load"), steps, LOAD_NS), &mut gathered.records)?;
        if is_load {
            return Ok(());
        }
        let loaded = loaded(&gathered.records)
            .ok_or_else(|| refused("the agent did not say what it loaded".into()))?;
        let prompt = prompt(&variant.work, &loaded, sitting)?;
        let known = || drive.definitions.answer(&cell.model, &cell.quant, &prompt.sha256);
        // What plays a device gives the ids of its profile, whatever model it is said to run.
        let expected_ids = expected_ids.or_else(|| simulated_ids(sitting.facts()));
        gathered.expected_ids = expected_ids.or_else(|| known().map(|answer| answer.ids.clone()));
        gathered.prompt = Some(prompt);
    }
    let made = gathered.prompt.clone().unwrap_or_else(|| Prompt::new(None, Vec::new(), Vec::new()));
    let Some(workload) = variant.work.workload(made) else { return Ok(()) };
    let PassRules { warm_up, repeat } = rules;
    let sustained = matches!(variant.work, Work::Sustain { .. });
    let (warm_up, repeat) = if sustained { (WarmUpRule::NONE, RepeatRule::ONCE) } else { (warm_up, repeat) };
    let steps = vec![Step::Run { workload, warm_up, repeat }];
    follow(drive, sitting, job(id("run"), steps, RUN_NS), &mut gathered.records)
}

/// So many ids of a simulated model's endless output are compared.
const COMPARED: u64 = 256;

/// What is right on a simulated device is known without a model.
fn simulated_ids(facts: &DeviceFacts) -> Option<Vec<u32>> {
    (facts.kind == DeviceKind::Simulated).then(|| (0..COMPARED).map(simulated_id).collect())
}

pub(super) fn refused(what: String) -> Stop {
    Stop::Failure(Failure::new(FailureKind::Refused, what))
}

fn variant(case: &Case, planned: &PlannedTrial) -> Option<Variant> {
    let depths: Option<Vec<u32>> =
        planned.cell.axes.get("depth").and_then(|depth| depth.parse().ok()).map(|depth| vec![depth]);
    case.variants(depths.as_deref()).into_iter().find(|variant| variant.axes == planned.cell.axes)
}

/// A trial in a state that its suite refuses is not begun.
pub(super) fn refuse_circumstances(suite: &Suite, sitting: &mut Sitting) -> Result<(), Stop> {
    let Answer::Conditions(conditions) = sitting.conversation().ask(Question::Conditions, QUESTION)? else {
        return Err(refused("the agent did not answer for its conditions".into()));
    };
    let refused = refused_now(suite, sitting, &conditions);
    if refused.is_empty() {
        return Ok(());
    }
    let what = format!("the suite `{}` is not measured under: {}", suite.id, refused.join(", "));
    Err(Stop::Failure(Failure::new(FailureKind::Conditions, what)))
}

fn refused_now(suite: &Suite, sitting: &Sitting, conditions: &Conditions) -> Vec<&'static str> {
    circumstances::before(sitting.facts(), conditions)
        .into_iter()
        .filter(|circumstance| suite.refuses.contains(circumstance))
        .map(Words::word)
        .collect()
}

fn prompt(work: &Work, loaded: &Loaded, sitting: &mut Sitting) -> Result<Prompt, Stop> {
    let source = work.prompt_source().ok_or_else(|| refused("the work has no prompt".into()))?;
    match source {
        PromptSource::Filler { tokens, seed } => Ok(filler_prompt(*tokens, *seed, loaded.vocabulary)),
        PromptSource::Chat { message, thinking } => {
            let part = MessagePart::Text { text: message.clone() };
            let request = RenderRequest {
                messages: Some(vec![Message { role: Role::User, parts: vec![part] }]),
                raw_text: None,
                append_text: None,
                thinking: *thinking,
                tools_json: Vec::new(),
                images: Vec::new(),
            };
            match sitting.conversation().ask(Question::Render(request), QUESTION)? {
                Answer::Rendered(rendered) => Ok(rendered.prompt),
                _ => Err(refused("the agent did not answer with a prompt".into())),
            }
        }
    }
}

fn job(id: JobId, steps: Vec<Step>, deadline_ns: u64) -> Job {
    Job { id, steps, sensor_interval_ns: SENSOR_INTERVAL_NS, deadline_ns }
}

fn loaded(records: &[Record]) -> Option<Loaded> {
    records.iter().rev().find_map(|record| match &record.body {
        RecordBody::Loaded(loaded) => Some((**loaded).clone()),
        _ => None,
    })
}

/// Runs a job to its end, keeping every record, and gives its failure if it had one.
fn follow(
    drive: &mut Drive<'_, '_>,
    sitting: &mut Sitting,
    job: Job,
    records: &mut Vec<Record>,
) -> Result<(), Stop> {
    let id = job.id.clone();
    let conversation = sitting.conversation();
    conversation.ask(Question::Submit(job), QUESTION)?;
    let interrupt = drive.interrupt.clone();
    let mut failure = None;
    let followed = conversation.follow(&id, 0, drive.patience, &|| interrupt.is_set(), &mut |record| {
        if let RecordBody::Ended { failure: ended_with, .. } = &record.body {
            failure.clone_from(ended_with);
        }
        records.push(record);
    });
    if interrupt.is_set() {
        // The answer does not matter any more.
        let _ = conversation.ask(Question::Cancel { job: id }, Duration::from_secs(2));
        return Err(Stop::Interrupted);
    }
    followed?;
    let _ = conversation.ask(Question::Forget { job: id }, QUESTION)?;
    failure.map_or(Ok(()), |failure| Err(Stop::Failure(failure)))
}
