//! Looking into JSON of other tools: a field that is missing or of another type is absent, never a fault,
//! unless the reader says that it must be there.

use serde_json::Value;

use super::error::Mistake;

/// The value at a path of keys.
pub(super) fn at<'a>(value: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, key| value.get(key))
}

pub(super) fn text(value: &Value, path: &[&str]) -> Option<String> {
    at(value, path)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// A finite number, also where a tool wrote it as text.
pub(super) fn number(value: &Value, path: &[&str]) -> Option<f64> {
    let found = at(value, path)?;
    let number = found.as_f64().or_else(|| found.as_str()?.trim().parse().ok())?;
    number.is_finite().then_some(number)
}

pub(super) fn whole(value: &Value, path: &[&str]) -> Option<u32> {
    let number = number(value, path)?;
    (number >= 0.0 && number <= f64::from(u32::MAX) && number.fract() == 0.0).then_some(number as u32)
}

pub(super) fn flag(value: &Value, path: &[&str]) -> Option<bool> {
    at(value, path)?.as_bool()
}

pub(super) fn numbers(value: &Value, path: &[&str]) -> Vec<f64> {
    let found = at(value, path).and_then(Value::as_array);
    found.into_iter().flatten().filter_map(Value::as_f64).filter(|number| number.is_finite()).collect()
}

/// A rate must be there and be a rate: without it the row says nothing.
pub(super) fn needed_rate(value: &Value, path: &[&str], line: usize, tool: &str) -> Result<f64, Mistake> {
    let name = path.join(".");
    match number(value, path) {
        Some(rate) if rate >= 0.0 => Ok(rate),
        Some(rate) => Err(Mistake::new(
            line,
            format!("`{name}` is {rate}, which no rate can be"),
            "correct or remove the row",
        )),
        None => Err(Mistake::new(
            line,
            format!("`{name}` is missing or no number"),
            format!("is this really a result of {tool}?"),
        )),
    }
}

/// Lines that hold something, with their numbers from one.
pub(super) fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line))
        .filter(|(_, line)| !line.trim().is_empty())
}

/// One JSON object for each line.
pub(super) fn json_lines(text: &str) -> Result<Vec<(usize, Value)>, Mistake> {
    lines(text)
        .map(|(number, line)| match serde_json::from_str::<Value>(line) {
            Ok(value @ Value::Object(_)) => Ok((number, value)),
            Ok(_) => {
                Err(Mistake::new(number, "the line is JSON, but no object", "every line must be one result"))
            }
            Err(error) => {
                Err(Mistake::new(number, format!("the line is not JSON: {error}"), "was the file cut?"))
            }
        })
        .collect()
}
