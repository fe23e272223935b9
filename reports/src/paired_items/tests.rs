//! What pairs of items show, held to figures of `SciPy` and statsmodels and to simulations with a known truth.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::bundle::ItemAnswer;

fn stored(item: usize, cluster_of: usize, right: bool) -> ItemAnswer {
    ItemAnswer {
        item: format!("item-{item}"),
        cluster: (cluster_of > 1).then(|| format!("picture-{}", item / cluster_of)),
        answer: Some(if right { "right" } else { "wrong" }.to_owned()),
        right,
        truncated: false,
        looped: false,
        tokens: 1,
        asked: None,
    }
}

/// Base and candidate, right or wrong, item by item.
fn difference(pairs: &[(bool, bool)], cluster_of: usize) -> Difference {
    let stored_all: Vec<(ItemAnswer, ItemAnswer)> = pairs
        .iter()
        .enumerate()
        .map(|(item, (base, candidate))| {
            (stored(item, cluster_of, *base), stored(item, cluster_of, *candidate))
        })
        .collect();
    let answered: Vec<(Answered<'_>, Answered<'_>)> = stored_all
        .iter()
        .map(|(base, candidate)| (Answered::as_recorded(base), Answered::as_recorded(candidate)))
        .collect();
    let items = |of_candidate: bool| -> Items<'_> {
        answered
            .iter()
            .map(|(base, candidate)| {
                let answer = if of_candidate { candidate } else { base };
                ((String::new(), "", answer.stored.item.as_str()), answer)
            })
            .collect()
    };
    Difference::of(&items(false), &items(true)).unwrap()
}

fn pairs(both: usize, only_candidate: usize, only_base: usize, neither: usize) -> Vec<(bool, bool)> {
    let mut pairs = vec![(true, true); both];
    pairs.extend(vec![(false, true); only_candidate]);
    pairs.extend(vec![(true, false); only_base]);
    pairs.extend(vec![(false, false); neither]);
    pairs
}

#[test]
fn independent_items_are_judged_by_mcnemar() {
    // scipy 1.17.1: binomtest(15, 20, 0.5).pvalue
    let found = difference(&pairs(50, 15, 5, 30), 1);
    assert!((found.p() - 0.041_389_465_332_031_25).abs() < 1e-12, "{}", found.p());
    assert_eq!(found.better(), Answer::Yes);
    assert!((found.value() - 0.1).abs() < 1e-12);
    assert_eq!((found.items, found.agree), (100, 80));
    let (low, high) = found.interval(0.95).unwrap();
    assert!(low > 0.0 && low < 0.03 && high > 0.16 && high < 0.2, "{low} {high}");
    assert_eq!(difference(&pairs(50, 5, 15, 30), 1).better(), Answer::No);
    assert_eq!(difference(&pairs(50, 10, 10, 30), 1).better(), Answer::Open);
}

#[test]
fn shared_pictures_make_the_same_answers_less_sure() {
    let answers = pairs(100, 60, 30, 110);
    let alone = difference(&answers, 1);
    let shared = difference(&answers, 10);
    assert!((alone.value() - shared.value()).abs() < 1e-12);
    let width = |found: &Difference| found.interval(0.95).map(|(low, high)| high - low).unwrap();
    assert!(width(&shared) > 2.0 * width(&alone), "{} {}", width(&shared), width(&alone));
    assert_eq!((alone.better(), shared.better()), (Answer::Yes, Answer::Open));
    // Three pictures are too few to know how pictures differ.
    assert_eq!(difference(&pairs(10, 15, 5, 0), 10).interval(0.95), None);
    // Where no answer differs the pictures still say only so much.
    let same = difference(&pairs(100, 0, 0, 0), 10).interval(0.95).unwrap();
    assert!(same.0 < -0.1 && same.1 > 0.1, "{same:?}");
}

#[test]
fn it_is_said_what_would_be_enough() {
    let found = difference(&pairs(50, 12, 8, 30), 1);
    assert_eq!(found.better(), Answer::Open);
    let more = found.more_items_needed().unwrap();
    // 2.8 standard errors of the difference of 0.04, of answers that differ on a fifth of the items.
    let expected = (2.802_f64 / 0.04).powi(2) * (0.2 - 0.04 * 0.04) - 100.0;
    assert!((more as f64 - expected).abs() < 0.02 * expected, "{more} {expected}");
    assert!((found.smallest_detectable() - 0.125).abs() < 0.003, "{}", found.smallest_detectable());
    assert_eq!(difference(&pairs(50, 40, 0, 10), 1).more_items_needed(), None, "these are enough");
    assert_eq!(difference(&pairs(50, 10, 10, 30), 1).more_items_needed(), None, "no number would be");
}

/// The chance of a false alarm, and how often a difference as large as the promised one is found.
#[test]
fn alarms_are_rare_and_what_is_promised_is_found() {
    let mut random = ChaCha8Rng::seed_from_u64(8);
    let mut share_of = |items: usize, lead: f64, wanted: Answer| {
        let times = 600;
        let hits = (0..times).filter(|_| {
            let drawn: Vec<(bool, bool)> = (0..items)
                .map(|_| {
                    let draw: f64 = random.random_range(0.0..1.0);
                    let (up, down) = (0.1 + lead / 2.0, 0.1 - lead / 2.0);
                    (draw >= up, !(up..up + down).contains(&draw))
                })
                .collect();
            difference(&drawn, 1).better() == wanted
        });
        hits.count() as f64 / f64::from(times)
    };
    for items in [100, 500] {
        let alarms = share_of(items, 0.0, Answer::Yes);
        assert!(alarms <= 0.065, "{items} items: {alarms}");
    }
    let least = stats::smallest_detectable_difference(500, USUAL_DISCORDANT, ALPHA, POWER).unwrap();
    let found = share_of(500, least, Answer::Yes);
    assert!((0.75..=0.95).contains(&found), "{found}");
}
