//! What the device shows of itself: facts, sensors and conditions, with everything that its system would hide.

use dyno_protocol::{Conditions, Known, PowerSource, Reading, SensorFacts};

use crate::battery::capacity_j;
use crate::device::Device;

impl Device {
    pub fn sensor_facts(&self) -> Vec<SensorFacts> {
        let source = |name: &str| match (name, &self.profile.battery) {
            ("battery_current_a" | "battery_voltage_v", Some(battery)) => {
                format!("simulated gauge telemetry, refreshed every {} s", battery.refresh_s)
            }
            ("battery_percent", Some(battery)) => {
                format!("simulated gauge in steps of {} %", battery.gauge_step_percent)
            }
            _ => "simulated".to_owned(),
        };
        let facts = |name: &String| SensorFacts { name: name.clone(), source: source(name) };
        self.profile.sensors.iter().map(facts).collect()
    }

    /// A sensor that this device cannot have gives nothing.
    pub fn read_sensors(&self, into: &mut Vec<Reading>) {
        let state = &self.state;
        let battery = state.battery.as_ref().zip(self.profile.battery.as_ref());
        for (sensor, name) in self.profile.sensors.iter().enumerate() {
            let value = match name.as_str() {
                "battery_percent" => battery.map(|(battery, _)| battery.shown_percent),
                "battery_current_a" => battery.map(|(battery, known)| battery.current_a(known)),
                "battery_voltage_v" => battery.map(|(_, known)| known.volts),
                "battery_full_energy_j" => battery.map(|(_, known)| capacity_j(known)),
                "battery_temperature_c" => battery.map(|_| state.heat.case_c),
                "die_temperature_c" => Some(state.heat.die_c),
                "clock_share" => Some(state.heat.share),
                "system_energy_j" => Some(state.energy_j),
                _ => None,
            };
            if let Some(value) = value {
                into.push(Reading { sensor: sensor as u32, value });
            }
        }
    }

    pub fn conditions(&self, at_ns: u64) -> Conditions {
        let state = &self.state;
        let power = match &state.battery {
            None => PowerSource::Mains,
            Some(battery) if battery.charging && battery.shown_percent >= 100.0 => PowerSource::Mains,
            Some(battery) if battery.charging => PowerSource::Charging,
            Some(_) => PowerSource::Battery,
        };
        let unlocked_ns = state.unlocked_at_s.map(|at_s| ((self.now_s() - at_s).max(0.0) * 1e9) as u64);
        Conditions {
            at_ns,
            power: Known::Is(power),
            battery_percent: Known::from_option(
                state.battery.as_ref().map(|battery| battery.shown_percent),
                "there is no battery",
            ),
            low_power_mode: Known::Is(state.low_power),
            thermal: Known::Is(state.heat.label),
            foreground: Known::Is(state.in_front),
            unlocked_for_ns: Known::from_option(unlocked_ns, "the screen is locked"),
            free_memory_bytes: Known::Is(self.profile.memory_bytes / 2),
            other_load: Known::Is(0.0),
        }
    }
}
