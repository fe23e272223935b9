//! `dyno history`: what runs measured over time.

use std::path::Path;

use anyhow::Context;
use dyno_reports::bundle::Bundle;
use dyno_reports::gate::cell_words;
use dyno_reports::history::{Annotation, Detection, Trend, trend};
use dyno_suites::{Definitions, Direction, RelevantChange};

use crate::args::{Global, HistoryArgs, HistoryCommand, TrendArgs};
use crate::exit::Exit;
use crate::history::{Added, History, SeriesFilter};
use crate::screen::{Screen, table};

pub(crate) fn run(args: &HistoryArgs, global: &Global, screen: &mut Screen<'_>) -> anyhow::Result<Exit> {
    let usual = crate::folders::history();
    let path = args.history.as_deref().unwrap_or(&usual);
    match &args.command {
        HistoryCommand::Add { runs } => {
            let definitions = super::definitions(global)?;
            let mut history = History::open(path)?;
            for run in runs {
                let bundle = Bundle::open(run)?;
                let said = match history.add(&bundle, &definitions, &crate::clock::now_rfc3339())? {
                    Added::New { points } => format!("added, {points} points"),
                    Added::Replaced { points } => format!("went on since, {points} points now"),
                    Added::Known => "was there already".to_owned(),
                };
                screen.result(&format!("{}: {said}", run.display()))?;
            }
        }
        HistoryCommand::List { json } => list(&opened(path)?, *json, screen)?,
        HistoryCommand::Trend(trend) => {
            let definitions = super::definitions(global)?;
            show_trends(&opened(path)?, trend, &definitions, screen)?;
        }
        HistoryCommand::Annotate { text, at, who } => {
            let at = match at {
                Some(at) => at
                    .parse::<jiff::Timestamp>()
                    .with_context(|| format!("`{at}` is not a time such as 2026-11-26T09:00:00Z"))?
                    .to_string(),
                None => crate::clock::now_rfc3339(),
            };
            let who =
                who.clone().or_else(|| std::env::var("USER").ok()).unwrap_or_else(|| "somebody".to_owned());
            History::open(path)?.annotate(&Annotation { at, who, text: text.clone() })?;
        }
    }
    Ok(Exit::Done)
}

fn opened(path: &Path) -> anyhow::Result<History> {
    History::open_if_there(path)?.with_context(|| {
        format!("there is no history at {}; `dyno history add RUN..` makes one", path.display())
    })
}

fn list(history: &History, json: bool, screen: &mut Screen<'_>) -> anyhow::Result<()> {
    let recorded = history.recorded()?;
    if json {
        screen.result(&serde_json::to_string_pretty(&recorded)?)?;
        return Ok(());
    }
    let rows: Vec<Vec<String>> = recorded
        .iter()
        .map(|run| {
            let counts = [run.trials.to_string(), run.points.to_string()];
            let mut row = vec![run.run_id.clone(), run.started_at.clone()];
            row.extend(counts);
            row.push(run.path.clone());
            row
        })
        .collect();
    screen.result(&table(&["run", "started", "trials", "points", "bundle"], &rows))?;
    Ok(())
}

fn show_trends(
    history: &History,
    args: &TrendArgs,
    definitions: &Definitions,
    screen: &mut Screen<'_>,
) -> anyhow::Result<()> {
    let metric = definitions.metric(&args.metric)?;
    anyhow::ensure!(
        args.alpha > 0.0 && args.alpha <= 0.5,
        "the chance of a false change is above 0 and at most 0.5"
    );
    let least_change = match metric.relevant {
        RelevantChange::Relative(share) => share,
        RelevantChange::Absolute(_) => 0.0,
    };
    let how = Detection { alpha: args.alpha, seed: args.seed, least_change, ..Detection::default() };
    let filter = SeriesFilter {
        metric: args.metric.clone(),
        case: args.case.clone(),
        model: args.model.clone(),
        device: args.device.clone(),
    };
    let annotations = history.annotations()?;
    let trends: Vec<Trend> = history
        .series(&filter)?
        .into_iter()
        .map(|series| {
            let title = cell_words(&series.cell);
            trend(&title, &args.metric, metric.direction, series.points, annotations.clone(), &how)
        })
        .collect();
    if let Some(out) = &args.html {
        let html = dyno_reports::page::render_trends(&trends, definitions)?;
        std::fs::write(out, html).with_context(|| format!("cannot write {}", out.display()))?;
        screen.say(&format!("trend page: {}", out.display()));
    }
    if args.json {
        screen.result(&serde_json::to_string_pretty(&trends)?)?;
    } else {
        screen.result(&shown(&trends, metric.direction))?;
    }
    Ok(())
}

fn shown(trends: &[Trend], direction: Direction) -> String {
    if trends.is_empty() {
        return "no series matches\n".to_owned();
    }
    let mut text = String::new();
    for trend in trends {
        text.push_str(&format!(
            "{}: {} points, {} epochs\n",
            trend.title,
            trend.points.len(),
            trend.epochs.len()
        ));
        for epoch in trend.epochs.iter().filter(|epoch| !epoch.because.is_empty()) {
            let at = &trend.points[epoch.first].at;
            text.push_str(&format!("  {at}: a new baseline ({})\n", epoch.because.join("; ")));
        }
        for found in &trend.changes {
            let at = &trend.points[found.change.index].at;
            let judged = if direction == Direction::Neutral { "changed" } else { found.judgement.word() };
            text.push_str(&format!(
                "  {at}: {judged} by {:+.1} %, p {:.3}; suspect: {}\n",
                found.change.change * 100.0,
                found.change.p,
                found.suspect_builds.iter().map(|build| short(build)).collect::<Vec<_>>().join(", ")
            ));
        }
    }
    text
}

/// Enough of a hash to find the build by.
fn short(build: &str) -> &str {
    build.get(..12).unwrap_or(build)
}
