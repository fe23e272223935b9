//! The gate as workflow commands of GitHub Actions: one annotation for each thing that stops the release, and one
//! notice when nothing does.

use super::{Gate, Stop, words};
use crate::readable::clean;

/// GitHub shows ten errors and ten warnings of a step; what is beyond is in the summary.
const MOST: usize = 10;

pub fn annotations(gate: &Gate) -> String {
    let mut text = String::new();
    let level = match gate.verdict {
        Stop::Passes => "notice",
        _ => "error",
    };
    command(level, "dyno gate", &gate.headline, &mut text);
    let stopping = gate.rows.iter().filter(|row| row.stop != Stop::Passes);
    for row in stopping.take(MOST - 1) {
        command("error", &words::cell(&row.row.cell), &words::sentence(row), &mut text);
    }
    for what in gate.unmet.iter().take(MOST) {
        command("error", "required", what, &mut text);
    }
    for what in gate.warnings.iter().take(MOST) {
        command("warning", "dyno gate", what, &mut text);
    }
    text
}

fn command(level: &str, title: &str, message: &str, text: &mut String) {
    text.push_str(&format!("::{level} title={}::{}\n", property(title), data(message)));
}

/// What ends a command or begins another one is written by its code.
fn data(text: &str) -> String {
    clean(text).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
