//! `dyno verify`: is this bundle whole, is it what it says, and can this version read it.

use dyno_reports::bundle::verify;

use crate::args::VerifyArgs;
use crate::exit::Exit;
use crate::screen::Screen;

pub(crate) fn run(args: &VerifyArgs, screen: &mut Screen<'_>) -> anyhow::Result<Exit> {
    let mut exit = Exit::Done;
    let mut shown = Vec::new();
    for run in &args.runs {
        let found = verify(run)?;
        if !found.is_sound() {
            exit = exit.worst(Exit::Fails);
        } else if !found.is_complete() {
            exit = exit.worst(Exit::CannotTell);
        }
        if args.json {
            shown.push(serde_json::json!({
                "run": run, "sound": found.is_sound(), "complete": found.is_complete(), "sentences": found.sentences(),
            }));
        } else {
            screen.result(&format!("{}\n  {}", run.display(), found.sentences().join("\n  ")))?;
        }
    }
    if args.json {
        screen.result(&serde_json::to_string_pretty(&shown)?)?;
    }
    Ok(exit)
}
