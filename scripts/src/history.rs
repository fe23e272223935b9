//! How quick the history is when it is full: a hundred thousand trials, then one more run, a trend and a gate.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use xshell::{Shell, cmd};

const TRIALS: u64 = 100_000;
/// Each of the three has to answer within this.
const MOST: Duration = Duration::from_secs(1);

/// A model that is a script: its runs are quick, and are bundles like any other.
const SCRIPT: &str = r#"{"tokens":[1,2,3,4,5,6,7],"load_ns":1000000,"prefill_token_ns":1000,"decode_token_ns":20000,"fault":null}"#;

pub(crate) fn bench(shell: &Shell) -> anyhow::Result<()> {
    cmd!(shell, "cargo build --release -q -p dyno").run()?;
    let dyno = shell.current_dir().join("target/release/dyno");
    let desk = shell.create_temp_dir()?;
    let _place = shell.push_dir(desk.path());
    let _state = shell.push_env("XDG_STATE_HOME", desk.path().join("state"));
    let _cache = shell.push_env("XDG_CACHE_HOME", desk.path().join("cache"));
    shell.write_file("script.json", SCRIPT)?;
    cmd!(
        shell,
        "{dyno} --quiet run speed --model script:script.json --engine scripted --against self --rounds 20 --short --out runs/first"
    )
    .ignore_status()
    .ignore_stdout()
    .run()?;
    let trials =
        shell.read_file("runs/first/events.jsonl")?.matches(r#""event":"trial-ended""#).count() as u64;
    anyhow::ensure!(trials > 0, "the run that everything is copied from has no trials");
    let copies = TRIALS.div_ceil(trials);
    println!("{copies} runs of {trials} trials each");
    for number in 0..copies {
        let run = copy(shell, number)?;
        cmd!(shell, "{dyno} history add {run}").quiet().ignore_stdout().run()?;
        shell.remove_path(&run)?;
    }
    let last = copy(shell, copies)?;
    let mut slow = Vec::new();
    for (what, arguments) in [
        ("add", vec!["history", "add", last.as_str()]),
        ("trend", vec!["history", "trend", "--metric", "decode_rate", "--html", "trend.html"]),
        ("gate", vec!["gate", last.as_str(), "--junit", "gate.xml", "--markdown", "gate.md"]),
    ] {
        let before = Instant::now();
        let asked =
            cmd!(shell, "{dyno} {arguments...}").quiet().ignore_stdout().ignore_stderr().ignore_status();
        asked.run()?;
        let took = before.elapsed();
        println!("{what}: {} ms", took.as_millis());
        if took > MOST {
            slow.push(what);
        }
    }
    let size = std::fs::metadata(desk.path().join("state/dyno/history.sqlite"))?.len();
    println!("the history takes {} MB", size / 1_000_000);
    anyhow::ensure!(slow.is_empty(), "slower than a second: {}", slow.join(", "));
    Ok(())
}

/// The first run once more, under another name and at another time.
fn copy(shell: &Shell, number: u64) -> anyhow::Result<String> {
    let run = format!("runs/{number:05}");
    let (day, hour) = (1 + number / 24 % 28, number % 24);
    let at = format!("20{:02}-{:02}-{day:02}T{hour:02}:00:00Z", 20 + number / 8064, 1 + number / 672 % 12);
    let source = Path::new("runs/first");
    for file in ["manifest.json", "events.jsonl"] {
        let text = shell.read_file(source.join(file))?;
        let session = between(&text, r#""session":"local@"#, "#").unwrap_or_default().to_owned();
        let started = between(&text, r#""started_at": ""#, "\"").unwrap_or_default().to_owned();
        let mut text = text.replace(r#""run_id": "first""#, &format!(r#""run_id": "{number:05}""#));
        for old in [session, started].iter().filter(|old| !old.is_empty()) {
            text = text.replace(old.as_str(), &at);
        }
        shell.write_file(format!("{run}/{file}"), text)?;
    }
    for file in shell.read_dir(source.join("definitions"))? {
        if file.is_file() {
            let name = file.file_name().context("a file has a name")?;
            shell.copy_file(&file, format!("{run}/definitions/{}", name.to_string_lossy()))?;
        }
    }
    Ok(run)
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    Some(rest.split_once(after)?.0)
}
