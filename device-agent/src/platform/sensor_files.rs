//! Sensors of Linux: temperatures, clocks, energy counters and batteries that the kernel shows as files.

use std::path::{Path, PathBuf};

use dyno_protocol::{Reading, SensorFacts};

use super::proc_files::{Root, read};

/// One file with one number.
#[derive(Debug)]
struct Source {
    path: PathBuf,
    /// What one unit of the file is in the unit of the sensor's name.
    scale: f64,
}

#[derive(Debug)]
pub(super) struct SensorFiles {
    facts: Vec<SensorFacts>,
    sources: Vec<Source>,
}

impl SensorFiles {
    /// Finds what is there and readable. Files that exist and cannot be read are no sensors.
    pub(super) fn find(root: &Root) -> Self {
        let mut found = Self { facts: Vec::new(), sources: Vec::new() };
        for zone in root.entries("sys/class/thermal") {
            if named(&zone, "thermal_zone") {
                let kind = read(&zone.join("type")).unwrap_or_else(|| "zone".to_owned());
                found.add(&format!("{}_temperature_c", word(&kind)), zone.join("temp"), 1e-3);
            }
        }
        for chip in root.entries("sys/class/hwmon") {
            let name = read(&chip.join("name")).unwrap_or_else(|| "hwmon".to_owned());
            for index in 1..=8 {
                let label =
                    read(&chip.join(format!("temp{index}_label"))).unwrap_or_else(|| index.to_string());
                let sensor = format!("{}_{}_temperature_c", word(&name), word(&label));
                found.add(&sensor, chip.join(format!("temp{index}_input")), 1e-3);
            }
        }
        for policy in root.entries("sys/devices/system/cpu/cpufreq") {
            if let Some(number) = policy.file_name().and_then(|name| name.to_str()?.strip_prefix("policy")) {
                found.add(&format!("cpu{number}_clock_hz"), policy.join("scaling_cur_freq"), 1e3);
            }
        }
        for domain in root.entries("sys/class/powercap") {
            let name = read(&domain.join("name")).unwrap_or_else(|| "domain".to_owned());
            found.add(&format!("{}_energy_j", word(&name)), domain.join("energy_uj"), 1e-6);
        }
        for supply in root.entries("sys/class/power_supply") {
            if read(&supply.join("type")).is_some_and(|kind| kind == "Battery") {
                let files = [
                    ("battery_percent", "capacity", 1.0),
                    ("battery_energy_j", "energy_now", 3.6e-3),
                    ("battery_power_w", "power_now", 1e-6),
                    ("battery_current_a", "current_now", 1e-6),
                    ("battery_voltage_v", "voltage_now", 1e-6),
                    ("battery_temperature_c", "temp", 0.1),
                ];
                for (sensor, file, scale) in files {
                    found.add(sensor, supply.join(file), scale);
                }
            }
        }
        found
    }

    fn add(&mut self, name: &str, path: PathBuf, scale: f64) {
        if number(&path).is_none() {
            return;
        }
        let twins = self.facts.iter().filter(|facts| facts.name.starts_with(name)).count();
        let name = if twins == 0 { name.to_owned() } else { format!("{name}#{}", twins + 1) };
        self.facts.push(SensorFacts { name, source: path.display().to_string() });
        self.sources.push(Source { path, scale });
    }

    pub(super) fn facts(&self) -> &[SensorFacts] {
        &self.facts
    }

    pub(super) fn read(&self, into: &mut Vec<Reading>) {
        for (sensor, source) in self.sources.iter().enumerate() {
            if let Some(value) = number(&source.path) {
                into.push(Reading { sensor: sensor as u32, value: value * source.scale });
            }
        }
    }
}

fn named(path: &Path, prefix: &str) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix))
}

fn number(path: &Path) -> Option<f64> {
    read(path)?.parse::<f64>().ok().filter(|value| value.is_finite())
}

/// A name of the kernel's as part of a sensor's.
fn word(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    name.chars().map(plain).collect::<String>().trim_matches('_').to_owned()
}
