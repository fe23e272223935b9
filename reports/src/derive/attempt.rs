//! One attempt at one trial as its events tell it.

use std::collections::BTreeSet;

use dyno_protocol::{
    Bandwidth, Conditions, GenerationPass, Loaded, PassKind, Prompt, Record, RecordBody, SensorSample,
};

use super::replay::Session;
use crate::bundle::{ItemAnswer, Outcome};
use crate::cell::PlannedTrial;

#[derive(Debug, Clone)]
pub(crate) struct Attempted<'a> {
    pub(crate) run_id: &'a str,
    pub(crate) planned: &'a PlannedTrial,
    pub(crate) attempt: u32,
    pub(crate) session: Option<&'a Session<'a>>,
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

    /// Timed passes; warm-up passes give no numbers.
    pub(crate) fn passes(&self) -> impl Iterator<Item = &'a GenerationPass> + '_ {
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

    /// The conditions right before the work: those of the last job of the attempt, because an earlier one
    /// only loads.
    pub(crate) fn begin_conditions(&self) -> Option<&'a Conditions> {
        self.bodies()
            .filter_map(|body| match body {
                RecordBody::Started { conditions } => Some(conditions),
                _ => None,
            })
            .last()
    }

    pub(crate) fn end_conditions(&self) -> Option<&'a Conditions> {
        self.bodies()
            .filter_map(|body| match body {
                RecordBody::Ended { conditions, .. } => Some(conditions),
                _ => None,
            })
            .last()
    }
}
