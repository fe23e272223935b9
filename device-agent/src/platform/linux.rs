//! Linux: everything from files of the kernel, none of them required to be there.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use dyno_protocol::codec::hex;
use dyno_protocol::{Conditions, DeviceKind, Known, Memory, PowerSource, Reading, SensorFacts};
use sha2::{Digest, Sha256};

use super::proc_files::{Root, read};
use super::sensor_files::SensorFiles;
use super::{Platform, SystemFacts};

#[derive(Debug)]
pub struct Linux {
    root: Root,
    sensors: SensorFiles,
    /// Processor time at the last look: all of it that was spent, and this process's own.
    last_look: Mutex<Option<ProcessorTime>>,
    /// The kernel was asked to begin its peaks anew and refused.
    peaks_are_old: AtomicBool,
}

#[derive(Debug, Clone, Copy)]
struct ProcessorTime {
    total: u64,
    idle: u64,
    own: u64,
}

impl Linux {
    /// The system whose files are below `root`.
    pub fn at(root: PathBuf) -> Self {
        let root = Root::new(root);
        let sensors = SensorFiles::find(&root);
        let linux =
            Self { root, sensors, last_look: Mutex::new(None), peaks_are_old: AtomicBool::new(false) };
        *linux.last_look.lock().unwrap_or_else(PoisonError::into_inner) = linux.processor_time();
        linux
    }

    fn processor_time(&self) -> Option<ProcessorTime> {
        let stat = self.root.text("proc/stat")?;
        let fields: Vec<u64> = stat
            .lines()
            .find_map(|line| line.strip_prefix("cpu "))?
            .split_whitespace()
            .map_while(|field| field.parse().ok())
            .collect();
        // The first eight are disjoint; guest time is counted in user time already.
        let total = fields.iter().take(8).sum();
        let idle = fields.get(3)? + fields.get(4).unwrap_or(&0);
        let own_line = self.root.text("proc/self/stat")?;
        // The name may hold anything, spaces and brackets included: fields are counted after its end.
        let after_name = &own_line[own_line.rfind(')')? + 1..];
        let own: u64 =
            after_name.split_whitespace().skip(11).take(4).filter_map(|t| t.parse::<u64>().ok()).sum();
        Some(ProcessorTime { total, idle, own })
    }

    fn other_load(&self) -> Known<f64> {
        let now = self.processor_time();
        let before = {
            let mut last = self.last_look.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *last, now)
        };
        let share = before.zip(now).and_then(|(before, now)| {
            let total = now.total.checked_sub(before.total).filter(|total| *total > 0)?;
            let busy = total.saturating_sub(now.idle.saturating_sub(before.idle));
            let others = busy.saturating_sub(now.own.saturating_sub(before.own));
            Some(others as f64 / total as f64)
        });
        Known::from_option(share, "too little time since the last look")
    }

    fn batteries(&self) -> Vec<PathBuf> {
        let is_battery = |path: &PathBuf| read(&path.join("type")).is_some_and(|kind| kind == "Battery");
        self.root.entries("sys/class/power_supply").into_iter().filter(is_battery).collect()
    }

    fn power(&self) -> Known<PowerSource> {
        let batteries = self.batteries();
        let Some(battery) = batteries.first() else {
            // A machine without a battery runs on mains; a container that hides its supplies cannot be told apart.
            return if self.root.path("sys/class").exists() {
                Known::Is(PowerSource::Mains)
            } else {
                Known::unknown("the system shows no power supplies")
            };
        };
        match read(&battery.join("status")).as_deref() {
            Some("Charging") => Known::Is(PowerSource::Charging),
            Some("Discharging") => Known::Is(PowerSource::Battery),
            Some("Full" | "Not charging") => Known::Is(PowerSource::Mains),
            _ => Known::unknown("the battery does not say whether it charges"),
        }
    }

    fn os_release(&self, key: &str) -> Option<String> {
        let text = self.root.text("etc/os-release")?;
        let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?;
        Some(value.trim_matches('"').to_owned())
    }

    fn chip(&self) -> Option<String> {
        let text = self.root.text("proc/cpuinfo")?;
        let model = |line: &str| {
            let (key, value) = line.split_once(':')?;
            matches!(key.trim(), "model name" | "Model" | "Hardware").then(|| value.trim().to_owned())
        };
        text.lines().find_map(model)
    }

    fn device_id(&self) -> String {
        let id = self.root.text("etc/machine-id").or_else(|| self.root.text("proc/sys/kernel/hostname"));
        // Salted, so that the machine's own id is not given away.
        let digest = Sha256::digest(format!("dyno device {}", id.unwrap_or_default()));
        hex(&digest[..8])
    }
}

impl Platform for Linux {
    fn facts(&self) -> SystemFacts {
        SystemFacts {
            device_id: self.device_id(),
            name: self.root.text("proc/sys/kernel/hostname").unwrap_or_else(|| "linux".to_owned()),
            kind: DeviceKind::Linux,
            model_identifier: Known::from_option(
                self.root.text("sys/class/dmi/id/product_name"),
                "the firmware names no product",
            ),
            marketing_name: Known::unknown("Linux does not tell what a machine is sold as"),
            chip: Known::from_option(self.chip(), "the kernel names no processor"),
            logical_cores: std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32),
            memory_bytes: Known::from_option(
                self.root.kilobytes("proc/meminfo", "MemTotal"),
                "the kernel does not tell its memory",
            ),
            os_name: self.os_release("NAME").unwrap_or_else(|| "Linux".to_owned()),
            os_version: Known::from_option(self.os_release("VERSION_ID"), "the system names no version"),
            os_build: Known::from_option(
                self.root.text("proc/sys/kernel/osrelease"),
                "the kernel names no release",
            ),
        }
    }

    fn sensors(&self) -> &[SensorFacts] {
        self.sensors.facts()
    }

    fn read_sensors(&self, into: &mut Vec<Reading>) {
        self.sensors.read(into);
    }

    fn memory(&self) -> Memory {
        const STATUS: &str = "proc/self/status";
        let of = |key: &str| self.root.kilobytes(STATUS, key);
        let footprint = of("RssAnon").map(|anonymous| anonymous + of("VmSwap").unwrap_or(0));
        Memory {
            footprint_bytes: Known::from_option(footprint, "the kernel does not split resident memory"),
            peak_footprint_bytes: Known::unknown("Linux keeps no peak of anonymous memory; see the samples"),
            resident_bytes: Known::from_option(of("VmRSS"), "the kernel does not tell resident memory"),
            peak_resident_bytes: if self.peaks_are_old.load(Ordering::Relaxed) {
                Known::unknown("the kernel does not let a process begin its peak anew")
            } else {
                Known::from_option(of("VmHWM"), "the kernel keeps no peak")
            },
        }
    }

    fn reset_memory_peaks(&self) {
        let refused = std::fs::write(self.root.path("proc/self/clear_refs"), "5").is_err();
        self.peaks_are_old.store(refused, Ordering::Relaxed);
    }

    fn conditions(&self, at_ns: u64) -> Conditions {
        let percent =
            self.batteries().first().and_then(|battery| read(&battery.join("capacity"))?.parse().ok());
        Conditions {
            at_ns,
            power: self.power(),
            battery_percent: Known::from_option(percent, "there is no battery"),
            low_power_mode: Known::unknown("Linux has no such mode"),
            thermal: Known::unknown("Linux has no thermal state; see the temperatures"),
            foreground: Known::unknown("Linux has no foreground"),
            unlocked_for_ns: Known::unknown("Linux does not tell"),
            free_memory_bytes: Known::from_option(
                self.root.kilobytes("proc/meminfo", "MemAvailable"),
                "the kernel does not tell its free memory",
            ),
            other_load: self.other_load(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Linux, Platform};
    use dyno_protocol::PowerSource;
    use std::fs;
    use std::path::Path;

    fn put(root: &Path, name: &str, text: &str) {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn an_empty_system_knows_nothing_and_invents_nothing() {
        let root = tempfile::tempdir().unwrap();
        let linux = Linux::at(root.path().to_owned());
        assert!(linux.sensors().is_empty());
        let mut readings = Vec::new();
        linux.read_sensors(&mut readings);
        assert!(readings.is_empty());
        let conditions = linux.conditions(5);
        assert_eq!(conditions.power.value(), None);
        assert_eq!(conditions.battery_percent.value(), None);
        assert_eq!(conditions.other_load.value(), None);
        assert_eq!(linux.memory().resident_bytes.value(), None);
        assert_eq!(linux.facts().chip.value(), None);
    }

    #[test]
    fn a_laptop_shows_what_it_has_in_the_units_of_the_names() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        put(root, "sys/class/thermal/thermal_zone0/type", "x86_pkg_temp\n");
        put(root, "sys/class/thermal/thermal_zone0/temp", "51500\n");
        put(root, "sys/class/hwmon/hwmon0/name", "k10temp");
        put(root, "sys/class/hwmon/hwmon0/temp1_input", "47250");
        put(root, "sys/class/hwmon/hwmon0/temp1_label", "Tctl");
        put(root, "sys/devices/system/cpu/cpufreq/policy0/scaling_cur_freq", "3200000");
        put(root, "sys/class/powercap/intel-rapl:0/name", "package-0");
        put(root, "sys/class/powercap/intel-rapl:0/energy_uj", "12500000");
        put(root, "sys/class/powercap/intel-rapl:1/name", "broken");
        put(root, "sys/class/powercap/intel-rapl:1/energy_uj", "no number");
        put(root, "sys/class/power_supply/BAT0/type", "Battery");
        put(root, "sys/class/power_supply/BAT0/status", "Discharging");
        put(root, "sys/class/power_supply/BAT0/capacity", "83");
        put(
            root,
            "proc/self/status",
            "VmHWM:\t  2048 kB\nVmRSS:\t 1024 kB\nRssAnon:\t 512 kB\nVmSwap:\t 4 kB\n",
        );
        let linux = Linux::at(root.to_owned());
        let mut readings = Vec::new();
        linux.read_sensors(&mut readings);
        let named: Vec<(&str, f64)> = readings
            .iter()
            .map(|reading| (linux.sensors()[reading.sensor as usize].name.as_str(), reading.value))
            .collect();
        assert_eq!(
            named,
            [
                ("x86_pkg_temp_temperature_c", 51.5),
                ("k10temp_tctl_temperature_c", 47.25),
                ("cpu0_clock_hz", 3.2e9),
                ("package_0_energy_j", 12.5),
                ("battery_percent", 83.0),
            ]
        );
        let conditions = linux.conditions(0);
        assert_eq!(conditions.power.value(), Some(&PowerSource::Battery));
        assert_eq!(conditions.battery_percent.value(), Some(&83.0));
        let memory = linux.memory();
        assert_eq!(memory.footprint_bytes.value(), Some(&(516 * 1024)));
        assert_eq!(memory.peak_resident_bytes.value(), Some(&(2048 * 1024)));
        linux.reset_memory_peaks();
        assert_eq!(linux.memory().peak_resident_bytes.value(), Some(&(2048 * 1024)));
        fs::remove_file(root.join("proc/self/clear_refs")).unwrap();
        fs::create_dir(root.join("proc/self/clear_refs")).unwrap();
        linux.reset_memory_peaks();
        assert_eq!(linux.memory().peak_resident_bytes.value(), None, "an old peak is not a pass's peak");
    }

    #[test]
    fn load_of_others_leaves_this_process_out() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let own = |ticks: u32| format!("7 (a (name) R) S 1 1 1 0 -1 0 0 0 0 0 {ticks} 0 0 0 20 0 1 0");
        put(root, "proc/stat", "cpu 100 0 0 900 0 0 0 0 0 0\n");
        put(root, "proc/self/stat", &own(50));
        let linux = Linux::at(root.to_owned());
        put(root, "proc/stat", "cpu 160 0 0 940 0 0 0 0 0 0\n");
        put(root, "proc/self/stat", &own(90));
        // Of 100 ticks 60 were busy, 40 of them our own.
        assert_eq!(linux.conditions(0).other_load.value(), Some(&0.2));
    }
}
