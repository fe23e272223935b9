//! The gate as Markdown: short, what stops the release first, the whole table folded. For a comment on a pull request
//! or a step summary.

use super::{Gate, GateRow, Purpose, Stop, words};
use crate::readable::escape;

pub fn markdown(gate: &Gate) -> String {
    let sign = match gate.verdict {
        Stop::Passes => "\u{2705}",
        Stop::CannotTell => "\u{2754}",
        Stop::Regressed => "\u{274c}",
        Stop::Trouble => "\u{1f4a5}",
    };
    let mut text = format!("### {sign} Dyno: {}\n\n", inline(&gate.headline));
    let stopping: Vec<&GateRow> = gate.rows.iter().filter(|row| row.stop != Stop::Passes).collect();
    for row in stopping.iter().take(MOST) {
        text.push_str(&format!(
            "- **{}**: {}\n",
            inline(&words::cell(&row.row.cell)),
            inline(&words::sentence(row))
        ));
    }
    if stopping.len() > MOST {
        text.push_str(&format!("- and {} more in the table\n", stopping.len() - MOST));
    }
    for what in &gate.unmet {
        text.push_str(&format!("- {}\n", inline(what)));
    }
    if !stopping.is_empty() || !gate.unmet.is_empty() {
        text.push('\n');
    }
    for needed in &gate.needed {
        let why = match needed.purpose {
            Purpose::TopUp => "To tell",
            Purpose::Confirm => "To confirm",
        };
        let (cells, rounds) = (needed.cells.len(), needed.rounds);
        text.push_str(&format!("{why}: {rounds} more pairs of each of {cells} cells, measured in turn.\n\n"));
    }
    let refusing = gate.differences.iter().map(|found| {
        let effect = if found.refuses { ", so not compared" } else { "" };
        format!(
            "- {}: `{}` against `{}`{effect}\n",
            inline(&found.what),
            code(&found.base),
            code(&found.candidate)
        )
    });
    fold("What differs besides", refusing.collect(), &mut text);
    fold("Warnings", gate.warnings.iter().map(|what| format!("- {}\n", inline(what))).collect(), &mut text);
    if !gate.rows.is_empty() {
        let mut table =
            vec!["| cell | metric | change | 95 % interval | verdict |\n|---|---|--:|---|---|\n".to_owned()];
        table.extend(gate.rows.iter().map(line));
        fold(&format!("All {} numbers", gate.rows.len()), table, &mut text);
    }
    text.push_str(&format!(
        "Policy `{}`: at most {} % of releases in which nothing changed are stopped, over {} tests together.\n",
        code(&gate.policy),
        crate::readable::number(gate.alpha * 100.0, 1),
        gate.tests
    ));
    text
}

const MOST: usize = 8;

fn line(row: &GateRow) -> String {
    let (change, interval) = row.row.effect.as_ref().map_or_else(
        || ("\u{2013}".to_owned(), "\u{2013}".to_owned()),
        |effect| {
            let change = if effect.significant { words::change(effect) } else { "~".to_owned() };
            (change, words::interval(effect))
        },
    );
    let mut verdict = words::verdict(row);
    if row.waived.is_some() {
        verdict.push_str(", waived");
    }
    let cell = inline(&words::cell(&row.row.cell));
    format!("| {cell} | {} | {change} | {interval} | {} |\n", inline(&row.row.metric), inline(&verdict))
}

fn fold(title: &str, lines: Vec<String>, text: &mut String) {
    if lines.is_empty() {
        return;
    }
    text.push_str(&format!("<details><summary>{}</summary>\n\n", inline(title)));
    text.extend(lines);
    text.push_str("\n</details>\n\n");
}

/// Text of others inside a line: nothing in it acts as Markdown, as HTML or as a mention.
fn inline(text: &str) -> String {
    let mut safe = String::new();
    for letter in escape(text).chars() {
        match letter {
            '\n' | '\r' => safe.push(' '),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' | '!' => {
                // The escapes of `escape` itself use `#` and stay whole.
                if letter == '#' && safe.ends_with('&') {
                    safe.push('#');
                } else {
                    safe.push('\\');
                    safe.push(letter);
                }
            }
            '@' => safe.push_str("&#64;"),
            other => safe.push(other),
        }
    }
    safe
}

fn code(text: &str) -> String {
    crate::readable::clean(text).replace(['`', '\n', '\r', '|'], " ")
}
