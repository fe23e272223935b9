//! Threads that belong to one model. Between two phases of a token they wait in a short loop, because waking a
//! sleeping thread costs more than many a phase; without work for longer they sleep.
//!
//! Work is taken in small pieces from one counter, so that a thread which the system took away for a while, or
//! one on a slower core, does less of it.

use std::any::Any;
use std::cell::UnsafeCell;
use std::fmt;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// Looks at the next job before a thread goes to sleep; some hundred microseconds.
const PATIENCE: u32 = 4000;
/// Looks before a waiting thread lets others run in between: it may be waiting for one of them.
const POLITE: u32 = 300;

type Job = *const (dyn Fn(usize) + Sync);

struct Shared {
    job: UnsafeCell<Option<Job>>,
    /// Raised by one for every job.
    round: AtomicUsize,
    /// Workers that have not finished the round.
    working: AtomicUsize,
    ending: AtomicBool,
    asleep: Vec<AtomicBool>,
    panicked: Mutex<Option<Box<dyn Any + Send>>>,
}

// SAFETY: `job` is written by the caller of `run` only while no worker reads it: before the round is raised
// (Release) and after all workers have counted themselves out (Acquire).
unsafe impl Sync for Shared {}
// SAFETY: the pointer is only followed during `run`, which outlives its use.
unsafe impl Send for Shared {}

/// A fixed number of threads, the caller's among them.
pub struct Team {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
    /// One job at a time.
    busy: Mutex<()>,
}

impl fmt::Debug for Team {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} threads", self.threads())
    }
}

impl Team {
    /// `threads` counts the caller; where the system gives fewer, there are fewer.
    pub fn new(threads: usize) -> Self {
        let helpers = threads.saturating_sub(1);
        let shared = Arc::new(Shared {
            job: UnsafeCell::new(None),
            round: AtomicUsize::new(0),
            working: AtomicUsize::new(0),
            ending: AtomicBool::new(false),
            asleep: (0..helpers).map(|_| AtomicBool::new(false)).collect(),
            panicked: Mutex::new(None),
        });
        let spawn = |index: usize| {
            let shared = shared.clone();
            std::thread::Builder::new()
                .name(format!("kernels-{index}"))
                .spawn(move || shared.work(index))
                .ok()
        };
        let workers = (0..helpers).map_while(spawn).collect();
        Self { shared, workers, busy: Mutex::new(()) }
    }

    /// How many threads take part.
    pub fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// Calls `job` once on every thread with its number, and returns when all are done.
    pub fn run(&self, job: &(dyn Fn(usize) + Sync)) {
        let _one = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        if self.workers.is_empty() {
            job(0);
            return;
        }
        let shared = &*self.shared;
        // SAFETY: no worker looks at the job now (see `Shared`), and the longer lifetime is not used: this
        // function returns only after every worker has counted itself out.
        unsafe {
            *shared.job.get() =
                Some(std::mem::transmute::<&(dyn Fn(usize) + Sync), &'static (dyn Fn(usize) + Sync)>(job));
        }
        shared.working.store(self.workers.len(), Ordering::Relaxed);
        // Sequentially consistent with `asleep`: either the worker sees the round or we see it asleep.
        shared.round.fetch_add(1, Ordering::SeqCst);
        for (asleep, worker) in shared.asleep.iter().zip(&self.workers) {
            if asleep.load(Ordering::SeqCst) {
                worker.thread().unpark();
            }
        }
        let own = catch_unwind(AssertUnwindSafe(|| job(0)));
        let mut looks = 0;
        while shared.working.load(Ordering::Acquire) > 0 {
            looks += 1;
            pause(looks);
        }
        if let Err(payload) = own {
            resume_unwind(payload);
        }
        let theirs = shared.panicked.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(payload) = theirs {
            resume_unwind(payload);
        }
    }

    /// Shares `count` units out in pieces of `grain`.
    pub(crate) fn share(&self, count: usize, grain: usize, job: &(dyn Fn(Range<usize>) + Sync)) {
        let grain = grain.max(1);
        if count <= grain || self.workers.is_empty() {
            if count > 0 {
                job(0..count);
            }
            return;
        }
        let next = AtomicUsize::new(0);
        self.run(&|_| {
            loop {
                let start = next.fetch_add(grain, Ordering::Relaxed);
                if start >= count {
                    break;
                }
                job(start..(start + grain).min(count));
            }
        });
    }
}

impl Drop for Team {
    fn drop(&mut self) {
        self.shared.ending.store(true, Ordering::SeqCst);
        for worker in self.workers.drain(..) {
            worker.thread().unpark();
            let _ = worker.join();
        }
    }
}

impl Shared {
    fn work(&self, index: usize) {
        let mut done = 0;
        while let Some(round) = self.wait(index, done) {
            done = round;
            // SAFETY: the round was raised after the job was written, and the caller waits for us.
            let job = unsafe { (*self.job.get()).map(|job| &*job) };
            if let Some(job) = job
                && let Err(payload) = catch_unwind(AssertUnwindSafe(|| job(index + 1)))
            {
                *self.panicked.lock().unwrap_or_else(PoisonError::into_inner) = Some(payload);
            }
            self.working.fetch_sub(1, Ordering::Release);
        }
    }

    /// The next round, or nothing at the end.
    fn wait(&self, index: usize, done: usize) -> Option<usize> {
        let mut looks = 0;
        loop {
            let round = self.round.load(Ordering::Acquire);
            if round != done {
                return Some(round);
            }
            if self.ending.load(Ordering::Relaxed) {
                return None;
            }
            looks += 1;
            if looks < PATIENCE {
                pause(looks);
                continue;
            }
            self.asleep[index].store(true, Ordering::SeqCst);
            while self.round.load(Ordering::SeqCst) == done && !self.ending.load(Ordering::SeqCst) {
                std::thread::park();
            }
            self.asleep[index].store(false, Ordering::SeqCst);
        }
    }
}

fn pause(looks: u32) {
    if looks.is_multiple_of(POLITE) {
        std::thread::yield_now();
    } else {
        std::hint::spin_loop();
    }
}

/// A slice that several threads write, each its own part.
pub(crate) struct Parts<T> {
    start: *mut T,
    len: usize,
}

// SAFETY: access goes through `part`, whose caller promises that parts do not overlap.
unsafe impl<T: Send> Sync for Parts<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Send for Parts<T> {}

impl<T> Parts<T> {
    pub(crate) fn of(slice: &mut [T]) -> Self {
        Self { start: slice.as_mut_ptr(), len: slice.len() }
    }

    /// # Safety
    /// No two parts that are alive at once may overlap, and the slice must be alive and otherwise unused.
    #[expect(clippy::mut_from_ref, reason = "that is what it is for; see its safety")]
    pub(crate) unsafe fn part(&self, range: Range<usize>) -> &mut [T] {
        assert!(
            range.start <= range.end && range.end <= self.len,
            "a part of {} values at {range:?}",
            self.len
        );
        // SAFETY: within the slice, and unique by the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(range.start), range.len()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_done_once_however_many_threads_there_are() {
        for threads in [1, 2, 5] {
            let team = Team::new(threads);
            for (count, grain) in [(0, 1), (1, 4), (1000, 7), (64, 64)] {
                let done: Vec<AtomicUsize> = (0..count).map(|_| AtomicUsize::new(0)).collect();
                for _ in 0..20 {
                    team.share(count, grain, &|range| {
                        for unit in range {
                            done[unit].fetch_add(1, Ordering::Relaxed);
                        }
                    });
                }
                assert!(done.iter().all(|times| times.load(Ordering::Relaxed) == 20));
            }
        }
    }

    #[test]
    fn a_sleeping_team_wakes_up() {
        let team = Team::new(3);
        for _ in 0..3 {
            std::thread::sleep(std::time::Duration::from_millis(20));
            let seen = AtomicUsize::new(0);
            team.run(&|thread| {
                seen.fetch_add(1 << (8 * thread), Ordering::Relaxed);
            });
            assert_eq!(seen.into_inner(), 0x01_01_01);
        }
    }

    #[test]
    fn a_panic_anywhere_reaches_the_caller_and_leaves_the_team_usable() {
        let team = Team::new(3);
        for thread in 0..3 {
            let failed = catch_unwind(AssertUnwindSafe(|| team.run(&|at| assert_ne!(at, thread))));
            assert!(failed.is_err());
        }
        team.share(10, 1, &|_| ());
    }
}
