//! A linear axis: where the ticks stand and where a value lies.

#[derive(Debug, Clone, Copy)]
pub(super) struct Axis {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
    step: f64,
}

impl Axis {
    /// Covers all finite values with a little air, drawn between two pixel positions.
    pub(super) fn covering(
        values: impl IntoIterator<Item = f64>,
        with_zero: bool,
        from: f64,
        to: f64,
    ) -> Self {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values.into_iter().filter(|value| value.is_finite()) {
            low = low.min(value);
            high = high.max(value);
        }
        if low > high {
            (low, high) = (0.0, 1.0);
        }
        if with_zero {
            low = low.min(0.0);
            high = high.max(0.0);
        }
        if high - low <= f64::EPSILON * high.abs().max(1.0) {
            let air = (high.abs() * 0.1).max(0.5);
            (low, high) = (low - air, high + air);
        }
        let step = nice_step((high - low) / 5.0);
        Self { low: (low / step).floor() * step, high: (high / step).ceil() * step, from, to, step }
    }

    pub(super) fn at(&self, value: f64) -> f64 {
        let share = ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0);
        self.from + share * (self.to - self.from)
    }

    /// Tick values with their labels.
    pub(super) fn ticks(&self) -> Vec<(f64, String)> {
        let count = ((self.high - self.low) / self.step).round().clamp(1.0, 40.0) as u32;
        let decimals = decimals_of(self.step);
        (0..=count)
            .map(|index| {
                let value = self.low + f64::from(index) * self.step;
                (value, tick_label(value, decimals))
            })
            .collect()
    }

    pub(super) fn range(&self) -> (f64, f64) {
        (self.low, self.high)
    }
}

fn nice_step(rough: f64) -> f64 {
    let power = 10_f64.powf(rough.log10().floor());
    let share = rough / power;
    let nice = if share <= 1.0 {
        1.0
    } else if share <= 2.0 {
        2.0
    } else if share <= 5.0 {
        5.0
    } else {
        10.0
    };
    nice * power
}

fn decimals_of(step: f64) -> usize {
    if step >= 1.0 { 0 } else { (-step.log10().floor()).clamp(0.0, 9.0) as usize }
}

pub(super) fn tick_label(value: f64, decimals: usize) -> String {
    if value.abs() >= 1e6 {
        return format!("{value:.1e}");
    }
    let text = format!("{value:.decimals$}");
    // Rounding may leave a minus sign before zero.
    if text.trim_start_matches('-').chars().all(|digit| digit == '0' || digit == '.') {
        return text.trim_start_matches('-').to_owned();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_cover_the_values() {
        let axis = Axis::covering([26.9, 28.1], false, 0.0, 100.0);
        let labels: Vec<String> = axis.ticks().into_iter().map(|(_, label)| label).collect();
        assert_eq!(labels, ["26.5", "27.0", "27.5", "28.0", "28.5"]);
        assert!(axis.at(26.9) > 0.0 && axis.at(28.1) < 100.0);
    }

    #[test]
    fn one_value_and_none_still_make_an_axis() {
        for values in [vec![], vec![5.0], vec![f64::NAN], vec![0.0, 0.0], vec![1e300, -1e300], vec![1e-300]] {
            let axis = Axis::covering(values, false, 0.0, 10.0);
            assert!(!axis.ticks().is_empty());
            assert!(axis.at(5.0).is_finite());
        }
    }
}
