//! The closed vocabulary of claim tests. `suites/README.md` says in words when each holds, fails and cannot
//! tell; a claim that none of them fits needs a new kind here, in the README and in `reports`.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use dyno_protocol::{ComputeUnit, DeviceKind};
use serde::Serialize;

use crate::axes::AXES;
use crate::case::CASE;
use crate::check::Later;
use crate::claim::EvidenceKind;
use crate::conditions::Selector;
use crate::loading::Fields;
use crate::metric::METRIC;
use crate::suite::SUITE;
use crate::words::words;

/// After a suite's name: all of its cases.
pub(crate) const ALL_CASES: &str = "/*";

/// One test of a claim. `because` says where its numbers come from.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Test {
    /// The value is the stated one, give or take: two one-sided tests at `value * (1 ± tolerance)`.
    RateAbout {
        of: Quantity,
        value: f64,
        tolerance: f64,
        because: String,
    },
    RateAtLeast {
        of: Quantity,
        value: f64,
        because: String,
    },
    ValueAtMost {
        of: Quantity,
        value: f64,
        because: String,
    },
    /// At least this share of the dispatched operations ran on the unit.
    UnitShare {
        at: Where,
        unit: ComputeUnit,
        at_least: f64,
        because: String,
    },
    /// The same cell on each of these units differs from the claimed unit by at least this share.
    ControlRuns {
        of: Quantity,
        units: Vec<ComputeUnit>,
        differs_by: f64,
        because: String,
    },
    /// None of these units is better than the claimed one at both the gain and the cost.
    Unbeaten {
        gain: Quantity,
        cost: Quantity,
        units: Vec<ComputeUnit>,
        because: String,
    },
    /// Every planned trial there loaded, ran and gave right output.
    RunsCorrectly {
        at: Where,
    },
    /// Not worse than the reference by more than the margin, in the metric's unit, paired by item.
    NonInferior {
        of: Quantity,
        reference: Selector,
        margin: f64,
        because: String,
    },
    /// Better than a comparator that has at least this many times the parameters, paired by item.
    PairedBetter {
        of: Quantity,
        candidate: Selector,
        comparator: Selector,
        size_ratio_at_least: f64,
        because: String,
    },
    /// Turning the switch on raises both the gain and the cost.
    TradeOff {
        switch: Switch,
        gain: Quantity,
        cost: Quantity,
        because: String,
    },
    /// Evidence of these kinds, or from these devices, is refused as evidence for what the claim says.
    RefusedEvidence {
        kinds: Vec<EvidenceKind>,
        device_kinds: Vec<DeviceKind>,
        because: String,
    },
    /// Nothing here can decide it before that suite is there: always cannot tell, naming the suite.
    NeedsSuite {
        suite: String,
        because: String,
    },
}

words! {
    pub enum TestKind {
        RateAbout = "rate_about",
        RateAtLeast = "rate_at_least",
        ValueAtMost = "value_at_most",
        UnitShare = "unit_share",
        ControlRuns = "control_runs",
        Unbeaten = "unbeaten",
        RunsCorrectly = "runs_correctly",
        NonInferior = "non_inferior",
        PairedBetter = "paired_better",
        TradeOff = "trade_off",
        RefusedEvidence = "refused_evidence",
        NeedsSuite = "needs_suite",
    }
}

words! {
    /// Something that a run turns on and off.
    pub enum Switch {
        Thinking = "thinking",
    }
}

/// A metric at a place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Quantity {
    pub metric: String,
    pub at: Where,
}

/// A case, the values of its axes, and the configurations that this test is about where they differ from
/// the claim's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Where {
    /// As `suite/case`; `suite/*` is all cases of the suite, their items put together where they are paired.
    pub case: String,
    /// Axes that have to have these values; others may have any.
    pub axes: BTreeMap<String, String>,
    pub only: Selector,
}

impl Where {
    pub fn suite(&self) -> &str {
        self.case.split_once('/').map_or(self.case.as_str(), |(suite, _)| suite)
    }

    pub fn case_id(&self) -> &str {
        self.case.split_once('/').map_or("", |(_, case)| case)
    }

    /// Whether it is about this case of its suite.
    pub fn is_about(&self, case: &str) -> bool {
        self.case.ends_with(ALL_CASES) || self.case_id() == case
    }

    fn read(fields: &Fields<'_>) -> Self {
        let axes = fields.pairs("axes", AXES);
        let case = fields.text("case");
        match case.strip_suffix(ALL_CASES) {
            Some(suite) => fields.refer(SUITE, suite, "case"),
            None if case.is_empty() => {}
            None => fields.refer(CASE, &case, "case"),
        }
        for (axis, _) in &axes {
            fields.later("axes", Later::Varies { case: case.clone(), axis: axis.clone() });
        }
        Self { case, axes: axes.into_iter().collect(), only: Selector::read(fields) }
    }
}

impl Quantity {
    fn read(fields: &Fields<'_>) -> Self {
        let quantity = Self { metric: fields.reference("metric", METRIC), at: Where::read(fields) };
        let (case, metric) = (quantity.at.case.clone(), quantity.metric.clone());
        fields.later("metric", Later::Yields { case, metric });
        quantity
    }

    /// A quantity of which `key` states a value, in a unit that must be the metric's own.
    fn read_stated(fields: &Fields<'_>, key: &'static str, range: RangeInclusive<f64>) -> (Self, f64) {
        let quantity = Self::read(fields);
        let (metric, unit) = (quantity.metric.clone(), fields.text("unit"));
        if !unit.is_empty() {
            fields.later("unit", Later::StatedIn { metric: metric.clone(), unit });
        }
        let value = fields.number(key, range);
        fields.later(key, Later::Possible { metric, value });
        (quantity, value)
    }
}

impl Test {
    pub fn kind(&self) -> TestKind {
        match self {
            Self::RateAbout { .. } => TestKind::RateAbout,
            Self::RateAtLeast { .. } => TestKind::RateAtLeast,
            Self::ValueAtMost { .. } => TestKind::ValueAtMost,
            Self::UnitShare { .. } => TestKind::UnitShare,
            Self::ControlRuns { .. } => TestKind::ControlRuns,
            Self::Unbeaten { .. } => TestKind::Unbeaten,
            Self::RunsCorrectly { .. } => TestKind::RunsCorrectly,
            Self::NonInferior { .. } => TestKind::NonInferior,
            Self::PairedBetter { .. } => TestKind::PairedBetter,
            Self::TradeOff { .. } => TestKind::TradeOff,
            Self::RefusedEvidence { .. } => TestKind::RefusedEvidence,
            Self::NeedsSuite { .. } => TestKind::NeedsSuite,
        }
    }

    /// `None` when the kind itself is not one of the vocabulary: nothing else can be read then.
    pub(crate) fn read(fields: &Fields<'_>) -> Option<Self> {
        let before = fields.mistakes_so_far();
        let kind = fields.word::<TestKind>("kind");
        if fields.mistakes_so_far() > before {
            fields.ignore_rest();
            return None;
        }
        let because = if kind == TestKind::RunsCorrectly { String::new() } else { fields.text("because") };
        Some(match kind {
            TestKind::RateAbout => {
                let (of, value) = Quantity::read_stated(fields, "value", 1e-9..=1e15);
                Self::RateAbout { of, value, tolerance: fields.number("tolerance", 0.001..=0.5), because }
            }
            TestKind::RateAtLeast => {
                let (of, value) = Quantity::read_stated(fields, "value", 0.0..=1e15);
                Self::RateAtLeast { of, value, because }
            }
            TestKind::ValueAtMost => {
                let (of, value) = Quantity::read_stated(fields, "value", 0.0..=1e15);
                Self::ValueAtMost { of, value, because }
            }
            TestKind::UnitShare => Self::UnitShare {
                at: Where::read(fields),
                unit: fields.word("on"),
                at_least: fields.number("at_least", 0.0..=1.0),
                because,
            },
            TestKind::ControlRuns => Self::ControlRuns {
                units: fields.some("controls", |key| fields.words(key)),
                of: Quantity::read(fields),
                differs_by: fields.number("differs_by", 0.01..=1.0),
                because,
            },
            TestKind::Unbeaten => {
                let gain = fields.inside_needed("gain", Quantity::read);
                let cost = fields.inside_needed("cost", Quantity::read);
                let units = fields.some("controls", |key| fields.words(key));
                Self::Unbeaten { gain: gain?, cost: cost?, units, because }
            }
            TestKind::RunsCorrectly => Self::RunsCorrectly { at: Where::read(fields) },
            TestKind::NonInferior => {
                let reference = fields.inside_needed("reference", Selector::read).unwrap_or_default();
                let (of, margin) = Quantity::read_stated(fields, "margin", 1e-6..=1e12);
                Self::NonInferior { of, reference, margin, because }
            }
            TestKind::PairedBetter => Self::PairedBetter {
                candidate: fields.inside_needed("candidate", Selector::read).unwrap_or_default(),
                comparator: fields.inside_needed("comparator", Selector::read).unwrap_or_default(),
                size_ratio_at_least: fields.number("size_ratio_at_least", 1.0..=1000.0),
                of: Quantity::read(fields),
                because,
            },
            TestKind::TradeOff => {
                let gain = fields.inside_needed("gain", Quantity::read);
                let cost = fields.inside_needed("cost", Quantity::read);
                Self::TradeOff { switch: fields.word("switch"), gain: gain?, cost: cost?, because }
            }
            TestKind::RefusedEvidence => Self::RefusedEvidence {
                kinds: fields.words("kinds"),
                device_kinds: fields.words("device_kinds"),
                because,
            },
            TestKind::NeedsSuite => {
                let suite = fields.text("suite");
                fields.later("suite", Later::Missing { suite: suite.clone() });
                Self::NeedsSuite { suite, because }
            }
        })
    }
}
