//! Chance by number: every draw is a function of the seed, of what it is for, and of how many came before it.
//! Nothing has to be remembered between two processes, and one kind of draw never shifts another.

/// What a draw is for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Of {
    Session = 1,
    Trial,
    Pass,
    Outlier,
    OutlierSize,
    Token,
    Wander,
    Tick,
    FirstTick,
    Refresh,
    Current,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Draws {
    seed: u64,
}

impl Draws {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed }
    }

    fn bits(self, of: Of, number: u64) -> u64 {
        mix(mix(mix(self.seed).wrapping_add(of as u64)).wrapping_add(number))
    }

    /// Above zero and below one.
    pub(crate) fn uniform(self, of: Of, number: u64) -> f64 {
        ((self.bits(of, number) >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    /// Normal with mean zero and deviation one, after Box and Muller.
    pub(crate) fn normal(self, of: Of, number: u64) -> f64 {
        let first = self.uniform(of, number.wrapping_mul(2));
        let second = self.uniform(of, number.wrapping_mul(2).wrapping_add(1));
        (-2.0 * first.ln()).sqrt() * (std::f64::consts::TAU * second).cos()
    }
}

/// Splitmix64's finisher.
fn mix(value: u64) -> u64 {
    let mut mixed = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::{Draws, Of};

    #[test]
    fn draws_are_what_they_are_called() {
        let draws = Draws::new(7);
        let n = 20_000;
        let normals: Vec<f64> = (0..n).map(|number| draws.normal(Of::Pass, number)).collect();
        let mean = normals.iter().sum::<f64>() / n as f64;
        let variance = normals.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n as f64;
        let beyond = normals.iter().filter(|value| value.abs() > 1.96).count() as f64 / n as f64;
        // Three standard errors of each.
        assert!(mean.abs() < 0.022 && (variance - 1.0).abs() < 0.03, "{mean} {variance}");
        assert!((beyond - 0.05).abs() < 0.005, "{beyond}");
        let neighbours: f64 =
            normals.windows(2).map(|pair| pair[0] * pair[1]).sum::<f64>() / (n as f64 - 1.0);
        assert!(neighbours.abs() < 0.022, "{neighbours}");
        assert!((0..n).all(|number| (0.0..1.0).contains(&draws.uniform(Of::Tick, number))));
        assert_ne!(Draws::new(8).normal(Of::Pass, 0).to_bits(), draws.normal(Of::Pass, 0).to_bits());
    }
}
