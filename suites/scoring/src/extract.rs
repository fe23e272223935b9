//! Finding the answer in what was said.

use dyno_answers::math;
use dyno_suites::task::{Extract, Score, Which};
use regex::Regex;

/// A number as people write it: thousands set off by commas, a currency before it.
const NUMBER: &str = r"-?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)?";

pub(crate) fn extract(score: &Score, said: &str, options: usize) -> Option<String> {
    let found = match score.extract {
        Extract::Whole | Extract::ToolCall => Some(said.to_owned()),
        Extract::FirstLine => said.lines().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned),
        Extract::LastLine => said.lines().map(str::trim).rfind(|line| !line.is_empty()).map(str::to_owned),
        Extract::Number => numbers(said).into_iter().next(),
        Extract::LastNumber => numbers(said).into_iter().next_back(),
        Extract::Letter => letter(said, options),
        Extract::Boxed => math::boxed(said).map(str::to_owned),
        Extract::Dollars => Some(math::between_dollars(said).to_owned()),
        Extract::Json => json(said),
        Extract::Pattern => pattern(score, said),
    };
    found.map(|found| found.trim().to_owned()).filter(|found| !found.is_empty())
}

fn numbers(said: &str) -> Vec<String> {
    let expression = Regex::new(NUMBER).expect("a fixed expression");
    expression
        .find_iter(said)
        .map(|found| found.as_str().to_owned())
        .filter(|found| found.contains(|letter: char| letter.is_ascii_digit()))
        .collect()
}

/// A letter that is announced as the answer wins over one that only stands alone; of several the last.
fn letter(said: &str, options: usize) -> Option<String> {
    let last = char::from(b'A' + options.clamp(1, 26) as u8 - 1);
    let announced =
        format!(r"(?i:answer|option|choice)(?i:\s+is|\s*[:=])?\s*[:\s]*[*(\[\x22']*([A-{last}])\b");
    let alone = format!(r"(?:^|[\s(\[*\x22'])([A-{last}])(?:$|[\s).\]:*,\x22'])");
    [announced, alone].iter().find_map(|expression| {
        let expression = Regex::new(expression).expect("letters only");
        expression.captures_iter(said).last().map(|found| found[1].to_owned())
    })
}

/// The first JSON document, in a code block or bare.
fn json(said: &str) -> Option<String> {
    said.char_indices().filter(|(_, letter)| matches!(letter, '{' | '[')).find_map(|(at, _)| {
        let mut documents = serde_json::Deserializer::from_str(&said[at..]).into_iter::<serde_json::Value>();
        documents.next()?.ok().map(|document| document.to_string())
    })
}

fn pattern(score: &Score, said: &str) -> Option<String> {
    let expression = Regex::new(score.pattern.as_deref()?).ok()?;
    let found = match score.which {
        Which::First => expression.captures_iter(said).next(),
        Which::Last => expression.captures_iter(said).last(),
    }?;
    let group = found.iter().skip(1).flatten().next().or_else(|| found.get(0))?;
    Some(group.as_str().to_owned())
}
