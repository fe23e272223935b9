//! One attempt at one trial: load, prompt, run, judge.

use std::time::Duration;

use dyno_protocol::{
    Answer, DeviceFacts, DeviceKind, Failure, FailureKind, ImageData, Loaded, Message, MessagePart, Prompt,
    Question, Record, RenderRequest, RepeatRule, Role, Sampling, Step, Thinking, WarmUpRule, Workload,
    simulated_id,
};
use dyno_reports::bundle::{EventBody, Outcome};
use dyno_reports::cell::PlannedTrial;
use dyno_suites::{Case, Probe, PromptSource, Suite, Variant, Words, Work, filler_prompt, procedural};

use super::job::{self, QUESTION, Stop, Terms};
use super::sitting::Sitting;
use super::{Drive, DriveError, gate};

/// A load may make gigabytes of seeded weights or compile programs first.
pub(super) const LOAD_NS: u64 = 3_600_000_000_000;
const RUN_NS: u64 = 7_200_000_000_000;
/// What long work may take beyond its own time, loads and hand-overs in it.
const SPARE_NS: u64 = 600_000_000_000;
/// Long work is sampled once a second: its curves are minutes long.
const SLOW_SENSORS_NS: u64 = 1_000_000_000;
const LONG_NS: u64 = 60_000_000_000;
/// The first rest between two looks at how a device recovers; each further one is longer by half.
const FIRST_REST_NS: u64 = 2_000_000_000;
const LONGEST_REST_NS: u64 = 60_000_000_000;

pub(super) struct Tried {
    pub(super) outcome: Outcome,
    /// Something that a fresh agent may mend.
    pub(super) trouble: Option<String>,
    /// Something that another time may mend: a hot start, a charger that was plugged in.
    pub(super) worth_another_time: bool,
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
    let disturbed = !dyno_reports::derive::disturbed(&gathered.records).is_empty();
    let settled = settle(drive, planned, attempt, stopped, || {
        dyno_reports::derive::invalid_because(
            &gathered.records,
            gathered.prompt.as_ref(),
            gathered.expected_ids.as_deref(),
        )
    })?;
    Ok(settled.map(|tried| Tried { worth_another_time: disturbed, ..tried }))
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
    Ok(Some(Tried { outcome, trouble, worth_another_time: false }))
}

/// An attempt that its gate kept from beginning: a row with its reason, like any other.
pub(super) fn kept_back(
    drive: &mut Drive<'_, '_>,
    planned: &PlannedTrial,
    attempt: u32,
    sitting: &Sitting,
    why: String,
) -> Result<Tried, DriveError> {
    let (trial, session) = (planned.id.clone(), sitting.session());
    let began =
        EventBody::TrialBegan { trial: trial.clone(), attempt, session, prompt: None, expected_ids: None };
    drive.writer.append(began)?;
    let outcome = Outcome::Invalid { reasons: vec![why] };
    drive.writer.append(EventBody::TrialEnded { trial, attempt, outcome: outcome.clone() })?;
    Ok(Tried { outcome, trouble: None, worth_another_time: true })
}

fn run(
    drive: &mut Drive<'_, '_>,
    planned: &PlannedTrial,
    attempt: u32,
    sitting: &mut Sitting,
    gathered: &mut Gathered,
) -> Result<(), Stop> {
    let definitions = drive.definitions;
    let cell = &planned.cell;
    let name = format!("{}/{}", cell.suite, cell.case);
    let (suite, case) = definitions.case(&name).map_err(|unknown| Stop::refused(unknown.to_string()))?;
    let variant =
        case.variant(&cell.axes).ok_or_else(|| Stop::refused(format!("`{name}` has no such variant")))?;
    refuse_circumstances(suite, sitting)?;
    let id = |part: &str| format!("{}-{attempt}-{part}-{}", planned.id, std::process::id());

    if !matches!(variant.work, Work::Bandwidth { .. }) {
        let (mut load, expected_ids) = drive.supply.load(cell).map_err(Stop::refused)?;
        load.vision = variant.work.needs_vision();
        let is_load = variant.work == Work::Load;
        // A load that is the thing measured is done as often as the rules say; any other just has to be there.
        let times = if is_load { case.pass_rules(drive.short).repeat.min_passes } else { 1 };
        let steps = (0..times).map(|_| Step::Load { load: load.clone(), keep: !is_load }).collect();
        job::run(drive, sitting, &id("load"), steps, Terms::within(LOAD_NS), &mut gathered.records)?;
        if is_load {
            return Ok(());
        }
        let loaded = job::loaded(&gathered.records)?;
        let prompt = prompt(&variant.work, &loaded, sitting)?;
        let known = || definitions.answer(&cell.model, &cell.quant, &prompt.sha256);
        // What plays a device gives the ids of its profile, whatever model it is said to run.
        let expected_ids = expected_ids.or_else(|| simulated_ids(sitting.facts()));
        gathered.expected_ids = expected_ids.or_else(|| known().map(|answer| answer.ids.clone()));
        gathered.prompt = Some(prompt);
    }
    let made = gathered.prompt.clone().unwrap_or_else(|| Prompt::new(None, Vec::new(), Vec::new()));
    work(drive, (suite, case), &variant, sitting, gathered, made, &id)
}

/// So many ids of a simulated model's endless output are compared.
const COMPARED: u64 = 256;

/// What is right on a simulated device is known without a model.
fn simulated_ids(facts: &DeviceFacts) -> Option<Vec<u32>> {
    (facts.kind == DeviceKind::Simulated).then(|| (0..COMPARED).map(simulated_id).collect())
}

/// The work itself, with what stands before and after long work.
fn work(
    drive: &mut Drive<'_, '_>,
    (suite, case): (&Suite, &Case),
    variant: &Variant,
    sitting: &mut Sitting,
    gathered: &mut Gathered,
    made: Prompt,
    id: &dyn Fn(&str) -> String,
) -> Result<(), Stop> {
    let Some(workload) = variant.work.workload(made.clone()) else { return Ok(()) };
    let Work::Sustain { duration_ns, idle_ns, recovery_ns, .. } = variant.work else {
        let rules = case.pass_rules(drive.short);
        let steps = vec![Step::Run { workload, warm_up: rules.warm_up, repeat: rules.repeat }];
        return job::run(drive, sitting, &id("run"), steps, Terms::within(RUN_NS), &mut gathered.records);
    };
    let steps = vec![
        Step::Idle { duration_ns: idle_ns },
        Step::Run { workload, warm_up: WarmUpRule::NONE, repeat: RepeatRule::ONCE },
    ];
    let mut terms = Terms::within(duration_ns + idle_ns + SPARE_NS);
    terms.found_again_within = Duration::from_nanos(terms.deadline_ns);
    if duration_ns > LONG_NS {
        terms.sensor_interval_ns = SLOW_SENSORS_NS;
    }
    job::run(drive, sitting, &id("run"), steps, terms, &mut gathered.records)?;
    match suite.probe {
        Some(probe) if recovery_ns > 0 => recovery(drive, &probe, recovery_ns, sitting, gathered, made, id),
        _ => Ok(()),
    }
}

/// Short passes of the same prompt, with longer and longer rests between them, until the device is back or the
/// time is over.
fn recovery(
    drive: &mut Drive<'_, '_>,
    probe: &Probe,
    recovery_ns: u64,
    sitting: &mut Sitting,
    gathered: &mut Gathered,
    made: Prompt,
    id: &dyn Fn(&str) -> String,
) -> Result<(), Stop> {
    let workload = Workload::Generate {
        prompt: made,
        sampling: Sampling::GREEDY,
        stop: probe.stop(),
        reuse_prefix: 0,
        allocate_context: None,
        speculate: false,
    };
    let (mut rest_ns, mut rested_ns) = (FIRST_REST_NS, 0);
    for look in 0_u32.. {
        // The step of the work is another one than this first step of a job, which is how the two are told apart.
        let steps = vec![Step::Run {
            workload: workload.clone(),
            warm_up: WarmUpRule::NONE,
            repeat: RepeatRule::ONCE,
        }];
        let records = &mut gathered.records;
        job::run(drive, sitting, &id(&format!("look-{look}")), steps, Terms::within(RUN_NS), records)?;
        if rested_ns >= recovery_ns || dyno_reports::derive::is_recovered(&gathered.records) {
            break;
        }
        gate::rest(drive, sitting, &id(&format!("rest-{look}")), rest_ns)?;
        rested_ns += rest_ns;
        rest_ns = (rest_ns + rest_ns / 2).min(LONGEST_REST_NS);
    }
    Ok(())
}

/// A trial in a state that its suite refuses is not begun.
pub(super) fn refuse_circumstances(suite: &Suite, sitting: &mut Sitting) -> Result<(), Stop> {
    let conditions = job::conditions(sitting)?;
    let refused: Vec<&str> = dyno_reports::derive::circumstances(sitting.facts(), &conditions)
        .into_iter()
        .filter(|circumstance| suite.refuses.contains(circumstance))
        .map(Words::word)
        .collect();
    if refused.is_empty() {
        return Ok(());
    }
    let what = format!("the suite `{}` is not measured under: {}", suite.id, refused.join(", "));
    Err(Stop::Failure(Failure::new(FailureKind::Conditions, what)))
}

pub(super) fn prompt(work: &Work, loaded: &Loaded, sitting: &mut Sitting) -> Result<Prompt, Stop> {
    match work.prompt_source() {
        None => Err(Stop::refused("the work has no prompt")),
        Some(PromptSource::Filler { tokens, seed }) => Ok(filler_prompt(*tokens, *seed, loaded.vocabulary)),
        Some(PromptSource::Chat { message, thinking }) => render(message, *thinking, None, sitting),
        Some(PromptSource::Picture { message, thinking, side, seed }) => {
            let drawn = procedural::sketch(*side, *seed);
            let picture = ImageData { width: drawn.width, height: drawn.height, rgb: drawn.rgb };
            render(message, *thinking, Some(picture), sitting)
        }
    }
}

fn render(
    message: &str,
    thinking: Thinking,
    picture: Option<ImageData>,
    sitting: &mut Sitting,
) -> Result<Prompt, Stop> {
    let mut parts: Vec<MessagePart> = picture.iter().map(|_| MessagePart::Image).collect();
    parts.push(MessagePart::Text { text: message.to_owned() });
    let request = RenderRequest {
        messages: Some(vec![Message { role: Role::User, parts }]),
        raw_text: None,
        append_text: None,
        thinking,
        tools_json: Vec::new(),
        images: picture.into_iter().collect(),
    };
    match sitting.conversation().ask(Question::Render(request), QUESTION)? {
        Answer::Rendered(rendered) => Ok(rendered.prompt),
        _ => Err(Stop::refused("the agent did not answer with a prompt")),
    }
}
