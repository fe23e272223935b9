//! Groups of one configuration and one way of asking, shards put together.

use std::collections::BTreeMap;

use dyno_suites::{Definitions, Words};

use super::rows::Configuration;
use crate::derive::{Answered, Group};
use crate::evidence::Evidence;
use crate::paired_items::{Items, by_item, variant};

/// What one configuration answered to one case, asked in one way.
#[derive(Debug)]
pub(super) struct Side<'a> {
    pub(super) suite: &'a str,
    pub(super) case: &'a str,
    pub(super) subject: String,
    pub(super) asked_as: String,
    /// The axis value, where the case has the axis.
    pub(super) thinking: Option<&'a str>,
    pub(super) by: Configuration,
    pub(super) evidence: Evidence,
    pub(super) devices: u32,
    pub(super) items: Items<'a>,
    pub(super) groups: Vec<&'a Group<'a>>,
}

impl<'a> Side<'a> {
    pub(super) fn answers(&self) -> impl Iterator<Item = &'a Answered<'a>> + '_ {
        self.items.values().copied()
    }

    /// The parameters that the agent counted, where it could.
    pub(super) fn counted_parameters(&self) -> Option<u64> {
        let loaded =
            self.groups.iter().flat_map(|group| &group.attempts).find_map(|one| one.attempted.loaded());
        loaded.map(|loaded| loaded.parameters).filter(|count| *count > 0)
    }
}

/// Those that may be put together: the same kind of device, system, builds, weights and state. Where a configuration
/// was measured under several, the one with the most items stands for it.
pub(super) fn all<'a>(groups: &'a [Group<'a>], definitions: &Definitions) -> Vec<Side<'a>> {
    type Key<'a> = (&'a str, &'a str, String, Configuration);
    let mut found: BTreeMap<Key<'a>, Vec<Side<'a>>> = BTreeMap::new();
    for group in groups.iter().filter(|group| group.attempts.iter().any(|one| !one.answers.is_empty())) {
        let cell = &*group.cell;
        let by = Configuration {
            model: cell.model.clone(),
            quant: cell.quant.clone(),
            engine: cell.engine.clone(),
            unit: cell.unit,
        };
        let key = (cell.suite.as_str(), cell.case.as_str(), variant(cell, None), by);
        let sides = found.entry(key.clone()).or_default();
        match sides.iter_mut().find(|side| may_join(side, group)) {
            Some(side) => side.groups.push(group),
            None => sides.push(Side {
                suite: key.0,
                case: key.1,
                subject: subject(group, definitions),
                asked_as: key.2,
                thinking: cell.axes.get("thinking").map(String::as_str),
                by: key.3,
                evidence: group.evidence,
                devices: 0,
                items: Items::new(),
                groups: vec![group],
            }),
        }
    }
    found
        .into_values()
        .filter_map(|mut sides| {
            for side in &mut sides {
                side.items = by_item(&side.groups, None);
                let devices: std::collections::BTreeSet<&str> =
                    side.groups.iter().map(|group| group.identity.device_id.as_str()).collect();
                side.devices = devices.len() as u32;
            }
            sides.into_iter().max_by_key(|side| side.items.len())
        })
        .collect()
}

/// Shards of one whole, from devices that are the same but for their names.
fn may_join(side: &Side<'_>, group: &Group<'_>) -> bool {
    let sharded = |group: &Group<'_>| group.cell.axes.contains_key("shard");
    let same = |other: &Group<'_>| {
        let mut renamed = other.identity.clone();
        renamed.device_id.clone_from(&group.identity.device_id);
        renamed == group.identity && other.evidence == group.evidence
    };
    sharded(group) && side.groups.iter().all(|other| sharded(other) && same(other))
}

fn subject(group: &Group<'_>, definitions: &Definitions) -> String {
    let case = definitions.case(&format!("{}/{}", group.cell.suite, group.cell.case));
    let task = case.ok().and_then(|(_, case)| definitions.task(case.work.task()?).ok());
    task.map_or("text", |task| task.subject.word()).to_owned()
}
