//! Mistakes put into the kernels one by one: removed barriers, wrong bounds, swapped strides. Each is run as the
//! tests run kernels, under the sanitizer and in several orders of lanes, in a process of its own; at least
//! nineteen of twenty must be found out. `mutants [EVERY]` tries every so many of them.
#![allow(clippy::print_stdout, reason = "an example's only way to answer")]

use std::error::Error;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use dyno_gpu::samples::{Shape, sample};
use dyno_gpu::{FILES, Gpu, Kernel, Param, Scalar};
use dyno_gpu_emulator::{Emulator, Mode, Sources, sanitizer_runtime};
use dyno_weights::{Format, Side};

/// The share that must be found out, of a hundred.
const FOUND_OUT: usize = 95;
const SEEDS: [u32; 4] = [0, 1, 7, 23];

/// File, what stands there, and what stands there instead.
const SWAPS: &[(&str, &str, &str)] = &[
    ("matvec", "row[r] = min(first + r % outputs, rows - 1);", "row[r] = first + r % outputs;"),
    ("matvec", "if (first + r >= rows) return;", "if (first + r > rows) return;"),
    ("matvec", "pack < cols / 16; pack += 32", "pack < cols / 16; pack += 31"),
    ("matvec", "pack < cols / 16;", "pack <= cols / 16;"),
    ("matvec", "y + ulong(group.y) * stride", "y + ulong(group.y) * rows"),
    ("matvec", "squares += v[i] * v[i];", "squares += v[i];"),
    ("matvec", "row[r] += rows;", "row[r] += rows - 1;"),
    ("matmul", "row = min(row, rows - 1);", "row = min(row, rows);"),
    ("matmul", "if (at < tokens && out < rows)", "if (at <= tokens && out < rows)"),
    ("matmul", "if (at < tokens && out < rows)", "if (at < tokens && out <= rows)"),
    ("matmul", "token < tokens && column + i < cols", "token <= tokens && column + i < cols"),
    ("matmul", "ulong(at) * stride + out", "ulong(at) * rows + out"),
    ("matmul", "constexpr int WIDTH = 36;", "constexpr int WIDTH = 31;"),
    ("norm", "all / float(cols) + eps", "all / float(cols - 1) + eps"),
    (
        "norm",
        "for (uint i = 0; i < nsg; i++) all += parts[i];",
        "for (uint i = 1; i < nsg; i++) all += parts[i];",
    ),
    ("head", "const uint end = min(begin + share, count);", "const uint end = begin + share;"),
    ("head", "other == value && other_id < id", "other == value && other_id > id"),
    ("head", "pack >= cols / 16) return", "pack > cols / 16) return"),
    ("delta", "(token + 1 + t) & 3", "(token + t) & 3"),
    ("delta", "taps[3 * at.channels + channel]", "taps[2 * at.channels + channel]"),
    ("delta", "head / share % key_heads", "head % key_heads"),
    ("delta", "key_heads * DK + key_head * DK + i - DK", "key_head * DK + i - DK"),
    ("delta", "s[i] *= decay;", "s[i] *= strength;"),
    ("delta", "(ulong(head) * DV + r) * DK", "(ulong(head) * DK + r) * DK + DK"),
    ("delta_prefill", "token + t >= 3 ?", "token + t > 3 ?"),
    ("delta_prefill", "i > j ? kk[e]", "i >= j ? kk[e]"),
    ("delta_prefill", "i >= j ? exp", "i > j ? exp"),
    ("delta_prefill", "for (uint j = 0; j < i; j++) sum -=", "for (uint j = 1; j < i; j++) sum -="),
    ("delta_prefill", "tokens > 4 ? tokens - 4 : 0", "tokens > 4 ? tokens - 3 : 0"),
    ("delta_prefill", "if (i < count) out[", "if (i <= count) out["),
    ("attention", "(ulong(kv) * capacity + place) * D", "(ulong(kv) + place) * D"),
    ("attention", "i < 2 * turned", "i <= 2 * turned"),
    ("attention", "min(begin + share, length)", "begin + share"),
    ("attention", "at += nsg", "at += nsg + 1"),
    ("attention", "(2 * head + 1) * D + d", "(2 * head) * D + d"),
    ("attention_prefill", "min(before + first + row + 1, length)", "min(before + first + row + 2, length)"),
    ("attention_prefill", "if (token < tokens) {", "if (token <= tokens) {"),
    ("attention_prefill", "head / heads_per_key", "head % heads_per_key"),
    ("vision", "turn[HALF + i]", "turn[i]"),
    ("vision", "tap < 4", "tap < 3"),
];

/// A file, its text with one mistake, and the mistake in words.
struct Mutant {
    file: &'static str,
    text: String,
    what: String,
}

fn mutants() -> Vec<Mutant> {
    let mut all = Vec::new();
    for (file, text) in FILES {
        for barrier in [
            "threadgroup_barrier(mem_flags::mem_threadgroup);",
            "simdgroup_barrier(mem_flags::mem_threadgroup);",
        ] {
            // One name ends in the other: a match must begin a statement.
            for (nth, (at, _)) in text.match_indices(&format!(" {barrier}")).enumerate() {
                let text = format!("{}{}", &text[..=at], &text[at + 1 + barrier.len()..]);
                all.push(Mutant { file, text, what: format!("{file}: no {} {nth}", &barrier[..11]) });
            }
        }
    }
    for (file, from, to) in SWAPS {
        let text = FILES.iter().find(|(name, _)| name == file).map(|(_, text)| *text).unwrap_or_default();
        assert!(text.contains(from), "{file} has no `{from}` any more");
        all.push(Mutant {
            file,
            text: text.replacen(from, to, 1),
            what: format!("{file}: `{to}` for `{from}`"),
        });
    }
    all
}

/// A few instances of every kernel of a file, at shapes that meet its edges.
fn cases(file: &str) -> Vec<(Kernel, Shape)> {
    let f32s = Param::Type(Scalar::F32);
    let weights = Param::Weights(Format::Affine { bits: 4, group: 64 }, Side::F32);
    let int = Param::Int;
    let small = Shape::SMALL;
    let wide = Shape { cols: 1024, ..small };
    let of = |name, params: &[Param]| Kernel::new(name, params.to_vec());
    match file {
        "matvec" => vec![
            (of("matvec", &[weights, f32s, f32s, int(0), int(1)]), wide),
            (of("matvec", &[weights, f32s, f32s, int(2), int(1)]), small),
            (of("matvec", &[weights, f32s, f32s, int(1), int(0)]), small),
        ],
        "matmul" => vec![
            (of("matmul", &[weights, f32s, f32s, int(0)]), small),
            (of("matmul", &[weights, f32s, f32s, int(2)]), small),
            (of("matmul", &[weights, f32s, f32s, int(1)]), Shape { rows: 64, tokens: 32, ..small }),
        ],
        "norm" => vec![(of("rms_norm", &[f32s]), small), (of("layer_norm", &[f32s]), small)],
        "head" => vec![
            (of("embed", &[weights, f32s]), small),
            (of("argmax_parts", &[]), small),
            (of("argmax", &[]), Shape { rows: 61, ..small }),
        ],
        "delta" => vec![(of("delta_step", &[f32s, int(32), int(32)]), small)],
        "delta_prefill" => ["delta_inputs", "delta_rule", "delta_outputs"]
            .map(|name| (of(name, &[f32s, int(32), int(32)]), small))
            .to_vec(),
        "attention" => vec![
            (of("norm_turn_append", &[f32s, int(64)]), small),
            (of("attend_shares", &[f32s, int(64), int(2)]), small),
            (of("attend_join", &[f32s, int(64)]), small),
        ],
        "attention_prefill" => vec![
            (of("attend_many", &[f32s, int(64), int(1)]), small),
            (of("attend_many", &[f32s, int(64), int(0)]), small),
        ],
        _ => vec![(of("add_positions", &[f32s]), small), (of("turn_patches", &[f32s, int(64)]), small)],
    }
}

/// Runs one mutant here: an error or a crash is a mistake found out.
fn run_one(cache: PathBuf, mutant: &Mutant) -> Result<(), Box<dyn Error>> {
    let mut sources = Sources::new(cache);
    sources.replaced.push((mutant.file.to_owned(), mutant.text.clone()));
    let mut gpu = Emulator::of(sources, Mode::Sanitized);
    let cases = cases(mutant.file);
    gpu.prepare(&cases.iter().map(|(kernel, _)| kernel.clone()).collect::<Vec<_>>())?;
    for (kernel, shape) in cases {
        let handle = gpu.kernel(&kernel)?;
        let sample = sample(&kernel, shape, 3).ok_or("no sample")?;
        let expected = sample.expected();
        for seed in SEEDS {
            gpu.seed = seed;
            let off = sample.difference(&sample.found(&mut gpu, handle)?, &expected);
            if off > sample.bound() {
                return Err(format!("off by {off:.1e}").into());
            }
        }
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let all = mutants();
    let cache = std::env::temp_dir().join(format!("dyno-mutants-{}", std::process::id()));
    let first = args.next().unwrap_or_else(|| "1".to_owned());
    if first == "one" {
        let index: usize = args.next().ok_or("which?")?.parse()?;
        let folder = args.next().ok_or("where?")?;
        return run_one(folder.into(), all.get(index).ok_or("no such mutant")?);
    }
    let every: usize = first.parse()?;
    let runtime = sanitizer_runtime()?;
    std::fs::create_dir_all(&cache)?;
    let (mut tried, mut survivors) = (0, Vec::new());
    for (index, mutant) in all.iter().enumerate().step_by(every.max(1)) {
        let status = Command::new(std::env::current_exe()?)
            .args(["one", &index.to_string()])
            .arg(&cache)
            .env("LD_PRELOAD", &runtime)
            .env("ASAN_OPTIONS", "detect_leaks=0:detect_stack_use_after_return=0")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()?;
        tried += 1;
        println!("{}  {}", if status.success() { "LIVES" } else { "found" }, mutant.what);
        if status.success() {
            survivors.push(mutant.what.as_str());
        }
    }
    std::fs::remove_dir_all(&cache)?;
    let found = tried - survivors.len();
    println!("{found} of {tried} mistakes were found out, of {} that are known", all.len());
    if found * 100 < tried * FOUND_OUT {
        return Err(format!("too many live: {}", survivors.join("; ")).into());
    }
    Ok(())
}
