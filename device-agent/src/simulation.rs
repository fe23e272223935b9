//! A device that is played: the model of `dyno-simulated` behind the agent's clock, sensors and conditions. The
//! job loop, the journal and the server do not know the difference.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dyno_protocol::{
    Conditions, DeviceKind, EngineFacts, Failure, FailureKind, Known, Memory, Reading, SensorFacts,
    SensorSample, SimulatedLaunch,
};
pub use dyno_simulated::{Device, Moment, expected_log_noise};
use dyno_simulated::{State, Stop};
use serde::{Deserialize, Serialize};

use crate::platform::{Platform, SystemFacts};

/// The agent's exit code when a profile told it to die.
const SIMULATED_DEATH: i32 = 86;
/// What the agent's own code and buffers take on such a device.
const BESIDES_BYTES: u64 = 80 << 20;
const FILE: &str = "simulated-device.json";

#[derive(Debug)]
pub struct Simulation {
    device: Mutex<Device>,
    /// A copy of the device's clock, so that reading it needs no lock.
    now_ns: AtomicU64,
    weight_bytes: AtomicU64,
    sensors: Vec<SensorFacts>,
    sitting: String,
    /// Where the device's state outlives the process; `None` keeps it in memory.
    file: Option<PathBuf>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    sitting: String,
    state: State,
}

impl Simulation {
    /// Plays the device, and goes on with its sitting where an earlier process left it in `state`.
    pub fn begin(launch: SimulatedLaunch, state: &Path) -> std::io::Result<Arc<Self>> {
        std::fs::create_dir_all(state)?;
        let file = state.join(FILE);
        let kept = std::fs::read(&file).ok().and_then(|bytes| serde_json::from_slice::<Kept>(&bytes).ok());
        let kept = kept.filter(|kept| kept.sitting == launch.sitting);
        if kept.is_none() {
            // A new sitting is a fresh device: nothing was ever loaded on it.
            let _ = std::fs::remove_dir_all(state.join("loaded-before"));
        }
        Ok(Self::of(launch, kept.map(|kept| kept.state), Some(file)))
    }

    /// Plays the device for this process alone.
    pub fn in_memory(launch: SimulatedLaunch) -> Arc<Self> {
        Self::of(launch, None, None)
    }

    fn of(launch: SimulatedLaunch, kept: Option<State>, file: Option<PathBuf>) -> Arc<Self> {
        let SimulatedLaunch { profile, seed, sitting } = launch;
        let device = match kept {
            Some(state) => Device::resume(profile, seed, state),
            None => Device::new(profile, seed),
        };
        Arc::new(Self {
            now_ns: AtomicU64::new(device.now_ns()),
            weight_bytes: AtomicU64::new(0),
            sensors: device.sensor_facts(),
            device: Mutex::new(device),
            sitting,
            file,
        })
    }

    fn device(&self) -> MutexGuard<'_, Device> {
        self.device.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with the device, however long it takes on the device's clock.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut Device) -> T) -> T {
        let mut device = self.device();
        let done = act(&mut device);
        self.now_ns.store(device.now_ns(), Ordering::Relaxed);
        done
    }

    /// Keeps the truth from now on, for whoever checks what was measured against it.
    pub fn keep_course(&self) {
        self.with(Device::keep_course);
    }

    /// Looks at the device.
    pub fn look<T>(&self, look: impl FnOnce(&Device) -> T) -> T {
        look(&self.device())
    }

    pub(crate) fn now_ns(&self) -> u64 {
        self.now_ns.load(Ordering::Relaxed)
    }

    /// Work on the device, with what goes wrong in it: a death and a hang are this process's own.
    pub(crate) fn work<T>(&self, act: impl FnOnce(&mut Device) -> Result<T, Stop>) -> Result<T, Failure> {
        match self.with(act) {
            Ok(done) => Ok(done),
            Err(Stop::Die) => self.die(),
            Err(Stop::Hang) => loop {
                std::thread::sleep(std::time::Duration::from_hours(1));
            },
            Err(Stop::Fail(what)) => Err(Failure::new(FailureKind::Engine, what)),
        }
    }

    pub(crate) fn rest(&self, ns: u64) {
        // Resting can only end in a death, which does not come back.
        let _ = self.work(|device| device.rest(ns));
    }

    pub(crate) fn read_memory(&self, bytes: u64) -> Result<(), Failure> {
        self.work(|device| device.read_memory(bytes))
    }

    pub(crate) fn begin_trial(&self, sensor_interval_ns: u64) {
        self.with(|device| device.begin_trial(sensor_interval_ns));
    }

    pub(crate) fn take_samples(&self) -> Vec<SensorSample> {
        self.with(Device::take_samples)
    }

    pub(crate) fn loaded(&self, weight_bytes: u64) {
        self.weight_bytes.store(weight_bytes, Ordering::Relaxed);
    }

    fn die(&self) -> ! {
        self.keep();
        std::process::exit(SIMULATED_DEATH);
    }

    /// Writes the device's state down for the next process of this sitting.
    pub(crate) fn keep(&self) {
        let Some(file) = &self.file else { return };
        let kept = Kept { sitting: self.sitting.clone(), state: self.look(|device| device.state().clone()) };
        // Without the file the next process begins the sitting anew, which its own clock shows.
        let half = file.with_extension("half");
        let written = serde_json::to_vec(&kept)
            .map_err(std::io::Error::other)
            .and_then(|bytes| std::fs::write(&half, bytes))
            .and_then(|()| std::fs::rename(&half, file));
        drop(written);
    }

    pub(crate) fn engines(&self) -> Vec<EngineFacts> {
        self.look(|device| {
            let profile = device.profile();
            let units: Vec<_> = profile.units.iter().map(|unit| unit.unit).collect();
            let facts = |engine: &dyno_protocol::SimulatedEngine| EngineFacts {
                name: engine.id.clone(),
                version: engine.version.clone(),
                units: units.clone(),
            };
            profile.engines.iter().map(facts).collect()
        })
    }
}

impl Platform for Simulation {
    fn facts(&self) -> SystemFacts {
        self.look(|device| {
            let profile = device.profile();
            SystemFacts {
                device_id: format!("simulated-{}", profile.id),
                name: profile.title.clone(),
                kind: DeviceKind::Simulated,
                model_identifier: Known::unknown("a simulated device has no maker"),
                marketing_name: Known::unknown("a simulated device is not sold"),
                chip: Known::unknown("a simulated device has no chip"),
                logical_cores: profile.cores,
                memory_bytes: Known::Is(profile.memory_bytes),
                os_name: profile.os_name.clone(),
                os_version: Known::Is(profile.os_version.clone()),
                os_build: Known::Is(profile.os_build.clone()),
            }
        })
    }

    fn sensors(&self) -> &[SensorFacts] {
        &self.sensors
    }

    fn read_sensors(&self, into: &mut Vec<Reading>) {
        self.look(|device| device.read_sensors(into));
    }

    fn memory(&self) -> Memory {
        let bytes = BESIDES_BYTES + self.weight_bytes.load(Ordering::Relaxed);
        Memory {
            footprint_bytes: Known::Is(bytes),
            peak_footprint_bytes: Known::Is(bytes),
            resident_bytes: Known::Is(bytes),
            peak_resident_bytes: Known::Is(bytes),
        }
    }

    fn reset_memory_peaks(&self) {}

    fn conditions(&self, at_ns: u64) -> Conditions {
        self.look(|device| device.conditions(at_ns))
    }

    fn notices(&self) -> Vec<String> {
        self.with(Device::take_notices)
    }

    fn simulation(self: Arc<Self>) -> Option<Arc<Simulation>> {
        Some(self)
    }
}
