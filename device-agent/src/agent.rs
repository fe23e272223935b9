//! The agent itself: one device, one job at a time, its journals, whatever connections come and go.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};
use std::time::Duration;

use dyno_protocol::{
    AgentState, Answer, BuildFacts, BuildProfile, Conditions, DeviceFacts, Failure, FailureKind, Job, JobId,
    JobStatus, Known, RecordBody, RenderRequest, StoreQuestion, Welcome,
};

use crate::clock::Clock;
use crate::engines;
use crate::job_loop::{self, Bench};
use crate::journal::{Journal, Journals};
use crate::platform::Platform;
use crate::regimes::Regimes;
use crate::simulation::Simulation;
use crate::state_lock::StateLock;
use crate::store::Store;

/// The exit code of an agent that ended itself because an engine hung.
pub const HUNG: i32 = 75;
/// How long after its deadline a job may still be on its way to its end.
const GRACE: Duration = Duration::from_secs(2);
/// How long an agent whose host is gone may still be on its way out when the next one starts.
const PREDECESSOR: Duration = Duration::from_secs(10);
/// How long an agent that has to end itself lets its last record travel.
const FAREWELL: Duration = Duration::from_millis(250);

#[derive(Debug)]
pub struct AgentOptions {
    /// Known to whoever launched the agent, and to nobody else.
    pub secret: String,
    /// Where journals, models and markers are kept.
    pub state: PathBuf,
    pub platform: Arc<dyn Platform>,
}

#[derive(Debug)]
pub struct Agent {
    clock: Clock,
    /// No other agent writes into the same state for as long as this one lives.
    _state: StateLock,
    secret: String,
    facts: DeviceFacts,
    platform: Arc<dyn Platform>,
    store: Store,
    journals: Mutex<Journals>,
    running: Mutex<Option<Running>>,
    bench: Mutex<Bench>,
}

#[derive(Debug)]
struct Running {
    journal: Journal,
    job: JobId,
    cancel: Arc<AtomicBool>,
}

impl Agent {
    /// Takes up the state that an earlier agent left; its unfinished jobs are ended there.
    pub fn start(options: AgentOptions) -> std::io::Result<Arc<Self>> {
        let AgentOptions { secret, state, platform } = options;
        let simulation = Arc::clone(&platform).simulation();
        let clock = simulation.clone().map_or_else(Clock::start, Clock::Simulated);
        let state_lock = StateLock::take(&state, PREDECESSOR)?;
        let store = Store::open(state.join("store"))?;
        let journals = Journals::open(state.join("journals"), clock.now_ns())?;
        let build = build_facts();
        let key = build.binary_sha256.value().cloned().unwrap_or_else(|| build.version.clone());
        let bench = Bench {
            clock: clock.clone(),
            platform: Arc::clone(&platform),
            store: store.clone(),
            regimes: Regimes::new(state.join("loaded-before"), key),
            loaded: None,
        };
        Ok(Arc::new(Self {
            clock,
            _state: state_lock,
            secret,
            facts: device_facts(&*platform, build, simulation.as_deref()),
            platform,
            store,
            journals: Mutex::new(journals),
            running: Mutex::new(None),
            bench: Mutex::new(bench),
        }))
    }

    /// Compared without telling by its duration how much of it was right.
    pub(crate) fn knows(&self, secret: &str) -> bool {
        subtle::ConstantTimeEq::ct_eq(self.secret.as_bytes(), secret.as_bytes()).into()
    }

    pub(crate) fn welcome(&self) -> Answer {
        Answer::Welcome(Box::new(Welcome { facts: self.facts.clone(), state: self.state() }))
    }

    pub(crate) fn state(&self) -> AgentState {
        let running = lock(&self.running).as_ref().map(|running| running.job.clone());
        let jobs = lock(&self.journals)
            .iter()
            .map(|(job, journal)| JobStatus {
                job: job.clone(),
                records: journal.records(),
                running: running.as_ref() == Some(job),
            })
            .collect();
        AgentState { now_ns: self.clock.now_ns(), jobs }
    }

    pub(crate) fn conditions(&self) -> Conditions {
        self.platform.conditions(self.clock.now_ns())
    }

    pub(crate) fn render(&self, request: &RenderRequest) -> Result<Answer, Failure> {
        let busy = || Failure::new(FailureKind::Busy, "a job is running; prompts are rendered between jobs");
        // An accepted job may not have come to the bench yet; it has it all the same.
        if lock(&self.running).is_some() {
            return Err(busy());
        }
        let bench = match self.bench.try_lock() {
            Ok(bench) => bench,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Err(busy()),
        };
        let Some((_, engine)) = &bench.loaded else {
            return Err(Failure::new(FailureKind::Refused, "no model is loaded; a job must load one first"));
        };
        engine.render(request).map(Answer::Rendered)
    }

    pub(crate) fn store(&self, question: StoreQuestion) -> Result<Answer, Failure> {
        self.store.answer(question).map(Answer::Store)
    }

    pub(crate) fn journal(&self, job: &JobId) -> Result<Journal, Failure> {
        lock(&self.journals).get(job).cloned().ok_or_else(|| unknown(job))
    }

    pub(crate) fn forget(&self, job: &JobId) -> Result<Answer, Failure> {
        match lock(&self.journals).forget(job) {
            Ok(true) => Ok(Answer::Forgotten),
            Ok(false) => Err(unknown(job)),
            Err(error) => {
                Err(Failure::new(FailureKind::Storage, format!("the journal cannot be removed: {error}")))
            }
        }
    }

    /// Starts the job on a thread of its own: it goes on whoever listens.
    pub(crate) fn submit(self: &Arc<Self>, job: Job) -> Result<Answer, Failure> {
        let mut running = lock(&self.running);
        if let Some(other) = &*running {
            let what = format!("the job {} is running", other.job.0);
            return Err(Failure::new(FailureKind::Busy, what).with_next_step("wait for it or cancel it"));
        }
        if lock(&self.journals).get(&job.id).is_some() {
            let what = format!("the job {} was given before; its journal is still here", job.id.0);
            return Err(
                Failure::new(FailureKind::Refused, what).with_next_step("follow it, or forget it first")
            );
        }
        let journal = lock(&self.journals).create(&job.id).map_err(|error| {
            Failure::new(FailureKind::Storage, format!("no journal can be begun: {error}"))
        })?;
        let cancel = Arc::new(AtomicBool::new(false));
        *running =
            Some(Running { journal: journal.clone(), job: job.id.clone(), cancel: Arc::clone(&cancel) });
        drop(running);
        let agent = Arc::clone(self);
        let watched = journal.clone();
        let deadline = Duration::from_nanos(job.deadline_ns);
        std::thread::spawn(move || agent.work(&job, &journal, &cancel));
        let agent = Arc::clone(self);
        std::thread::spawn(move || agent.watch(&watched, deadline));
        Ok(Answer::Accepted)
    }

    pub(crate) fn cancel(&self, job: &JobId) -> Result<Answer, Failure> {
        match &*lock(&self.running) {
            Some(running) if running.job == *job => {
                running.cancel.store(true, Ordering::SeqCst);
                Ok(Answer::Cancelled)
            }
            _ => Err(unknown(job)),
        }
    }

    /// Stops whatever runs, and waits a moment for the end of its journal.
    pub fn cancel_all(&self) {
        let running = lock(&self.running).as_ref().map(|running| {
            running.cancel.store(true, Ordering::SeqCst);
            running.journal.clone()
        });
        if let Some(journal) = running {
            // One that does not stop by then is ended by the next agent that reads its journal.
            journal.wait_for_end(GRACE);
        }
    }

    fn work(&self, job: &Job, journal: &Journal, cancel: &AtomicBool) {
        let worked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            job_loop::run(&mut lock(&self.bench), job, journal, cancel)
        }));
        let failure = worked.unwrap_or_else(|_| {
            // An engine in an unknown state serves nobody any more.
            lock(&self.bench).loaded = None;
            Some(Failure::new(FailureKind::Engine, "the engine broke; its message is in the agent's log"))
        });
        // Free before the last record says so: whoever reads it may hand over the next job at once.
        *lock(&self.running) = None;
        self.end(journal, failure);
    }

    /// A hung engine cannot be stopped from outside: the job is ended in its journal, and the process with it.
    fn watch(&self, journal: &Journal, deadline: Duration) {
        let give_up = std::time::Instant::now().checked_add(deadline.saturating_add(GRACE));
        loop {
            let left = give_up.map_or(Duration::from_hours(1), |moment| {
                moment.saturating_duration_since(std::time::Instant::now())
            });
            if journal.wait_for_end(left) {
                return;
            }
            if give_up.is_some_and(|moment| std::time::Instant::now() >= moment) {
                let failure = Failure::new(FailureKind::TimedOut, "the engine hung past the job's deadline")
                    .with_next_step("the agent ended itself; a new one has to be started");
                self.end(journal, Some(failure));
                // Followers send the last record on threads of their own. Who misses it finds it in the journal.
                std::thread::sleep(FAREWELL);
                std::process::exit(HUNG);
            }
        }
    }

    fn end(&self, journal: &Journal, failure: Option<Failure>) {
        let body = RecordBody::Ended { failure, conditions: self.conditions() };
        // Followers get the record even where the disk does not.
        let _ = journal.append(self.clock.now_ns(), body).and_then(|()| journal.sync());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn unknown(job: &JobId) -> Failure {
    Failure::new(FailureKind::UnknownJob, format!("there is no such job here: {}", job.0))
}

/// Made once: hashing the program takes longer than starting it.
fn build_facts() -> BuildFacts {
    static FACTS: OnceLock<BuildFacts> = OnceLock::new();
    FACTS.get_or_init(read_build_facts).clone()
}

fn read_build_facts() -> BuildFacts {
    let binary_sha256 = std::env::current_exe().ok().and_then(|path| hash_of(&path));
    BuildFacts {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        binary_sha256: Known::from_option(binary_sha256, "the agent cannot read its own file"),
        profile: if cfg!(debug_assertions) { BuildProfile::Debug } else { BuildProfile::Release },
        target: format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
    }
}

fn hash_of(path: &std::path::Path) -> Option<String> {
    use sha2::{Digest, Sha256};
    let mut hasher = Sha256::new();
    std::io::copy(&mut std::fs::File::open(path).ok()?, &mut HashWriter(&mut hasher)).ok()?;
    Some(dyno_protocol::codec::hex(&hasher.finalize()))
}

struct HashWriter<'a>(&'a mut sha2::Sha256);

impl std::io::Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        sha2::Digest::update(self.0, bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn device_facts(
    platform: &dyn Platform,
    mut build: BuildFacts,
    simulation: Option<&Simulation>,
) -> DeviceFacts {
    let system = platform.facts();
    if simulation.is_some() {
        // How the agent was compiled changes nothing on a clock that moves only with the model.
        build.profile = BuildProfile::Release;
    }
    DeviceFacts {
        device_id: system.device_id,
        name: system.name,
        kind: system.kind,
        model_identifier: system.model_identifier,
        marketing_name: system.marketing_name,
        chip: system.chip,
        logical_cores: system.logical_cores,
        memory_bytes: system.memory_bytes,
        os_name: system.os_name,
        os_version: system.os_version,
        os_build: system.os_build,
        build,
        engines: simulation.map_or_else(engines::facts, Simulation::engines),
        sensors: platform.sensors().to_vec(),
    }
}
