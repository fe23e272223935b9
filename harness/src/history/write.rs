//! What goes in: runs, each once by its hash, and annotations.

use std::collections::BTreeMap;
use std::path::Path;

use dyno_reports::bundle::{Bundle, EventBody};
use dyno_reports::cell::Cell;
use dyno_reports::compare::{Floors, Sides, Terms, compare};
use dyno_reports::history::{AgainstItself, Annotation, SessionPoint, from_itself, points_of};
use dyno_suites::Definitions;
use rusqlite::{OptionalExtension, Transaction, params};

use super::{History, HistoryError};

/// What became of a run that was added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Added {
    New {
        points: usize,
    },
    /// It was there already, with every byte the same.
    Known,
    /// It went on since it was added: what it had then was replaced.
    Replaced {
        points: usize,
    },
}

impl History {
    /// Adds a run. The same run again changes nothing; one that was taken up since replaces what it was.
    pub(crate) fn add(
        &mut self,
        bundle: &Bundle,
        definitions: &Definitions,
        now: &str,
    ) -> Result<Added, HistoryError> {
        let run_id = bundle.manifest.run_id.as_str();
        let known = "SELECT id FROM bundle WHERE sha256 = ?1";
        let known: Option<i64> =
            self.connection.query_row(known, [&bundle.events_sha256], |row| row.get(0)).optional()?;
        if known.is_some() {
            return Ok(Added::Known);
        }
        let points = points_of(bundle, definitions);
        let equals = against_itself(bundle, definitions);
        let devices = devices(bundle);
        let work = self.connection.transaction()?;
        let started_at = &bundle.manifest.started_at;
        let replaced = work.execute(
            "DELETE FROM bundle WHERE run_id = ?1 AND started_at = ?2",
            params![run_id, started_at],
        )?;
        let trials: usize = bundle.events.iter().map(|event| planned(&event.body)).sum();
        let path = std::path::absolute(&bundle.dir).unwrap_or_else(|_| bundle.dir.clone());
        work.execute(
            "INSERT INTO bundle (sha256, run_id, path, started_at, added_at, trials) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![bundle.events_sha256, run_id, shown(&path), started_at, now, trials as i64],
        )?;
        let id = work.last_insert_rowid();
        let mut sittings = BTreeMap::new();
        for point in &points {
            insert(&work, id, point, &mut sittings)?;
        }
        for equal in &equals {
            let device_id = devices.get(&equal.device).unwrap_or(&equal.device);
            work.execute(
                "INSERT INTO against_itself (bundle, device_id, metric, effect, error) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![id, device_id, equal.metric, equal.effect, equal.error],
            )?;
        }
        work.commit()?;
        let points = points.len();
        Ok(if replaced > 0 { Added::Replaced { points } } else { Added::New { points } })
    }

    pub(crate) fn annotate(&self, annotation: &Annotation) -> Result<(), HistoryError> {
        self.connection.execute(
            "INSERT INTO annotation (at, who, text) VALUES (?1, ?2, ?3)",
            params![annotation.at, annotation.who, annotation.text],
        )?;
        Ok(())
    }
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn planned(body: &EventBody) -> usize {
    match body {
        EventBody::Planned { trials, .. } => trials.len(),
        _ => 0,
    }
}

/// Device ids by the names in cells.
fn devices(bundle: &Bundle) -> BTreeMap<String, String> {
    let of = |body: &EventBody| match body {
        EventBody::SessionBegan(start) => Some((start.device.clone(), start.facts.device_id.clone())),
        _ => None,
    };
    bundle.events.iter().filter_map(|event| of(&event.body)).collect()
}

/// What a run of a build against itself says about the device's noise.
fn against_itself(bundle: &Bundle, definitions: &Definitions) -> Vec<AgainstItself> {
    let Ok(sides) = Sides::interleaved([bundle]) else { return Vec::new() };
    let none = Floors::default();
    from_itself(&compare(&sides, definitions, &Terms::usual(&none)))
}

fn insert(
    work: &Transaction<'_>,
    bundle: i64,
    point: &SessionPoint,
    sittings: &mut BTreeMap<(String, String), i64>,
) -> Result<(), HistoryError> {
    let place = (point.session.clone(), point.build.clone());
    let sitting = if let Some(sitting) = sittings.get(&place) {
        *sitting
    } else {
        let mut insert = work.prepare_cached(
            "INSERT INTO sitting (bundle, session, at, device_id, os_build, build, version)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?;
        let grounds = &point.grounds;
        let (session, at, version) = (&point.session, &point.at, &point.version);
        insert.execute(params![
            bundle,
            session,
            at,
            grounds.device_id,
            grounds.os_build,
            point.build,
            version
        ])?;
        *sittings.entry(place).or_insert(work.last_insert_rowid())
    };
    let series = series(work, &point.cell)?;
    let mut insert = work.prepare_cached(
        "INSERT INTO point (series, metric, sitting, evidence, definition, weights, battery_health_percent, value, trials)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    insert.execute(params![
        series,
        point.metric,
        sitting,
        serde_json::to_value(point.evidence)?.as_str(),
        point.grounds.definition,
        point.model_sha256,
        point.grounds.battery_health_percent,
        point.value,
        point.trials.len() as i64,
    ])?;
    Ok(())
}

fn series(work: &Transaction<'_>, cell: &Cell) -> Result<i64, HistoryError> {
    let bare = Cell { suite_version: 0, case_version: 0, side: None, ..cell.clone() };
    let key = serde_json::to_string(&bare)?;
    let mut find = work.prepare_cached("SELECT id FROM series WHERE key = ?1")?;
    if let Some(id) = find.query_row([&key], |row| row.get(0)).optional()? {
        return Ok(id);
    }
    let mut insert = work.prepare_cached(
        "INSERT INTO series (key, suite, case_id, model, quant, engine, device) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    insert.execute(params![key, cell.suite, cell.case, cell.model, cell.quant, cell.engine, cell.device])?;
    Ok(work.last_insert_rowid())
}
