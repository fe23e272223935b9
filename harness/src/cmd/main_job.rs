//! `dyno` without a command: this machine, the embedded models, a short plan; then the verdicts and the page.

use dyno_reports::import::embedded_evidence;

use crate::args::{Global, MainArgs};
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::screen::Screen;
use crate::selection::Selection;

pub(crate) fn run(
    args: &MainArgs,
    global: &Global,
    screen: &mut Screen<'_>,
    interrupt: &Interrupt,
) -> anyhow::Result<Exit> {
    let definitions = super::definitions(global)?;
    let selection = Selection::main_job(&definitions, args.seed)?;
    let folder = args.out.clone().unwrap_or_else(|| crate::folders::new_run(&jiff::Zoned::now()));
    let beside = embedded_evidence(&definitions)?;
    let carried = super::run::begin(&selection, &definitions, &folder, beside, screen, interrupt)?;
    screen.result(&super::claims::verdict_table(&carried.analysis.verdicts))?;
    screen.result(&super::run::closing_words(&carried))?;
    Ok(carried.tally.exit())
}
