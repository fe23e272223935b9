//! The device itself: its state, its clock, and what working and resting do to both.

use std::collections::BTreeSet;

use dyno_protocol::{ComputeUnit, SensorSample, SimulatedEngine, SimulatedProfile, SimulatedUnit};
use serde::{Deserialize, Serialize};

use crate::battery::Battery;
use crate::course::Moment;
use crate::draw::Draws;
use crate::faults::Said;
use crate::heat::Heat;
use crate::noise::{self, Wander};

/// The longest step of the physics.
const STEP_S: f64 = 0.1;
const CONTEXT_STEP: f64 = 16_384.0;
/// When nothing is known to have run before.
const LONG_AGO_S: f64 = 1e9;

/// What a simulated model weighs.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    /// Distinguishes one model from another.
    pub key: String,
    pub bytes: u64,
    /// One decode token with nothing before it.
    pub token_bytes: f64,
    pub token_flops: f64,
    /// What every token before it adds.
    pub depth_bytes: f64,
}

/// Work that was not done.
#[derive(Debug, Clone, PartialEq)]
pub enum Stop {
    /// The process is to end at once.
    Die,
    /// The work never ends.
    Hang,
    Fail(String),
}

/// What a load will have to do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LoadWork {
    /// The unit that will really be used.
    pub unit: ComputeUnit,
    pub read_s: f64,
    pub compile_s: f64,
}

/// What the device is like at a moment: everything that outlives a process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    pub now_ns: u64,
    pub(crate) heat: Heat,
    pub(crate) battery: Option<Battery>,
    /// Everything that was ever drawn, from whatever source.
    pub energy_j: f64,
    /// The part of it that went into work, which nothing drew at rest.
    pub work_j: f64,
    wander: Wander,
    pub(crate) unlocked_at_s: Option<f64>,
    pub(crate) in_front: bool,
    pub(crate) low_power: bool,
    /// What faults that last do to the speed.
    pub(crate) slowed: f64,
    worked_until_s: f64,
    /// The pause before the present stretch of work, and when that began.
    paused_s: f64,
    works_since_s: f64,
    trials: u64,
    passes: u64,
    tokens: u64,
    pub(crate) faults_done: BTreeSet<usize>,
    loaded_ever: BTreeSet<String>,
}

#[derive(Debug)]
pub struct Device {
    pub(crate) profile: SimulatedProfile,
    pub(crate) state: State,
    draws: Draws,
    session: f64,
    trial: f64,
    /// Of the pass that runs.
    pub(crate) pass: f64,
    allocation: f64,
    /// Passes and tokens of this process.
    passes_since_load: u64,
    pub(crate) process_tokens: u64,
    loaded_here: BTreeSet<String>,
    sample_every_ns: u64,
    next_sample_ns: u64,
    samples: Vec<SensorSample>,
    /// The truth, once a second, where somebody wants it.
    pub(crate) course: Option<Vec<Moment>>,
    /// The system ended the process in the middle of something.
    pub(crate) killed: bool,
    pub(crate) notices: Vec<String>,
}

impl Device {
    /// A sitting at its begin.
    pub fn new(profile: SimulatedProfile, seed: u64) -> Self {
        let draws = Draws::new(seed);
        let heat = Heat::start(&profile.heat);
        let battery =
            profile.battery.as_ref().map(|battery| Battery::start(battery, profile.heat.idle_w, draws));
        let state = State {
            now_ns: 0,
            heat,
            battery,
            energy_j: 0.0,
            work_j: 0.0,
            wander: Wander::default(),
            unlocked_at_s: Some(-profile.transients.unlocked_before_s),
            in_front: true,
            low_power: false,
            slowed: 1.0,
            worked_until_s: -LONG_AGO_S,
            paused_s: LONG_AGO_S,
            works_since_s: 0.0,
            trials: 0,
            passes: 0,
            tokens: 0,
            faults_done: BTreeSet::new(),
            loaded_ever: BTreeSet::new(),
        };
        Self::resume(profile, seed, state)
    }

    /// The same sitting under a new process.
    pub fn resume(profile: SimulatedProfile, seed: u64, state: State) -> Self {
        let draws = Draws::new(seed);
        Self {
            session: noise::session(&profile.noise, draws),
            trial: 1.0,
            pass: 1.0,
            allocation: 1.0,
            passes_since_load: 0,
            process_tokens: 0,
            loaded_here: BTreeSet::new(),
            sample_every_ns: 0,
            next_sample_ns: u64::MAX,
            samples: Vec::new(),
            course: None,
            killed: false,
            notices: Vec::new(),
            profile,
            state,
            draws,
        }
    }

    pub fn profile(&self) -> &SimulatedProfile {
        &self.profile
    }

    pub fn state(&self) -> &State {
        &self.state
    }

    pub fn now_ns(&self) -> u64 {
        self.state.now_ns
    }

    /// The session's own factor on the speed: what nobody outside can know.
    pub fn session_factor(&self) -> f64 {
        self.session
    }

    pub(crate) fn now_s(&self) -> f64 {
        self.state.now_ns as f64 / 1e9
    }

    /// A job begins: its noise is its own. Sensors are read every so often until the next one; zero reads none.
    pub fn begin_trial(&mut self, sample_every_ns: u64) {
        self.trial = noise::trial(&self.profile.noise, self.draws, self.state.trials);
        self.state.trials += 1;
        self.sample_every_ns = sample_every_ns;
        self.next_sample_ns = if sample_every_ns == 0 { u64::MAX } else { self.state.now_ns };
    }

    pub fn take_samples(&mut self) -> Vec<SensorSample> {
        std::mem::take(&mut self.samples)
    }

    /// What happened to the device since the last call, in words for its operator.
    pub fn take_notices(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notices)
    }

    /// Nothing is done for a while.
    pub fn rest(&mut self, ns: u64) -> Result<(), Stop> {
        let until_ns = self.state.now_ns.saturating_add(ns);
        while self.state.now_ns < until_ns {
            let left_s = (until_ns - self.state.now_ns) as f64 / 1e9;
            self.elapse(left_s.min(STEP_S), 0.0);
            if self.killed {
                return Err(Stop::Die);
            }
        }
        Ok(())
    }

    pub fn unit(&self, unit: ComputeUnit) -> Option<&SimulatedUnit> {
        let wanted = if unit == ComputeUnit::Any { self.profile.units.first()?.unit } else { unit };
        self.profile.units.iter().find(|known| known.unit == wanted)
    }

    pub fn engine(&self, id: &str) -> Option<&SimulatedEngine> {
        self.profile.engines.iter().find(|engine| engine.id == id)
    }

    /// What loading this model for this unit takes now. It is then done by [`Self::busy`], phase by phase.
    pub fn begin_load(&mut self, weights: &Weights, asked: &SimulatedUnit) -> LoadWork {
        let falls = asked.fallback.as_ref().filter(|fallback| weights.bytes > fallback.above_bytes);
        let unit = falls.map_or(asked.unit, |fallback| fallback.to);
        let key = format!("{} {unit:?}", weights.key);
        let ever = !self.state.loaded_ever.insert(key.clone());
        let here = !self.loaded_here.insert(key);
        let load = &self.profile.load;
        let bytes_per_s = if here { load.cached_bytes_per_s } else { load.storage_bytes_per_s };
        let compile_s = match self.unit(unit) {
            Some(unit) if !ever => unit.compile_first_ever_s,
            Some(unit) if !here => unit.compile_cold_s,
            _ => 0.0,
        };
        self.passes_since_load = 0;
        LoadWork { unit, read_s: load.beside_s + weights.bytes as f64 / bytes_per_s, compile_s }
    }

    /// Work that no clock or noise changes: reading files, compiling.
    pub fn busy(&mut self, seconds: f64, watts: f64) -> Result<(), Stop> {
        let until_s = self.now_s() + seconds;
        while until_s - self.now_s() > 1e-9 {
            self.elapse((until_s - self.now_s()).min(STEP_S), watts);
            if self.killed {
                return Err(Stop::Die);
            }
        }
        Ok(())
    }

    /// A pass begins, with so much context allocated.
    pub fn begin_pass(&mut self, engine: &SimulatedEngine, context: u32) {
        let transients = &self.profile.transients;
        let forgotten = self.passes_since_load as f64 / transients.warm_up_passes.max(1e-9);
        let cold = 1.0 + transients.warm_up_slow * (-forgotten).exp();
        self.pass = engine.speed * noise::pass(&self.profile.noise, self.draws, self.state.passes) / cold;
        self.allocation = 1.0 + engine.allocation_slow * f64::from(context) / CONTEXT_STEP;
        self.state.passes += 1;
        self.passes_since_load += 1;
    }

    /// Reads memory as fast as the fastest unit can.
    pub fn read_memory(&mut self, bytes: u64) -> Result<(), Stop> {
        let fastest =
            |one: &&SimulatedUnit, other: &&SimulatedUnit| one.bytes_per_s.total_cmp(&other.bytes_per_s);
        let Some(unit) = self.profile.units.iter().max_by(fastest).cloned() else { return Ok(()) };
        self.pass = noise::pass(&self.profile.noise, self.draws, self.state.passes);
        self.state.passes += 1;
        self.work(&unit, bytes as f64 / unit.bytes_per_s)
    }

    /// Reads this many tokens of a prompt.
    pub fn prefill(&mut self, weights: &Weights, unit: &SimulatedUnit, tokens: u32) -> Result<(), Stop> {
        let computed_s = weights.token_flops * f64::from(tokens) / unit.flops_per_s;
        self.work(unit, computed_s.max(weights.token_bytes / unit.bytes_per_s) + unit.token_floor_s)
    }

    /// Writes one token after `depth` others; the first one comes out of reading the prompt and costs nothing.
    pub fn token(
        &mut self,
        weights: &Weights,
        unit: &SimulatedUnit,
        depth: Option<u32>,
    ) -> Result<Said, Stop> {
        self.state.tokens += 1;
        self.process_tokens += 1;
        let (said, faster) = self.token_fault()?;
        let Some(depth) = depth.map(f64::from) else { return Ok(said) };
        let bytes = weights.token_bytes + weights.depth_bytes * depth;
        let deeper = 1.0 + unit.depth_slow * depth / 1024.0;
        let noisy = noise::token(&self.profile.noise, self.draws, self.state.tokens);
        let seconds = (bytes / unit.bytes_per_s).max(weights.token_flops / unit.flops_per_s);
        self.work(unit, (seconds * self.allocation * deeper + unit.token_floor_s) * noisy / faster)?;
        Ok(said)
    }

    /// Work that takes this long at full speed.
    fn work(&mut self, unit: &SimulatedUnit, seconds: f64) -> Result<(), Stop> {
        let now_s = self.now_s();
        let paused_s = now_s - self.state.worked_until_s;
        if paused_s > 1e-3 {
            (self.state.paused_s, self.state.works_since_s) = (paused_s, now_s);
            if paused_s > unit.sleeps_after_s && unit.wake_s > 0.0 {
                self.busy(unit.wake_s, 0.0)?;
            }
        }
        let mut left_s = seconds;
        while left_s > 0.0 {
            let speed = self.speed();
            let slice_s = (left_s / speed).min(STEP_S);
            let watts = unit.power_w * self.state.heat.share.powf(unit.power_exponent);
            let passed_s = self.elapse(slice_s, watts);
            left_s -= passed_s * speed;
            if left_s * 1e9 < 1.0 {
                left_s = 0.0;
            }
            if self.killed {
                return Err(Stop::Die);
            }
        }
        self.state.worked_until_s = self.now_s();
        Ok(())
    }

    /// Everything that makes the device faster or slower at this moment.
    pub(crate) fn speed(&self) -> f64 {
        let transients = &self.profile.transients;
        let now_s = self.now_s();
        let woken_s = now_s - self.state.works_since_s;
        let idle = self.state.paused_s > transients.idle_after_s && woken_s < transients.idle_for_s;
        let unlocked = self.state.unlocked_at_s.is_some_and(|at_s| now_s - at_s < transients.unlock_for_s);
        let slow = |holds: bool, share: f64| if holds { 1.0 - share } else { 1.0 };
        self.state.heat.share
            * self.session
            * self.trial
            * self.pass
            * self.state.wander.factor()
            * self.state.slowed
            * slow(idle, transients.idle_slow)
            * slow(unlocked, transients.unlock_slow)
    }

    /// Time goes by, up to the next sample at most; says how much of it.
    fn elapse(&mut self, seconds: f64, work_w: f64) -> f64 {
        if self.state.now_ns >= self.next_sample_ns {
            self.sample();
        }
        let wanted_ns = ((seconds * 1e9).round() as u64).max(1);
        let ns = wanted_ns.min(self.next_sample_ns - self.state.now_ns);
        let seconds = ns as f64 / 1e9;
        let profile = &self.profile;
        let draw_w = work_w + profile.heat.idle_w;
        self.state.heat.elapse(&profile.heat, work_w, seconds);
        self.state.heat.govern(&profile.governor, seconds);
        self.state.heat.relabel(&profile.label, seconds);
        self.state.wander.elapse(&profile.noise, seconds, self.draws);
        self.state.energy_j += draw_w * seconds;
        self.state.work_j += work_w * seconds;
        if let Some((battery, known)) = self.state.battery.as_mut().zip(profile.battery.as_ref()) {
            battery.elapse(known, draw_w, seconds, self.draws);
        }
        self.state.now_ns += ns;
        self.keep_moment();
        self.timed_faults();
        seconds
    }

    fn sample(&mut self) {
        let mut readings = Vec::with_capacity(self.profile.sensors.len());
        self.read_sensors(&mut readings);
        if !readings.is_empty() {
            self.samples.push(SensorSample { at_ns: self.state.now_ns, readings });
        }
        self.next_sample_ns = self.state.now_ns + self.sample_every_ns;
    }
}
