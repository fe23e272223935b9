//! One attempt at one trial as its events tell it.

use std::collections::BTreeSet;

use dyno_protocol::{
    Bandwidth, Conditions, GenerationPass, Loaded, PassKind, Prompt, Record, RecordBody, SensorSample,
};

use super::probes::Gate;
use super::replay::{ClockPair, Session};
use crate::bundle::{ItemAnswer, Outcome};
use crate::cell::PlannedTrial;

#[derive(Debug, Clone)]
pub(crate) struct Attempted<'a> {
    pub(crate) run_id: &'a str,
    pub(crate) planned: &'a PlannedTrial,
    pub(crate) attempt: u32,
    pub(crate) session: Option<&'a Session<'a>>,
    /// What the probe right before it showed, where it had to pass one.
    pub(crate) gate: Option<Gate>,
    /// The agent's clock against the time of day.
    pub(crate) clock: Option<ClockPair>,
    pub(crate) prompt: Option<&'a Prompt>,
    pub(crate) expected_ids: Option<&'a [u32]>,
    pub(crate) records: Vec<&'a Record>,
    /// Items in the order in which they were answered; those that an earlier attempt had answered come first.
    pub(crate) answers: Vec<&'a ItemAnswer>,
    /// As it was recorded.
    pub(crate) outcome: Option<&'a Outcome>,
    /// First and last line of its events.
    pub(crate) lines: (u64, u64),
    /// An event is missing between its first and its last.
    pub(crate) has_gap: bool,
}

impl<'a> Attempted<'a> {
    /// Answers of an earlier attempt at the same trial, where the same weights gave them.
    pub(crate) fn take_over(&mut self, earlier: &[&'a ItemAnswer]) {
        let Some(loaded) = self.loaded() else { return };
        let here: BTreeSet<&str> = self.answers.iter().map(|answer| answer.item.as_str()).collect();
        let same = |answer: &&&'a ItemAnswer| {
            answer.asked.as_ref().is_some_and(|asked| asked.model_sha256 == loaded.model_sha256)
                && !here.contains(answer.item.as_str())
        };
        let mut all: Vec<&'a ItemAnswer> = earlier.iter().filter(same).copied().collect();
        all.append(&mut self.answers);
        self.answers = all;
    }

    pub(crate) fn bodies(&self) -> impl Iterator<Item = &'a RecordBody> + '_ {
        self.records.iter().map(|record| &record.body)
    }

    /// Timed passes of the work; warm-up passes give no numbers, and passes of a later step are probes.
    pub(crate) fn passes(&self) -> impl Iterator<Item = &'a GenerationPass> + '_ {
        let work = self.timed().next().map(|pass| pass.step);
        self.timed().filter(move |pass| Some(pass.step) == work)
    }

    /// Timed passes after the work, which show how the device recovers from it.
    pub(crate) fn recovery(&self) -> impl Iterator<Item = &'a GenerationPass> + '_ {
        let work = self.timed().next().map(|pass| pass.step);
        self.timed().filter(move |pass| Some(pass.step) != work)
    }

    fn timed(&self) -> impl Iterator<Item = &'a GenerationPass> + '_ {
        self.bodies().filter_map(|body| match body {
            RecordBody::Generation(pass) if pass.kind == PassKind::Timed => Some(&**pass),
            _ => None,
        })
    }

    pub(crate) fn bandwidths(&self) -> impl Iterator<Item = &'a Bandwidth> + '_ {
        self.bodies().filter_map(|body| match body {
            RecordBody::Bandwidth(bandwidth) if bandwidth.kind == PassKind::Timed => Some(bandwidth),
            _ => None,
        })
    }

    pub(crate) fn loads(&self) -> impl Iterator<Item = &'a Loaded> + '_ {
        self.bodies().filter_map(|body| match body {
            RecordBody::Loaded(loaded) => Some(&**loaded),
            _ => None,
        })
    }

    /// What the passes ran on.
    pub(crate) fn loaded(&self) -> Option<&'a Loaded> {
        self.loads().last()
    }

    pub(crate) fn samples(&self) -> impl Iterator<Item = &'a SensorSample> + '_ {
        self.bodies().flat_map(|body| match body {
            RecordBody::Sensors { samples } => samples.as_slice(),
            _ => &[],
        })
    }

    /// The conditions right before the work: those of the job that does it, because an earlier one only loads
    /// and a later one only looks on.
    pub(crate) fn begin_conditions(&self) -> Option<&'a Conditions> {
        let started = |record: &&'a Record| match &record.body {
            RecordBody::Started { conditions } => Some(conditions),
            _ => None,
        };
        self.records[..self.work_at()].iter().rev().find_map(started)
    }

    pub(crate) fn end_conditions(&self) -> Option<&'a Conditions> {
        let ended = |record: &&'a Record| match &record.body {
            RecordBody::Ended { conditions, .. } => Some(conditions),
            _ => None,
        };
        let work = self.work_at();
        let last = || self.records.iter().rev().find_map(ended);
        self.records[work..].iter().find_map(ended).or_else(last)
    }

    /// When the job of the work began, on the agent's clock.
    pub(crate) fn work_began_ns(&self) -> Option<u64> {
        let started = |record: &&&Record| matches!(record.body, RecordBody::Started { .. });
        self.records[..self.work_at()].iter().rev().find(started).map(|record| record.at_ns)
    }

    /// Where the first observation of the work stands among the records; their end where there is none.
    fn work_at(&self) -> usize {
        let is_work = |record: &&Record| {
            matches!(
                record.body,
                RecordBody::Generation(_) | RecordBody::Scoring(_) | RecordBody::Bandwidth(_)
            )
        };
        self.records.iter().position(is_work).unwrap_or(self.records.len())
    }
}
