//! `dyno bisect`: the build at which a number regressed, found by comparing builds with the good one in turn.

use std::path::{Path, PathBuf};

use anyhow::Context;
use dyno_reports::bundle::Bundle;
use dyno_reports::compare::{Floors, Judgement, Sides, Terms, Watch, compare};
use dyno_suites::Definitions;

use crate::against::Against;
use crate::args::{BisectArgs, Global};
use crate::bisection::Bisection;
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::screen::Screen;
use crate::selection::{PATIENCE_S, Selection};

pub(crate) fn run(
    args: &BisectArgs,
    global: &Global,
    screen: &mut Screen<'_>,
    interrupt: &Interrupt,
) -> anyhow::Result<Exit> {
    let definitions = super::definitions(global)?;
    let watch = Watch::usual(&args.metric, &definitions)
        .with_context(|| format!("`{}` is no metric that can get worse", args.metric))?;
    let mut search = Bisection::of(args.builds.len()).context("two builds or more are needed")?;
    let folder = args.out.clone().unwrap_or_else(|| crate::folders::new_run(&jiff::Zoned::now()));
    let mut bench = Bench { args, definitions: &definitions, watch, folder, screen, interrupt };
    bench.prepare(0)?;
    // Without a regression from the first to the last there is nothing to find.
    let last = args.builds.len() - 1;
    if !bench.is_bad(last)?.unwrap_or(false) {
        let text = format!("{} is not shown to be worse than {}", args.builds[last], args.builds[0]);
        return bench.answer(&text, search, Exit::CannotTell);
    }
    while let Some(build) = search.next() {
        let Some(is_bad) = bench.is_bad(build)? else {
            let (good, bad) = (&args.builds[search.good], &args.builds[search.bad]);
            let text = format!("{good} is good and {bad} is bad; {} cannot be told", args.builds[build]);
            return bench.answer(&text, search, Exit::CannotTell);
        };
        search.tell(build, is_bad);
    }
    let (good, bad) = (&args.builds[search.good], &args.builds[search.bad]);
    bench.answer(&format!("{bad} is the first bad build; {good} is the last good one"), search, Exit::Done)
}

struct Bench<'a, 'w> {
    args: &'a BisectArgs,
    definitions: &'a Definitions,
    watch: Watch,
    folder: PathBuf,
    screen: &'a mut Screen<'w>,
    interrupt: &'a Interrupt,
}

impl Bench<'_, '_> {
    /// Whether a build is worse than the first one; nothing when the budget could not show it either way.
    fn is_bad(&mut self, build: usize) -> anyhow::Result<Option<bool>> {
        self.prepare(build)?;
        let mut bundles: Vec<Bundle> = Vec::new();
        for look in 0..=self.args.top_up {
            let folder = self.folder.join(format!("{build}-{look}"));
            let selection = self.selection(build, look)?;
            let carried = super::run::begin(
                &selection,
                self.definitions,
                &folder,
                Vec::new(),
                self.screen,
                self.interrupt,
            )?;
            anyhow::ensure!(
                !self.interrupt.is_set(),
                "interrupted; what was measured is in {}",
                self.folder.display()
            );
            bundles.push(Bundle::open(&carried.folder)?);
            let floors = Floors::default();
            let terms = Terms {
                watch: Some(vec![self.watch.clone()]),
                looks: 1 + self.args.top_up,
                ..Terms::usual(&floors)
            };
            let found = compare(&Sides::interleaved(&bundles)?, self.definitions, &terms);
            let judged = |judgement: Judgement| found.rows.iter().any(|row| row.judgement == judgement);
            if judged(Judgement::Regressed) {
                self.screen.say(&format!("{} is bad", self.args.builds[build]));
                return Ok(Some(true));
            }
            if !found.rows.is_empty() && !judged(Judgement::CannotTell) {
                self.screen.say(&format!("{} is good", self.args.builds[build]));
                return Ok(Some(false));
            }
        }
        Ok(None)
    }

    fn selection(&self, build: usize, look: u32) -> anyhow::Result<Selection> {
        let args = self.args;
        let run = crate::args::RunArgs {
            suites: vec![args.suite.clone()],
            device: vec![args.device.clone()],
            model: args.model.iter().cloned().collect(),
            quant: vec![args.quant.clone()],
            engine: vec![args.engine.clone()],
            unit: vec![args.unit.clone()],
            case: vec![args.case.clone()],
            depth: None,
            prompt: None,
            context: None,
            thinking: Vec::new(),
            cap: None,
            items: None,
            fresh: false,
            against: Some(Against::Agent(self.binary(0)?)),
            rounds: Some(args.rounds),
            short: args.short,
            threads: None,
            out: None,
            seed: args.seed.wrapping_add(u64::from(look)),
            patience: PATIENCE_S,
            dry_run: false,
            resume: None,
            json: false,
        };
        let mut selection = Selection::of_args(&run, self.definitions)?;
        selection.agent = Some(self.binary(build)?);
        Ok(selection)
    }

    fn binary(&self, build: usize) -> anyhow::Result<PathBuf> {
        let path = self.args.binary.replace("{}", &self.args.builds[build]);
        Path::new(&path).canonicalize().with_context(|| format!("there is no build at {path}"))
    }

    fn prepare(&mut self, build: usize) -> anyhow::Result<()> {
        let Some(command) = &self.args.prepare else { return Ok(()) };
        let command = command.replace("{}", &self.args.builds[build]);
        self.screen.say(&command);
        let status = std::process::Command::new("sh").args(["-c", &command]).status();
        let status = status.with_context(|| format!("`{command}` could not be started"))?;
        anyhow::ensure!(status.success(), "`{command}` failed: {status}");
        Ok(())
    }

    fn answer(&mut self, text: &str, search: Bisection, exit: Exit) -> anyhow::Result<Exit> {
        if self.args.json {
            let shown = serde_json::json!({
                "good": self.args.builds[search.good], "bad": self.args.builds[search.bad],
                "found": exit == Exit::Done, "said": text, "runs": self.folder,
            });
            self.screen.result(&serde_json::to_string_pretty(&shown)?)?;
        } else {
            self.screen.result(text)?;
        }
        Ok(exit)
    }
}
