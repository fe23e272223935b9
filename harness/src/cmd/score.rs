//! `dyno score`: stored answers judged by the rules at hand, and what that says of each configuration.

use dyno_reports::analysis::Analysis;
use dyno_reports::quality::{Quality, TaskRow};

use crate::args::{Global, ScoreArgs};
use crate::exit::Exit;
use crate::screen::{Screen, table};

pub(crate) fn run(args: &ScoreArgs, global: &Global, screen: &mut Screen<'_>) -> anyhow::Result<Exit> {
    let definitions = super::definitions(global)?;
    let quality = Analysis::of(&super::report::open(&args.runs)?, &definitions).quality;
    if args.json {
        screen.result(&serde_json::to_string_pretty(&quality)?)?;
    } else if quality.tasks.is_empty() {
        screen.result("these runs hold no answers")?;
    } else {
        screen.result(&in_words(&quality))?;
    }
    Ok(Exit::Done)
}

fn in_words(quality: &Quality) -> String {
    let rows: Vec<Vec<String>> = quality.tasks.iter().map(row).collect();
    let headers = [
        "task",
        "asked with",
        "model",
        "weights",
        "items",
        "right %",
        "95 %",
        "of answered %",
        "other rules",
    ];
    let mut text = table(&headers, &rows);
    for contest in &quality.contests {
        text.push_str(&format!("{}, {}: {}\n", contest.subject, contest.candidate.quant, contest.says));
    }
    text
}

fn row(row: &TaskRow) -> Vec<String> {
    let percent = |share: f64| format!("{:.1}", 100.0 * share);
    let interval =
        row.interval.map_or_else(String::new, |(low, high)| format!("{} to {}", percent(low), percent(high)));
    let others: Vec<String> =
        row.by_other_rules.iter().map(|(rule, share)| format!("{rule} {}", percent(*share))).collect();
    vec![
        format!("{}/{}", row.suite, row.case),
        row.asked_as.clone(),
        row.by.model.clone(),
        row.by.quant.clone(),
        row.items.to_string(),
        percent(row.accuracy),
        interval,
        row.accuracy_answered.map_or_else(String::new, percent),
        others.join(", "),
    ]
}
