//! Checks that need more than one definition at hand: made while reading, judged when everything is read.

use crate::claim::Claim;
use crate::claim_test::ALL_CASES;
use crate::definitions::Definitions;
use crate::loading::{Reading, did_you_mean};
use crate::metric::Unit;
use crate::words::Words;

/// Something to judge later.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Later {
    /// A value of this metric is stated in this unit.
    StatedIn { metric: String, unit: String },
    /// A value of this metric is expected to be this.
    Possible { metric: String, value: f64 },
    /// The case yields the metric.
    Yields { case: String, metric: String },
    /// The case varies along the axis.
    Varies { case: String, axis: String },
    /// The task compares options, or it does not.
    Asks { task: String, chooses: bool },
    /// Some device is sold under this name.
    SoldAs { name: String },
    /// The suite is there, or the claim says that it is not.
    Runs { suite: String, missing: Vec<String> },
    /// The suite is not there.
    Missing { suite: String },
    /// No other claim has the number.
    Numbered { number: u32, claim: String },
}

type Found = Option<(String, Option<String>)>;

/// Reports whatever does not fit together.
pub(crate) fn all(reading: &Reading<'_>, all: &Definitions) {
    for (later, place) in reading.laters() {
        if let Some((what, hint)) = later.judge(all) {
            reading.mistake(&place, what, hint);
        }
    }
}

impl Later {
    /// Nothing is said here about ids that are unknown: dangling references are reported once, elsewhere.
    fn judge(&self, all: &Definitions) -> Found {
        match self {
            Self::StatedIn { metric, unit } => {
                let right = all.metric(metric).ok()?.unit.word();
                (unit != right).then(|| {
                    (
                        format!("the unit `{unit}` does not fit"),
                        Some(format!("`{metric}` is measured in `{right}`")),
                    )
                })
            }
            Self::Possible { metric, value } => {
                let unit = all.metric(metric).ok()?.unit;
                let bounded = matches!(unit, Unit::Ratio) && *value > 1.0;
                bounded.then(|| {
                    (format!("`{metric}` cannot be {value}"), Some("it is a share from 0 to 1".to_owned()))
                })
            }
            Self::Yields { case, metric } if case.ends_with(ALL_CASES) => {
                let suite = all.suite(case.strip_suffix(ALL_CASES)?).ok()?;
                suite.cases.iter().find_map(|one| {
                    let case = format!("{}/{}", suite.id, one.id);
                    Self::Yields { case, metric: metric.clone() }.judge(all)
                })
            }
            Self::Yields { case, metric } => {
                let yields = &all.case(case).ok()?.1.metrics;
                let known = std::iter::once(metric).chain(yields).all(|metric| all.metric(metric).is_ok());
                let missing = known && !yields.contains(metric);
                missing.then(|| {
                    (
                        format!("the case `{case}` does not yield `{metric}`"),
                        Some(format!("it yields {}", yields.join(", "))),
                    )
                })
            }
            Self::Varies { case, axis } if case.ends_with(ALL_CASES) => {
                let suite = all.suite(case.strip_suffix(ALL_CASES)?).ok()?;
                suite.cases.iter().find_map(|one| {
                    let case = format!("{}/{}", suite.id, one.id);
                    Self::Varies { case, axis: axis.clone() }.judge(all)
                })
            }
            Self::Varies { case, axis } => {
                let known = all.case(case).ok()?.1.work.axes();
                (!known.contains(&axis.as_str())).then(|| {
                    let hint = match known {
                        [] => "it has no axis".to_owned(),
                        [known] => format!("its axis is `{known}`"),
                        known => format!("its axes are {}", known.join(", ")),
                    };
                    (format!("the case `{case}` does not vary along `{axis}`"), Some(hint))
                })
            }
            Self::Asks { task, chooses } => {
                let is_choice = all.task(task).ok()?.ask.is_choice();
                (is_choice != *chooses).then(|| {
                    let (kind, does) =
                        if is_choice { ("choose", "weighs options") } else { ("answer", "generates") };
                    (format!("the task `{task}` {does}"), Some(format!("make the work's kind `{kind}`")))
                })
            }
            Self::SoldAs { name } => {
                let known = || all.devices().iter().map(|device| device.marketing_name.as_str());
                (!known().any(|known| known == name)).then(|| {
                    (format!("no device is sold as `{name}`"), did_you_mean(name, known()).map(meant))
                })
            }
            Self::Runs { suite, missing } => {
                let known = all.suite(suite).is_ok() || all.case(suite).is_ok() || missing.contains(suite);
                let near = did_you_mean(suite, all.suites().iter().map(|suite| suite.id.as_str())).map(meant);
                let hint = near
                    .or_else(|| Some("a `needs_suite` test names a suite that is not there yet".to_owned()));
                (!known).then(|| (format!("there is no suite `{suite}`"), hint))
            }
            Self::Missing { suite } => all.suite(suite).is_ok().then(|| {
                (format!("the suite `{suite}` is there"), Some("test what it measures instead".to_owned()))
            }),
            Self::Numbered { number, claim } => {
                let other = |other: &&Claim| other.number == *number && other.id != *claim;
                let other = all.claims().iter().find(other)?;
                Some((
                    format!("claim {number} is `{}` already", other.id),
                    Some("take the next free number".to_owned()),
                ))
            }
        }
    }
}

fn meant(near: &str) -> String {
    format!("did you mean `{near}`?")
}
