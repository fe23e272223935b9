//! `dyno claims`: the verdict on every claim, from bundles alone.

use dyno_reports::analysis::Analysis;
use dyno_reports::verdict::{ClaimVerdict, Leaning, Verdict};

use crate::args::{ClaimsArgs, Global};
use crate::exit::Exit;
use crate::screen::{Screen, table};

pub(crate) fn run(args: &ClaimsArgs, global: &Global, screen: &mut Screen<'_>) -> anyhow::Result<Exit> {
    let definitions = super::definitions(global)?;
    for id in &args.claim {
        definitions.claim(id)?;
    }
    let mut verdicts = Analysis::of(&super::report::open(&args.runs)?, &definitions).verdicts;
    verdicts.retain(|verdict| args.claim.is_empty() || args.claim.contains(&verdict.claim));
    if args.json {
        screen.result(&serde_json::to_string_pretty(&verdicts)?)?;
    } else {
        screen.result(&verdict_table(&verdicts))?;
    }
    Ok(verdicts.iter().fold(Exit::Done, |exit, verdict| exit.worst(exit_of(verdict.verdict))))
}

fn exit_of(verdict: Verdict) -> Exit {
    match verdict {
        Verdict::Holds => Exit::Done,
        Verdict::Fails => Exit::Fails,
        Verdict::CannotTell => Exit::CannotTell,
    }
}

/// Decided ones first, then those that other evidence leans on, then the rest in one line.
pub(crate) fn verdict_table(verdicts: &[ClaimVerdict]) -> String {
    let rank = |verdict: &&ClaimVerdict| match (verdict.verdict, verdict.leaning) {
        (Verdict::Holds | Verdict::Fails, _) => 0,
        (Verdict::CannotTell, Some(_)) => 1,
        (Verdict::CannotTell, None) => 2,
    };
    let mut shown: Vec<&ClaimVerdict> = verdicts.iter().collect();
    shown.sort_by_key(|verdict| (rank(verdict), verdict.number));
    let (said, open): (Vec<_>, Vec<_>) = shown.into_iter().partition(|verdict| rank(verdict) < 2);
    let rows: Vec<Vec<String>> = said
        .iter()
        .map(|verdict| vec![verdict.number.to_string(), words(verdict), verdict.headline.clone()])
        .collect();
    let mut text =
        if rows.is_empty() { String::new() } else { table(&["claim", "verdict", "what was found"], &rows) };
    if !open.is_empty() {
        let numbers: Vec<_> = open.iter().map(|verdict| verdict.number.to_string()).collect();
        text.push_str(&format!(
            "cannot tell, no evidence: {}; the report says which run would decide each\n",
            numbers.join(", ")
        ));
    }
    text
}

fn words(verdict: &ClaimVerdict) -> String {
    let leaning = match verdict.leaning {
        Some(Leaning::Indicated) => " (indicated)",
        Some(Leaning::Contradicted) => " (contradicted)",
        Some(Leaning::Unclear) | None => "",
    };
    format!("{}{leaning}", verdict.verdict.word())
}
