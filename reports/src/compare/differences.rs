//! What is not the same on both sides besides what was meant to differ. A comparison that hides such a difference
//! is how a new system, a warm phone or a swapped file passes for a better build.

use std::collections::BTreeSet;

use dyno_suites::Words;

use super::Difference;
use super::gather::CellSides;
use crate::bundle::Bundle;
use crate::cell::Side;
use crate::derive::Judged;

/// One respect in which two trials can differ.
struct Respect {
    what: &'static str,
    /// Numbers that differ in it are not compared: the difference could be all of the effect.
    refuses: bool,
    of: fn(&Judged<'_>) -> Option<String>,
}

/// Heat at the start: differing in it makes a row hot rather than mismatched.
pub(super) const HEAT: &str = "thermal state at the start";

const RESPECTS: &[Respect] = &[
    Respect { what: "device", refuses: true, of: |one| Some(one.identity.as_ref()?.device_id.clone()) },
    Respect { what: "operating system", refuses: true, of: |one| Some(one.identity.as_ref()?.os.clone()) },
    Respect { what: "OS build", refuses: true, of: |one| one.identity.as_ref()?.os_build.clone() },
    Respect { what: "agent build", refuses: false, of: |one| Some(one.identity.as_ref()?.agent.clone()) },
    Respect {
        what: "build profile",
        refuses: true,
        of: |one| Some(one.identity.as_ref()?.profile.word().to_owned()),
    },
    Respect {
        what: "engine version",
        refuses: false,
        of: |one| one.identity.as_ref()?.engine_version.clone(),
    },
    Respect { what: "weights", refuses: false, of: |one| one.identity.as_ref()?.model_sha256.clone() },
    Respect {
        what: "format of the weights",
        refuses: false,
        of: |one| one.identity.as_ref()?.format.clone(),
    },
    Respect {
        what: "power source",
        refuses: true,
        of: |one| Some(one.identity.as_ref()?.power?.word().to_owned()),
    },
    Respect {
        what: "low power mode",
        refuses: true,
        of: |one| Some(if one.identity.as_ref()?.low_power_mode? { "on" } else { "off" }.to_owned()),
    },
    Respect {
        what: HEAT,
        refuses: true,
        of: |one| Some(one.identity.as_ref()?.thermal_start?.word().to_owned()),
    },
    Respect {
        what: "foreground",
        refuses: true,
        of: |one| Some(if one.identity.as_ref()?.in_background { "no" } else { "yes or unknown" }.to_owned()),
    },
    Respect {
        what: "version of the definition",
        refuses: true,
        of: |one| Some(format!("{}.{}", one.cell().suite_version, one.cell().case_version)),
    },
    Respect { what: "prompt", refuses: true, of: |one| Some(one.attempted.prompt?.sha256.clone()) },
    Respect { what: "kind of evidence", refuses: true, of: |one| Some(one.evidence?.word().to_owned()) },
    Respect {
        what: "generated ids",
        refuses: false,
        of: |one| {
            let ids = &one.attempted.passes().next()?.token_ids;
            (!ids.is_empty()).then(|| format!("{} ids, {}", ids.len(), fingerprint(ids)))
        },
    },
];

const UNKNOWN: &str = "unknown";

/// Enough to tell two outputs apart for a reader.
fn fingerprint(ids: &[u32]) -> String {
    use sha2::{Digest, Sha256};
    let mut hasher = Sha256::new();
    for id in ids {
        hasher.update(id.to_le_bytes());
    }
    dyno_protocol::codec::hex(&hasher.finalize()[..4])
}

fn said(one: &Judged<'_>, respect: &Respect) -> String {
    (respect.of)(one).unwrap_or_else(|| UNKNOWN.to_owned())
}

/// In which respects that refuse a comparison two trials differ.
pub(super) fn between(base: &Judged<'_>, candidate: &Judged<'_>) -> Vec<&'static str> {
    let refusing = RESPECTS.iter().filter(|respect| respect.refuses);
    refusing
        .filter(|respect| said(base, respect) != said(candidate, respect))
        .map(|respect| respect.what)
        .collect()
}

/// What differs between the valid trials of the two sides; nothing while one of them has none.
pub(super) fn of_cell(cell: &CellSides<'_>) -> Vec<Difference> {
    let values = |side: Side, respect: &Respect| -> BTreeSet<String> {
        cell.valid(side).map(|one| said(one, respect)).collect()
    };
    let words = |values: BTreeSet<String>| values.into_iter().collect::<Vec<_>>().join(", ");
    RESPECTS
        .iter()
        .filter_map(|respect| {
            let (base, candidate) = (values(Side::Base, respect), values(Side::Candidate, respect));
            let differs = base != candidate && !base.is_empty() && !candidate.is_empty();
            differs.then(|| Difference {
                what: respect.what.to_owned(),
                base: words(base),
                candidate: words(candidate),
                refuses: respect.refuses,
            })
        })
        .collect()
}

/// The selection that a run keeps among its definitions, and what of it changes a number.
const SELECTION: &str = "selection.json";
const OF_SELECTION: &[(&str, &str)] =
    &[("short", "short form of the cases"), ("threads", "processor threads")];

/// What differs between the runs as wholes: how they were asked for, and what drove them.
pub(super) fn of_runs(base: &[&Bundle], candidate: &[&Bundle]) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut note = |what: &str, refuses: bool, of: &dyn Fn(&Bundle) -> Option<String>| {
        let values = |bundles: &[&Bundle]| -> BTreeSet<String> {
            bundles.iter().filter_map(|bundle| of(bundle)).collect()
        };
        let words = |values: BTreeSet<String>| values.into_iter().collect::<Vec<_>>().join(", ");
        let (base, candidate) = (values(base), values(candidate));
        if base != candidate && !base.is_empty() && !candidate.is_empty() {
            let (base, candidate) = (words(base), words(candidate));
            found.push(Difference { what: what.to_owned(), base, candidate, refuses });
        }
    };
    for (key, what) in OF_SELECTION {
        note(what, true, &|bundle| {
            let selection: serde_json::Value =
                serde_json::from_str(bundle.definitions.get(SELECTION)?).ok()?;
            Some(selection.get(*key)?.to_string())
        });
    }
    note("version of dyno", false, &|bundle| Some(bundle.manifest.tool.version.clone()));
    note("host", false, &|bundle| {
        let host = &bundle.manifest.host;
        Some(format!("{} on {}, {} cores", host.os, host.arch, host.logical_cores))
    });
    found
}
