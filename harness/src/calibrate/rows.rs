//! What a calibration found: shares and means with their own error bars, against what is wanted of them.

use dyno_reports::stats::{Fit, Placed, Scale, wilson};
use serde::Serialize;

/// One line of the table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Row {
    pub(crate) about: About,
    pub(crate) what: String,
    /// Intervals, comparisons or sittings that were looked at.
    pub(crate) tried: u64,
    pub(crate) found: f64,
    /// The 95 % interval of what was found.
    pub(crate) interval: Option<(f64, f64)>,
    /// Where it has to lie; nothing where it is shown for comparison only.
    pub(crate) wanted: Option<(f64, f64)>,
    pub(crate) answer: Option<Answer>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum About {
    /// How often a 95 % interval holds the truth.
    Coverage,
    /// The estimate over the truth, less one, on average.
    Bias,
    /// How often something is said to have changed when nothing has.
    FalseAlarms,
    /// How often a true change is said to be one.
    Power,
}

impl About {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Coverage => "coverage",
            Self::Bias => "bias",
            Self::FalseAlarms => "false alarms",
            Self::Power => "power",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Answer {
    Holds,
    Fails,
    CannotTell,
}

impl Answer {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Fails => "fails",
            Self::CannotTell => "cannot tell",
        }
    }

    /// Holds with the whole interval inside, fails with the whole of it outside.
    fn of(interval: Option<(f64, f64)>, wanted: (f64, f64)) -> Self {
        match interval {
            Some((low, high)) if low >= wanted.0 && high <= wanted.1 => Self::Holds,
            Some((low, high)) if high < wanted.0 || low > wanted.1 => Self::Fails,
            _ => Self::CannotTell,
        }
    }
}

impl Row {
    /// A share of what was tried, with Wilson's interval.
    pub(crate) fn share(
        about: About,
        what: impl Into<String>,
        hits: u64,
        tried: u64,
        wanted: Option<(f64, f64)>,
    ) -> Self {
        let interval = wilson(hits, tried, 0.95);
        let found = if tried == 0 { f64::NAN } else { hits as f64 / tried as f64 };
        let answer = wanted.map(|wanted| Answer::of(interval, wanted));
        Self { about, what: what.into(), tried, found, interval, wanted, answer }
    }

    /// The mean of what was tried, with Student's interval.
    pub(crate) fn mean(
        about: About,
        what: impl Into<String>,
        values: &[f64],
        wanted: Option<(f64, f64)>,
    ) -> Self {
        let placed: Vec<Placed> = values
            .iter()
            .enumerate()
            .map(|(trial, value)| Placed { session: 0, trial: trial as u32, value: *value })
            .collect();
        let fit = Fit::on(&placed, Scale::Plain);
        let interval = fit.as_ref().and_then(|fit| fit.interval(0.95));
        let found = fit.map_or(f64::NAN, |fit| fit.value());
        let answer = wanted.map(|wanted| Answer::of(interval, wanted));
        Self { about, what: what.into(), tried: values.len() as u64, found, interval, wanted, answer }
    }

    /// As a line of the printed table.
    pub(crate) fn cells(&self) -> Vec<String> {
        let percent = |value: f64| match self.about {
            About::Bias => format!("{:+.2} %", value * 100.0),
            _ => format!("{:.1} %", value * 100.0),
        };
        let pair = |(low, high): (f64, f64)| format!("{} to {}", percent(low), percent(high));
        vec![
            self.about.word().to_owned(),
            self.what.clone(),
            self.tried.to_string(),
            if self.found.is_finite() { percent(self.found) } else { "-".to_owned() },
            self.interval.map(pair).unwrap_or_default(),
            self.wanted.map(pair).unwrap_or_default(),
            self.answer.map_or("", Answer::word).to_owned(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::{About, Answer, Row};

    #[test]
    fn a_share_holds_only_with_its_whole_interval() {
        let wanted = Some((0.93, 0.97));
        let answer = |hits, tried| Row::share(About::Coverage, "x", hits, tried, wanted).answer;
        assert_eq!(answer(950, 1000), Some(Answer::Holds));
        assert_eq!(answer(95, 100), Some(Answer::CannotTell));
        assert_eq!(answer(850, 1000), Some(Answer::Fails));
        assert_eq!(answer(0, 0), Some(Answer::CannotTell));
    }
}
