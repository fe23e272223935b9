//! One attempt at a quality trial: the items of a task, asked in batches, each written down as it is answered.
//! Decides nothing about right and wrong; that is `dyno-scoring`'s.

mod asking;
mod cache;
mod pictures;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use dyno_datasets::Pool;
use dyno_protocol::{Job, JobId, LoadSpec, Loaded, Question, Record, RecordBody, Step};
use dyno_reports::bundle::{EventBody, ItemAnswer};
use dyno_reports::cell::{PlannedTrial, TrialId};
use dyno_runners::RunnerError;
use dyno_suites::task::{Ask, Item};
use dyno_suites::{Subject, Task, Work};

use super::job::{QUESTION, SENSOR_INTERVAL_NS, Stop};
use super::sitting::Sitting;
use super::trial::{LOAD_NS, Tried, refuse_circumstances, settle};
use super::{Drive, DriveError, describe};
use asking::{Asker, Prepared};
pub(crate) use cache::AnswerCache;

/// Items of one job. A round trip for each would cost small models more than the answers do.
const BATCH: usize = 16;
const BATCH_NS: u64 = 4 * 3_600_000_000_000;
/// Answers that come faster than this share one sync of the bundle.
const SYNC: Duration = Duration::from_millis(100);

/// Items that are answered, with the weights that answered them.
pub(crate) type AnsweredItems = BTreeMap<TrialId, BTreeSet<(String, String)>>;

/// `behind_ns` is how much of the run's expected time is over.
pub(super) fn attempt(
    drive: &mut Drive<'_, '_>,
    planned: &PlannedTrial,
    attempt: u32,
    sitting: &mut Sitting,
    behind_ns: u64,
) -> Result<Option<Tried>, DriveError> {
    drive.writer.append(EventBody::TrialBegan {
        trial: planned.id.clone(),
        attempt,
        session: sitting.session(),
        prompt: None,
        expected_ids: None,
    })?;
    let mut asking =
        Asking { drive: &mut *drive, planned, attempt, behind_ns, done: 0, of: 0, synced: Instant::now() };
    let stopped = match asking.run(sitting) {
        Ok(()) => None,
        Err(Halt::Stop(stop)) => Some(stop),
        Err(Halt::Bundle(error)) => return Err(error),
    };
    settle(drive, planned, attempt, stopped, Vec::new)
}

/// Why it stopped before its end.
enum Halt {
    Stop(Stop),
    Bundle(DriveError),
}

impl From<Stop> for Halt {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

impl From<RunnerError> for Halt {
    fn from(error: RunnerError) -> Self {
        Self::Stop(error.into())
    }
}

struct Asking<'d, 'a, 'w> {
    drive: &'d mut Drive<'a, 'w>,
    planned: &'d PlannedTrial,
    attempt: u32,
    behind_ns: u64,
    done: usize,
    of: usize,
    synced: Instant,
}

impl Asking<'_, '_, '_> {
    fn run(&mut self, sitting: &mut Sitting) -> Result<(), Halt> {
        let (planned, definitions) = (self.planned, self.drive.definitions);
        let cell = &planned.cell;
        let name = format!("{}/{}", cell.suite, cell.case);
        let (suite, case) = definitions.case(&name).map_err(|unknown| Stop::refused(unknown.to_string()))?;
        refuse_circumstances(suite, sitting)?;
        let work = crate::items::work_of(case, cell)
            .ok_or_else(|| Stop::refused(format!("`{name}` has no such variant")))?;
        let Work::Items { task, items, thinking, cap } = &work else {
            return Err(Stop::refused(format!("`{name}` asks no items")).into());
        };
        let task = definitions.task(task).map_err(|unknown| Stop::refused(unknown.to_string()))?;
        let count = self.drive.items.or(items.of(self.drive.short));
        let places = &self.drive.places;
        let pool = Pool::of(task, places).map_err(|error| Stop::refused(error.to_string()))?;
        let asked = crate::items::of_cell(pool.items.clone(), count, cell);

        let (mut load, _) = self.drive.supply.load(cell).map_err(Stop::refused)?;
        load.vision = task.subject == Subject::Pictures;
        let loaded = self.load(load, sitting)?;
        if let Some(cache) = &mut self.drive.cache {
            cache.open(&loaded.model_sha256);
        }
        let known = self.drive.answered.entry(self.planned.id.clone()).or_default().clone();
        let mut left: Vec<Item> = asked
            .into_iter()
            .filter(|item| !known.contains(&(item.id.clone(), loaded.model_sha256.clone())))
            .collect();
        let pictures = pool.load_pictures(task, &self.drive.places, &mut left);
        pictures.map_err(|error| Stop::refused(error.to_string()))?;
        self.of = left.len() + known.len();
        self.done = known.len();
        let cap = match &task.ask {
            Ask::Generate { tokens, .. } => cap.unwrap_or(*tokens),
            Ask::Choose { .. } => 0,
        };
        let asker = Asker::new(task, &pool.shots, *thinking, cap, &loaded, sitting.facts());
        for (number, batch) in left.chunks(BATCH).enumerate() {
            self.batch(number, batch, task, &asker, sitting)?;
        }
        self.sync()
    }

    fn load(&mut self, load: LoadSpec, sitting: &mut Sitting) -> Result<Loaded, Halt> {
        let mut loaded = None;
        let steps = vec![Step::Load { load, keep: true }];
        self.follow(sitting, "load", steps, LOAD_NS, |this, record| {
            if let RecordBody::Loaded(found) = &record.body {
                loaded = Some((**found).clone());
            }
            this.observe(record)
        })?;
        loaded.ok_or_else(|| Stop::refused("the agent did not say what it loaded").into())
    }

    fn batch(
        &mut self,
        number: usize,
        batch: &[Item],
        task: &Task,
        asker: &Asker<'_>,
        sitting: &mut Sitting,
    ) -> Result<(), Halt> {
        let mut steps = Vec::new();
        // Which item a step belongs to; a choice may have a step for each of its options.
        let mut prepared: Vec<Prepared<'_>> = Vec::new();
        let mut owners: Vec<usize> = Vec::new();
        for item in batch {
            let one = asker.prepare(item, sitting)?;
            if let Some(answer) = self.drive.cache.as_ref().and_then(|cache| one.cached(asker, cache)) {
                self.answered(answer, None)?;
                continue;
            }
            owners.extend(std::iter::repeat_n(prepared.len(), one.steps().len()));
            steps.extend(one.steps().iter().cloned());
            prepared.push(one);
        }
        if steps.is_empty() {
            return Ok(());
        }
        let name = format!("items-{number}");
        self.follow(sitting, &name, steps, BATCH_NS, |this, record| {
            let step = match &record.body {
                RecordBody::Generation(pass) => pass.step,
                RecordBody::Scoring(pass) => pass.step,
                // Every step would say that it needed no warm-up.
                RecordBody::WarmedUp { .. } => return Ok(()),
                _ => return this.observe(record),
            };
            let Some(owner) = owners.get(step as usize) else { return Ok(()) };
            let one = &mut prepared[*owner];
            let Some(answer) = one.take(record.body, task, asker) else { return Ok(()) };
            this.answered(answer, one.key(asker))
        })
    }

    /// An item is done: written down, and remembered where it may be of use again.
    fn answered(&mut self, answer: ItemAnswer, key: Option<String>) -> Result<(), Halt> {
        if let (Some(cache), Some(key)) = (&mut self.drive.cache, key) {
            // A cache that cannot be written costs time later and nothing now.
            let _ = cache.keep(&key, &answer);
        }
        if let Some(asked) = &answer.asked {
            let known = self.drive.answered.entry(self.planned.id.clone()).or_default();
            known.insert((answer.item.clone(), asked.model_sha256.clone()));
        }
        self.done += 1;
        let event = EventBody::Answered {
            trial: self.planned.id.clone(),
            attempt: self.attempt,
            answers: vec![answer],
        };
        self.drive.writer.append(event).map_err(|error| Halt::Bundle(error.into()))?;
        self.show();
        if self.synced.elapsed() >= SYNC { self.sync() } else { Ok(()) }
    }

    fn sync(&mut self) -> Result<(), Halt> {
        self.drive.writer.sync().map_err(|error| Halt::Bundle(error.into()))?;
        self.synced = Instant::now();
        Ok(())
    }

    fn show(&mut self) {
        let share = self.done as f64 / self.of.max(1) as f64;
        let done_ns = self.behind_ns + (share * self.planned.expected_ns as f64) as u64;
        let what = format!("{}: item {} of {}", describe(self.planned), self.done, self.of);
        self.drive.screen.progress(done_ns, &what);
    }

    fn observe(&mut self, record: Record) -> Result<(), Halt> {
        let event = EventBody::Observed { trial: self.planned.id.clone(), attempt: self.attempt, record };
        self.drive.writer.append(event).map(|_| ()).map_err(|error| Halt::Bundle(error.into()))
    }

    /// Runs a job to its end, handing on every record as it comes.
    fn follow(
        &mut self,
        sitting: &mut Sitting,
        part: &str,
        steps: Vec<Step>,
        deadline_ns: u64,
        mut on_record: impl FnMut(&mut Self, Record) -> Result<(), Halt>,
    ) -> Result<(), Halt> {
        let id = JobId(format!("{}-{}-{part}-{}", self.planned.id, self.attempt, std::process::id()));
        let job = Job { id: id.clone(), steps, sensor_interval_ns: SENSOR_INTERVAL_NS, deadline_ns };
        let conversation = sitting.conversation();
        conversation.ask(Question::Submit(job), QUESTION)?;
        let interrupt = self.drive.interrupt.clone();
        let (patience, mut failure, mut halted) = (self.drive.patience, None, None);
        let followed = conversation.follow(&id, 0, patience, &|| interrupt.is_set(), &mut |record| {
            if let RecordBody::Ended { failure: ended_with, .. } = &record.body {
                failure.clone_from(ended_with);
            }
            if halted.is_none() {
                halted = on_record(self, record).err();
            }
        });
        if let Some(halt) = halted {
            return Err(halt);
        }
        if interrupt.is_set() {
            // The answer does not matter any more.
            let _ = conversation.ask(Question::Cancel { job: id }, Duration::from_secs(2));
            return Err(Halt::Stop(Stop::Interrupted));
        }
        followed?;
        let _ = conversation.ask(Question::Forget { job: id }, QUESTION)?;
        failure.map_or(Ok(()), |failure| Err(Halt::Stop(Stop::Failure(failure))))
    }
}
