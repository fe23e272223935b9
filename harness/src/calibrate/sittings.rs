//! One run on one simulated device, from the plan to the bundle, by the code that measures real ones.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use dyno_agent::simulation::Simulation;
use dyno_protocol::{SimulatedLaunch, SimulatedNoise, SimulatedProfile};
use dyno_reports::bundle::{Bundle, EventBody, Manifest, Writer};
use dyno_suites::Definitions;

use super::in_process::InProcess;
use crate::devices::Devices;
use crate::drive::Drive;
use crate::interrupt::Interrupt;
use crate::plan::plan;
use crate::schedule::{Manner, schedule};
use crate::screen::{Screen, Talk};
use crate::selection::{CaseName, Selection};
use crate::supply::Supply;

/// A run's own folders are made here and cleared away as soon as its bundle is read.
#[derive(Debug)]
pub(super) struct Bench<'a> {
    definitions: &'a Definitions,
    folder: PathBuf,
    manifest: Manifest,
    runs: u64,
}

/// What was measured, and the device whose truth is known.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) bundle: Bundle,
    pub(super) device: Arc<Simulation>,
}

/// What is asked of a device.
#[derive(Debug, Clone)]
pub(super) struct Asked<'a> {
    /// `suite/case`.
    pub(super) cases: &'a [&'a str],
    pub(super) engines: &'a [&'a str],
    pub(super) unit: &'a str,
    pub(super) depth: Option<u32>,
    pub(super) rounds: u32,
}

/// The model of every calibration: seeded weights of a real shape.
const MODEL: &str = "synth:2b";
const QUANT: &str = "4bit";

impl<'a> Bench<'a> {
    pub(super) fn new(definitions: &'a Definitions) -> Self {
        let folder = crate::folders::calibration();
        let manifest = crate::cmd::run::manifest(&folder, 0);
        Self { definitions, folder, manifest, runs: 0 }
    }

    pub(super) fn definitions(&self) -> &'a Definitions {
        self.definitions
    }

    pub(super) fn measure(
        &mut self,
        profile: &SimulatedProfile,
        seed: u64,
        asked: &Asked<'_>,
    ) -> anyhow::Result<Measured> {
        self.runs += 1;
        let folder = self.folder.join(self.runs.to_string());
        let measured = self.measure_in(&folder, profile, seed, asked);
        // What is left behind costs room and nothing else.
        let _ = std::fs::remove_dir_all(&folder);
        measured
    }

    fn measure_in(
        &self,
        folder: &Path,
        profile: &SimulatedProfile,
        seed: u64,
        asked: &Asked<'_>,
    ) -> anyhow::Result<Measured> {
        let launch = SimulatedLaunch { profile: profile.clone(), seed, sitting: String::new() };
        let runner = InProcess::new(&profile.id, launch, folder.join("agent"));
        let device = runner.simulation();
        let mut devices = Devices::of_runner(&profile.id, Box::new(runner));
        let selection = selection(profile, seed, asked);
        let plan = plan(&selection, self.definitions, &crate::cmd::run::offers(&mut devices)?)?;
        anyhow::ensure!(
            plan.skipped.is_empty() && !plan.trials.is_empty(),
            "a calibration must be able to measure what it asks for: {:?}",
            plan.skipped
        );
        let steps = schedule(&plan.trials, seed, |cell| Manner::of(cell, self.definitions));
        let run = folder.join(format!("run-{}", self.runs));
        let mut manifest = self.manifest.clone();
        manifest.run_id = format!("calibration-{}", self.runs);
        let mut writer = Writer::create(&run, manifest, &BTreeMap::new())?;
        writer.append(EventBody::Planned { trials: plan.trials.clone(), skipped: Vec::new() })?;
        let (mut out, mut err) = (std::io::sink(), std::io::sink());
        let mut screen = Screen::new(&mut out, &mut err, false);
        screen.set_talk(Talk::Quiet);
        let drive = Drive {
            definitions: self.definitions,
            trials: plan.trials.iter().map(|trial| (trial.id.clone(), trial)).collect(),
            devices: &mut devices,
            supply: &Supply { definitions: self.definitions, threads: None },
            short: false,
            items: None,
            cache: None,
            patience: Duration::from_mins(2),
            writer,
            screen: &mut screen,
            interrupt: &Interrupt::default(),
            earlier: BTreeMap::new(),
            answered: BTreeMap::new(),
        };
        let tally = drive.run(&steps)?;
        anyhow::ensure!(tally.failed == 0, "{} trials of a calibration failed", tally.failed);
        Ok(Measured { bundle: Bundle::open(&run)?, device })
    }
}

impl Drop for Bench<'_> {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The device without anything that is chance, and without what passes: its numbers are the truth.
pub(super) fn quiet(profile: &SimulatedProfile) -> SimulatedProfile {
    let mut quiet = profile.clone();
    let still = SimulatedNoise {
        session: 0.0,
        trial: 0.0,
        pass: 0.0,
        token: 0.0,
        outlier_share: 0.0,
        wander: 0.0,
        ..quiet.noise
    };
    quiet.noise = still;
    quiet.transients.warm_up_slow = 0.0;
    quiet.transients.idle_slow = 0.0;
    quiet
}

fn selection(profile: &SimulatedProfile, seed: u64, asked: &Asked<'_>) -> Selection {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let cases = asked.cases.iter().filter_map(|name| name.split_once('/'));
    Selection {
        cases: cases
            .map(|(suite, case)| CaseName { suite: suite.to_owned(), case: case.to_owned() })
            .collect(),
        models: vec![MODEL.to_owned()],
        quants: vec![QUANT.to_owned()],
        engines: names(asked.engines),
        units: vec![asked.unit.to_owned()],
        devices: vec![profile.id.clone()],
        prompts: None,
        contexts: None,
        thinking: None,
        caps: None,
        items: None,
        use_cache: false,
        depths: asked.depth.map(|depth| vec![depth]),
        rounds: asked.rounds,
        short: false,
        threads: None,
        patience_s: 120,
        seed,
    }
}
