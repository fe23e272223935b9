//! How much faster or slower than its nominal speed the device is, and why.

use dyno_protocol::SimulatedNoise;
use serde::{Deserialize, Serialize};

use crate::draw::{Draws, Of};

/// Slow wandering within a session: remembers what is left of earlier steps.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Wander {
    steps: u64,
    value: f64,
    left_s: f64,
}

/// So many steps in the time in which it forgets.
const STEPS: f64 = 8.0;

impl Wander {
    pub(crate) fn elapse(&mut self, noise: &SimulatedNoise, seconds: f64, draws: Draws) {
        if noise.wander == 0.0 {
            return;
        }
        self.left_s -= seconds;
        while self.left_s <= 0.0 {
            self.left_s += noise.wander_s / STEPS;
            let kept = if self.steps == 0 { 0.0 } else { (-1.0 / STEPS).exp() };
            let fresh = noise.wander * draws.normal(Of::Wander, self.steps);
            self.value = kept * self.value + (1.0 - kept * kept).sqrt() * fresh;
            self.steps += 1;
        }
    }

    pub(crate) fn factor(&self) -> f64 {
        self.value.exp()
    }
}

pub(crate) fn session(noise: &SimulatedNoise, draws: Draws) -> f64 {
    (noise.session * draws.normal(Of::Session, 0)).exp()
}

pub(crate) fn trial(noise: &SimulatedNoise, draws: Draws, number: u64) -> f64 {
    (noise.trial * draws.normal(Of::Trial, number)).exp()
}

/// Normal, with a tail to the slow side.
pub(crate) fn pass(noise: &SimulatedNoise, draws: Draws, number: u64) -> f64 {
    let usual = (noise.pass * draws.normal(Of::Pass, number)).exp();
    if draws.uniform(Of::Outlier, number) >= noise.outlier_share {
        return usual;
    }
    usual / (1.0 - noise.outlier_slow * draws.uniform(Of::OutlierSize, number).ln())
}

/// On the time of one token, with mean one.
pub(crate) fn token(noise: &SimulatedNoise, draws: Draws, number: u64) -> f64 {
    if noise.token == 0.0 {
        return 1.0;
    }
    (noise.token * draws.normal(Of::Token, number) - noise.token * noise.token / 2.0).exp()
}

/// What noise does to the logarithm of a pass's speed on average: only the tail is lopsided.
pub fn expected_log_noise(noise: &SimulatedNoise) -> f64 {
    const POINTS: u32 = 20_000;
    let middle = |point: u32| (f64::from(point) + 0.5) / f64::from(POINTS);
    let slowed = (0..POINTS).map(|point| (1.0 - noise.outlier_slow * middle(point).ln()).ln()).sum::<f64>();
    -noise.outlier_share * slowed / f64::from(POINTS)
}
