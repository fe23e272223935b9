//! Cases: one kind of work with its rules, its metrics and its axes. A case expands to variants, one for
//! every combination of its axes; a variant is what a cell of a table measures.

use std::collections::BTreeMap;

use dyno_protocol::{RepeatRule, WarmUpRule};
use serde::Serialize;

use crate::axes::AxisValues;
use crate::loading::Fields;
use crate::metric::METRIC;
use crate::words::words;
use crate::work::{CaseWork, Work};

pub(crate) const CASE: &str = "case";

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Case {
    pub id: String,
    pub version: u32,
    pub title: String,
    pub work: CaseWork,
    /// Metrics that its passes yield.
    pub metrics: Vec<String>,
    pub place: Place,
    pub rules: Rules,
}

/// When warm-up is over, when enough is measured; and the same for a short run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rules {
    pub full: PassRules,
    /// Fewer passes and wider intervals: says the same with less certainty.
    pub short: PassRules,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PassRules {
    pub warm_up: WarmUpRule,
    pub repeat: RepeatRule,
}

words! {
    /// When a case may run while one configuration is visited.
    pub enum Place {
        /// Needs a fresh process and comes first.
        FreshProcess = "fresh-process",
        /// Loads again in the same process, before anything else is warm.
        Reload = "reload",
        /// Anywhere, in random order.
        Anywhere = "anywhere",
    }
}

/// One combination of a case's axes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Variant {
    /// What goes into the cell's axes.
    pub axes: BTreeMap<String, String>,
    pub work: Work,
}

impl Case {
    /// Passes of this case, full or short.
    pub fn pass_rules(&self, short: bool) -> PassRules {
        if short { self.rules.short } else { self.rules.full }
    }

    /// What there is to measure, with values for any axis instead of the case's own.
    pub fn variants_at(&self, chosen: &AxisValues) -> Vec<Variant> {
        self.work.variants(chosen)
    }

    /// The variant of a cell, from the cell's axes.
    pub fn variant(&self, axes: &BTreeMap<String, String>) -> Option<Variant> {
        self.work.variant(axes)
    }

    /// `suite_rules` are the rules of the suite as they are written: they are part of what a case means.
    pub(crate) fn read(
        fields: &Fields<'_>,
        suite: &str,
        suite_rules: Option<&Fields<'_>>,
        inherited: &Rules,
    ) -> Self {
        let id = fields.id();
        let version = fields.version();
        fields.declare(CASE, &format!("{suite}/{id}"), Some(version), suite_rules, &[]);
        Self {
            id,
            version,
            title: fields.text("title"),
            work: fields.inside_needed("work", CaseWork::read).unwrap_or(CaseWork::Load),
            metrics: fields.some("metrics", |key| fields.references(key, METRIC)),
            place: fields.word("place"),
            rules: fields.inside("rules", Rules::read).unwrap_or_else(|| inherited.clone()),
        }
    }
}

impl Rules {
    pub(crate) const STAND_IN: Self = Self { full: PassRules::STAND_IN, short: PassRules::STAND_IN };

    pub(crate) fn read(fields: &Fields<'_>) -> Self {
        let full = fields.inside_needed("full", PassRules::read).unwrap_or(PassRules::STAND_IN);
        let short = fields.inside_needed("short", PassRules::read).unwrap_or(PassRules::STAND_IN);
        Self { full, short }
    }
}

impl PassRules {
    const STAND_IN: Self = Self { warm_up: WarmUpRule::NONE, repeat: RepeatRule::ONCE };

    fn read(fields: &Fields<'_>) -> Self {
        let warm_up = WarmUpRule {
            min_passes: fields.whole("warm_up_min", 0..=100) as u32,
            max_passes: fields.whole("warm_up_max", 0..=1000) as u32,
            agree_within: fields.number("agree_within", 0.0..=1.0),
        };
        let repeat = RepeatRule {
            min_passes: fields.whole("passes_min", 1..=10_000) as u32,
            max_passes: fields.whole("passes_max", 1..=10_000) as u32,
            half_width: fields.number("half_width", 0.0..=1.0),
            budget_ns: fields.whole("budget_s", 1..=86_400) * 1_000_000_000,
        };
        if warm_up.min_passes > warm_up.max_passes {
            fields.mistake("warm_up_max", "`warm_up_max` is below `warm_up_min`", None);
        }
        if repeat.min_passes > repeat.max_passes {
            fields.mistake("passes_max", "`passes_max` is below `passes_min`", None);
        }
        Self { warm_up, repeat }
    }
}
