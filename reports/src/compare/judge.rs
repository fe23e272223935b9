//! The rows judged together: all tests share one chance of a false alarm, and a change counts only when it is
//! both outside the noise and large enough to matter.

use dyno_suites::Direction;

use super::draft::{Draft, Test};
use super::{Effect, Judgement, Problem, Row, Terms};
use crate::stats::holm;

/// The judged rows, and how many of them carry a test.
pub(super) fn all(drafts: Vec<Draft>, terms: &Terms<'_>) -> (Vec<Row>, u32) {
    let p_values: Vec<f64> = drafts.iter().filter_map(|draft| Some(draft.test.as_ref()?.p)).collect();
    let mut adjusted = holm(&p_values).into_iter();
    let judged = |draft: Draft| {
        let Draft { mut row, watch, test } = draft;
        let Some(test) = test else { return row };
        let p_adjusted = adjusted.next().unwrap_or(1.0);
        let significant = p_adjusted <= terms.alpha;
        let relevant = test.change.abs() >= test.margin;
        let worse = match watch.direction {
            Direction::HigherIsBetter => test.change < 0.0,
            Direction::LowerIsBetter => test.change > 0.0,
            Direction::Neutral => false,
        };
        row.judgement = match (significant && relevant, worse) {
            (true, true) => Judgement::Regressed,
            (true, false) => Judgement::Improved,
            (false, _) if test.within || (watch.no_worse && test.no_worse) => Judgement::Same,
            (false, _) => Judgement::CannotTell,
        };
        if row.judgement == Judgement::CannotTell {
            row.problem = Some(Problem::Undecided);
            row.why.push(undecided(&test, significant));
        }
        row.effect = Some(effect(test, p_adjusted, significant, relevant));
        row
    };
    let tests = p_values.len() as u32;
    (drafts.into_iter().map(judged).collect(), tests)
}

fn undecided(test: &Test, significant: bool) -> String {
    let what = if significant {
        "it is outside the noise and less than what matters, but could be more"
    } else {
        "the interval holds both no change and a change that matters"
    };
    let few = if test.repetitions < FEW { "; few repetitions make it wide" } else { "" };
    format!("{what}{few}")
}

const FEW: u32 = 5;

fn effect(test: Test, p_adjusted: f64, significant: bool, relevant: bool) -> Effect {
    Effect {
        change: test.change,
        relative: test.relative,
        interval: test.interval,
        error: test.error,
        margin: test.margin,
        repetitions: test.repetitions,
        paired: test.paired,
        method: test.method,
        p: test.p,
        p_adjusted,
        significant,
        relevant,
        floor: test.floor,
    }
}
