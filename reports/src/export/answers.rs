//! Tables of answers: by task, by comparison, by item.

use dyno_suites::Words;

use super::{ExportTable, Field};
use crate::quality::{Configuration, Quality};

const BY: [&str; 4] = ["model", "quant", "engine", "unit"];

fn by(of: &Configuration) -> [Field; 4] {
    [(&of.model).into(), (&of.quant).into(), (&of.engine).into(), of.unit.word().into()]
}

fn columns(before: &[&str], groups: &[&str], after: &[&str]) -> Vec<String> {
    let mut columns: Vec<String> = before.iter().map(|column| (*column).to_owned()).collect();
    for group in groups {
        columns.extend(BY.iter().map(|column| format!("{group}{column}")));
    }
    columns.extend(after.iter().map(|column| (*column).to_owned()));
    columns
}

pub(super) fn tables(quality: &Quality) -> Vec<ExportTable> {
    vec![tasks(quality), comparisons(quality), contests(quality), items(quality)]
}

fn tasks(quality: &Quality) -> ExportTable {
    let after = [
        "evidence",
        "devices",
        "items",
        "clusters",
        "right",
        "accuracy_ratio",
        "accuracy_low_ratio",
        "accuracy_high_ratio",
        "answered",
        "accuracy_answered_ratio",
        "chance_ratio",
        "truncated",
        "looped",
        "refused",
        "from_cache",
        "tokens_per_answer",
        "time_per_correct_s",
    ];
    let rows = quality.tasks.iter().map(|row| {
        let mut fields: Vec<Field> =
            vec![(&row.suite).into(), (&row.case).into(), (&row.subject).into(), (&row.asked_as).into()];
        fields.extend(by(&row.by));
        fields.extend([
            row.evidence.word().into(),
            row.devices.into(),
            row.items.into(),
            row.clusters.into(),
            row.right.into(),
            row.accuracy.into(),
            row.interval.map(|interval| interval.0).into(),
            row.interval.map(|interval| interval.1).into(),
            row.answered.into(),
            row.accuracy_answered.into(),
            row.chance.into(),
            row.truncated.into(),
            row.looped.into(),
            row.refused.into(),
            row.from_cache.into(),
            row.tokens_per_answer.into(),
            row.seconds_per_correct.into(),
        ]);
        fields
    });
    let columns = columns(&["suite", "case", "subject", "asked_as"], &[""], &after);
    ExportTable { name: "quality_tasks", columns, rows: rows.collect() }
}

fn comparisons(quality: &Quality) -> ExportTable {
    let after = [
        "evidence",
        "items",
        "clusters",
        "only_base_right",
        "only_candidate_right",
        "difference_ratio",
        "difference_low_ratio",
        "difference_high_ratio",
        "p",
        "p_holm",
        "margin_ratio",
        "verdict",
        "smallest_detectable_ratio",
        "more_items",
        "same_answer_ratio",
        "same_tokens_ratio",
        "divergence_nats",
    ];
    let rows = quality.comparisons.iter().map(|one| {
        let mut fields: Vec<Field> =
            vec![one.kind.word().into(), (&one.suite).into(), (&one.case).into(), (&one.asked_as).into()];
        fields.extend(by(&one.base));
        fields.extend(by(&one.candidate));
        fields.extend([
            one.evidence.word().into(),
            one.items.into(),
            one.clusters.into(),
            one.only_base.into(),
            one.only_candidate.into(),
            one.difference.into(),
            one.interval.map(|interval| interval.0).into(),
            one.interval.map(|interval| interval.1).into(),
            one.p.into(),
            one.p_holm.into(),
            one.margin.into(),
            one.verdict.word().into(),
            one.smallest_detectable.into(),
            one.more_items.into(),
            one.same_answer.into(),
            one.same_tokens.into(),
            one.divergence.into(),
        ]);
        fields
    });
    let columns = columns(&["kind", "suite", "case", "asked_as"], &["base_", "candidate_"], &after);
    ExportTable { name: "quality_comparisons", columns, rows: rows.collect() }
}

fn contests(quality: &Quality) -> ExportTable {
    let after = [
        "evidence",
        "total_ratio",
        "active_ratio",
        "without_embedding_ratio",
        "items",
        "difference_ratio",
        "difference_low_ratio",
        "difference_high_ratio",
        "verdict",
        "hinges_on",
    ];
    let rows = quality.contests.iter().map(|contest| {
        let mut fields: Vec<Field> = vec![(&contest.subject).into()];
        fields.extend(by(&contest.candidate));
        fields.extend(by(&contest.comparator));
        fields.extend([
            contest.evidence.word().into(),
            contest.ratios.total.into(),
            contest.ratios.active.into(),
            contest.ratios.without_embedding.into(),
            contest.items.into(),
            contest.difference.into(),
            contest.interval.map(|interval| interval.0).into(),
            contest.interval.map(|interval| interval.1).into(),
            contest.verdict.word().into(),
            contest.hinges_on.join("; ").into(),
        ]);
        fields
    });
    let columns = columns(&["subject"], &["candidate_", "comparator_"], &after);
    ExportTable { name: "quality_contests", columns, rows: rows.collect() }
}

fn items(quality: &Quality) -> ExportTable {
    let rows = quality.items.iter().flat_map(|item| {
        item.answers.iter().map(move |answer| {
            let mut fields: Vec<Field> = vec![
                (&item.suite).into(),
                (&item.case).into(),
                (&item.asked_as).into(),
                (&item.item).into(),
                (&item.expected).into(),
            ];
            fields.extend(by(&answer.by));
            fields.extend([
                Field::from(&answer.said),
                u32::from(answer.right).into(),
                answer.marks.join(", ").into(),
            ]);
            fields
        })
    });
    let columns =
        columns(&["suite", "case", "asked_as", "item", "expected"], &[""], &["said", "right", "marks"]);
    ExportTable { name: "quality_items", columns, rows: rows.collect() }
}
