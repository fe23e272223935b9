//! What rows of other tools say about a claim. They point and never decide, whatever they say.

use std::collections::{BTreeMap, BTreeSet};

use dyno_protocol::Known;
use dyno_suites::{Definitions, EvidenceKind, Metric, Words};

use super::Ground;
use super::matching::Aim;
use super::part::Part;
use super::value::{Bound, range};
use crate::evidence::Evidence;
use crate::foreign::{ForeignRow, ForeignSource};
use crate::stats::median;
use crate::verdict::{EvidenceLine, Leaning};

/// A row with the file it stands in.
pub(super) type Row<'a> = (&'a ForeignSource, &'a ForeignRow);

impl Part {
    /// One more piece of evidence that points: pieces that disagree leave it unclear.
    pub(super) fn lean(&mut self, leaning: Leaning, pointer: impl FnOnce() -> String) {
        self.leaning = Some(match self.leaning {
            Some(before) if before != leaning => Leaning::Unclear,
            _ => leaning,
        });
        self.pointer.get_or_insert_with(pointer);
    }
}

/// Rows of the claim's model, engine, unit and device, as far as they say.
pub(super) fn rows<'a>(aim: &Aim<'_>, ground: &Ground<'a>) -> Vec<Row<'a>> {
    if !aim.claim.indicated_by.contains(&EvidenceKind::ThirdParty) {
        return Vec::new();
    }
    let all = ground.foreign.iter().flat_map(|(source, rows)| rows.iter().map(move |row| (*source, row)));
    all.filter(|(_, row)| is_about(aim, row, ground.definitions)).collect()
}

fn is_about(aim: &Aim<'_>, row: &ForeignRow, definitions: &Definitions) -> bool {
    let of = &aim.of;
    let model = of.models.is_empty() || row.model_id.as_ref().is_some_and(|id| of.models.contains(id));
    let engine =
        definitions.engine_by_name(&row.engine).map_or(row.engine.as_str(), |engine| engine.id.as_str());
    let engine = of.engines.is_empty() || of.engines.iter().any(|id| id == engine);
    let unit = of.units.is_empty() || row.unit.value().is_some_and(|unit| of.units.contains(unit));
    let quant = row.quant.value().and_then(|name| definitions.quant_by_name(name));
    let quant = of.quants.is_empty() || quant.is_some_and(|quant| of.quants.contains(&quant.id));
    model && engine && unit && quant && is_device(aim, row, definitions)
}

fn is_device(aim: &Aim<'_>, row: &ForeignRow, definitions: &Definitions) -> bool {
    let conditions = &aim.claim.conditions;
    let by_identifier = row.device_identifier.value().and_then(|id| definitions.device_by_identifier(id));
    let known = by_identifier.or_else(|| {
        let name = row.device_name.value()?;
        definitions.devices().iter().find(|device| device.marketing_name == *name)
    });
    let kind = conditions.device_kinds.is_empty()
        || known.is_some_and(|device| conditions.device_kinds.contains(&device.kind));
    let name = conditions.marketing_names.is_empty()
        || known.is_some_and(|device| conditions.marketing_names.contains(&device.marketing_name));
    kind && name
}

/// Adds what third-party rows say about a stated value.
pub(super) fn lean(part: &mut Part, aim: &Aim<'_>, metric: &Metric, bound: Bound, ground: &Ground<'_>) {
    let mut sets: BTreeMap<String, Vec<Row<'_>>> = BTreeMap::new();
    for row in rows(aim, ground) {
        if row.1.values.contains_key(&metric.id) {
            sets.entry(describe(row.1)).or_default().push(row);
        }
    }
    for (what, rows) in sets {
        let values: Vec<f64> = rows.iter().map(|(_, row)| row.values[&metric.id]).collect();
        let (low, high) = spread(&values);
        part.evidence.push(EvidenceLine {
            kind: Evidence::ThirdParty,
            what: what.clone(),
            metric: metric.id.clone(),
            unit: metric.unit.word().to_owned(),
            value: median(&values).unwrap_or(low),
            low: Some(low),
            high: Some(high),
            samples: values.len() as u32,
            refers_to: rows.iter().map(|(source, row)| format!("{}:{}", source.file, row.line)).collect(),
            flags: rows
                .iter()
                .flat_map(|(_, row)| &row.flags)
                .collect::<BTreeSet<_>>()
                .into_iter()
                .cloned()
                .collect(),
        });
        let differs = differs(aim, &rows);
        let line = format!("{what} (third party): {}", differs.join("; "));
        if !part.differs.contains(&line) {
            part.differs.push(line);
        }
        part.lean(bound.of_values(&values), || pointer(metric, low, high, &rows));
    }
}

fn spread(values: &[f64]) -> (f64, f64) {
    values
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(*value), high.max(*value)))
}

fn device(row: &ForeignRow) -> &str {
    let name = row.device_name.value().or(row.device_identifier.value());
    name.map_or("an unnamed device", String::as_str)
}

pub(super) fn describe(row: &ForeignRow) -> String {
    let model = row.model_id.as_deref().unwrap_or(&row.model);
    let quant = row.quant.value().map(|quant| format!(" {quant}")).unwrap_or_default();
    let unit = row.unit.value().map(|unit| format!(" on {}", unit.word())).unwrap_or_default();
    format!("{model}{quant}, {}{unit}, {}, on {}", row.engine, row.task, device(row))
}

/// The circumstances that a reader of the number should hear in the same breath.
pub(super) fn circumstances(rows: &[Row<'_>]) -> String {
    let mut all: BTreeSet<String> = BTreeSet::new();
    let mut states = BTreeSet::new();
    for (_, row) in rows {
        if row.debug_build == Known::Is(true) {
            all.insert("Debug build".to_owned());
        }
        if let Some(power) = row.power.value() {
            all.insert(match power {
                dyno_protocol::PowerSource::Charging => "charging".to_owned(),
                dyno_protocol::PowerSource::Battery => "on battery".to_owned(),
                dyno_protocol::PowerSource::Mains => "on mains power".to_owned(),
            });
        }
        if row.low_power_mode == Known::Is(true) {
            all.insert("low power mode".to_owned());
        }
        states.extend(row.thermal_start.value().map(|state| state.word()));
    }
    if !states.is_empty() {
        all.insert(format!("thermal state {}", states.into_iter().collect::<Vec<_>>().join(" or ")));
    }
    if all.is_empty() {
        String::new()
    } else {
        format!(" ({})", all.into_iter().collect::<Vec<_>>().join(", "))
    }
}

fn pointer(metric: &Metric, low: f64, high: f64, rows: &[Row<'_>]) -> String {
    let on = rows.first().map_or("", |(_, row)| device(row));
    format!("A third party measured {} on {on}{}", range(metric, low, high), circumstances(rows))
}

/// What keeps these rows from being a measurement under the claim's conditions.
fn differs(aim: &Aim<'_>, rows: &[Row<'_>]) -> Vec<String> {
    let conditions = &aim.claim.conditions;
    let any = |holds: &dyn Fn(&ForeignRow) -> bool| rows.iter().any(|(_, row)| holds(row));
    let off = |wanted: bool| if wanted { "off" } else { "on" };
    let mut differs = vec!["it was measured by another tool".to_owned()];
    let tasks: BTreeSet<&str> = rows.iter().map(|(_, row)| row.task.as_str()).collect();
    differs.push(format!(
        "its task is {}, not {}",
        tasks.into_iter().collect::<Vec<_>>().join(" or "),
        aim.at.case
    ));
    if any(&|row| row.debug_build == Known::Is(true)) {
        differs.push("it is a debug build".to_owned());
    }
    if any(&|row| row.os_build.value().is_none()) {
        differs.push("the OS build is not known".to_owned());
    }
    if !conditions.power.is_empty()
        && any(&|row| row.power.value().is_none_or(|power| !conditions.power.contains(power)))
    {
        differs.push("the power source is another one or not known".to_owned());
    }
    let wanted = &conditions.thermal_start;
    if !wanted.is_empty() && any(&|row| row.thermal_start.value().is_none_or(|state| !wanted.contains(state)))
    {
        differs.push("the thermal state at the start is another one or not known".to_owned());
    }
    if let Some(wanted) = conditions.low_power_mode
        && any(&|row| row.low_power_mode.value() != Some(&wanted))
    {
        differs.push(format!("low power mode was {}, or it is not known", off(wanted)));
    }
    differs
}
