//! Suites: cases that belong together, what they refuse to be measured under, and what only earns a flag.

use serde::Serialize;

use crate::case::{Case, Rules};
use crate::loading::Fields;
use crate::probe::{Gate, Probe};
use crate::words::words;

pub(crate) const SUITE: &str = "suite";

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Suite {
    pub id: String,
    pub version: u32,
    pub title: String,
    pub about: String,
    /// A trial under any of these is not begun.
    pub refuses: Vec<Circumstance>,
    /// A trial under any of these is measured, and every number of it carries the flag.
    pub flags: Vec<Circumstance>,
    /// The short decode that shows how fast the device is now; none where the suite has none.
    pub probe: Option<Probe>,
    /// What the probe has to show before each trial.
    pub gate: Option<Gate>,
    /// Ids of the cases that are run when nobody names any; all of them where this is empty.
    pub usual: Vec<String>,
    pub cases: Vec<Case>,
}

words! {
    /// Circumstances that change what a number means.
    pub enum Circumstance {
        /// The agent is a debug build.
        DebugBuild = "debug-build",
        LowPowerMode = "low-power-mode",
        /// The charger is in and the battery is not full.
        Charging = "charging",
        OnBattery = "on-battery",
        /// The system says that it is at least fairly warm before the first pass.
        WarmStart = "warm-start",
        /// The system says that it throttles, or is about to.
        Throttling = "throttling",
        /// The agent's app is not the one in front.
        Background = "background",
        /// The screen was unlocked only seconds ago.
        JustUnlocked = "just-unlocked",
        /// Other programs took a good part of the processor just before.
        BusyMachine = "busy-machine",
        /// This build never loaded this model on this device before.
        FirstEverLoad = "first-ever-load",
        /// Warm-up passes never agreed.
        WarmUpDisagreed = "warm-up-disagreed",
        /// The interval stayed wider than the rule asked for.
        WideInterval = "wide-interval",
        /// The battery stands where its gauge sticks: near full, or near empty.
        GaugeRange = "gauge-range",
        /// Stamps are of stream chunks, which may hold several tokens.
        ChunkStamps = "chunk-stamps",
    }
}

impl Suite {
    pub fn case(&self, id: &str) -> Option<&Case> {
        self.cases.iter().find(|case| case.id == id)
    }

    /// Whether this case is run when nobody names any.
    pub fn is_usual(&self, case: &Case) -> bool {
        self.usual.is_empty() || self.usual.contains(&case.id)
    }

    pub(crate) fn read(fields: &Fields<'_>) -> Self {
        let id = fields.id();
        let version = fields.version();
        // Cases carry the hash of the rules that they inherit; the suite's own is of the rest.
        fields.declare(SUITE, &id, Some(version), None, &["case", "rules", "usual"]);
        let refuses: Vec<Circumstance> = fields.words("refuses");
        let flags: Vec<Circumstance> = fields.words("flags");
        for both in flags.iter().filter(|flag| refuses.contains(flag)) {
            let word = crate::words::Words::word(*both);
            fields.mistake("flags", format!("`{word}` is refused and cannot also be flagged"), None);
        }
        let read_cases = |table: Option<&Fields<'_>>, rules: &Rules| {
            fields.some("case", |key| fields.each(key, |case| Case::read(case, &id, table, rules)))
        };
        let cases = fields.inside_needed("rules", |table| read_cases(Some(table), &Rules::read(table)));
        let cases = cases.unwrap_or_else(|| read_cases(None, &Rules::STAND_IN));
        let usual = fields.texts("usual");
        for name in usual.iter().filter(|name| !cases.iter().any(|case| case.id == **name)) {
            fields.mistake("usual", format!("there is no case `{name}` in this suite"), None);
        }
        let (probe, gate) = (fields.inside("probe", Probe::read), fields.inside("gate", Gate::read));
        if gate.is_some() && probe.is_none() {
            fields.mistake("gate", "a gate needs a `probe` to look at", None);
        }
        Self {
            id,
            version,
            title: fields.text("title"),
            about: fields.text("about"),
            refuses,
            flags,
            probe,
            gate,
            usual,
            cases,
        }
    }
}
