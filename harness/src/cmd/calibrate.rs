//! `dyno calibrate`: what Dyno's own numbers are worth.

use crate::args::{CalibrateArgs, Global};
use crate::calibrate::{Answer, Effort, calibrate};
use crate::exit::Exit;
use crate::screen::{Screen, table};

pub(crate) fn run(args: &CalibrateArgs, global: &Global, screen: &mut Screen<'_>) -> anyhow::Result<Exit> {
    let definitions = super::definitions(global)?;
    let effort = if args.quick { Effort::QUICK } else { Effort::FULL };
    let rows = calibrate(&definitions, effort, screen)?;
    if args.json {
        screen.result(&serde_json::to_string_pretty(&rows)?)?;
    } else {
        let headers = ["about", "what", "tried", "found", "95 % interval", "wanted", "answer"];
        let cells: Vec<_> = rows.iter().map(crate::calibrate::Row::cells).collect();
        screen.result(&table(&headers, &cells))?;
    }
    let exit = |answer: Answer| match answer {
        Answer::Holds => Exit::Done,
        Answer::Fails => Exit::Fails,
        Answer::CannotTell => Exit::CannotTell,
    };
    Ok(rows.iter().filter_map(|row| row.answer).map(exit).fold(Exit::Done, Exit::worst))
}
