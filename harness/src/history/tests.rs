//! A history is filled once from bundles, refuses what it cannot read, and gives back what was put in.

use dyno_reports::bundle::Bundle;
use dyno_reports::cell::{Cell, Side};
use dyno_reports::derive::testing::{Told, cell, phone, run, run_of_sides};
use dyno_reports::evidence::Evidence;
use dyno_reports::history::Annotation;
use dyno_suites::Definitions;

use super::{Added, History, HistoryError, SeriesFilter};

fn session(id: &str, rate: f64) -> Bundle {
    let told = [0.999, 1.0, 1.001].map(|factor| Told::at_rate(decode(None), rate * factor, 100.0));
    run(id, &phone(), Evidence::Measured, &told)
}

fn decode(side: Option<Side>) -> Cell {
    Cell { side, ..cell("speed/decode", "tiny-1m", "dyno", dyno_protocol::ComputeUnit::Cpu) }
}

fn rates() -> SeriesFilter {
    SeriesFilter { metric: "decode_rate".into(), ..SeriesFilter::default() }
}

#[test]
fn the_same_run_counts_once_and_one_that_went_on_replaces_what_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/history.sqlite");
    let definitions = Definitions::embedded().unwrap();
    let mut history = History::open(&path).unwrap();
    let one = session("one", 30.0);
    assert!(matches!(history.add(&one, &definitions, "now").unwrap(), Added::New { points } if points > 3));
    assert_eq!(history.add(&one, &definitions, "later").unwrap(), Added::Known);
    let mut went_on = session("one", 31.0);
    went_on.events_sha256 = "more".into();
    assert!(matches!(history.add(&went_on, &definitions, "later").unwrap(), Added::Replaced { .. }));
    history.add(&session("two", 29.0), &definitions, "later").unwrap();
    // Another process finds the same.
    let history = History::open(&path).unwrap();
    let recorded = history.recorded().unwrap();
    assert_eq!(recorded.iter().map(|run| run.run_id.as_str()).collect::<Vec<_>>(), ["one", "two"]);
    let series = history.series(&rates()).unwrap();
    assert_eq!(series.len(), 1);
    let values: Vec<f64> = series[0].points.iter().map(|point| point.value.round()).collect();
    assert_eq!(values, [31.0, 29.0]);
    assert_eq!(series[0].points[0].trials, 3);
    let nothing = SeriesFilter { model: Some("another".into()), ..rates() };
    assert!(history.series(&nothing).unwrap().is_empty());
}

#[test]
fn floors_come_from_sessions_of_one_build_and_from_builds_against_themselves() {
    let folder = tempfile::tempdir().unwrap();
    let definitions = Definitions::embedded().unwrap();
    let mut history = History::open(&folder.path().join("history.sqlite")).unwrap();
    for (id, rate) in [("a", 30.0), ("b", 30.9), ("c", 29.4)] {
        history.add(&session(id, rate), &definitions, "now").unwrap();
    }
    for run in 0..3 {
        let told: Vec<Told> = (0..4)
            .flat_map(|round| {
                let trial =
                    |side, rate: f64| Told::at_rate(decode(Some(side)), rate + 0.1 * f64::from(round), 100.0);
                [trial(Side::Base, 30.0), trial(Side::Candidate, 30.0 + f64::from(run))]
            })
            .collect();
        let sides = [(Some(Side::Base), phone()), (Some(Side::Candidate), phone())];
        let bundle = run_of_sides(&format!("self-{run}"), &sides, Evidence::Measured, &told);
        history.add(&bundle, &definitions, "now").unwrap();
    }
    let floors = history.floors(&["test-phone".into()]).unwrap();
    let device = &floors.devices["test-phone"];
    assert!(device.sessions["decode_rate"].deviation > 0.01, "{device:?}");
    let paired = device.paired["decode_rate"];
    assert!(paired.deviation > 0.02 && (paired.freedom - 3.0).abs() < 1e-9, "{paired:?}");
    assert!(history.floors(&["another".into()]).unwrap().devices.is_empty());
}

#[test]
fn annotations_are_kept_in_their_order() {
    let history = History::open(std::path::Path::new(":memory:")).unwrap();
    let note = |at: &str| Annotation { at: at.into(), who: "Ada".into(), text: format!("at {at}") };
    history.annotate(&note("2026-02-01T00:00:00Z")).unwrap();
    history.annotate(&note("2026-01-01T00:00:00Z")).unwrap();
    let found = history.annotations().unwrap();
    assert_eq!(found, [note("2026-01-01T00:00:00Z"), note("2026-02-01T00:00:00Z")]);
}

#[test]
fn a_newer_history_and_a_file_of_another_program_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let newer = folder.path().join("newer.sqlite");
    drop(History::open(&newer).unwrap());
    rusqlite::Connection::open(&newer).unwrap().pragma_update(None, "user_version", 99).unwrap();
    assert!(matches!(History::open(&newer), Err(HistoryError::Newer { found: 99, .. })));
    let foreign = folder.path().join("foreign.sqlite");
    rusqlite::Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
    assert!(matches!(History::open(&foreign), Err(HistoryError::Foreign { .. })));
    let text = folder.path().join("text.sqlite");
    std::fs::write(&text, "this is no database at all, however long it may be\n".repeat(40)).unwrap();
    assert!(matches!(History::open(&text), Err(HistoryError::Foreign { .. })));
    assert!(History::open_if_there(&folder.path().join("absent.sqlite")).unwrap().is_none());
}
