//! A mean with its uncertainty from values that hang together: passes inside trials inside sessions.
//!
//! The interval is Student's, over the means of the highest level that was repeated often enough: sessions
//! where there are three, else trials. A bootstrap was measured against it and covers too little at the sample
//! sizes of a device bench (the test below shows it), which is why there is none here.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// A value with the trial and the session it comes from, by index.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Placed {
    pub session: u32,
    pub trial: u32,
    pub value: f64,
}

/// Where values are averaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// As they are.
    Plain,
    /// By their logarithms: the mean is the geometric one, and noise is a share of the value.
    Log,
}

/// What was taken as one independent repetition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Session,
    Trial,
    Pass,
}

/// A mean and how sure it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Fit {
    /// On the scale's own axis.
    centre: f64,
    /// Standard error of the centre; absent for a single repetition.
    error: Option<f64>,
    /// Degrees of freedom of the error; none for a single repetition.
    freedom: f64,
    pub scale: Scale,
    pub level: Level,
    /// Independent repetitions at that level.
    pub repetitions: u32,
    pub passes: u32,
    pub trials: u32,
    pub sessions: u32,
}

/// This many sessions, and the session is the repetition.
const ENOUGH_SESSIONS: usize = 3;

impl Fit {
    /// `None` for no values, and for values that are not numbers.
    pub fn of(values: &[Placed]) -> Option<Self> {
        // Rates, times and sizes are positive and noisy by shares; a value of zero or below has no logarithm.
        let positive = values.iter().all(|placed| placed.value > 0.0);
        Self::on(values, if positive { Scale::Log } else { Scale::Plain })
    }

    /// As `of`, on a scale of the caller's choice. Values of zero and below have no place on `Scale::Log`.
    pub fn on(values: &[Placed], scale: Scale) -> Option<Self> {
        if values.is_empty() || values.iter().any(|placed| !placed.value.is_finite()) {
            return None;
        }
        let on_axis: Vec<Placed> =
            values.iter().map(|placed| Placed { value: scale.to_axis(placed.value), ..*placed }).collect();
        let trials = means(&on_axis, |placed| (placed.session, placed.trial));
        let sessions = means(&trials, |placed| (placed.session, 0));
        let (level, units) = match (sessions.len(), trials.len()) {
            (ENOUGH_SESSIONS.., _) => (Level::Session, &sessions),
            (_, 2..) => (Level::Trial, &trials),
            _ => (Level::Pass, &on_axis),
        };
        let count = units.len() as f64;
        let centre = units.iter().map(|unit| unit.value).sum::<f64>() / count;
        let squares: f64 = units.iter().map(|unit| (unit.value - centre).powi(2)).sum();
        Some(Self {
            centre,
            error: (units.len() > 1).then(|| (squares / (count - 1.0) / count).sqrt()),
            freedom: count - 1.0,
            scale,
            level,
            repetitions: units.len() as u32,
            passes: values.len() as u32,
            trials: trials.len() as u32,
            sessions: sessions.len() as u32,
        })
    }

    pub fn value(&self) -> f64 {
        self.scale.from_axis(self.centre)
    }

    /// The interval that covers the true mean with this confidence; `None` for a single repetition.
    pub fn interval(&self, confidence: f64) -> Option<(f64, f64)> {
        let reach = self.error? * self.student()?.inverse_cdf(f64::midpoint(confidence, 1.0));
        Some((self.scale.from_axis(self.centre - reach), self.scale.from_axis(self.centre + reach)))
    }

    /// How likely values this far above `bound` would be if the mean were not above it.
    pub fn p_above(&self, bound: f64) -> Option<f64> {
        Some(1.0 - self.position(bound)?)
    }

    /// How likely values this far below `bound` would be if the mean were not below it.
    pub fn p_below(&self, bound: f64) -> Option<f64> {
        self.position(bound)
    }

    /// How likely values this far from `bound`, on either side, would be if the mean were there.
    pub fn p_two_sided(&self, bound: f64) -> Option<f64> {
        let below = self.position(bound)?;
        Some((2.0 * below.min(1.0 - below)).min(1.0))
    }

    /// The same mean with a source of error that its repetitions do not show: a standard deviation on the scale's
    /// own axis, known from so many degrees of freedom.
    #[must_use]
    pub fn with_further_error(&self, deviation: f64, freedom: f64) -> Self {
        let Some(mine) = self.error.map(|error| error.powi(2)) else { return self.clone() };
        let further = deviation.powi(2);
        let together = (mine + further).powi(2) / (mine.powi(2) / self.freedom + further.powi(2) / freedom);
        Self {
            error: Some((mine + further).sqrt()),
            freedom: if together.is_finite() { together } else { self.freedom.max(freedom) },
            ..self.clone()
        }
    }

    /// This mean over another one, where the error of their ratio is known from elsewhere. `None` where one of them
    /// is not positive.
    pub fn over_with_error(&self, base: &Self, deviation: f64, freedom: f64) -> Option<Self> {
        let comparable = self.scale == Scale::Log && base.scale == Scale::Log;
        comparable.then(|| Self {
            centre: self.centre - base.centre,
            error: Some(deviation),
            freedom,
            level: Level::Session,
            repetitions: self.repetitions.min(base.repetitions),
            passes: self.passes + base.passes,
            trials: self.trials + base.trials,
            sessions: self.sessions.min(base.sessions),
            ..self.clone()
        })
    }

    /// The standard error on the scale's own axis; absent for a single repetition.
    pub fn error(&self) -> Option<f64> {
        self.error
    }

    /// Whether the repetitions are of a kind that carries over to another trial.
    pub fn speaks_beyond_one_trial(&self) -> bool {
        self.level != Level::Pass
    }

    /// This mean over another one that was measured apart from it: a ratio with Welch's degrees of freedom.
    /// `None` where one of them is not positive or has no error.
    pub fn over(&self, base: &Self) -> Option<Self> {
        if self.scale != Scale::Log || base.scale != Scale::Log {
            return None;
        }
        let (mine, theirs) = (self.error?.powi(2), base.error?.powi(2));
        let welch = (mine + theirs).powi(2) / (mine.powi(2) / self.freedom + theirs.powi(2) / base.freedom);
        Some(Self {
            centre: self.centre - base.centre,
            error: Some((mine + theirs).sqrt()),
            freedom: if welch.is_finite() { welch } else { self.freedom + base.freedom },
            repetitions: self.repetitions.min(base.repetitions),
            passes: self.passes + base.passes,
            trials: self.trials + base.trials,
            sessions: self.sessions.min(base.sessions),
            ..self.clone()
        })
    }

    fn student(&self) -> Option<StudentsT> {
        StudentsT::new(0.0, 1.0, self.freedom).ok().filter(|_| self.freedom > 0.0)
    }

    /// Where the mean lies over `bound`, as a point of Student's distribution function.
    fn position(&self, bound: f64) -> Option<f64> {
        let student = self.student()?;
        let above = self.centre - self.scale.to_axis(bound);
        let error = self.error?;
        if error == 0.0 {
            // All repetitions are equal: on the bound itself nothing is shown.
            return Some(if above == 0.0 { 0.5 } else { f64::from(u8::from(above > 0.0)) });
        }
        Some(student.cdf(above / error))
    }

    /// In words, for the page.
    pub fn method(&self) -> String {
        let (over, mean) = match (self.level, self.scale) {
            (Level::Session, Scale::Log) => ("session means", "geometric mean"),
            (Level::Trial, Scale::Log) => ("trial means", "geometric mean"),
            (Level::Pass, Scale::Log) => ("passes of one trial", "geometric mean"),
            (Level::Session, Scale::Plain) => ("session means", "mean"),
            (Level::Trial, Scale::Plain) => ("trial means", "mean"),
            (Level::Pass, Scale::Plain) => ("passes of one trial", "mean"),
        };
        match self.error {
            Some(_) => format!("{mean}, Student's t over {} {over}", self.repetitions),
            None => format!("{mean}, no interval"),
        }
    }

    /// What a reader of the interval must know.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        match (self.level, self.repetitions) {
            (Level::Pass, 1) => {
                warnings.push("one sample carries no interval: at least 2 trials are needed, 3 or more are better".to_owned());
            }
            (Level::Pass, _) => warnings.push(
                "one trial: the interval speaks of its passes and not of how trials differ; at least 2 trials are \
                 needed, 3 or more are better"
                    .to_owned(),
            ),
            (Level::Trial, 2) => {
                warnings.push("two trials carry a very wide interval; a third one makes it several times narrower".to_owned());
            }
            _ => {}
        }
        if self.level == Level::Trial && self.sessions > 1 {
            warnings.push(
                "two sessions: the interval does not cover how sessions differ; 3 are needed for that"
                    .to_owned(),
            );
        }
        if self.error == Some(0.0) {
            warnings.push(
                "all repetitions are equal, which no real clock gives: look at the raw data".to_owned(),
            );
        }
        warnings
    }
}

impl Scale {
    fn to_axis(self, value: f64) -> f64 {
        match self {
            Self::Plain => value,
            Self::Log => value.ln(),
        }
    }

    #[expect(clippy::wrong_self_convention, reason = "from the axis of the scale to a value")]
    fn from_axis(self, value: f64) -> f64 {
        match self {
            Self::Plain => value,
            Self::Log => value.exp(),
        }
    }
}

/// How many standard errors on either side cover with this confidence.
pub fn student_reach(freedom: f64, confidence: f64) -> Option<f64> {
    Some(StudentsT::new(0.0, 1.0, freedom).ok()?.inverse_cdf(f64::midpoint(confidence, 1.0)))
}

/// One mean for each group, in the order in which groups first come.
fn means(values: &[Placed], group: impl Fn(&Placed) -> (u32, u32)) -> Vec<Placed> {
    let mut sums: std::collections::BTreeMap<(u32, u32), (f64, f64)> = std::collections::BTreeMap::new();
    for placed in values {
        let (sum, count) = sums.entry(group(placed)).or_default();
        *sum += placed.value;
        *count += 1.0;
    }
    sums.into_iter()
        .map(|((session, trial), (sum, count))| Placed { session, trial, value: sum / count })
        .collect()
}

#[cfg(test)]
mod tests;
