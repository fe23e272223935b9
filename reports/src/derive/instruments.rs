//! Instruments that measure energy, by name, and what each saw of an attempt. Nothing here is modelled: a rated
//! power times a load is no instrument, and there is none of that kind.

use dyno_protocol::SensorFacts;
use dyno_suites::Words;

use super::attempt::Attempted;
use crate::bundle::Metered;
use crate::stats::gauge::{Tick, Ticks};

/// Numbers of two instruments are never put together: each sees another part of the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Instrument {
    /// A counter of everything that the device draws.
    SystemCounter,
    /// The processor's own counters under Linux: packages and their memory.
    Rapl,
    /// Counters of a Mac's power domains, as the agent reads them.
    Ioreport,
    /// Power by domain as `powermetrics` prints it.
    Powermetrics,
    /// A meter outside of the device.
    Meter,
    /// The battery gauge's current times voltage, as often as the gauge renews them.
    GaugeTelemetry,
    /// The steps of the battery's level.
    GaugeTicks,
}

impl Words for Instrument {
    const ALL: &'static [(&'static str, Self)] = &[
        ("system-counter", Self::SystemCounter),
        ("rapl", Self::Rapl),
        ("ioreport", Self::Ioreport),
        ("powermetrics", Self::Powermetrics),
        ("meter", Self::Meter),
        ("gauge-telemetry", Self::GaugeTelemetry),
        ("gauge-ticks", Self::GaugeTicks),
    ];
}

const LEVEL: &str = "battery_percent";
const CURRENT: &str = "battery_current_a";
const VOLTAGE: &str = "battery_voltage_v";
const POWER: &str = "battery_power_w";
/// What the battery holds when it is full, as its own gauge has learnt it.
const FULL: &str = "battery_full_energy_j";

/// Which instruments sensors of these names make.
pub fn instruments<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<Instrument> {
    let names: Vec<&str> = names.into_iter().collect();
    let any = |is: &dyn Fn(&str) -> bool| names.iter().any(|name| is(name));
    let has = |wanted: &str| names.contains(&wanted);
    let all = [
        (Instrument::SystemCounter, any(&is_system)),
        (Instrument::Rapl, any(&is_rapl)),
        (Instrument::Ioreport, any(&is_ioreport)),
        (Instrument::Powermetrics, any(&is_powermetrics)),
        (Instrument::GaugeTelemetry, has(POWER) || (has(CURRENT) && has(VOLTAGE))),
        (Instrument::GaugeTicks, has(LEVEL)),
    ];
    all.into_iter().filter(|(_, there)| *there).map(|(instrument, _)| instrument).collect()
}

fn is_system(name: &str) -> bool {
    name.starts_with("system_") && joules(name).is_some()
}

/// Packages and their memory; what a package counts of its cores is in it already, and a twin of a name is the
/// same counter by another way.
fn is_rapl(name: &str) -> bool {
    let counted = ["package", "dram"].iter().any(|domain| name.starts_with(domain));
    counted && joules(name).is_some() && !name.contains('#')
}

fn is_ioreport(name: &str) -> bool {
    name.starts_with("ioreport_") && joules(name).is_some()
}

fn is_powermetrics(name: &str) -> bool {
    name.starts_with("powermetrics_") && name.ends_with("_power_w")
}

/// How many joules one unit of this counter is, if it is one: the unit stands last in its name.
fn joules(name: &str) -> Option<f64> {
    let (before, unit) = name.rsplit_once('_')?;
    let scale = match unit {
        "uj" => 1e-6,
        "mj" => 1e-3,
        "j" => 1.0,
        _ => return None,
    };
    before.ends_with("energy").then_some(scale)
}

/// Energy between two moments, in seconds on the agent's clock.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stretch {
    pub(super) from_s: f64,
    pub(super) to_s: f64,
    pub(super) joules: f64,
}

impl Stretch {
    pub(super) fn length_s(&self) -> f64 {
        self.to_s - self.from_s
    }
}

/// A time on the agent's clock, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Window {
    pub(super) from_s: f64,
    pub(super) to_s: f64,
}

impl Window {
    fn holds(&self, at_s: f64) -> bool {
        (self.from_s..=self.to_s).contains(&at_s)
    }
}

/// What an attempt's instruments can be asked.
pub(super) struct Bench<'a> {
    pub(super) attempt: &'a Attempted<'a>,
    pub(super) meters: &'a [&'a Metered],
}

impl Bench<'_> {
    /// Those that this attempt has.
    pub(super) fn instruments(&self) -> Vec<Instrument> {
        let mut found = instruments(self.sensors().iter().map(|sensor| sensor.name.as_str()));
        let everything = Window { from_s: 0.0, to_s: f64::INFINITY };
        if !self.meter(everything).is_empty() {
            found.push(Instrument::Meter);
        }
        found.sort();
        found
    }

    /// What an instrument of energy or power saw in this time, stretch by stretch.
    pub(super) fn stretches(&self, instrument: Instrument, window: Window) -> Result<Vec<Stretch>, String> {
        match instrument {
            Instrument::SystemCounter => self.counted(is_system, window),
            Instrument::Rapl => self.counted(is_rapl, window),
            Instrument::Ioreport => self.counted(is_ioreport, window),
            Instrument::Powermetrics => {
                // One domain may be the sum of the others: then it stands for all of them.
                let whole = |name: &str| is_powermetrics(name) && name.contains("combined");
                let any_whole = self.sensors().iter().any(|sensor| whole(&sensor.name));
                let is = |name: &str| if any_whole { whole(name) } else { is_powermetrics(name) };
                integrated(&self.sum(is, window))
            }
            Instrument::GaugeTelemetry => held(&self.telemetry(window)?),
            Instrument::Meter => integrated(&self.meter(window)),
            Instrument::GaugeTicks => Err("steps of a level are not power".to_owned()),
        }
    }

    /// The steps of the battery's level in this time.
    pub(super) fn ticks(&self, window: Window) -> Result<Ticks, String> {
        let levels = self.sum(|name| name == LEVEL, window);
        let (first, last) =
            levels.first().zip(levels.last()).ok_or("the battery gauge was not read during the work")?;
        if levels.windows(2).any(|pair| pair[1].1 > pair[0].1) {
            return Err("the battery gauge went up during the work".to_owned());
        }
        let steps = levels.windows(2).filter(|pair| pair[1].1 < pair[0].1);
        let ticks = steps
            .map(|pair| Tick { after_s: pair[0].0, by_s: pair[1].0, size: pair[0].1 - pair[1].1 })
            .collect();
        Ok(Ticks { begin_s: first.0, end_s: last.0, ticks })
    }

    /// What the battery holds when it is full, where the device says so; nothing is looked up by its name.
    pub(super) fn full_j(&self) -> Option<f64> {
        let everything = Window { from_s: 0.0, to_s: f64::INFINITY };
        self.sum(|name| name == FULL, everything).last().map(|(_, joules)| *joules)
    }

    fn sensors(&self) -> &[SensorFacts] {
        self.attempt.session.map_or(&[], |session| &session.start.facts.sensors)
    }

    /// Readings of all sensors of these names at each moment together; moments that lack one are left out.
    fn sum(&self, is_wanted: impl Fn(&str) -> bool, window: Window) -> Vec<(f64, f64)> {
        let wanted: Vec<(usize, f64)> = self
            .sensors()
            .iter()
            .enumerate()
            .filter(|(_, sensor)| is_wanted(&sensor.name))
            .map(|(index, sensor)| (index, joules(&sensor.name).unwrap_or(1.0)))
            .collect();
        let samples = self.attempt.samples().map(|sample| (sample.at_ns as f64 / 1e9, sample));
        samples
            .filter(|(at_s, _)| window.holds(*at_s))
            .filter_map(|(at_s, sample)| {
                let of = |(index, scale): &(usize, f64)| {
                    let reading = sample.readings.iter().find(|reading| reading.sensor as usize == *index)?;
                    Some(reading.value * scale)
                };
                let values: Option<Vec<f64>> = wanted.iter().map(of).collect();
                values.filter(|values| !values.is_empty()).map(|values| (at_s, values.iter().sum()))
            })
            .collect()
    }

    fn counted(&self, is_wanted: impl Fn(&str) -> bool, window: Window) -> Result<Vec<Stretch>, String> {
        let counts = self.sum(is_wanted, window);
        if counts.windows(2).any(|pair| pair[1].1 < pair[0].1) {
            return Err("the counter of energy went back during the work".to_owned());
        }
        let stretches: Vec<Stretch> = counts
            .windows(2)
            .map(|pair| Stretch { from_s: pair[0].0, to_s: pair[1].0, joules: pair[1].1 - pair[0].1 })
            .collect();
        if stretches.is_empty() { Err(too_few()) } else { Ok(stretches) }
    }

    /// Power from the gauge's own current and voltage. Signs differ between systems: it is the size that counts,
    /// and a device that charges is refused before it comes to this.
    fn telemetry(&self, window: Window) -> Result<Vec<(f64, f64)>, String> {
        let power = self.sum(|name| name == POWER, window);
        if !power.is_empty() {
            return Ok(power.into_iter().map(|(at_s, watts)| (at_s, watts.abs())).collect());
        }
        let (current, voltage) =
            (self.sum(|name| name == CURRENT, window), self.sum(|name| name == VOLTAGE, window));
        if current.len() != voltage.len() {
            return Err("current and voltage were not read together".to_owned());
        }
        let both = current.iter().zip(&voltage);
        Ok(both.map(|((at_s, amperes), (_, volts))| (*at_s, (amperes * volts).abs())).collect())
    }

    /// The meter knows the time of day; the two clocks were read together when the agent was launched. Readings
    /// of other times are of other attempts.
    fn meter(&self, window: Window) -> Vec<(f64, f64)> {
        let Some(clock) = self.attempt.clock else { return Vec::new() };
        let ends = self.attempt.records.first().zip(self.attempt.records.last());
        let Some((first, last)) = ends else { return Vec::new() };
        // A difference of whole numbers first: the time of day has more digits than a float.
        let on_agent = |unix_ns: u64| {
            (i128::from(unix_ns) - i128::from(clock.unix_ns) + i128::from(clock.agent_ns)) as f64 / 1e9
        };
        let device = &self.attempt.planned.cell.device;
        let its = (first.at_ns as f64 / 1e9)..=(last.at_ns as f64 / 1e9);
        self.meters
            .iter()
            .filter(|meter| meter.device == *device)
            .flat_map(|meter| &meter.readings)
            .map(|reading| (on_agent(reading.unix_ns), reading.watts))
            .filter(|(at_s, _)| its.contains(at_s) && window.holds(*at_s))
            .collect()
    }
}

fn too_few() -> String {
    "the instrument was read less than twice during the work".to_owned()
}

/// A gauge renews its values when it likes, and readings in between repeat the last ones: each value holds until the
/// next. What stands at the begin of a window is of the time before it, and the first value that is renewed is of a
/// time that lies partly before it.
fn held(readings: &[(f64, f64)]) -> Result<Vec<Stretch>, String> {
    let (first, last) = readings.first().zip(readings.last()).ok_or_else(too_few)?;
    let renewed = readings.windows(2).filter(|pair| pair[0].1.to_bits() != pair[1].1.to_bits());
    let renewed: Vec<(f64, f64)> = renewed.map(|pair| pair[1]).collect();
    let whole = match renewed.as_slice() {
        [] => std::slice::from_ref(first),
        [_] => &renewed,
        [_, later @ ..] => later,
    };
    let ends = whole.iter().skip(1).map(|(at_s, _)| *at_s).chain(std::iter::once(last.0));
    let stretches: Vec<Stretch> = whole
        .iter()
        .zip(ends)
        .filter(|((from_s, _), to_s)| to_s > from_s)
        .map(|((from_s, watts), to_s)| Stretch { from_s: *from_s, to_s, joules: watts * (to_s - from_s) })
        .collect();
    if stretches.is_empty() { Err(too_few()) } else { Ok(stretches) }
}

/// Energy between successive readings of power: the mean of the two, for the time between them.
fn integrated(readings: &[(f64, f64)]) -> Result<Vec<Stretch>, String> {
    let stretches: Vec<Stretch> = readings
        .windows(2)
        .map(|pair| Stretch {
            from_s: pair[0].0,
            to_s: pair[1].0,
            joules: f64::midpoint(pair[0].1, pair[1].1) * (pair[1].0 - pair[0].0),
        })
        .collect();
    if stretches.is_empty() { Err(too_few()) } else { Ok(stretches) }
}

#[cfg(test)]
mod tests {
    use super::{Instrument, held, instruments, integrated};

    #[test]
    fn sensors_make_instruments_by_their_names_and_nothing_else_does() {
        assert_eq!(instruments(["package_0_energy_j", "core_energy_j"]), [Instrument::Rapl]);
        assert_eq!(instruments(["core_energy_j", "package_0_energy_j#2", "cpu_tdp_power_w"]), []);
        assert_eq!(
            instruments(["battery_percent", "battery_current_a", "battery_voltage_v"]),
            [Instrument::GaugeTelemetry, Instrument::GaugeTicks]
        );
        assert_eq!(instruments(["battery_current_a"]), []);
        assert_eq!(instruments(["ioreport_gpu_energy_mj"]), [Instrument::Ioreport]);
    }

    #[test]
    fn repeats_of_a_gauge_say_nothing_new_and_what_straddles_the_begin_is_left_out() {
        // Renewed at 20, 40 and 60 seconds; what stood at the begin, and what was renewed first, are of the time before.
        let readings: Vec<(f64, f64)> =
            (0..80).map(|s| (f64::from(s), [9.0, 5.0, 4.0, 6.0][(s / 20) as usize])).collect();
        let stretches = held(&readings).unwrap();
        let seen: Vec<(f64, f64, f64)> =
            stretches.iter().map(|one| (one.from_s, one.to_s, one.joules / one.length_s())).collect();
        assert_eq!(seen, [(40.0, 60.0, 4.0), (60.0, 79.0, 6.0)]);
        // A value that never changes is the value of all the time.
        assert!((held(&[(0.0, 3.0), (10.0, 3.0)]).unwrap()[0].joules - 30.0).abs() < 1e-9);
        assert!(held(&[]).is_err() && integrated(&[(0.0, 1.0)]).is_err());
        assert!((integrated(&[(0.0, 4.0), (20.0, 6.0)]).unwrap()[0].joules - 100.0).abs() < 1e-9);
    }
}
