//! `dyno compare`: two sides held against each other, from bundles alone.

use std::path::{Path, PathBuf};

use dyno_reports::bundle::{Bundle, EventBody};
use dyno_reports::compare::{
    Comparison, Effect, Floors, Judgement, Problem, Row, Sides, Terms, Watch, compare,
};
use dyno_reports::gate::cell_words;
use dyno_suites::Definitions;

use crate::args::{CompareArgs, Global};
use crate::exit::Exit;
use crate::history::History;
use crate::screen::{Screen, table};

pub(crate) fn run(args: &CompareArgs, global: &Global, screen: &mut Screen<'_>) -> anyhow::Result<Exit> {
    let definitions = super::definitions(global)?;
    for metric in &args.metric {
        definitions.metric(metric)?;
    }
    let evidence = Evidence::open(&args.base, args.candidate.as_deref())?;
    let floors = floors(args.history.as_deref(), evidence.bundles())?;
    let mut terms = Terms::usual(&floors);
    if !args.metric.is_empty() {
        terms.watch =
            Some(args.metric.iter().filter_map(|metric| Watch::usual(metric, &definitions)).collect());
    }
    let comparison = compare(&evidence.sides()?, &definitions, &terms);
    if let Some(out) = &args.html {
        let runs: Vec<PathBuf> = std::iter::once(&args.base).chain(&args.candidate).cloned().collect();
        super::report::write_comparison(&runs, out, &comparison, &definitions)?;
        screen.say(&format!("report: {}", out.display()));
    }
    if args.json {
        screen.result(&serde_json::to_string_pretty(&comparison)?)?;
    } else {
        screen.result(&shown(&comparison, &definitions))?;
    }
    Ok(comparison.rows.iter().fold(Exit::Done, |exit, row| exit.worst(exit_of(row))))
}

/// The runs of a comparison as they were named.
pub(crate) struct Evidence {
    both: Vec<Bundle>,
    base: Vec<Bundle>,
    candidate: Vec<Bundle>,
}

impl Evidence {
    /// A run alone has to hold both sides; of two, one is the base and one the candidate.
    pub(crate) fn open(base: &Path, candidate: Option<&Path>) -> anyhow::Result<Self> {
        let first = vec![Bundle::open(base)?];
        Ok(match candidate {
            None => Self { both: first, base: Vec::new(), candidate: Vec::new() },
            Some(candidate) => {
                Self { both: Vec::new(), base: first, candidate: vec![Bundle::open(candidate)?] }
            }
        })
    }

    pub(crate) fn add(&mut self, both: Bundle) {
        self.both.push(both);
    }

    pub(crate) fn bundles(&self) -> impl Iterator<Item = &Bundle> {
        self.both.iter().chain(&self.base).chain(&self.candidate)
    }

    pub(crate) fn sides(&self) -> anyhow::Result<Sides<'_>> {
        Ok(Sides::new(&self.both, &self.base, &self.candidate)?)
    }

    /// How the candidate was asked for: what further runs are made from.
    pub(crate) fn candidate(&self) -> Option<&Bundle> {
        self.both.first().or(self.candidate.first())
    }
}

/// What the history knows about the noise of the devices in these runs.
pub(crate) fn floors<'a>(
    history: Option<&Path>,
    bundles: impl Iterator<Item = &'a Bundle>,
) -> anyhow::Result<Floors> {
    let usual = crate::folders::history();
    let Some(history) = History::open_if_there(history.unwrap_or(&usual))? else {
        return Ok(Floors::default());
    };
    let mut devices: Vec<String> = bundles
        .flat_map(|bundle| &bundle.events)
        .filter_map(|event| match &event.body {
            EventBody::SessionBegan(start) => Some(start.facts.device_id.clone()),
            _ => None,
        })
        .collect();
    devices.sort_unstable();
    devices.dedup();
    Ok(history.floors(&devices)?)
}

fn exit_of(row: &Row) -> Exit {
    match (row.judgement, row.problem) {
        (Judgement::Regressed, _) | (_, Some(Problem::WrongOutput)) => Exit::Fails,
        (_, Some(Problem::Crashed)) => Exit::Device,
        (Judgement::Improved | Judgement::Same, _) | (_, Some(Problem::New)) => Exit::Done,
        (Judgement::CannotTell, _) => Exit::CannotTell,
    }
}

fn shown(comparison: &Comparison, definitions: &Definitions) -> String {
    let mut text = String::new();
    for difference in &comparison.differences {
        let effect = if difference.refuses { ": not compared" } else { "" };
        text.push_str(&format!(
            "another {}: {} against {}{effect}\n",
            difference.what, difference.base, difference.candidate
        ));
    }
    for warning in &comparison.warnings {
        text.push_str(&format!("warning: {warning}\n"));
    }
    if comparison.rows.is_empty() {
        return text + "nothing to compare\n";
    }
    let rows: Vec<Vec<String>> = comparison.rows.iter().map(|row| line(row, definitions)).collect();
    text.push_str(&table(
        &["cell", "metric", "base", "candidate", "change", "95 % interval", "verdict"],
        &rows,
    ));
    text.push_str(&format!(
        "`~`: no difference shown. At most {} % of comparisons of equals show one, over all {} tests together.\n",
        comparison.alpha * 100.0,
        comparison.tests
    ));
    text
}

fn line(row: &Row, definitions: &Definitions) -> Vec<String> {
    let digits = definitions.metric(&row.metric).map_or(3, |metric| metric.digits as usize);
    let value = |estimate: &Option<dyno_reports::analysis::Estimate>| {
        estimate.as_ref().map_or_else(|| "-".to_owned(), |estimate| format!("{:.digits$}", estimate.value))
    };
    let change =
        |effect: &Effect| if effect.significant { signed(effect.change, effect) } else { "~".to_owned() };
    let interval = |effect: &Effect| {
        let (low, high) = effect.interval?;
        Some(format!("{} to {}", signed(low, effect), signed(high, effect)))
    };
    let verdict = match row.problem {
        Some(problem) => format!("{} ({})", row.judgement.word(), problem.word()),
        None => row.judgement.word().to_owned(),
    };
    vec![
        cell_words(&row.cell),
        row.metric.clone(),
        value(&row.base),
        value(&row.candidate),
        row.effect.as_ref().map_or_else(|| "-".to_owned(), change),
        row.effect.as_ref().and_then(interval).unwrap_or_else(|| "-".to_owned()),
        verdict,
    ]
}

fn signed(change: f64, effect: &Effect) -> String {
    if effect.relative { format!("{:+.1} %", change * 100.0) } else { format!("{change:+.3}") }
}
