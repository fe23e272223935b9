//! What makes an attempt's numbers worthless: wrong output, another prompt, stamps that cannot be.

use dyno_protocol::{Finish, GenerationPass, PassKind, Prompt, Record, RecordBody};
use dyno_suites::Words;

use super::attempt::Attempted;

/// A reason why numbers do not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// What came out is wrong: its speed is the speed of nothing.
    WrongOutput(String),
    /// The measurement itself is not what was planned.
    Unsound(String),
}

impl Fault {
    pub(crate) fn what(&self) -> &str {
        match self {
            Self::WrongOutput(what) | Self::Unsound(what) => what,
        }
    }
}

/// Why the numbers of these records stay out of every verdict; empty where nothing speaks against them.
pub fn invalid_because(
    records: &[Record],
    prompt: Option<&Prompt>,
    expected_ids: Option<&[u32]>,
) -> Vec<String> {
    let bodies = records.iter().map(|record| &record.body);
    faults(bodies, prompt, expected_ids).iter().map(|fault| fault.what().to_owned()).collect()
}

pub(crate) fn faults<'a>(
    bodies: impl Iterator<Item = &'a RecordBody>,
    prompt: Option<&Prompt>,
    expected_ids: Option<&[u32]>,
) -> Vec<Fault> {
    let bodies: Vec<&RecordBody> = bodies.collect();
    let mut faults: Vec<Fault> = disturbances(bodies.iter().copied()).map(Fault::Unsound).collect();
    if prompt.is_some_and(|prompt| !prompt.is_whole()) {
        faults.push(Fault::Unsound("the prompt's hash is not the hash of its content".to_owned()));
    }
    for body in bodies {
        match body {
            RecordBody::Generation(pass) if pass.kind == PassKind::Timed => {
                of_pass(pass, prompt, expected_ids, &mut faults);
            }
            RecordBody::Scoring(pass) if pass.kind == PassKind::Timed => {
                let other = prompt.is_some_and(|prompt| prompt.sha256 != pass.prompt_sha256);
                if other {
                    faults.push(Fault::Unsound(format!(
                        "pass {} ran another prompt than was planned",
                        pass.pass
                    )));
                }
            }
            _ => {}
        }
    }
    faults
}

fn of_pass(
    pass: &GenerationPass,
    prompt: Option<&Prompt>,
    expected_ids: Option<&[u32]>,
    faults: &mut Vec<Fault>,
) {
    let number = pass.pass;
    match &pass.finish {
        Finish::Loop { from_token, what } => {
            let what = format!("pass {number} went round in circles from token {from_token} on: {what}");
            faults.push(Fault::WrongOutput(what));
        }
        Finish::Cancelled => faults.push(Fault::Unsound(format!("pass {number} was cancelled"))),
        Finish::End | Finish::Length | Finish::TimeUp => {}
    }
    if prompt.is_some_and(|prompt| prompt.sha256 != pass.prompt_sha256) {
        faults.push(Fault::Unsound(format!("pass {number} ran another prompt than was planned")));
    }
    if let Some(expected) = expected_ids
        && let Some(at) = pass.token_ids.iter().zip(expected).position(|(found, expected)| found != expected)
    {
        let (found, wanted) = (pass.token_ids[at], expected[at]);
        let what =
            format!("pass {number} gave id {found} at token {at}, where a right engine gives {wanted}");
        faults.push(Fault::WrongOutput(what));
    }
    if pass.stamps_are_tokens && pass.token_ids.len() != pass.token_at_ns.len() {
        let (ids, stamps) = (pass.token_ids.len(), pass.token_at_ns.len());
        faults.push(Fault::Unsound(format!("pass {number} has {ids} ids and {stamps} stamps")));
    }
    let begin = std::iter::once(&pass.begin_ns);
    let stamps: Vec<&u64> = begin.chain(&pass.token_at_ns).chain(std::iter::once(&pass.end_ns)).collect();
    if stamps.windows(2).any(|pair| pair[1] < pair[0]) {
        faults.push(Fault::Unsound(format!("the stamps of pass {number} go back in time")));
    }
}

/// What changed around the work while it went on, so that its numbers are of no one state. A further try may
/// go undisturbed, which makes these the faults that are worth one.
pub fn disturbed(records: &[Record]) -> Vec<String> {
    disturbances(records.iter().map(|record| &record.body)).collect()
}

pub(crate) fn disturbances<'a>(bodies: impl Iterator<Item = &'a RecordBody>) -> impl Iterator<Item = String> {
    let mut began = None;
    let mut found = Vec::new();
    for body in bodies {
        match body {
            RecordBody::Started { conditions } => began = Some(conditions),
            RecordBody::Ended { conditions: end, .. } => {
                let Some(begin) = began.take() else { continue };
                let power = begin.power.value().zip(end.power.value());
                if let Some((from, to)) = power.filter(|(from, to)| from != to) {
                    let what =
                        format!("disturbed: the power source changed from {} to {}", from.word(), to.word());
                    found.push(what);
                }
                let mode = begin.low_power_mode.value().zip(end.low_power_mode.value());
                if mode.is_some_and(|(from, to)| from != to) {
                    found.push("disturbed: low power mode was switched".to_owned());
                }
                if begin.foreground.value() == Some(&true) && end.foreground.value() == Some(&false) {
                    found.push("disturbed: the agent went to the background".to_owned());
                }
            }
            _ => {}
        }
    }
    found.dedup();
    found.into_iter()
}

/// A trial that began while its probe was further below its cold reference than the suite's gate allows.
pub(crate) fn hot_start(attempt: &Attempted<'_>, within: f64) -> Option<Fault> {
    let gate = attempt.gate.filter(|gate| gate.share() < 1.0 - within)?;
    Some(Fault::Unsound(format!(
        "hot start: the probe before it ran at {:.1} % of its cold reference of this sitting",
        gate.share() * 100.0
    )))
}

/// What only the plan and the other passes can tell: passes that are too short.
pub(crate) fn too_short(attempt: &Attempted<'_>, planned_tokens: u32) -> Vec<Fault> {
    let short = attempt.passes().filter(|pass| {
        pass.stamps_are_tokens
            && pass.finish != Finish::TimeUp
            && (pass.token_ids.len() as u64) < u64::from(planned_tokens)
    });
    short
        .map(|pass| {
            let (number, count) = (pass.pass, pass.token_ids.len());
            Fault::WrongOutput(format!(
                "pass {number} gave {count} tokens where {planned_tokens} were planned"
            ))
        })
        .collect()
}

/// Greedy passes over one prompt give the same ids, or the engine is not deterministic.
pub(crate) fn passes_differ(attempt: &Attempted<'_>) -> bool {
    let mut passes = attempt.passes();
    let Some(first) = passes.next() else { return false };
    passes.any(|pass| {
        let same_prompt = pass.prompt_sha256 == first.prompt_sha256;
        same_prompt && pass.token_ids.iter().zip(&first.token_ids).any(|(one, other)| one != other)
    })
}
