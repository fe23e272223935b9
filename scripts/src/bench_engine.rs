//! Our engine beside llama.cpp, on the same seeded weights and in turn, so that a noisy machine is unfair to
//! neither. Figures are medians over rounds with their range; a ratio is the median of the rounds' own ratios.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use serde_json::Value;
use xshell::{Shell, cmd};

#[derive(Debug, Args)]
pub(crate) struct BenchEngine {
    /// The shape whose seeded weights are measured
    #[arg(long, default_value = "0.8b")]
    shape: String,
    /// Formats, each against the nearest of llama.cpp's
    #[arg(long, value_delimiter = ',', default_value = "4bit,6bit,8bit,bf16")]
    formats: Vec<String>,
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Lengths of prompts
    #[arg(long, value_delimiter = ',', default_value = "128,512,2048")]
    prompts: Vec<u32>,
    /// Context before decoding
    #[arg(long, value_delimiter = ',', default_value = "0,1024,4096")]
    depths: Vec<u32>,
    /// Tokens decoded at each depth
    #[arg(long, default_value_t = 32)]
    tokens: u32,
    /// Our way of computing; `best` where it is not said
    #[arg(long, default_value = "best")]
    path: String,
    /// A Python that has `xllamacpp`; by default one of its own below `target/`
    #[arg(long)]
    python: Option<PathBuf>,
}

/// What one engine said in one round.
type Figures = BTreeMap<String, f64>;

pub(crate) fn run(shell: &Shell, args: &BenchEngine) -> anyhow::Result<()> {
    let folder = PathBuf::from("target/bench-engine");
    shell.create_dir(&folder)?;
    cmd!(shell, "cargo build -q --release -p dyno -p dyno-qwen35 --example speed --bin dyno").run()?;
    let python = match &args.python {
        Some(python) => python.clone(),
        None => own_python(shell, &folder)?,
    };
    let mut all: BTreeMap<&str, Vec<[Figures; 2]>> = BTreeMap::new();
    for format in &args.formats {
        weights(shell, &folder, &args.shape, format)?;
    }
    for round in 0..args.rounds {
        for format in &args.formats {
            println!("round {} of {}: {format}", round + 1, args.rounds);
            let pair = [ours(shell, &folder, args, format)?, theirs(shell, &folder, args, format, &python)?];
            all.entry(format).or_default().push(pair);
        }
    }
    for (format, rounds) in &all {
        table(format, rounds);
    }
    println!("ours: {}; weights are seeded, of the shape {}", args.path, args.shape);
    Ok(())
}

/// The type of GGUF whose bits are nearest.
fn nearest(format: &str) -> anyhow::Result<&'static str> {
    Ok(match format {
        "4bit" => "q4_0",
        "6bit" => "q6_k",
        "8bit" => "q8_0",
        "bf16" => "bf16",
        _ => bail!("`{format}` has no partner among llama.cpp's types; name 4bit, 6bit, 8bit or bf16"),
    })
}

fn own_python(shell: &Shell, folder: &Path) -> anyhow::Result<PathBuf> {
    let python = folder.join("venv/bin/python");
    if !python.exists() {
        let venv = folder.join("venv");
        cmd!(shell, "python3 -m venv {venv}").run().context("python3 with its venv module is missing")?;
        cmd!(shell, "{python} -m pip install -q xllamacpp").run()?;
    }
    Ok(python)
}

fn ours_path(folder: &Path, shape: &str, format: &str) -> PathBuf {
    folder.join(format!("{shape}-{format}"))
}

fn theirs_path(folder: &Path, shape: &str, format: &str) -> anyhow::Result<PathBuf> {
    Ok(folder.join(format!("{shape}-{}.gguf", nearest(format)?)))
}

/// Makes what is not there yet.
fn weights(shell: &Shell, folder: &Path, shape: &str, format: &str) -> anyhow::Result<()> {
    let dyno = "target/release/dyno";
    let (ours, theirs) = (ours_path(folder, shape, format), theirs_path(folder, shape, format)?);
    let full = ours_path(folder, shape, "bf16");
    for (path, format) in [(&full, "bf16"), (&ours, format)] {
        if !path.exists() {
            cmd!(shell, "{dyno} models synth {shape} --format {format} --out {path} --quiet").run()?;
        }
    }
    if !theirs.exists() {
        let to = format!("gguf:{}", nearest(format)?);
        cmd!(shell, "{dyno} models quantize {full} --to {to} --out {theirs} --quiet").run()?;
    }
    Ok(())
}

fn list(numbers: &[u32]) -> String {
    numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(",")
}

fn ours(shell: &Shell, folder: &Path, args: &BenchEngine, format: &str) -> anyhow::Result<Figures> {
    let model = ours_path(folder, &args.shape, format);
    let (prompts, depths) = (list(&args.prompts), list(&args.depths));
    let (path, tokens) = (&args.path, args.tokens.to_string());
    let speed = "target/release/examples/speed";
    figures(&cmd!(shell, "{speed} {model} {path} {prompts} {depths} {tokens}").quiet().read()?)
}

fn theirs(
    shell: &Shell,
    folder: &Path,
    args: &BenchEngine,
    format: &str,
    python: &Path,
) -> anyhow::Result<Figures> {
    let model = theirs_path(folder, &args.shape, format)?;
    let (prompts, depths) = (list(&args.prompts), list(&args.depths));
    let threads = std::thread::available_parallelism()?.to_string();
    let tokens = args.tokens.to_string();
    let script = "scripts/bench/llama_cpp.py";
    let command = cmd!(shell, "{python} {script} {model} {prompts} {depths} {tokens} {threads}");
    figures(&command.quiet().ignore_stderr().read()?)
}

/// The numbers of the last line, which is JSON.
fn figures(output: &str) -> anyhow::Result<Figures> {
    let line = output.lines().last().context("the engine printed nothing")?;
    let Value::Object(object) = serde_json::from_str(line).context("the last line is no JSON")? else {
        bail!("the last line is no object: {line}");
    };
    Ok(object.into_iter().filter_map(|(key, value)| Some((key, value.as_f64()?))).collect())
}

fn table(format: &str, rounds: &[[Figures; 2]]) {
    println!("\n{format}");
    println!("| figure | ours | range | llama.cpp | range | ratio |");
    println!("|---|---|---|---|---|---|");
    let Some([first, _]) = rounds.first() else { return };
    for key in first.keys() {
        let of = |engine: usize| -> Vec<f64> {
            rounds.iter().filter_map(|pair| pair[engine].get(key).copied()).collect()
        };
        let (ours, theirs) = (of(0), of(1));
        if theirs.len() != ours.len() {
            println!("| {key} | {:.2} | {} | not told | | |", median(&ours), range(&ours));
            continue;
        }
        let ratios: Vec<f64> = ours.iter().zip(&theirs).map(|(a, b)| a / b).collect();
        println!(
            "| {key} | {:.2} | {} | {:.2} | {} | {:.2} |",
            median(&ours),
            range(&ours),
            median(&theirs),
            range(&theirs),
            median(&ratios)
        );
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

fn range(values: &[f64]) -> String {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    format!("{low:.2} to {high:.2}")
}
