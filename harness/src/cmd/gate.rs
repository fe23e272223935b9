//! `dyno gate`: whether a policy lets a candidate through; where a device is at hand, it measures what it needs.

use std::path::{Path, PathBuf};

use anyhow::Context;
use dyno_reports::bundle::Bundle;
use dyno_reports::compare::{Comparison, Floors, Sides, compare};
use dyno_reports::gate::{self, Gate, Needed, Purpose, Stop};
use dyno_suites::{Day, Definitions, Policy};

use super::compare::{Evidence, floors};
use crate::against::Against;
use crate::args::{GateArgs, Global};
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::screen::Screen;
use crate::selection::Selection;

pub(crate) fn run(
    args: &GateArgs,
    global: &Global,
    screen: &mut Screen<'_>,
    interrupt: &Interrupt,
) -> anyhow::Result<Exit> {
    let (definitions, policy) = policy(&args.policy, global)?;
    let mut evidence = Evidence::open(&args.base, args.candidate.as_deref())?;
    for run in &args.with {
        evidence.add(Bundle::open(run)?);
    }
    let mut fresh = args.confirm.as_deref().map(Bundle::open).transpose()?;
    let floors = floors(args.history.as_deref(), evidence.bundles())?;
    let made = u32::try_from(args.with.len())?;
    let budget = args.top_up.map_or(0, |runs| runs.min(policy.top_up.runs.saturating_sub(made)));
    let bench = Bench { args, definitions: &definitions, policy: &policy, floors: &floors };
    let mut further = 0;
    let gate = loop {
        let gate = bench.look(&evidence, fresh.as_ref(), made + budget, made + further)?;
        let next = gate.needed.first().filter(|_| args.top_up.is_some() && !interrupt.is_set());
        match next {
            Some(needed) if needed.purpose == Purpose::TopUp && further < budget => {
                further += 1;
                let more = bench.measure(needed, &evidence, further, screen, interrupt)?;
                evidence.add(more);
            }
            Some(_) if fresh.is_none() => {
                match gate.needed.iter().find(|one| one.purpose == Purpose::Confirm) {
                    Some(needed) => {
                        fresh = Some(bench.measure(needed, &evidence, further + 1, screen, interrupt)?);
                    }
                    None => break gate,
                }
            }
            _ => break gate,
        }
    };
    write_outputs(&gate, args, screen)?;
    let exit = if interrupt.is_set() { Exit::Interrupted } else { Exit::Done };
    Ok(exit.worst(match gate.verdict {
        Stop::Passes => Exit::Done,
        Stop::CannotTell => Exit::CannotTell,
        Stop::Regressed => Exit::Fails,
        Stop::Trouble => Exit::Device,
    }))
}

/// A policy by its id, or the one that a file adds to the definitions.
fn policy(named: &str, global: &Global) -> anyhow::Result<(Definitions, Policy)> {
    let definitions = super::definitions(global)?;
    let path = PathBuf::from(named);
    if !path.exists() {
        let found = definitions.policy(named).cloned();
        let policy = found.with_context(|| format!("`{named}` is neither a file nor a policy"))?;
        return Ok((definitions, policy));
    }
    let mut paths = global.definitions.clone();
    paths.push(path);
    let with = Definitions::load(&paths)?;
    let added: Vec<&Policy> =
        with.policies().iter().filter(|policy| !definitions.policies().contains(policy)).collect();
    let policy = match added.as_slice() {
        [one] => (*one).clone(),
        [] => anyhow::bail!("{named} has no policy of its own: it needs one `[[policy]]`"),
        more => anyhow::bail!("{named} has {} policies: keep one to a file", more.len()),
    };
    Ok((with, policy))
}

/// What every look of one gate shares.
struct Bench<'a> {
    args: &'a GateArgs,
    definitions: &'a Definitions,
    policy: &'a Policy,
    floors: &'a Floors,
}

impl Bench<'_> {
    fn look(
        &self,
        evidence: &Evidence,
        fresh: Option<&Bundle>,
        further_runs: u32,
        made: u32,
    ) -> anyhow::Result<Gate> {
        let terms = gate::terms(self.policy, self.definitions, self.floors, 1 + further_runs);
        let first = compare(&evidence.sides()?, self.definitions, &terms);
        let fresh: Option<Comparison> = fresh
            .map(|run| Sides::interleaved([run]))
            .transpose()?
            .map(|sides| compare(&sides, self.definitions, &terms));
        let looks_left = self.policy.top_up.runs.saturating_sub(made);
        Ok(gate::decide(self.policy, self.definitions, &first, fresh.as_ref(), today(), looks_left))
    }

    /// Carries a needed run out, beside the first one and named after it.
    fn measure(
        &self,
        needed: &Needed,
        evidence: &Evidence,
        number: u32,
        screen: &mut Screen<'_>,
        interrupt: &Interrupt,
    ) -> anyhow::Result<Bundle> {
        let candidate = evidence.candidate().context("there is no run to repeat")?;
        let mut selection = Selection::of_bundle(candidate)?;
        if let Some(build) = &self.args.base_build {
            selection.against = Some(Against::Agent(build.clone()));
        }
        if selection.against.is_none() {
            anyhow::bail!(
                "a further run needs the base's build: name it with --base-build, or measure both sides with `dyno run --against`"
            );
        }
        selection.narrow_to(&needed.cells);
        selection.rounds = needed.rounds;
        selection.seed = selection.seed.wrapping_add(u64::from(number));
        let what = match needed.purpose {
            Purpose::TopUp => "to tell",
            Purpose::Confirm => "to confirm",
        };
        screen.say(&format!("measuring {} cells again, {what}", needed.cells.len()));
        let beside = self.args.candidate.as_ref().unwrap_or(&self.args.base);
        let purpose = if needed.purpose == Purpose::Confirm { "confirm" } else { "top-up" };
        let folder = free_folder(beside, purpose);
        let carried =
            super::run::begin(&selection, self.definitions, &folder, Vec::new(), screen, interrupt)?;
        Ok(Bundle::open(&carried.folder)?)
    }
}

/// `RUN-top-up-1` and so on, the first that is not there.
fn free_folder(beside: &Path, purpose: &str) -> PathBuf {
    let name = beside.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let place = |number: u32| beside.with_file_name(format!("{name}-{purpose}-{number}"));
    let mut number = 1;
    while place(number).exists() {
        number += 1;
    }
    place(number)
}

fn today() -> Day {
    let date = jiff::Zoned::now().date();
    Day {
        year: date.year().unsigned_abs(),
        month: date.month().unsigned_abs(),
        day: date.day().unsigned_abs(),
    }
}

fn write_outputs(gate: &Gate, args: &GateArgs, screen: &mut Screen<'_>) -> anyhow::Result<()> {
    let write = |path: &Option<PathBuf>, text: &str| match path {
        Some(path) => std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display())),
        None => Ok(()),
    };
    let markdown = gate::markdown(gate);
    write(&args.junit, &gate::junit(gate))?;
    write(&args.markdown, &markdown)?;
    write(&args.sarif, &gate::sarif(gate, env!("CARGO_PKG_VERSION"), &args.policy)?)?;
    write(&args.gitlab, &gate::code_quality(gate, &args.policy)?)?;
    if args.github {
        screen.result(&gate::annotations(gate))?;
        if let Some(path) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()) {
            let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path)?;
            std::io::Write::write_all(&mut file, markdown.as_bytes())?;
        }
    }
    if args.json {
        screen.result(&serde_json::to_string_pretty(gate)?)?;
    } else if !args.github {
        screen.result(&gate::text(gate))?;
        if let Some(command) = command(gate, args) {
            screen.result(&command)?;
        }
    }
    Ok(())
}

/// How to measure what is missing, where it was not measured at once.
fn command(gate: &Gate, args: &GateArgs) -> Option<String> {
    let first = gate.needed.first()?;
    let why = if first.purpose == Purpose::TopUp { "to tell" } else { "to confirm" };
    let mut command = format!("dyno gate {}", args.base.display());
    if let Some(candidate) = &args.candidate {
        command.push_str(&format!(" {} --base-build DYNO", candidate.display()));
    }
    for run in &args.with {
        command.push_str(&format!(" --with {}", run.display()));
    }
    Some(format!("{why}: {command} --policy {} --top-up", args.policy))
}
