//! Logs of macOS's `powermetrics`: power by unit, one row for each sample. They say nothing of what ran.

use dyno_protocol::Known;

use crate::foreign::ForeignRow;

use super::error::Mistake;
use super::{blank, lenient};

const TOOL: &str = "powermetrics";

pub(super) fn is(text: &str) -> bool {
    text.contains("*** Sampled system activity (") && text.contains("Power: ")
}

#[derive(Default)]
struct Machine {
    model: Option<String>,
    build: Option<String>,
}

pub(super) fn read(text: &str) -> Result<Vec<ForeignRow>, Mistake> {
    let mut machine = Machine::default();
    let mut rows: Vec<ForeignRow> = Vec::new();
    for (number, line) in lenient::lines(text) {
        if let Some(model) = line.strip_prefix("Machine model: ") {
            machine.model = Some(model.trim().to_owned());
        } else if let Some(build) = line.strip_prefix("OS version: ") {
            machine.build = Some(build.trim().to_owned());
        } else if let Some(rest) = line.strip_prefix("*** Sampled system activity (") {
            let time = rest.split(')').next().unwrap_or_default();
            rows.push(begin(number, &machine, time));
        } else if let Some(row) = rows.last_mut() {
            read_line(row, number, line)?;
        }
    }
    match rows.iter().find(|row| row.values.is_empty()) {
        Some(row) => Err(Mistake::new(
            row.line as usize,
            "this sample has no power line",
            "run powermetrics with `--samplers cpu_power,gpu_power,ane_power`",
        )),
        None => Ok(rows),
    }
}

fn begin(number: usize, machine: &Machine, time: &str) -> ForeignRow {
    let mut row = blank::row(number, TOOL);
    "power".clone_into(&mut row.task);
    "none: a power log does not say what ran".clone_into(&mut row.model);
    row.device_identifier = Known::from_option(machine.model.clone(), "the log does not say");
    row.os_build = Known::from_option(machine.build.clone(), "the log does not say");
    row.measured_at = Known::Is(time.to_owned());
    row.flags.push("power of the whole machine, modelled by the system from its own counters".to_owned());
    row
}

fn read_line(row: &mut ForeignRow, number: usize, line: &str) -> Result<(), Mistake> {
    if let Some(percent) = line.strip_prefix("Battery: percent_charge: ") {
        row.flags.push(format!("battery at {} %", percent.trim()));
        return Ok(());
    }
    let Some((what, rest)) = line.split_once(" Power") else { return Ok(()) };
    let metric = match what {
        "CPU" => "power_cpu_watts",
        "GPU" => "power_gpu_watts",
        "ANE" => "power_neural_engine_watts",
        "Combined" => "power_combined_watts",
        _ => return Ok(()),
    };
    let Some((_, figure)) = rest.split_once(": ") else { return Ok(()) };
    let milliwatts: f64 = figure
        .trim()
        .strip_suffix("mW")
        .and_then(|figure| figure.trim().parse().ok())
        .filter(|figure: &f64| figure.is_finite() && *figure >= 0.0)
        .ok_or_else(|| {
            Mistake::new(number, format!("`{}` is no power in mW", line.trim()), "was the log edited?")
        })?;
    row.values.insert(metric.to_owned(), milliwatts / 1e3);
    Ok(())
}
