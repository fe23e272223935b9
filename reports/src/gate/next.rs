//! What would have to be measured before the gate can tell: said here, carried out by whoever has the device.

use dyno_suites::Policy;
use serde::{Deserialize, Serialize};

use super::{Confirmation, GateRow};
use crate::cell::Cell;

/// One further run of both sides in turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Needed {
    pub purpose: Purpose,
    pub rounds: u32,
    /// Each once, in the order of the rows.
    pub cells: Vec<Cell>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// More of the same, because what is there cannot tell.
    TopUp,
    /// A fresh look at what seems to have regressed.
    Confirm,
}

/// Top-ups come first: what they show may need confirming too.
pub(super) fn needed(policy: &Policy, rows: &[GateRow], looks_left: u32) -> Vec<Needed> {
    let open = |row: &&GateRow| {
        row.waived.is_none() && row.row.problem.is_some_and(crate::compare::Problem::is_mended_by_measuring)
    };
    let owed = |row: &&GateRow| row.waived.is_none() && row.confirmation == Confirmation::Owed;
    let cells = |rows: Vec<&GateRow>| {
        let mut cells: Vec<Cell> = Vec::new();
        for row in rows {
            if !cells.contains(&row.row.cell) {
                cells.push(row.row.cell.clone());
            }
        }
        cells
    };
    let mut needed = Vec::new();
    let top_up = cells(rows.iter().filter(open).collect());
    if !top_up.is_empty() && looks_left > 0 {
        needed.push(Needed { purpose: Purpose::TopUp, rounds: policy.top_up.rounds, cells: top_up });
    }
    let confirm = cells(rows.iter().filter(owed).collect());
    if !confirm.is_empty() {
        needed.push(Needed { purpose: Purpose::Confirm, rounds: policy.top_up.rounds, cells: confirm });
    }
    needed
}
