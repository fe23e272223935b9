//! The gate as `JUnit` XML: one test case for each number. What regressed is a failure, what cannot be told or crashed
//! is an error, what is waived is skipped; so a pipeline that reads nothing else still stops.

use super::{Gate, GateRow, Stop, words};
use crate::readable::escape;

pub fn junit(gate: &Gate) -> String {
    let count = |wanted: &dyn Fn(&GateRow) -> bool| gate.rows.iter().filter(|row| wanted(row)).count();
    let tests = gate.rows.len() + gate.unmet.len();
    let failures = count(&|row| row.stop == Stop::Regressed);
    let unmet = gate.unmet.len() + usize::from(is_empty(gate));
    let errors = count(&|row| matches!(row.stop, Stop::CannotTell | Stop::Trouble)) + unmet;
    let skipped = count(&|row| row.waived.is_some());
    let tests = tests + usize::from(is_empty(gate));
    let name = xml(&format!("dyno gate {}", gate.policy));
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    text.push_str(&format!(
        "<testsuites name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\">\n"
    ));
    text.push_str(&format!(
        "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\">\n"
    ));
    text.push_str("    <properties>\n");
    for (name, value) in [
        ("verdict", gate.verdict.word().to_owned()),
        ("headline", gate.headline.clone()),
        ("base", gate.base.join(" ")),
        ("candidate", gate.candidate.join(" ")),
    ] {
        text.push_str(&format!("      <property name=\"{name}\" value=\"{}\"/>\n", xml(&value)));
    }
    text.push_str("    </properties>\n");
    for row in &gate.rows {
        case(row, &mut text);
    }
    for what in &gate.unmet {
        error("requirement", what, &mut text);
    }
    if is_empty(gate) {
        error("comparison", &gate.headline, &mut text);
    }
    text.push_str("  </testsuite>\n</testsuites>\n");
    text
}

fn is_empty(gate: &Gate) -> bool {
    gate.rows.is_empty() && gate.unmet.is_empty()
}

fn case(row: &GateRow, text: &mut String) {
    let class = xml(&format!("{}.{}", row.row.cell.suite, row.row.cell.case));
    let name = xml(&format!("{}: {}", words::cell(&row.row.cell), row.row.metric));
    let said = xml(&words::sentence(row));
    let inside = match (row.stop, &row.waived) {
        (_, Some(_)) => format!("<skipped message=\"{said}\"/>"),
        (Stop::Regressed, None) => {
            format!("<failure type=\"{}\" message=\"{said}\"/>", xml(&words::verdict(row)))
        }
        (Stop::CannotTell | Stop::Trouble, None) => {
            format!("<error type=\"{}\" message=\"{said}\"/>", xml(&words::verdict(row)))
        }
        (Stop::Passes, None) => format!("<system-out>{said}</system-out>"),
    };
    text.push_str(&format!("    <testcase classname=\"{class}\" name=\"{name}\">{inside}</testcase>\n"));
}

fn error(class: &str, what: &str, text: &mut String) {
    let what = xml(what);
    text.push_str(&format!(
        "    <testcase classname=\"{class}\" name=\"{what}\"><error type=\"cannot tell\" message=\"{what}\"/></testcase>\n"
    ));
}

/// Escaped, and without the two characters that XML has no way to write.
fn xml(text: &str) -> String {
    escape(text).replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}
