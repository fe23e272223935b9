//! A rule that others use, on the same simulated sittings: the medians of three runs each, measured on one date
//! and so taken for one session; five per cent between them is a change; a side whose runs spread by more than
//! five per cent of their median is unreliable, and says nothing.

use dyno_reports::stats::median;

use super::rows::{About, Row};

const RUNS: usize = 3;
const CHANGE: f64 = 0.05;
const SPREAD: f64 = 0.05;

/// `rates` are the runs of one sitting each, nothing having changed between them. Neighbours are compared.
pub(super) fn rows(rates: &[Vec<f64>]) -> Vec<Row> {
    let pairs: Vec<(&[f64], &[f64])> = rates
        .as_chunks::<2>()
        .0
        .iter()
        .filter_map(|[base, candidate]| base.get(..RUNS).zip(candidate.get(..RUNS)))
        .collect();
    let tried = pairs.len() as u64;
    let said = |slower: f64, wrong: &dyn Fn(f64) -> bool| {
        let said =
            pairs.iter().filter(|(base, candidate)| change(base, candidate, slower).is_some_and(wrong));
        said.count() as u64
    };
    let nothing = said(1.0, &|change: f64| change.abs() > CHANGE);
    let caught = said(0.95, &|change: f64| change < -CHANGE);
    vec![
        Row::share(
            About::FalseAlarms,
            "a peer's rule: 5 % between medians of 3, one date for one session",
            nothing,
            tried,
            None,
        ),
        Row::share(About::Power, "a peer's rule: a true -5 %", caught, tried, None),
    ]
}

/// The change that the rule sees, where it finds both sides reliable.
fn change(base: &[f64], candidate: &[f64], slower: f64) -> Option<f64> {
    let reliable = |runs: &[f64]| {
        let middle = median(runs)?;
        let (low, high) =
            runs.iter().fold((f64::INFINITY, 0.0_f64), |(low, high), rate| (low.min(*rate), high.max(*rate)));
        ((high - low) / middle <= SPREAD).then_some(middle)
    };
    Some(reliable(candidate)? * slower / reliable(base)? - 1.0)
}

#[cfg(test)]
mod tests {
    use super::rows;

    #[test]
    fn the_rule_is_blind_to_sessions_and_to_what_it_calls_unreliable() {
        let rates = vec![
            vec![100.0, 101.0, 100.0],
            vec![107.0, 106.0, 107.0],
            vec![100.0, 100.0, 120.0],
            vec![50.0, 50.0, 50.0],
        ];
        let found = rows(&rates);
        assert_eq!(
            (found[0].tried, found[0].found),
            (2, 0.5),
            "a drift of 7 % is an alarm, half the rate is none"
        );
    }
}
