//! How fast a gauge that moves in steps runs down, from when its steps came: maximum likelihood over step times.
//!
//! What is known of such gauges (phones, 5 % steps): the drain between two steps varies by about 18 % from step
//! to step, so one step says nothing and four say something. That spread is a starting belief here, worth as
//! many steps as [`BELIEF`], and the steps at hand update it.

use statrs::distribution::{ContinuousCDF, Normal};

use super::course::Figure;

/// One step: it came after the last reading of the old level and not after the first of the new one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tick {
    pub after_s: f64,
    pub by_s: f64,
    /// By how much the gauge moved, in its own unit.
    pub size: f64,
}

/// A gauge over a time in which the drain was steady.
#[derive(Debug, Clone, PartialEq)]
pub struct Ticks {
    pub begin_s: f64,
    pub end_s: f64,
    pub ticks: Vec<Tick>,
}

/// The relative spread of the drain between steps, as it is known from archives of phones.
const SPREAD: f64 = 0.18;
/// So many steps is that knowledge worth.
const BELIEF: f64 = 8.0;
/// The spreads that are thought possible.
const SPREADS: [f64; 20] = [
    0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.09, 0.10, 0.115, 0.13, 0.15, 0.17, 0.19, 0.22, 0.25, 0.30,
    0.36, 0.44, 0.55,
];
/// The drains that are looked at: so many times slower and faster than the simplest guess.
const REACH: f64 = 12.0;
const GRID: usize = 1201;

impl Ticks {
    /// Units of the gauge a second.
    pub fn drain(&self) -> Result<Figure, String> {
        let (first, last) =
            self.ticks.first().zip(self.ticks.last()).ok_or("the battery gauge did not move")?;
        let moved: f64 = self.ticks.iter().map(|tick| tick.size).sum();
        let span = self.end_s - self.begin_s;
        if moved <= 0.0 || span <= 0.0 || last.by_s < first.by_s {
            return Err("the battery gauge did not run down".to_owned());
        }
        let guess = moved / span;
        let logs: Vec<f64> =
            (0..GRID).map(|at| (at as f64 / (GRID - 1) as f64 * 2.0 - 1.0) * REACH.ln()).collect();
        let standard = Normal::standard();
        let likelihoods: Vec<f64> =
            logs.iter().map(|log| self.log_likelihood(guess * log.exp(), &standard)).collect();
        let best = likelihoods.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let weights: Vec<f64> = likelihoods.iter().map(|found| (found - best).exp()).collect();
        let mode = weights.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |(at, _)| at);
        let interval = (quantile(&logs, &weights, 0.025), quantile(&logs, &weights, 0.975));
        Ok(Figure {
            value: guess * logs[mode].exp(),
            interval: Ok((guess * interval.0.exp(), guess * interval.1.exp())),
        })
    }

    /// With every spread that is thought possible, each as likely as the starting belief has it.
    fn log_likelihood(&self, drain: f64, standard: &Normal) -> f64 {
        let parts: Vec<f64> = SPREADS
            .iter()
            .map(|spread| belief(*spread) + self.log_likelihood_with(drain, *spread, standard))
            .collect();
        let best = parts.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        best + parts.iter().map(|part| (part - best).exp()).sum::<f64>().ln()
    }

    fn log_likelihood_with(&self, drain: f64, spread: f64, standard: &Normal) -> f64 {
        // How likely it is that less than this share of a step's drain made the gauge move.
        let moved_by = |share: f64| standard.cdf((share - 1.0) / spread);
        let not_by = |share: f64| standard.cdf((1.0 - share) / spread).max(f64::MIN_POSITIVE).ln();
        let Some((first, last)) = self.ticks.first().zip(self.ticks.last()) else { return f64::NEG_INFINITY };
        // The first step was under way already: the rest of a step that is met at a random moment.
        let before = drain * (f64::midpoint(first.after_s, first.by_s) - self.begin_s).max(0.0) / first.size;
        let mut log = (drain / first.size).ln() + not_by(before);
        for pair in self.ticks.windows(2) {
            let (from, to) = (pair[0], pair[1]);
            let least = drain * (to.after_s - from.by_s).max(0.0) / to.size;
            let most = drain * (to.by_s - from.after_s) / to.size;
            // Two normal distributions far from the middle differ by less than a number can hold.
            let share = moved_by(most) - moved_by(least);
            log += if share > 1e-290 {
                share.ln()
            } else {
                let z = (f64::midpoint(least, most) - 1.0) / spread;
                -0.5 * z * z + ((most - least).max(1e-12) / spread).ln() - 0.92
            };
        }
        // The last step that was seen was not the last one for ever: the next was still under way.
        let after = drain * (self.end_s - f64::midpoint(last.after_s, last.by_s)).max(0.0) / last.size;
        log + not_by(after)
    }
}

/// How likely a spread was thought to be, up to a constant: as if so many steps had shown the usual one.
fn belief(spread: f64) -> f64 {
    -BELIEF * (spread.ln() + 0.5 * (SPREAD / spread).powi(2))
}

fn quantile(at: &[f64], weights: &[f64], share: f64) -> f64 {
    let all: f64 = weights.iter().sum();
    let mut sum = 0.0;
    for (at, weight) in at.iter().zip(weights) {
        sum += weight;
        if sum >= share * all {
            return *at;
        }
    }
    at.last().copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::{Tick, Ticks};
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// A gauge of 5 % steps with uneven drains between them, read once a second.
    fn simulated(random: &mut ChaCha8Rng, drain: f64, span_s: f64) -> Ticks {
        let normal = |random: &mut ChaCha8Rng| {
            let (a, b): (f64, f64) = (random.random_range(1e-12..1.0), random.random_range(0.0..1.0));
            (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos()
        };
        let mut at = -random.random_range(0.0..20.0 * 5.0 / drain);
        let mut ticks = Vec::new();
        while at < span_s {
            at += 5.0 / drain * (1.0 + 0.18 * normal(random)).max(0.1);
            if (0.0..span_s).contains(&at) {
                ticks.push(Tick { after_s: at.floor(), by_s: at.floor() + 1.0, size: 5.0 });
            }
        }
        Ticks { begin_s: 0.0, end_s: span_s, ticks }
    }

    #[test]
    fn steps_of_a_gauge_give_the_true_drain_and_intervals_that_cover_it() {
        let mut random = ChaCha8Rng::seed_from_u64(5);
        // 5 % in ten minutes: 4 steps or so in 45 minutes.
        let (drain, span_s) = (5.0 / 600.0, 2700.0);
        let (mut covered, mut logs, mut widths, mut runs) = (0_u32, 0.0, 0.0, 0_u32);
        while runs < 400 {
            let ticks = simulated(&mut random, drain, span_s);
            let figure = ticks.drain().unwrap();
            let (low, high) = figure.interval.unwrap();
            covered += u32::from(low <= drain && drain <= high);
            logs += (figure.value / drain).ln();
            widths += high / low;
            runs += 1;
        }
        let coverage = f64::from(covered) / f64::from(runs);
        let bias = (logs / f64::from(runs)).exp() - 1.0;
        assert!((0.92..=0.99).contains(&coverage), "coverage {coverage}");
        assert!(bias.abs() < 0.03, "bias {bias}");
        let width = widths / f64::from(runs);
        assert!((1.15..1.8).contains(&width), "width {width}");
    }

    #[test]
    fn one_step_says_next_to_nothing_and_says_so_by_its_width() {
        let tick = |at: f64| Tick { after_s: at, by_s: at + 1.0, size: 5.0 };
        let width = |ticks: Vec<Tick>, end_s: f64| {
            let (low, high) = Ticks { begin_s: 0.0, end_s, ticks }.drain().unwrap().interval.unwrap();
            high / low
        };
        let one = width(vec![tick(300.0)], 600.0);
        let four = width((0..4).map(|k| tick(300.0 + 600.0 * f64::from(k))).collect(), 2400.0);
        let eight = width((0..8).map(|k| tick(300.0 + 600.0 * f64::from(k))).collect(), 4800.0);
        assert!(one > 3.0 && four < 1.6 && eight < four, "{one} {four} {eight}");
        assert!(Ticks { begin_s: 0.0, end_s: 600.0, ticks: vec![] }.drain().is_err());
    }
}
