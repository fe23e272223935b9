//! A job's journal: one record a line, written before it is sent, read again from any record on. It survives
//! the agent's own death: what was whole on the disk is whole when the agent is back.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dyno_protocol::{Conditions, Failure, FailureKind, JobId, Known, Record, RecordBody};

/// The most journals that are kept; the oldest finished one makes room for a new one.
const KEPT: usize = 256;

/// One job's journal, shared by the job loop and everyone who follows.
#[derive(Debug, Clone)]
pub(crate) struct Journal(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    state: Mutex<State>,
    grown: Condvar,
}

#[derive(Debug)]
struct State {
    file: File,
    records: Vec<Arc<Record>>,
    ended: bool,
    /// The disk refused a line: later ones are kept in memory only, and the job is told.
    broken: bool,
}

impl Journal {
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create_new(true).open(path)?;
        Ok(Self::over(path, file, Vec::new(), false))
    }

    fn over(path: &Path, file: File, records: Vec<Arc<Record>>, ended: bool) -> Self {
        let state = Mutex::new(State { file, records, ended, broken: false });
        Self(Arc::new(Shared { path: path.to_owned(), state, grown: Condvar::new() }))
    }

    /// Reads a journal back. Half a line at the end is cut off; a job that never ended is ended here.
    fn recover(path: &Path, now_ns: u64) -> io::Result<Self> {
        let (records, whole_bytes) = read_whole_lines(path)?;
        let file = OpenOptions::new().append(true).open(path)?;
        let cut_bytes = file.metadata()?.len() - whole_bytes;
        file.set_len(whole_bytes)?;
        let ended = records.last().is_some_and(|last| matches!(last.body, RecordBody::Ended { .. }));
        let journal = Self::over(path, file, records.into_iter().map(Arc::new).collect(), ended);
        if !ended {
            if cut_bytes > 0 {
                let what =
                    format!("the journal's last {cut_bytes} bytes were half a record; they were cut off");
                journal.append(now_ns, RecordBody::Noticed { what })?;
            }
            let what = "the agent's process ended while this job was running";
            let failure = Some(Failure::new(FailureKind::AgentDied, what));
            journal.append(now_ns, RecordBody::Ended { failure, conditions: nothing_known(now_ns) })?;
            journal.sync()?;
        }
        Ok(journal)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn append(&self, at_ns: u64, body: RecordBody) -> io::Result<()> {
        let mut state = self.state();
        if state.ended {
            // The last record is the last one: whoever comes after it, as a hung engine may, has nothing to add.
            return Ok(());
        }
        let ended = matches!(body, RecordBody::Ended { .. });
        let record = Record { record: state.records.len() as u64, at_ns, body };
        let mut line = serde_json::to_vec(&record)?;
        line.push(b'\n');
        let written = if state.broken { Ok(()) } else { state.file.write_all(&line) };
        state.broken |= written.is_err();
        // Followers get it all the same: what was observed is not lost because this disk is full.
        state.records.push(Arc::new(record));
        state.ended |= ended;
        drop(state);
        self.0.grown.notify_all();
        written
    }

    pub(crate) fn sync(&self) -> io::Result<()> {
        let state = self.state();
        if state.broken { Ok(()) } else { state.file.sync_data() }
    }

    pub(crate) fn records(&self) -> u64 {
        self.state().records.len() as u64
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.state().ended
    }

    /// The record with this number, waiting for it; `None` when the job ended before it, or time is up.
    pub(crate) fn wait_for(&self, number: u64, at_most: Duration) -> Waited {
        let state = self.state();
        let none_yet = |state: &mut State| state.records.len() as u64 <= number && !state.ended;
        let (state, _) =
            self.0.grown.wait_timeout_while(state, at_most, none_yet).unwrap_or_else(PoisonError::into_inner);
        match state.records.get(usize::try_from(number).unwrap_or(usize::MAX)) {
            Some(record) => Waited::Record(Arc::clone(record)),
            None if state.ended => Waited::Ended,
            None => Waited::NotYet,
        }
    }

    /// Whether the job ended within this time.
    pub(crate) fn wait_for_end(&self, at_most: Duration) -> bool {
        let (state, _) = self
            .0
            .grown
            .wait_timeout_while(self.state(), at_most, |state| !state.ended)
            .unwrap_or_else(PoisonError::into_inner);
        state.ended
    }

    fn remove(&self) -> io::Result<()> {
        fs::remove_file(&self.0.path)
    }
}

pub(crate) enum Waited {
    Record(Arc<Record>),
    Ended,
    NotYet,
}

fn read_whole_lines(path: &Path) -> io::Result<(Vec<Record>, u64)> {
    let mut reader = BufReader::new(File::open(path)?);
    let (mut records, mut whole_bytes, mut line) = (Vec::new(), 0, Vec::new());
    loop {
        line.clear();
        let read = reader.read_until(b'\n', &mut line)?;
        if read == 0 || !line.ends_with(b"\n") {
            return Ok((records, whole_bytes));
        }
        match serde_json::from_slice::<Record>(&line) {
            Ok(record) if record.record == records.len() as u64 => records.push(record),
            _ => return Ok((records, whole_bytes)),
        }
        whole_bytes += read as u64;
    }
}

/// Conditions of a moment at which nobody could look.
fn nothing_known(at_ns: u64) -> Conditions {
    const WHY: &str = "the agent was not running";
    Conditions {
        at_ns,
        power: Known::unknown(WHY),
        battery_percent: Known::unknown(WHY),
        low_power_mode: Known::unknown(WHY),
        thermal: Known::unknown(WHY),
        foreground: Known::unknown(WHY),
        unlocked_for_ns: Known::unknown(WHY),
        free_memory_bytes: Known::unknown(WHY),
        other_load: Known::unknown(WHY),
    }
}

/// All journals of an agent, oldest first, in one folder.
#[derive(Debug)]
pub(crate) struct Journals {
    folder: PathBuf,
    kept: Vec<(JobId, Journal)>,
}

impl Journals {
    pub(crate) fn open(folder: PathBuf, now_ns: u64) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        let mut found: Vec<(std::time::SystemTime, PathBuf)> = Vec::new();
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.path().extension().is_some_and(|extension| extension == "jsonl") {
                found.push((entry.metadata()?.modified()?, entry.path()));
            }
        }
        found.sort();
        let mut kept = Vec::new();
        for (_, path) in found {
            let name = path.file_stem().and_then(|stem| decode_name(&stem.to_string_lossy()));
            if let Some(name) = name {
                kept.push((JobId(name), Journal::recover(&path, now_ns)?));
            }
        }
        Ok(Self { folder, kept })
    }

    pub(crate) fn get(&self, job: &JobId) -> Option<&Journal> {
        self.kept.iter().find(|(id, _)| id == job).map(|(_, journal)| journal)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&JobId, &Journal)> {
        self.kept.iter().map(|(id, journal)| (id, journal))
    }

    pub(crate) fn create(&mut self, job: &JobId) -> io::Result<Journal> {
        if self.kept.len() >= KEPT
            && let Some(oldest) = self.kept.iter().position(|(_, journal)| journal.has_ended())
        {
            self.kept.remove(oldest).1.remove()?;
        }
        let journal = Journal::create(&self.folder.join(encode_name(&job.0)).with_extension("jsonl"))?;
        self.kept.push((job.clone(), journal.clone()));
        Ok(journal)
    }

    /// Whether there was one to forget.
    pub(crate) fn forget(&mut self, job: &JobId) -> io::Result<bool> {
        match self.kept.iter().position(|(id, journal)| id == job && journal.has_ended()) {
            Some(place) => self.kept.remove(place).1.remove().map(|()| true),
            None => Ok(false),
        }
    }
}

/// Any job name as a file name: no byte of it can mean a path.
fn encode_name(name: &str) -> String {
    dyno_protocol::codec::hex(name.as_bytes())
}

fn decode_name(text: &str) -> Option<String> {
    let bytes: Option<Vec<u8>> = (0..text.len())
        .step_by(2)
        .map(|at| text.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok()))
        .collect();
    String::from_utf8(bytes?).ok()
}

#[cfg(test)]
mod tests {
    use super::{Journal, Journals, Waited, nothing_known};
    use dyno_protocol::{FailureKind, JobId, RecordBody};
    use std::path::Path;
    use std::time::Duration;

    fn noticed(what: &str) -> RecordBody {
        RecordBody::Noticed { what: what.to_owned() }
    }

    #[test]
    fn a_journal_cut_anywhere_keeps_its_whole_lines_and_is_ended() {
        let job = JobId("a/../b".into());
        let folder = tempfile::tempdir().unwrap();
        let mut journals = Journals::open(folder.path().to_owned(), 0).unwrap();
        let journal = journals.create(&job).unwrap();
        for n in 0..5 {
            journal.append(n, noticed(&format!("line {n}"))).unwrap();
        }
        drop((journal, journals));
        let path = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
        let whole = std::fs::read(&path).unwrap();
        for cut in 0..=whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let journals = Journals::open(folder.path().to_owned(), 77).unwrap();
            let journal = journals.get(&job).unwrap();
            let lines = whole[..cut].split(|byte| *byte == b'\n').count() as u64 - 1;
            let half = !whole[..cut].is_empty() && whole[cut - 1] != b'\n';
            let end = lines + u64::from(half);
            assert_eq!(journal.records(), end + 1, "cut at {cut}");
            if half {
                let Waited::Record(said) = journal.wait_for(lines, Duration::ZERO) else {
                    panic!("nothing said")
                };
                assert!(
                    matches!(&said.body, RecordBody::Noticed { what } if what.contains("cut off")),
                    "{said:?}"
                );
            }
            let Waited::Record(last) = journal.wait_for(end, Duration::ZERO) else { panic!("no end") };
            let RecordBody::Ended { failure: Some(failure), .. } = &last.body else { panic!("{last:?}") };
            assert_eq!((failure.kind, last.record), (FailureKind::AgentDied, end));
            // What was recovered is recovered for good.
            let (said, again) = (journal.records(), Journals::open(folder.path().to_owned(), 99).unwrap());
            assert_eq!(again.get(&job).unwrap().records(), said);
        }
    }

    #[test]
    fn a_disk_that_is_full_is_said_and_followers_lose_nothing() {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let journal = Journal::over(Path::new("/dev/full"), full, Vec::new(), false);
        assert_eq!(journal.append(1, noticed("first")).unwrap_err().kind(), std::io::ErrorKind::StorageFull);
        // Once is enough; what cannot be kept is still handed on.
        journal.append(2, noticed("second")).unwrap();
        journal.append(3, RecordBody::Ended { failure: None, conditions: nothing_known(3) }).unwrap();
        journal.append(4, noticed("after the end")).unwrap();
        for number in 0..3 {
            let Waited::Record(record) = journal.wait_for(number, Duration::ZERO) else { panic!("{number}") };
            assert_eq!((record.record, record.at_ns), (number, number + 1));
        }
        assert!(matches!(journal.wait_for(3, Duration::ZERO), Waited::Ended));
        assert!(journal.wait_for_end(Duration::ZERO));
    }

    #[test]
    fn only_a_finished_job_is_forgotten() {
        let job = JobId("job".into());
        let folder = tempfile::tempdir().unwrap();
        let mut journals = Journals::open(folder.path().to_owned(), 0).unwrap();
        let journal = journals.create(&job).unwrap();
        assert!(!journals.forget(&job).unwrap());
        journal.append(0, RecordBody::Ended { failure: None, conditions: nothing_known(0) }).unwrap();
        assert!(journals.forget(&job).unwrap());
        assert!(journals.get(&job).is_none());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
