//! The gate as a GitLab code quality report: an array of issues, each with a fingerprint that stays the same from run
//! to run, so that a merge request shows what is new and what is mended.

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{Gate, Stop, words};
use crate::readable::clean;

#[derive(Debug, Serialize)]
struct Issue {
    description: String,
    check_name: String,
    fingerprint: String,
    severity: &'static str,
    location: Location,
}

#[derive(Debug, Serialize)]
struct Location {
    path: String,
    lines: Lines,
}

#[derive(Debug, Serialize)]
struct Lines {
    begin: u32,
}

/// `path` is the file that issues are shown at, relative to the repository: the policy's own.
pub fn code_quality(gate: &Gate, path: &str) -> Result<String, serde_json::Error> {
    let issue = |check: String, place: String, description: String, severity| Issue {
        fingerprint: fingerprint(&check, &place),
        description: clean(&description).into_owned(),
        check_name: check,
        severity,
        location: Location { path: path.to_owned(), lines: Lines { begin: 1 } },
    };
    let rows = gate.rows.iter().filter(|row| row.stop != Stop::Passes || row.waived.is_some()).map(|row| {
        let severity = match (&row.waived, row.stop) {
            (Some(_), _) => "info",
            (None, Stop::Trouble) => "blocker",
            (None, Stop::Regressed) => "critical",
            (None, _) => "major",
        };
        let cell = words::cell(&row.row.cell);
        issue(
            format!("dyno-{}", row.row.metric),
            cell.clone(),
            format!("{cell}: {}", words::sentence(row)),
            severity,
        )
    });
    let unmet =
        gate.unmet.iter().map(|what| issue("dyno-required".to_owned(), what.clone(), what.clone(), "major"));
    let mut issues: Vec<Issue> = rows.chain(unmet).collect();
    if issues.is_empty() && gate.verdict != Stop::Passes {
        let what = gate.headline.clone();
        issues.push(issue("dyno-gate".to_owned(), String::new(), what, "major"));
    }
    serde_json::to_string_pretty(&issues)
}

pub(super) fn fingerprint(check: &str, place: &str) -> String {
    let digest = Sha256::digest(format!("{check}\n{place}").as_bytes());
    dyno_protocol::codec::hex(&digest[..16])
}
