//! What comes out: runs, series with their points, annotations, and the noise floors of devices.

use dyno_reports::cell::Cell;
use dyno_reports::compare::Floors;
use dyno_reports::history::{Annotation, Grounds, Point, SessionMean, floors_of};
use rusqlite::{Row, params};
use serde::Serialize;

use super::{History, HistoryError};

/// A run as the history knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Recorded {
    pub(crate) run_id: String,
    pub(crate) path: String,
    pub(crate) started_at: String,
    pub(crate) sha256: String,
    pub(crate) trials: i64,
    pub(crate) points: i64,
}

/// One metric of one cell, whatever its versions were.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Series {
    pub(crate) cell: Cell,
    pub(crate) metric: String,
    pub(crate) points: Vec<Point>,
}

/// Which series are meant; what is absent matches anything.
#[derive(Debug, Clone, Default)]
pub(crate) struct SeriesFilter {
    pub(crate) metric: String,
    /// `suite/case`, or either of them alone.
    pub(crate) case: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) device: Option<String>,
}

impl History {
    pub(crate) fn recorded(&self) -> Result<Vec<Recorded>, HistoryError> {
        let mut select = self.connection.prepare(
            "SELECT run_id, path, started_at, sha256, trials,
                (SELECT count(*) FROM sitting JOIN point ON point.sitting = sitting.id WHERE sitting.bundle = bundle.id)
             FROM bundle ORDER BY started_at, run_id",
        )?;
        let rows = select.query_map([], |row| {
            Ok(Recorded {
                run_id: row.get(0)?,
                path: row.get(1)?,
                started_at: row.get(2)?,
                sha256: row.get(3)?,
                trials: row.get(4)?,
                points: row.get(5)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// In the order of their cells, each in the order of time.
    pub(crate) fn series(&self, filter: &SeriesFilter) -> Result<Vec<Series>, HistoryError> {
        let mut select = self.connection.prepare(
            "SELECT id, key FROM series
             WHERE (?1 IS NULL OR suite || '/' || case_id = ?1 OR suite = ?1 OR case_id = ?1)
               AND (?2 IS NULL OR model = ?2) AND (?3 IS NULL OR device = ?3)
             ORDER BY key",
        )?;
        let asked = params![filter.case, filter.model, filter.device];
        let found = select.query_map(asked, |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))?;
        let mut all = Vec::new();
        for found in found {
            let (id, key) = found?;
            let points = self.points(id, &filter.metric)?;
            if !points.is_empty() {
                all.push(Series { cell: serde_json::from_str(&key)?, metric: filter.metric.clone(), points });
            }
        }
        Ok(all)
    }

    fn points(&self, series: i64, metric: &str) -> Result<Vec<Point>, HistoryError> {
        let mut select = self.connection.prepare_cached(
            "SELECT bundle.run_id, sitting.at, sitting.build, sitting.version, point.value, point.trials,
                    sitting.device_id, sitting.os_build, point.battery_health_percent, point.definition, point.evidence
             FROM point JOIN sitting ON sitting.id = point.sitting JOIN bundle ON bundle.id = sitting.bundle
             WHERE point.series = ?1 AND point.metric = ?2
             ORDER BY sitting.at, bundle.run_id, sitting.session",
        )?;
        let rows =
            select.query_map(params![series, metric], |row| Ok((point(row)?, row.get::<_, String>(10)?)))?;
        let mut points = Vec::new();
        for row in rows {
            let (point, evidence) = row?;
            points.push(Point { evidence: serde_json::from_value(evidence.into())?, ..point });
        }
        Ok(points)
    }

    pub(crate) fn annotations(&self) -> Result<Vec<Annotation>, HistoryError> {
        let mut select = self.connection.prepare("SELECT at, who, text FROM annotation ORDER BY at, id")?;
        let rows = select
            .query_map([], |row| Ok(Annotation { at: row.get(0)?, who: row.get(1)?, text: row.get(2)? }))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// What is known about the noise of these devices, by their ids.
    pub(crate) fn floors(&self, device_ids: &[String]) -> Result<Floors, HistoryError> {
        let mut sessions: Vec<(String, String, String, f64)> = Vec::new();
        let mut equals: Vec<(String, String, f64, f64)> = Vec::new();
        for device in device_ids {
            let mut select = self.connection.prepare_cached(
                "SELECT point.metric, point.value,
                        point.series || ' ' || point.definition || ' ' || ifnull(point.weights, '') || ' ' ||
                        sitting.build || ' ' || ifnull(sitting.os_build, '') || ' ' || point.evidence
                 FROM sitting JOIN point ON point.sitting = sitting.id WHERE sitting.device_id = ?1",
            )?;
            let rows = select.query_map([device], |row| {
                Ok((device.clone(), row.get(0)?, row.get::<_, String>(2)?, row.get(1)?))
            })?;
            for row in rows {
                sessions.push(row?);
            }
            let mut select = self
                .connection
                .prepare_cached("SELECT metric, effect, error FROM against_itself WHERE device_id = ?1")?;
            let rows = select
                .query_map([device], |row| Ok((device.clone(), row.get(0)?, row.get(1)?, row.get(2)?)))?;
            for row in rows {
                equals.push(row?);
            }
        }
        let means = sessions.iter().map(|(device_id, metric, group, value)| SessionMean {
            device_id,
            metric,
            group,
            value: *value,
        });
        let equals = equals
            .iter()
            .map(|(device, metric, effect, error)| (device.as_str(), metric.as_str(), *effect, *error));
        Ok(floors_of(means, equals))
    }
}

/// With the evidence left to be read from its word.
fn point(row: &Row<'_>) -> rusqlite::Result<Point> {
    Ok(Point {
        run_id: row.get(0)?,
        at: row.get(1)?,
        build: row.get(2)?,
        version: row.get(3)?,
        value: row.get(4)?,
        trials: row.get(5)?,
        evidence: dyno_reports::evidence::Evidence::Measured,
        grounds: Grounds {
            device_id: row.get(6)?,
            os_build: row.get(7)?,
            battery_health_percent: row.get(8)?,
            definition: row.get(9)?,
        },
    })
}
