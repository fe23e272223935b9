//! llama-bench in its CSV, Markdown and SQL shapes: each becomes the object that its JSON shape would be.

use serde_json::{Map, Value};

use crate::foreign::ForeignRow;

use super::error::Mistake;
use super::{lenient, llama_bench};

const NUMBERS: [&str; 7] = ["n_prompt", "n_gen", "n_depth", "n_gpu_layers", "avg_ts", "stddev_ts", "avg_ns"];

fn object(fields: impl Iterator<Item = (String, String)>) -> Value {
    let mut object = Map::new();
    for (name, text) in fields {
        let number = text.parse::<f64>().ok().filter(|_| NUMBERS.contains(&name.as_str()));
        let value = number.and_then(serde_json::Number::from_f64).map_or(Value::String(text), Value::Number);
        object.insert(name, value);
    }
    Value::Object(object)
}

pub(super) fn is_csv(text: &str) -> bool {
    text.lines()
        .next()
        .is_some_and(|line| ["model_type", "n_prompt", "avg_ts"].iter().all(|name| line.contains(name)))
}

pub(super) fn read_csv(text: &str) -> Result<Vec<ForeignRow>, Mistake> {
    let mut reader = csv::ReaderBuilder::new().from_reader(text.as_bytes());
    let faulty = |error: &csv::Error| {
        let line = error.position().map_or(1, csv::Position::line) as usize;
        Mistake::new(line, format!("the line does not fit the header: {error}"), "was the file cut?")
    };
    let headers = reader.headers().map_err(|error| faulty(&error))?.clone();
    reader
        .records()
        .map(|record| {
            let record = record.map_err(|error| faulty(&error))?;
            let line = record.position().map_or(1, csv::Position::line) as usize;
            let fields =
                headers.iter().zip(record.iter()).map(|(name, text)| (name.to_owned(), text.to_owned()));
            llama_bench::read_row(line, &object(fields))
        })
        .collect()
}

pub(super) fn is_sql(text: &str) -> bool {
    text.contains("INSERT INTO") && text.contains("n_prompt") && text.contains("avg_ts")
}

pub(super) fn read_sql(text: &str) -> Result<Vec<ForeignRow>, Mistake> {
    lenient::lines(text)
        .filter(|(_, line)| line.trim_start().starts_with("INSERT INTO"))
        .map(|(number, line)| {
            let broken =
                |what: &str| Mistake::new(number, what, "only what llama-bench writes itself is read");
            let (names, values) =
                line.split_once(" VALUES ").ok_or_else(|| broken("the INSERT has no VALUES"))?;
            let names = names.split_once('(').and_then(|(_, rest)| rest.rsplit_once(')'));
            let names: Vec<&str> =
                names.ok_or_else(|| broken("the INSERT names no columns"))?.0.split(',').collect();
            let values = sql_texts(values).ok_or_else(|| broken("the values are not quoted texts"))?;
            if names.len() != values.len() {
                return Err(broken("the INSERT has more columns than values, or fewer"));
            }
            let fields = names.iter().map(|name| name.trim().to_owned()).zip(values);
            llama_bench::read_row(number, &object(fields))
        })
        .collect()
}

/// `('a', 'b''c');` as texts.
fn sql_texts(text: &str) -> Option<Vec<String>> {
    let inside = text.trim().trim_end_matches(';').trim_end().strip_prefix('(')?.strip_suffix(')')?;
    let mut texts = Vec::new();
    let mut characters = inside.chars().peekable();
    loop {
        while characters.next_if(|c| c.is_whitespace() || *c == ',').is_some() {}
        if characters.peek().is_none() {
            return Some(texts);
        }
        characters.next_if_eq(&'\'')?;
        let mut value = String::new();
        loop {
            match characters.next()? {
                '\'' if characters.next_if_eq(&'\'').is_some() => value.push('\''),
                '\'' => break,
                other => value.push(other),
            }
        }
        texts.push(value);
    }
}

pub(super) fn is_markdown(text: &str) -> bool {
    text.lines().any(|line| {
        let cells = markdown_cells(line);
        cells.contains(&"test") && cells.contains(&"t/s") && cells.contains(&"model")
    })
}

fn markdown_cells(line: &str) -> Vec<&str> {
    let line = line.trim();
    match line.strip_prefix('|').and_then(|line| line.strip_suffix('|')) {
        Some(inside) => inside.split('|').map(str::trim).collect(),
        None => Vec::new(),
    }
}

pub(super) fn read_markdown(text: &str) -> Result<Vec<ForeignRow>, Mistake> {
    let build = text.lines().find_map(|line| line.trim().strip_prefix("build: ")).unwrap_or_default();
    let build = build.split_whitespace().next().unwrap_or_default();
    let mut headers: Vec<&str> = Vec::new();
    let mut rows = Vec::new();
    for (number, line) in lenient::lines(text) {
        let cells = markdown_cells(line);
        if cells.is_empty() || cells.iter().all(|cell| cell.chars().all(|c| "-: ".contains(c))) {
            continue;
        }
        if cells.contains(&"test") && cells.contains(&"t/s") {
            headers = cells;
            continue;
        }
        if headers.len() != cells.len() {
            let hint = "the table may have been wrapped or cut when it was copied";
            return Err(Mistake::new(number, "this row does not have the cells that the header has", hint));
        }
        let cell = |name: &str| headers.iter().position(|header| *header == name).map(|index| cells[index]);
        let test = cell("test").unwrap_or_default();
        let rate = cell("t/s").unwrap_or_default();
        let (prompt, generated, depth) = parse_test(test).ok_or_else(|| {
            Mistake::new(
                number,
                format!("`{test}` is no test of llama-bench"),
                "such as pp512 or tg128 @ d4096",
            )
        })?;
        let mean = rate.split('\u{b1}').next().unwrap_or_default().trim();
        let fields = [
            ("build_commit", build.to_owned()),
            ("model_type", cell("model").unwrap_or_default().to_owned()),
            ("backends", cell("backend").unwrap_or_default().to_owned()),
            ("n_gpu_layers", cell("ngl").unwrap_or_default().to_owned()),
            ("n_prompt", prompt.to_string()),
            ("n_gen", generated.to_string()),
            ("n_depth", depth.to_string()),
            ("avg_ts", mean.to_owned()),
        ];
        let fields = fields.into_iter().map(|(name, text)| (name.to_owned(), text));
        rows.push(llama_bench::read_row(number, &object(fields))?);
    }
    Ok(rows)
}

/// `pp512`, `tg128`, `pp512+tg128`, each perhaps with ` @ d4096`.
fn parse_test(test: &str) -> Option<(u32, u32, u32)> {
    let (test, depth) = match test.split_once("@ d") {
        Some((test, depth)) => (test.trim(), depth.trim().parse().ok()?),
        None => (test, 0),
    };
    let (mut prompt, mut generated) = (0, 0);
    for part in test.split('+') {
        if let Some(count) = part.strip_prefix("pp") {
            prompt = count.parse().ok()?;
        } else {
            generated = part.strip_prefix("tg")?.parse().ok()?;
        }
    }
    Some((prompt, generated, depth))
}
