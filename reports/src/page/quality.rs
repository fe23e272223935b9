//! Answers on the page: what was right, one against another, the contests of size, and every item with what was said.

use serde::Serialize;

use super::PageError;
use super::columns::{badge, model_entry, unit_word};
use super::glossary::Glossary;
use super::table::{Bounds, Column, Entry, Table};
use crate::analysis::Analysis;
use crate::quality::{Comparison, Configuration, Contest, InspectedItem, Kind, PublishedContest, TaskRow};
use crate::readable;
use crate::verdict::Verdict;

#[derive(Debug, Serialize)]
pub(super) struct QualityView {
    tasks: Table,
    contests: Option<Table>,
    contest_tasks: Option<Table>,
    published: Option<Table>,
    comparisons: Option<Table>,
    items: Option<Table>,
}

pub(super) fn view(
    analysis: &Analysis,
    glossary: &Glossary,
    bounds: Bounds,
) -> Result<Option<QualityView>, PageError> {
    let quality = &analysis.quality;
    if quality.tasks.is_empty() {
        return Ok(None);
    }
    let some = |table: Table| if table.total == 0 { None } else { Some(table) };
    Ok(Some(QualityView {
        tasks: tasks(&quality.tasks, glossary, bounds)?,
        contests: some(contests(&quality.contests, glossary, bounds)?),
        contest_tasks: some(contest_tasks(&quality.contests, bounds)?),
        published: some(published(&quality.published, bounds)?),
        comparisons: some(comparisons(&quality.comparisons, bounds)?),
        items: some(items(&quality.items, bounds)?),
    }))
}

fn percent(share: f64) -> String {
    readable::number(100.0 * share, 1)
}

fn percents(interval: Option<(f64, f64)>) -> String {
    interval.map_or_else(
        || "no interval".to_owned(),
        |(low, high)| readable::interval((100.0 * low, 100.0 * high), 1),
    )
}

fn share(value: Option<f64>) -> Entry {
    value.map_or_else(Entry::none, |value| Entry::number(percent(value), value))
}

fn count(value: u64) -> Entry {
    Entry::number(value.to_string(), value as f64)
}

/// Weights, engine and unit of a configuration, without its model.
fn form(by: &Configuration) -> String {
    let engine = if by.engine == "dyno" { String::new() } else { format!(", {}", by.engine) };
    let unit = if by.unit == dyno_protocol::ComputeUnit::Cpu {
        String::new()
    } else {
        format!(", {}", unit_word(by.unit))
    };
    format!("{}{engine}{unit}", by.quant)
}

fn place(suite: &str, case: &str, asked_as: &str) -> Entry {
    Entry::words(format!("{suite} / {case}")).below(asked_as)
}

fn tasks(rows: &[TaskRow], glossary: &Glossary, bounds: Bounds) -> Result<Table, PageError> {
    let columns = vec![
        Column::words("Task"),
        Column::words("Model"),
        Column::words("Weights"),
        Column::number("Right", "% of all").with_help("no answer, a cut answer and a loop count as wrong"),
        Column::number("Right", "% of answered"),
        Column::number("Chance", "%").with_help("what the best fixed answer would get"),
        Column::number("Items", ""),
        Column::number("Cut", ""),
        Column::number("Loops", ""),
        Column::number("Refused", ""),
        Column::number("Tokens", "per answer"),
        Column::number("Time", "s per right answer"),
        Column::words("By other rules"),
    ];
    let mut sorted: Vec<&TaskRow> = rows.iter().collect();
    sorted.sort_by_key(|row| {
        (
            &row.suite,
            &row.case,
            &row.asked_as,
            glossary.parameters(&row.by.model),
            &row.by.model,
            &row.by.quant,
        )
    });
    let rows = sorted.into_iter().map(|row| {
        let clusters =
            if row.clusters < row.items { format!("in {} clusters", row.clusters) } else { String::new() };
        let devices = if row.devices > 1 { format!(" on {} devices", row.devices) } else { String::new() };
        let cached =
            if row.from_cache > 0 { format!("{} from the cache", row.from_cache) } else { String::new() };
        let others: Vec<String> =
            row.by_other_rules.iter().map(|(rule, share)| format!("{rule} {} %", percent(*share))).collect();
        vec![
            place(&row.suite, &row.case, &row.asked_as),
            model_entry(glossary, &row.by.model),
            Entry::words(form(&row.by)),
            Entry::number(percent(row.accuracy), row.accuracy)
                .below(percents(row.interval))
                .badge(badge(row.evidence)),
            share(row.accuracy_answered),
            share(row.chance),
            count(row.items).below(format!("{clusters}{devices}")),
            count(row.truncated),
            count(row.looped),
            count(row.refused),
            Entry::number(readable::number(row.tokens_per_answer, 1), row.tokens_per_answer).below(cached),
            row.seconds_per_correct.map_or_else(Entry::none, |seconds| {
                Entry::number(readable::number(seconds, readable::decimals_for(seconds)), seconds)
            }),
            Entry::words(others.join(", ")),
        ]
    });
    Table::new("quality-tasks", "Right answers by task, size and weights", columns, rows.collect(), bounds)
}

fn verdict_entry(verdict: Verdict) -> Entry {
    Entry::words(verdict.word())
}

fn contests(contests: &[Contest], glossary: &Glossary, bounds: Bounds) -> Result<Table, PageError> {
    let columns = vec![
        Column::words("Smaller model"),
        Column::words("Larger model"),
        Column::number("Size", "times, of all parameters"),
        Column::number("Active", "times"),
        Column::number("Without embeddings", "times"),
        Column::words("About"),
        Column::number("Items", ""),
        Column::number("Difference", "points"),
        Column::words("The smaller is better").with_help("over all tasks, paired by item"),
        Column::wide("In words"),
    ];
    let times = |ratio: Option<f64>| {
        ratio.map_or_else(Entry::none, |ratio| Entry::number(readable::number(ratio, 2), ratio))
    };
    let rows = contests.iter().map(|contest| {
        vec![
            model_entry(glossary, &contest.candidate.model).below(form(&contest.candidate)),
            model_entry(glossary, &contest.comparator.model).below(form(&contest.comparator)),
            times(contest.ratios.total),
            times(contest.ratios.active),
            times(contest.ratios.without_embedding),
            Entry::words(&contest.subject),
            count(contest.items),
            Entry::number(percent(contest.difference), contest.difference)
                .below(percents(contest.interval))
                .badge(badge(contest.evidence)),
            verdict_entry(contest.verdict),
            Entry::words(&contest.says),
        ]
    });
    let caption = "Models against models at least four times their size, paired by item";
    Table::new("quality-contests", caption, columns, rows.collect(), bounds)
}

fn contest_tasks(contests: &[Contest], bounds: Bounds) -> Result<Table, PageError> {
    let columns = vec![
        Column::words("Smaller against larger"),
        Column::words("Task"),
        Column::number("Items", ""),
        Column::number("Smaller right", ""),
        Column::number("Larger right", ""),
        Column::number("Difference", "points"),
        Column::number("p", "after Holm"),
        Column::words("The smaller is better"),
    ];
    let rows = contests.iter().flat_map(|contest| {
        let who = format!("{} against {}", contest.candidate.model, contest.comparator.model);
        contest.tasks.iter().map(move |task| {
            vec![
                Entry::words(who.clone()).below(form(&contest.candidate)),
                place(&task.suite, &task.case, &task.asked_as),
                count(task.items),
                count(task.candidate_right),
                count(task.comparator_right),
                Entry::number(percent(task.difference), task.difference).below(percents(task.interval)),
                Entry::number(readable::number(task.p_holm, 3), task.p_holm),
                verdict_entry(task.verdict),
            ]
        })
    });
    let caption = "The same, task by task; the tasks of a pair share one chance of a false alarm";
    Table::new("quality-contest-tasks", caption, columns, rows.collect(), bounds)
}

fn published(contests: &[PublishedContest], bounds: Bounds) -> Result<Table, PageError> {
    let columns = vec![
        Column::words("Smaller model"),
        Column::words("Larger model"),
        Column::number("Size", "times, of all parameters"),
        Column::number("Active", "times"),
        Column::words("About"),
        Column::number("Above", "benchmarks")
            .with_help("on which the smaller one's best published score is higher"),
        Column::number("Below", "benchmarks"),
        Column::number("Equal", ""),
        Column::words("Source"),
    ];
    let times = |ratio: Option<f64>| {
        ratio.map_or_else(Entry::none, |ratio| Entry::number(readable::number(ratio, 1), ratio))
    };
    let rows = contests.iter().map(|pair| {
        vec![
            Entry::words(&pair.candidate).badge("third party"),
            Entry::words(&pair.comparator),
            times(pair.ratios.total),
            times(pair.ratios.active),
            Entry::words(&pair.subject),
            count(u64::from(pair.above)),
            count(u64::from(pair.below)),
            count(u64::from(pair.equal)),
            Entry::words(&pair.source),
        ]
    });
    let caption = "What makers publish of models against models at least four times their size";
    Table::new("quality-published", caption, columns, rows.collect(), bounds)
}

fn comparisons(comparisons: &[Comparison], bounds: Bounds) -> Result<Table, PageError> {
    let columns = vec![
        Column::words("Compared"),
        Column::words("Task"),
        Column::words("Held against"),
        Column::words("Candidate"),
        Column::number("Difference", "points"),
        Column::number("Items", ""),
        Column::number("Only one right", "").with_help("the base alone, the candidate alone"),
        Column::number("p", "after Holm"),
        Column::words("Verdict"),
        Column::wide("In words"),
        Column::number("Same answer", "%").with_help("a screen and no proof"),
        Column::number("Same tokens", "%")
            .with_help("leading tokens that are the same: a screen and no proof"),
        Column::number("Divergence", "nats").with_help("of the choice among options: a screen and no proof"),
    ];
    let side = |one: &Configuration| Entry::words(&one.model).below(form(one));
    let rows = comparisons.iter().map(|one| {
        let kind = match one.kind {
            Kind::Quantization | Kind::Unit | Kind::Engine => format!("{}, not worse", one.kind.word()),
            Kind::Size | Kind::Thinking => one.kind.word().to_owned(),
        };
        vec![
            Entry::words(kind),
            place(&one.suite, &one.case, &one.asked_as),
            side(&one.base),
            side(&one.candidate),
            Entry::number(percent(one.difference), one.difference)
                .below(percents(one.interval))
                .badge(badge(one.evidence)),
            count(one.items),
            Entry::number(format!("{} / {}", one.only_base, one.only_candidate), one.only_base as f64),
            Entry::number(readable::number(one.p_holm, 3), one.p_holm),
            verdict_entry(one.verdict),
            Entry::words(&one.says),
            share(Some(one.same_answer)),
            share(one.same_tokens),
            one.divergence.map_or_else(Entry::none, |nats| {
                Entry::number(readable::number(nats, readable::decimals_for(nats)), nats)
            }),
        ]
    });
    Table::new("quality-comparisons", "One against another, paired by item", columns, rows.collect(), bounds)
}

fn items(items: &[InspectedItem], bounds: Bounds) -> Result<Table, PageError> {
    let columns = vec![
        Column::words("Task"),
        Column::wide("Prompt"),
        Column::words("Expected"),
        Column::number("Right", "of those asked"),
        Column::wide("Said"),
    ];
    let rows = items.iter().map(|item| {
        let right = item.answers.iter().filter(|answer| answer.right).count();
        let said: Vec<String> = item
            .answers
            .iter()
            .map(|answer| {
                let mark = if answer.right { "\u{2713}" } else { "\u{2717}" };
                let marks = if answer.marks.is_empty() {
                    String::new()
                } else {
                    format!(" ({})", answer.marks.join(", "))
                };
                format!("{} {}: {mark} {}{marks}", answer.by.model, form(&answer.by), answer.said)
            })
            .collect();
        vec![
            place(&item.suite, &item.case, &item.asked_as).below(&item.item),
            Entry::words(&item.prompt),
            Entry::words(&item.expected),
            Entry::number(format!("{right} of {}", item.answers.len()), right as f64),
            Entry::words(said.join(" \u{b7} ")),
        ]
    });
    let caption = "Every item: what was asked, what is right, what each said";
    Table::new("quality-items", caption, columns, rows.collect(), bounds)
}
