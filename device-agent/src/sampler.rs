//! Sensors beside the work: a thread of its own, on the same clock, handing over only between passes.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use dyno_protocol::SensorSample;

use crate::clock::Clock;
use crate::platform::Platform;
use crate::simulation::Simulation;

#[derive(Debug)]
pub(crate) struct Sampler {
    shared: Arc<Shared>,
    /// A device that is played takes its samples itself, as its time goes by.
    simulation: Option<Arc<Simulation>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    stop: AtomicBool,
    samples: Mutex<Vec<SensorSample>>,
    peak_footprint_bytes: AtomicU64,
}

impl Sampler {
    /// Samples every `interval_ns` until dropped; zero samples nothing.
    pub(crate) fn start(platform: Arc<dyn Platform>, clock: Clock, interval_ns: u64) -> Self {
        let shared = Arc::new(Shared {
            stop: AtomicBool::new(false),
            samples: Mutex::default(),
            peak_footprint_bytes: AtomicU64::new(0),
        });
        let simulation = clock.simulation().cloned();
        if let Some(simulation) = &simulation {
            simulation.begin_trial(interval_ns);
        }
        let thread = (interval_ns > 0 && simulation.is_none()).then(|| {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || sample(&*platform, &clock, Duration::from_nanos(interval_ns), &shared))
        });
        Self { shared, simulation, thread }
    }

    /// What was sampled since the last call.
    pub(crate) fn take(&self) -> Vec<SensorSample> {
        if let Some(simulation) = &self.simulation {
            return simulation.take_samples();
        }
        std::mem::take(&mut self.shared.samples.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The highest footprint seen since the last call; `None` when nobody looked.
    pub(crate) fn take_peak_footprint(&self) -> Option<u64> {
        let peak = self.shared.peak_footprint_bytes.swap(0, Ordering::Relaxed);
        (peak > 0).then_some(peak)
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It only reads files; a panic in it has nothing more to tell here.
            let _ = thread.join();
        }
    }
}

fn sample(platform: &dyn Platform, clock: &Clock, interval: Duration, shared: &Shared) {
    let mut next = Instant::now();
    while !shared.stop.load(Ordering::Relaxed) {
        let mut readings = Vec::with_capacity(platform.sensors().len());
        let at_ns = clock.now_ns();
        platform.read_sensors(&mut readings);
        if let Some(footprint) = platform.memory().footprint_bytes.value() {
            shared.peak_footprint_bytes.fetch_max(*footprint, Ordering::Relaxed);
        }
        if !readings.is_empty() {
            let sample = SensorSample { at_ns, readings };
            shared.samples.lock().unwrap_or_else(PoisonError::into_inner).push(sample);
        }
        next += interval;
        // Late by whole intervals, as after a sleep of the device: those moments are gone.
        next = next.max(Instant::now());
        while !shared.stop.load(Ordering::Relaxed) {
            let left = next.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            std::thread::park_timeout(left);
        }
    }
}
