//! Writes procedural items as JSON lines: `--split train|held-out --count N --seed S --out FILE`, and
//! optionally `--task NAME` and `--levels 1-3`. The count is per task and level.

use std::fs::File;
use std::io::{BufWriter, Error, Write};

use dyno_suites::procedural::{Split, Task, items, json_line};

fn main() -> Result<(), Error> {
    let mut split = Split::Train;
    let (mut count, mut seed, mut out) = (100, 0, None);
    let (mut tasks, mut levels) = (Task::ALL.to_vec(), (1, u32::MAX));
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or_else(|| Error::other(format!("{name} needs a value")))?;
        match name.as_str() {
            "--split" => split = split_named(&value)?,
            "--count" => count = value.parse().map_err(Error::other)?,
            "--seed" => seed = value.parse().map_err(Error::other)?,
            "--out" => out = Some(value),
            "--task" => tasks = vec![value.parse().map_err(Error::other)?],
            "--levels" => levels = level_range(&value)?,
            _ => return Err(Error::other(format!("unknown option {name}; see the head of this file"))),
        }
    }
    let path = out.ok_or_else(|| Error::other("--out FILE is missing"))?;
    let mut file = BufWriter::new(File::create(path)?);
    for task in tasks {
        for level in levels.0.max(1)..=levels.1.min(task.levels()) {
            for item in items(task, level, split, seed).take(count) {
                writeln!(file, "{}", json_line(&item))?;
            }
        }
    }
    file.flush()
}

fn split_named(name: &str) -> Result<Split, Error> {
    [Split::Train, Split::HeldOut]
        .into_iter()
        .find(|split| split.name() == name)
        .ok_or_else(|| Error::other(format!("there is no split {name}; the splits are train and held-out")))
}

fn level_range(text: &str) -> Result<(u32, u32), Error> {
    let (low, high) = text.split_once('-').unwrap_or((text, text));
    Ok((low.parse().map_err(Error::other)?, high.parse().map_err(Error::other)?))
}
