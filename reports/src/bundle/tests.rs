//! A bundle written, cut, damaged, resumed and checked.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

use dyno_protocol::ComputeUnit;
use proptest::prelude::*;

use super::*;
use crate::cell::{Cell, PlannedTrial};

const AT: &str = "2026-01-01T00:00:00Z";

fn manifest() -> Manifest {
    Manifest {
        format: BUNDLE_FORMAT,
        run_id: "a-run".into(),
        status: RunStatus::Started,
        tool: ToolFacts { version: "0.0.0-test".into(), binary_sha256: None, debug_build: false },
        host: HostFacts { os: "test".into(), arch: "test".into(), logical_cores: 1 },
        command: vec!["dyno".into()],
        seed: 1,
        started_at: AT.into(),
        ended_at: None,
        definitions: BTreeMap::new(),
    }
}

fn definitions() -> BTreeMap<String, String> {
    [
        ("metrics.toml".to_owned(), "a = 1\n".to_owned()),
        ("claims/one.toml".to_owned(), "b = \"ü\"\n".to_owned()),
    ]
    .into()
}

fn cell(case: &str) -> Cell {
    Cell {
        suite: "speed".into(),
        suite_version: 1,
        case: case.into(),
        case_version: 1,
        model: "m".into(),
        quant: "bf16".into(),
        engine: "dyno".into(),
        unit: ComputeUnit::Cpu,
        device: "local".into(),
        axes: BTreeMap::new(),
        side: None,
    }
}

fn trials() -> Vec<PlannedTrial> {
    ["decode", "prefill"].into_iter().map(|case| PlannedTrial::new(cell(case), 0, 1)).collect()
}

fn bodies() -> Vec<EventBody> {
    let trials = trials();
    let mut bodies = vec![EventBody::Planned { trials: trials.clone(), skipped: vec![] }];
    for trial in trials {
        bodies.push(EventBody::Noted { what: "über \"quotes\"\nand breaks".into() });
        bodies.push(EventBody::TrialEnded { trial: trial.id, attempt: 1, outcome: Outcome::Done });
    }
    bodies
}

fn write(dir: &Path, status: RunStatus) {
    let mut writer = Writer::create(dir, manifest(), &definitions()).unwrap();
    for (seq, body) in bodies().into_iter().enumerate() {
        assert_eq!(writer.append(body).unwrap(), seq as u64);
    }
    writer.attach("media/a.txt", b"a picture").unwrap();
    writer.finish(status, AT).unwrap();
}

fn kinds(dir: &Path) -> Vec<ProblemKind> {
    verify(dir).unwrap().problems.iter().map(|problem| problem.kind).collect()
}

#[test]
fn what_was_written_is_read_and_found_whole() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("runs/a");
    write(&dir, RunStatus::Finished);
    let bundle = Bundle::open(&dir).unwrap();
    let mut expected = bodies();
    expected.push(EventBody::RunEnded);
    assert_eq!(bundle.events.iter().map(|event| event.body.clone()).collect::<Vec<_>>(), expected);
    assert_eq!(bundle.definitions, definitions());
    assert_eq!(bundle.defects, []);
    let found = verify(&dir).unwrap();
    assert_eq!(found.problems, []);
    assert!(found.is_sound() && found.is_complete());
    assert_eq!((found.planned, found.done), (2, 2));
    assert!(!dir.join("writer.pid").exists());
}

#[test]
fn a_cut_at_any_byte_keeps_every_whole_event_and_names_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("a");
    write(&dir, RunStatus::Interrupted);
    let path = dir.join("events.jsonl");
    let whole = fs::read(&path).unwrap();
    for length in 0..=whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        let bundle = Bundle::open(&dir).unwrap();
        let breaks = whole[..length].split(|byte| *byte == b'\n').count() - 1;
        let last = whole[..length].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let rest = &whole[last..length];
        // A line that lacks only its break is whole.
        let lacks_break = !rest.is_empty() && whole.get(length) == Some(&b'\n');
        assert_eq!(bundle.events.len(), breaks + usize::from(lacks_break), "cut at {length}");
        let cut = bundle.defects.iter().filter(|defect| defect.kind == DefectKind::Cut).count();
        let named = usize::from(!rest.is_empty() && !lacks_break);
        assert_eq!((bundle.defects.len(), cut), (named, named), "cut at {length}");
    }
}

#[test]
fn a_cut_run_is_taken_up_where_it_was_cut() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("a");
    write(&dir, RunStatus::Interrupted);
    let path = dir.join("events.jsonl");
    let whole = fs::read(&path).unwrap();
    for length in (0..=whole.len()).step_by(7).chain([whole.len() - 1]) {
        fs::write(&path, &whole[..length]).unwrap();
        let before = Bundle::open(&dir).unwrap();
        let mut writer = Writer::resume(&dir, AT).unwrap();
        writer.append(EventBody::Noted { what: "after".into() }).unwrap();
        assert!(!dir.join("SHA256SUMS").exists(), "stale sums are gone while the run goes on");
        writer.finish(RunStatus::Interrupted, AT).unwrap();
        let after = Bundle::open(&dir).unwrap();
        assert_eq!(after.defects, [], "cut at {length}");
        assert_eq!(after.events[..before.events.len()], before.events);
        assert_eq!(after.events[before.events.len()].body, EventBody::Resumed { at: AT.into() });
        let noted = after
            .events
            .iter()
            .any(|event| matches!(&event.body, EventBody::Noted { what } if what.contains("were cut")));
        assert_eq!(noted, !before.defects.is_empty());
        assert!(after.events.iter().enumerate().all(|(index, event)| event.seq == index as u64));
    }
}

#[test]
fn damage_before_the_end_is_named_and_not_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("a");
    write(&dir, RunStatus::Interrupted);
    let path = dir.join("events.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();

    let broken = [lines[0], "{\"seq\":1,", lines[2], lines[3]].join("\n") + "\n";
    fs::write(&path, &broken).unwrap();
    let error = Writer::resume(&dir, AT).unwrap_err();
    assert!(matches!(error, BundleError::Damaged { line: 2, .. }), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), broken);
    assert_eq!(Bundle::open(&dir).unwrap().events.len(), 3);

    fs::write(&path, [lines[0], lines[2]].join("\n") + "\n").unwrap();
    assert!(matches!(Writer::resume(&dir, AT).unwrap_err(), BundleError::Damaged { line: 2, .. }));
    let bundle = Bundle::open(&dir).unwrap();
    assert_eq!(bundle.defects[0].kind, DefectKind::Missing);

    fs::write(&path, [lines[0], lines[1], lines[1], lines[2]].join("\n") + "\n").unwrap();
    let bundle = Bundle::open(&dir).unwrap();
    assert_eq!((bundle.events.len(), bundle.defects[0].kind), (3, DefectKind::Repeated));
}

#[test]
fn every_meddling_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("a");
    write(&dir, RunStatus::Finished);
    let path = dir.join("events.jsonl");
    let text = fs::read_to_string(&path).unwrap();

    fs::write(&path, text.replace("quotes", "quoted")).unwrap();
    assert_eq!(kinds(&dir), [ProblemKind::Changed]);
    fs::write(&path, &text).unwrap();

    fs::write(dir.join("media/b.txt"), "more").unwrap();
    assert_eq!(kinds(&dir), [ProblemKind::Extra]);
    fs::remove_file(dir.join("media/b.txt")).unwrap();

    fs::remove_file(dir.join("media/a.txt")).unwrap();
    assert_eq!(kinds(&dir), [ProblemKind::Missing]);
    fs::write(dir.join("media/a.txt"), "a picture").unwrap();

    fs::write(dir.join("definitions/metrics.toml"), "a = 2\n").unwrap();
    assert_eq!(kinds(&dir), [ProblemKind::Changed, ProblemKind::Changed]);
    fs::write(dir.join("definitions/metrics.toml"), "a = 1\n").unwrap();

    fs::create_dir(dir.join("report")).unwrap();
    fs::write(dir.join("report/index.html"), "derived").unwrap();
    assert_eq!(kinds(&dir), []);

    fs::remove_file(dir.join("SHA256SUMS")).unwrap();
    let found = verify(&dir).unwrap();
    assert!(!found.is_sound());
    assert!(found.sentences().iter().any(|line| line.contains("SHA256SUMS is gone")));
}

#[test]
fn a_finished_run_without_all_its_trials_is_not_whole() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = Writer::create(folder.path(), manifest(), &definitions()).unwrap();
    writer.append(bodies().remove(0)).unwrap();
    writer.finish(RunStatus::Finished, AT).unwrap();
    let found = verify(folder.path()).unwrap();
    assert_eq!((found.unfinished.len(), found.is_sound(), found.is_complete()), (2, false, false));
}

#[test]
fn a_second_writer_is_refused_by_name_and_a_dead_one_is_no_hindrance() {
    let folder = tempfile::tempdir().unwrap();
    let first = Writer::create(folder.path(), manifest(), &definitions()).unwrap();
    let mine = std::process::id().to_string();
    for error in [
        Writer::create(folder.path(), manifest(), &definitions()).unwrap_err(),
        Writer::resume(folder.path(), AT).unwrap_err(),
    ] {
        assert!(matches!(&error, BundleError::Held { pid, .. } if *pid == mine), "{error}");
    }
    drop(first);
    // What a killed process leaves: its name, and no lock.
    fs::write(folder.path().join("writer.pid"), "1\n").unwrap();
    let again = Writer::create(folder.path(), manifest(), &definitions()).unwrap_err();
    assert!(matches!(again, BundleError::AlreadyThere { .. }), "{again}");
    Writer::resume(folder.path(), AT).unwrap().finish(RunStatus::Interrupted, AT).unwrap();
}

#[test]
fn a_newer_format_is_refused_by_name_and_what_is_no_bundle_too() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(Bundle::open(folder.path()).unwrap_err(), BundleError::NotABundle { .. }));
    let newer = "{\"format\": 999, \"tool\": {\"version\": \"9.1.0\"}, \"whatever\": []}";
    fs::write(folder.path().join("manifest.json"), newer).unwrap();
    let error = Bundle::open(folder.path()).unwrap_err();
    assert!(matches!(error, BundleError::NewerFormat { found: 999, .. }));
    assert!(error.to_string().contains("9.1.0"), "{error}");
    assert!(matches!(Writer::resume(folder.path(), AT).unwrap_err(), BundleError::NewerFormat { .. }));
}

#[test]
fn names_stay_inside_the_bundle() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["../a", "/a", "a/../../b", "", "a\nb"] {
        let definitions = [(name.to_owned(), String::new())].into();
        let error = Writer::create(&folder.path().join("a"), manifest(), &definitions).unwrap_err();
        assert!(matches!(error, BundleError::FileName { .. }), "{name:?}: {error}");
    }
}

/// A disk that takes so many bytes and then is full, half-way through a write.
struct FullDisk {
    file: fs::File,
    room: usize,
}

impl Write for FullDisk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.room == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let count = self.file.write(&bytes[..bytes.len().min(self.room)])?;
        self.room -= count;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl EventSink for FullDisk {
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_keeps_what_was_before_and_the_run_can_go_on() {
    let length: usize = {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), RunStatus::Interrupted);
        fs::read(folder.path().join("events.jsonl")).unwrap().len()
    };
    for room in (0..length).step_by(31) {
        let folder = tempfile::tempdir().unwrap();
        let sink = |path: &Path| {
            Ok(Box::new(FullDisk { file: fs::File::create(path)?, room }) as Box<dyn EventSink>)
        };
        let mut writer = Writer::create_onto(folder.path(), manifest(), &definitions(), sink).unwrap();
        let mut written = 0;
        let error = bodies().into_iter().find_map(|body| match writer.append(body) {
            Ok(_) => {
                written += 1;
                None
            }
            Err(error) => Some(error),
        });
        let error = error.expect("the disk is too small").to_string();
        assert!(error.contains("events.jsonl") && error.contains("free some space"), "{error}");
        let after = writer.append(EventBody::RunEnded).unwrap_err();
        assert!(matches!(after, BundleError::GivenUp { .. }), "half a line is never continued");
        drop(writer);
        assert_eq!(Bundle::open(folder.path()).unwrap().events.len(), written);
        let mut writer = Writer::resume(folder.path(), AT).unwrap();
        writer.append(EventBody::Noted { what: "there is room again".into() }).unwrap();
        assert!(Bundle::open(folder.path()).unwrap().defects.is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever bytes are changed: reading ends, what it gives are events that were written where their lines
    /// were not touched, and lines that were made unreadable are named.
    #[test]
    fn changed_bytes_never_stop_the_reader(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), RunStatus::Finished);
        let path = folder.path().join("events.jsonl");
        let original = fs::read(&path).unwrap();
        let mut bytes = original.clone();
        for (at, byte) in &changes {
            let at = at.index(bytes.len());
            bytes[at] = *byte;
        }
        fs::write(&path, &bytes).unwrap();
        let bundle = Bundle::open(folder.path()).unwrap();
        let kept: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
        for (index, line) in original.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).enumerate() {
            let untouched = kept.contains(&line);
            let read = bundle.events.iter().any(|event| event.seq == index as u64);
            prop_assert!(!untouched || read || !bundle.defects.is_empty());
            prop_assert!(read || !bundle.defects.is_empty() || index + 1 == original.split(|byte| *byte == b'\n').count() - 1);
        }
        if bytes != original {
            prop_assert!(!verify(folder.path()).unwrap().is_sound());
        }
    }
}
