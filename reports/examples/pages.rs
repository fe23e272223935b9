//! Writes the pages that the browser tests open, and the files that they hold to the published schemas, into a
//! folder: `cargo run -p dyno-reports --example pages -- DIR`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use dyno_reports::bundle::{Event, EventBody};
use dyno_reports::export;
use dyno_reports::gate;
use dyno_reports::import::embedded_evidence;
use dyno_reports::page::{Glossary, IndexEntry, PageOptions, render_index, render_trends, render_with};
use dyno_suites::{Day, Definitions};

#[path = "../tests/constructed/mod.rs"]
mod constructed;

const HOSTILE: &str = "</script><img src=x onerror=\"window.broken=1\">'\"`${window.broken=1}\u{202e}<b>javascript:window.broken=1";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("name the folder to write to")?);
    std::fs::create_dir_all(&folder)?;
    let definitions = Definitions::embedded()?;
    let mut evidence = constructed::ordinary();
    evidence.foreign = embedded_evidence(&definitions)?;
    let own = constructed::glossary();
    let pages = [
        ("ordinary", evidence, &Glossary::from(&definitions)),
        ("hostile", constructed::hostile(HOSTILE), &own),
        ("large", constructed::large(10_000), &own),
        ("empty", constructed::empty(), &own),
        ("compared", constructed::compared(), &own),
    ];
    let mut entries = Vec::new();
    for (name, analysis, glossary) in pages {
        let options = PageOptions {
            title: format!("Dyno report: {name}"),
            bundles: BTreeMap::new(),
            ..PageOptions::default()
        };
        let file = format!("{name}.html");
        std::fs::write(folder.join(&file), render_with(&analysis, glossary, &options)?)?;
        entries.push(IndexEntry::of(&analysis, file, options.title));
    }
    std::fs::write(folder.join("trends.html"), render_trends(&constructed::trends(), &definitions)?)?;
    data(&folder, &definitions)?;
    std::fs::write(folder.join("index.html"), render_index("Dyno reports", &entries)?)?;
    Ok(())
}

/// One file for each published schema.
fn data(folder: &Path, definitions: &Definitions) -> Result<(), Box<dyn std::error::Error>> {
    let mut analysis = constructed::ordinary();
    analysis.foreign = embedded_evidence(definitions)?;
    let (source, rows) = analysis.foreign[0].clone();
    let bodies = [
        EventBody::Planned { trials: vec![], skipped: analysis.skipped.clone() },
        EventBody::Imported { source, rows },
        EventBody::Noted { what: "a remark".into() },
        EventBody::RunEnded,
    ];
    let events: Vec<Event> = bodies.into_iter().zip(0..).map(|(body, seq)| Event { seq, body }).collect();
    let compared = constructed::compared().comparison.ok_or("the comparison is there")?;
    let today = Day { year: 2026, month: 11, day: 26 };
    let verdict = gate::decide(definitions.policy("release")?, definitions, &compared, None, today, 2);
    std::fs::write(folder.join("gate.sarif.json"), gate::sarif(&verdict, "0.0.0", "ci/gate.toml")?)?;
    std::fs::write(folder.join("gate.gitlab.json"), gate::code_quality(&verdict, "ci/gate.toml")?)?;
    std::fs::write(folder.join("manifest.json"), serde_json::to_string(&analysis.runs[0].manifest)?)?;
    std::fs::write(folder.join("events.json"), serde_json::to_string(&events)?)?;
    std::fs::write(folder.join("verdicts.json"), serde_json::to_string(&analysis.verdicts)?)?;
    std::fs::write(folder.join("export.json"), export::json(&export::tables(&analysis, definitions))?)?;
    Ok(())
}
