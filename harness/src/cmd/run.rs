//! `dyno run`: plan, push, measure, report.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use dyno_datasets::Places;
use dyno_reports::analysis::Analysis;
use dyno_reports::bundle::{BUNDLE_FORMAT, Bundle, EventBody, Manifest, Outcome, RunStatus, Writer};
use dyno_reports::cell::{PlannedTrial, TrialId};
use dyno_reports::foreign::{ForeignRow, ForeignSource};
use dyno_suites::Definitions;

use crate::args::{Global, RunArgs};
use crate::devices::Devices;
use crate::drive::{AnswerCache, AnsweredItems, Drive, Earlier, Tally};
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::plan::{Offer, Plan, plan, powers};
use crate::schedule::{Manner, schedule};
use crate::screen::{Screen, table};
use crate::selection::{SELECTION_FILE, Selection};
use crate::supply::Supply;

/// A run that was carried out, with what its bundle says.
pub(crate) struct Carried {
    pub(crate) folder: PathBuf,
    pub(crate) page: PathBuf,
    pub(crate) tally: Tally,
    pub(crate) analysis: Analysis,
}

pub(crate) fn run(
    args: &RunArgs,
    global: &Global,
    screen: &mut Screen<'_>,
    interrupt: &Interrupt,
) -> anyhow::Result<Exit> {
    if let Some(folder) = &args.resume {
        let carried = resume(folder, screen, interrupt)?;
        return finish(&carried, args.json, screen);
    }
    let definitions = super::definitions(global)?;
    let selection = Selection::of_args(args, &definitions)?;
    if args.dry_run {
        return dry_run(&selection, &definitions, args.json, screen);
    }
    let folder = args.out.clone().unwrap_or_else(|| crate::folders::new_run(&jiff::Zoned::now()));
    let carried = begin(&selection, &definitions, &folder, Vec::new(), screen, interrupt)?;
    finish(&carried, args.json, screen)
}

/// Plans and measures into a new folder. `beside` is what others measured, kept in the bundle with it.
pub(crate) fn begin(
    selection: &Selection,
    definitions: &Definitions,
    folder: &Path,
    beside: Vec<(ForeignSource, Vec<ForeignRow>)>,
    screen: &mut Screen<'_>,
    interrupt: &Interrupt,
) -> anyhow::Result<Carried> {
    let mut devices = Devices::of_names(&selection.devices, definitions, selection.seed)?;
    let plan = plan(selection, definitions, &offers(&mut devices)?)?;
    say_plan(&plan, screen);
    if plan.trials.is_empty() {
        anyhow::bail!("nothing of what was asked for can be measured; `--dry-run` lists the reasons");
    }
    let mut kept = definitions.verbatim();
    kept.insert(SELECTION_FILE.to_owned(), serde_json::to_string_pretty(selection)?);
    let mut writer = Writer::create(folder, manifest(folder, selection.seed), &kept)?;
    writer.append(EventBody::Planned { trials: plan.trials.clone(), skipped: plan.skipped.clone() })?;
    for (source, rows) in beside {
        writer.append(EventBody::Imported { source, rows })?;
    }
    writer.sync()?;
    measure(
        selection,
        definitions,
        &plan.trials,
        devices,
        writer,
        BTreeMap::new(),
        AnsweredItems::new(),
        screen,
        interrupt,
    )
}

/// Goes on where a run was cut. What ended well is not measured again; the new sitting is a session of its own.
fn resume(folder: &Path, screen: &mut Screen<'_>, interrupt: &Interrupt) -> anyhow::Result<Carried> {
    let bundle = Bundle::open(folder)?;
    let kept = &bundle.definitions;
    let text = kept.get(SELECTION_FILE).with_context(|| {
        format!("{} was not made by `dyno run`: it has no {SELECTION_FILE}", folder.display())
    })?;
    let selection: Selection = serde_json::from_str(text)
        .with_context(|| format!("{SELECTION_FILE} of {} cannot be read", folder.display()))?;
    let files = kept.iter().filter(|(name, _)| *name != SELECTION_FILE);
    let definitions =
        Definitions::from_verbatim(&files.map(|(name, text)| (name.clone(), text.clone())).collect())?;
    let mut devices = Devices::of_names(&selection.devices, &definitions, selection.seed)?;
    let mut trials: Vec<PlannedTrial> = Vec::new();
    let mut earlier: BTreeMap<TrialId, Earlier> = BTreeMap::new();
    let mut answered = AnsweredItems::new();
    for event in &bundle.events {
        match &event.body {
            EventBody::Planned { trials: planned, .. } => trials.clone_from(planned),
            EventBody::TrialBegan { trial, attempt, .. } => {
                let seen = earlier.entry(trial.clone()).or_default();
                seen.attempts = seen.attempts.max(*attempt);
            }
            EventBody::TrialEnded { trial, outcome, .. } => {
                earlier.entry(trial.clone()).or_default().done |= !matches!(outcome, Outcome::Failed { .. });
            }
            EventBody::Answered { trial, answers, .. } => {
                let known = answered.entry(trial.clone()).or_default();
                known.extend(answers.iter().filter_map(|answer| {
                    Some((answer.item.clone(), answer.asked.as_ref()?.model_sha256.clone()))
                }));
            }
            _ => {}
        }
    }
    let mut writer = Writer::resume(folder, &crate::clock::now_rfc3339())?;
    if trials.is_empty() {
        let plan = plan(&selection, &definitions, &offers(&mut devices)?)?;
        writer.append(EventBody::Planned { trials: plan.trials.clone(), skipped: plan.skipped })?;
        trials = plan.trials;
    }
    let left =
        trials.iter().filter(|trial| !earlier.get(&trial.id).is_some_and(|earlier| earlier.done)).count();
    screen.say(&format!("{left} of {} trials are left", trials.len()));
    measure(&selection, &definitions, &trials, devices, writer, earlier, answered, screen, interrupt)
}

#[expect(clippy::too_many_arguments, reason = "the parts of a run, used once each")]
fn measure(
    selection: &Selection,
    definitions: &Definitions,
    trials: &[PlannedTrial],
    mut devices: Devices,
    writer: Writer,
    earlier: BTreeMap<TrialId, Earlier>,
    answered: AnsweredItems,
    screen: &mut Screen<'_>,
    interrupt: &Interrupt,
) -> anyhow::Result<Carried> {
    let folder = writer.dir().to_owned();
    let steps = schedule(trials, selection.seed, |cell| Manner::of(cell, definitions));
    let drive = Drive {
        definitions,
        trials: trials.iter().map(|trial| (trial.id.clone(), trial)).collect(),
        devices: &mut devices,
        supply: &Supply { definitions, threads: selection.threads },
        short: selection.short,
        items: selection.items,
        places: Places::with_caches(selection.data.clone(), |name| std::env::var_os(name)),
        cache: selection.use_cache.then(|| AnswerCache::in_folder(crate::folders::answer_cache())),
        patience: std::time::Duration::from_secs(selection.patience_s),
        writer,
        screen,
        interrupt,
        earlier,
        answered,
    };
    let tally = drive.run(&steps)?;
    let (page, analysis) = super::report::write_page(std::slice::from_ref(&folder), None, definitions)?;
    Ok(Carried { folder, page, tally, analysis })
}

pub(crate) fn offers(devices: &mut Devices) -> anyhow::Result<Vec<Offer>> {
    let names: Vec<String> = devices.names().map(str::to_owned).collect();
    let mut offers = Vec::new();
    for device in names {
        let mut conversation = devices.open(&device)?;
        offers.push(Offer { device, facts: conversation.welcome().facts.clone() });
        conversation.end();
    }
    Ok(offers)
}

fn dry_run(
    selection: &Selection,
    definitions: &Definitions,
    json: bool,
    screen: &mut Screen<'_>,
) -> anyhow::Result<Exit> {
    let mut devices = Devices::of_names(&selection.devices, definitions, selection.seed)?;
    let plan = plan(selection, definitions, &offers(&mut devices)?)?;
    let steps = schedule(&plan.trials, selection.seed, |cell| Manner::of(cell, definitions));
    if json {
        let shown = serde_json::json!({
            "trials": plan.trials, "skipped": plan.skipped, "steps": steps, "expected_ns": plan.expected_ns(),
            "smallest_detectable": powers(selection, definitions),
        });
        screen.result(&serde_json::to_string_pretty(&shown)?)?;
        return Ok(Exit::Done);
    }
    let by_id: BTreeMap<_, _> = plan.trials.iter().map(|trial| (&trial.id, trial)).collect();
    let rows: Vec<Vec<String>> = steps
        .iter()
        .filter_map(|step| match step {
            crate::schedule::Step::Measure { trial } => by_id.get(trial),
            _ => None,
        })
        .enumerate()
        .map(|(place, trial)| {
            let cell = &trial.cell;
            let axes: Vec<_> = cell.axes.iter().map(|(axis, value)| format!("{axis} {value}")).collect();
            let mut row = vec![(place + 1).to_string(), trial.round.to_string()];
            row.extend([&cell.device, &cell.model, &cell.quant, &cell.engine, &cell.case].map(Clone::clone));
            row.extend([axes.join(", "), format!("{:.1}", trial.expected_ns as f64 / 1e9)]);
            row
        })
        .collect();
    let headers = ["#", "round", "device", "model", "quant", "engine", "case", "at", "expected s"];
    let mut text = table(&headers, &rows);
    if !plan.skipped.is_empty() {
        text.push_str("\nSkipped:\n");
    }
    for skipped in &plan.skipped {
        let cell = &skipped.cell;
        let what = format!("{} {} {} {}", cell.model, cell.quant, cell.engine, cell.case);
        text.push_str(&format!("  {what}: {}\n", skipped.reason));
    }
    text.push_str(&format!("\n{} trials, about {}\n", plan.trials.len(), duration(plan.expected_ns())));
    for power in powers(selection, definitions) {
        text.push_str(&power.to_string());
    }
    screen.result(&text)?;
    Ok(Exit::Done)
}

fn say_plan(plan: &Plan, screen: &mut Screen<'_>) {
    let skipped =
        if plan.skipped.is_empty() { String::new() } else { format!(", {} skipped", plan.skipped.len()) };
    screen.say(&format!("{} trials{skipped}, about {}", plan.trials.len(), duration(plan.expected_ns())));
    let mut reasons: Vec<&str> = plan.skipped.iter().map(|skipped| skipped.reason.as_str()).collect();
    reasons.sort_unstable();
    reasons.dedup();
    for reason in reasons {
        screen.say(&format!("skipped: {reason}"));
    }
}

pub(crate) fn duration(ns: u64) -> String {
    let s = ns / 1_000_000_000;
    match s {
        0..=89 => format!("{} s", s.max(1)),
        90..=5399 => format!("{} min", s.div_ceil(60)),
        _ => format!("{} h {} min", s / 3600, s % 3600 / 60),
    }
}

pub(crate) fn manifest(folder: &Path, seed: u64) -> Manifest {
    let run_id = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Manifest {
        format: BUNDLE_FORMAT,
        run_id,
        status: RunStatus::Started,
        tool: crate::tool::facts(),
        host: crate::tool::host(),
        command: std::env::args().collect(),
        seed,
        started_at: crate::clock::now_rfc3339(),
        ended_at: None,
        definitions: BTreeMap::new(),
    }
}

fn finish(carried: &Carried, json: bool, screen: &mut Screen<'_>) -> anyhow::Result<Exit> {
    let exit = carried.tally.exit();
    if json {
        let shown = serde_json::json!({
            "run": carried.folder, "report": carried.page, "trials": carried.tally, "exit": exit.code(),
        });
        screen.result(&serde_json::to_string_pretty(&shown)?)?;
    } else {
        screen.result(&closing_words(carried))?;
    }
    Ok(exit)
}

/// What a person wants to know when it is over: is it whole, and where is the page.
pub(crate) fn closing_words(carried: &Carried) -> String {
    let Tally { planned, done, invalid, failed, interrupted } = carried.tally;
    let mut text = format!("{done} of {planned} trials measured");
    if invalid > 0 {
        text.push_str(&format!(", {invalid} kept out of every verdict"));
    }
    if failed > 0 {
        text.push_str(&format!(", {failed} failed"));
    }
    text.push('\n');
    if interrupted || done + invalid + failed < planned {
        text.push_str(&format!("go on with: dyno run --resume {}\n", carried.folder.display()));
    }
    text.push_str(&format!("report: {}\n", carried.page.display()));
    text
}
