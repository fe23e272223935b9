//! Simulated devices as data: what an agent is to play, with its sources and assumptions in words.
//!
//! Owns the bounds of every figure; what a figure does is the agent's affair.

use dyno_protocol::{
    ComputeUnit, SimulatedBattery, SimulatedEngine, SimulatedFallback, SimulatedFault, SimulatedGovernor,
    SimulatedHeat, SimulatedLabel, SimulatedLoad, SimulatedNoise, SimulatedProfile, SimulatedTransients,
    SimulatedUnit,
};

use crate::loading::Fields;
use crate::words::{Words, words};

pub(crate) const SIMULATED: &str = "simulated";

const SENSORS: [&str; 8] = [
    "battery_percent",
    "battery_current_a",
    "battery_voltage_v",
    "battery_full_energy_j",
    "battery_temperature_c",
    "die_temperature_c",
    "clock_share",
    "system_energy_j",
];

words! {
    enum Fault {
        DieAtToken = "die-at-token",
        HangAtToken = "hang-at-token",
        FailAtToken = "fail-at-token",
        WrongIdsFromToken = "wrong-ids-from-token",
        GarbageFromToken = "garbage-from-token",
        KilledAt = "killed-at",
        LockedAt = "locked-at",
        UnlockedAt = "unlocked-at",
        LowPowerAt = "low-power-at",
        ChargerInAt = "charger-in-at",
        ChargerOutAt = "charger-out-at",
    }
}

/// Shares that slow something down; at one it would stand still.
const SHARE: std::ops::RangeInclusive<f64> = 0.0..=0.95;
const SPREAD: std::ops::RangeInclusive<f64> = 0.0..=0.5;
const SECONDS: std::ops::RangeInclusive<f64> = 0.0..=100_000.0;
const CELSIUS: std::ops::RangeInclusive<f64> = -20.0..=150.0;
const WATTS: std::ops::RangeInclusive<f64> = 0.0..=1000.0;
const PER_SECOND: std::ops::RangeInclusive<f64> = 1e6..=1e16;
const TOKENS: std::ops::RangeInclusive<u64> = 1..=1_000_000_000;

pub(crate) fn read(fields: &Fields<'_>) -> Option<SimulatedProfile> {
    let id = fields.id();
    fields.declare(SIMULATED, &id, None, None, &[]);
    let sensors = fields.texts("sensors");
    for name in sensors.iter().filter(|name| !SENSORS.contains(&name.as_str())) {
        let hint = format!("the sensors are {}", SENSORS.join(", "));
        fields.mistake("sensors", format!("a simulated device has no sensor `{name}`"), Some(hint));
    }
    let title = fields.text("title");
    let about = fields.text("about");
    let (os_name, os_version, os_build) =
        (fields.text("os_name"), fields.text("os_version"), fields.text("os_build"));
    let cores = fields.whole("cores", 1..=1024) as u32;
    let memory_bytes = fields.whole("memory_bytes", 1..=1 << 50);
    let engines = fields.some("engine", |key| fields.each(key, engine));
    let units = fields.some("unit", |key| fields.each(key, unit));
    for unit in &units {
        let falls = unit.fallback.as_ref();
        if let Some(fallback) = falls.filter(|fallback| units.iter().all(|other| other.unit != fallback.to)) {
            let what = format!("a unit falls back to `{}`, which is not there", fallback.to.word());
            fields.mistake("unit", what, None);
        }
    }
    let faults = fields.each("fault", fault);
    // Every table is read before any is missed, so that all mistakes are told at once.
    let heat = fields.inside_needed("heat", heat);
    let governor = fields.inside_needed("governor", governor);
    let label = fields.inside_needed("label", label);
    let noise = fields.inside_needed("noise", noise);
    let transients = fields.inside_needed("transients", transients);
    let load = fields.inside_needed("load", load);
    let battery = fields.inside("battery", battery);
    Some(SimulatedProfile {
        id,
        title,
        about,
        os_name,
        os_version,
        os_build,
        cores,
        memory_bytes,
        engines,
        units,
        heat: heat?,
        governor: governor?,
        label: label?,
        noise: noise?,
        transients: transients?,
        load: load?,
        battery,
        sensors,
        faults,
    })
}

fn engine(fields: &Fields<'_>) -> SimulatedEngine {
    SimulatedEngine {
        id: fields.id(),
        version: fields.text("version"),
        speed: fields.number("speed", 0.01..=100.0),
        allocation_slow: fields.number("allocation_slow", SHARE),
    }
}

fn unit(fields: &Fields<'_>) -> SimulatedUnit {
    SimulatedUnit {
        unit: fields.word("unit"),
        bytes_per_s: fields.number("bytes_per_s", PER_SECOND),
        flops_per_s: fields.number("flops_per_s", PER_SECOND),
        token_floor_s: fields.number("token_floor_s", 1e-7..=10.0),
        depth_slow: fields.number("depth_slow", 0.0..=10.0),
        power_w: fields.number("power_w", WATTS),
        power_exponent: fields.number("power_exponent", 0.0..=4.0),
        sleeps_after_s: fields.number("sleeps_after_s", SECONDS),
        wake_s: fields.number("wake_s", SECONDS),
        fallback: fields.inside("fallback", fallback),
        compile_first_ever_s: fields.number("compile_first_ever_s", SECONDS),
        compile_cold_s: fields.number("compile_cold_s", SECONDS),
    }
}

fn fallback(fields: &Fields<'_>) -> SimulatedFallback {
    SimulatedFallback {
        above_bytes: fields.whole("above_bytes", 1..=1 << 50),
        to: fields.word::<ComputeUnit>("to"),
        hides: fields.flag("hides"),
    }
}

fn heat(fields: &Fields<'_>) -> SimulatedHeat {
    SimulatedHeat {
        air_c: fields.number("air_c", CELSIUS),
        start_c: fields.number("start_c", CELSIUS),
        die_j_per_k: fields.number("die_j_per_k", 0.01..=1e6),
        case_j_per_k: fields.number("case_j_per_k", 0.01..=1e6),
        die_to_case_k_per_w: fields.number("die_to_case_k_per_w", 0.001..=1000.0),
        case_to_air_k_per_w: fields.number("case_to_air_k_per_w", 0.001..=1000.0),
        idle_w: fields.number("idle_w", WATTS),
    }
}

fn governor(fields: &Fields<'_>) -> SimulatedGovernor {
    SimulatedGovernor {
        limit_c: fields.number("limit_c", CELSIUS),
        hysteresis_k: fields.number("hysteresis_k", 0.0..=50.0),
        period_s: fields.number("period_s", 0.01..=1000.0),
        step_share: fields.number("step_share", 0.001..=1.0),
        lowest_share: fields.number("lowest_share", 0.05..=1.0),
    }
}

fn label(fields: &Fields<'_>) -> SimulatedLabel {
    SimulatedLabel {
        lag_s: fields.number("lag_s", SECONDS),
        fair_c: fields.number("fair_c", CELSIUS),
        serious_c: fields.number("serious_c", CELSIUS),
        critical_c: fields.number("critical_c", CELSIUS),
        hysteresis_k: fields.number("hysteresis_k", 0.0..=50.0),
    }
}

fn noise(fields: &Fields<'_>) -> SimulatedNoise {
    SimulatedNoise {
        session: fields.number("session", SPREAD),
        trial: fields.number("trial", SPREAD),
        pass: fields.number("pass", SPREAD),
        token: fields.number("token", SPREAD),
        outlier_share: fields.number("outlier_share", 0.0..=0.5),
        outlier_slow: fields.number("outlier_slow", 0.0..=5.0),
        wander: fields.number("wander", SPREAD),
        wander_s: fields.number("wander_s", 1.0..=100_000.0),
    }
}

fn transients(fields: &Fields<'_>) -> SimulatedTransients {
    SimulatedTransients {
        warm_up_slow: fields.number("warm_up_slow", 0.0..=20.0),
        warm_up_passes: fields.number("warm_up_passes", 0.1..=1000.0),
        idle_after_s: fields.number("idle_after_s", SECONDS),
        idle_slow: fields.number("idle_slow", SHARE),
        idle_for_s: fields.number("idle_for_s", SECONDS),
        unlock_slow: fields.number("unlock_slow", SHARE),
        unlock_for_s: fields.number("unlock_for_s", SECONDS),
        unlocked_before_s: fields.number("unlocked_before_s", SECONDS),
    }
}

fn load(fields: &Fields<'_>) -> SimulatedLoad {
    SimulatedLoad {
        storage_bytes_per_s: fields.number("storage_bytes_per_s", PER_SECOND),
        cached_bytes_per_s: fields.number("cached_bytes_per_s", PER_SECOND),
        beside_s: fields.number("beside_s", 1e-6..=1000.0),
    }
}

fn battery(fields: &Fields<'_>) -> SimulatedBattery {
    SimulatedBattery {
        capacity_wh: fields.number("capacity_wh", 0.1..=1000.0),
        health: fields.number("health", 0.1..=1.2),
        start_percent: fields.number("start_percent", 0.0..=100.0),
        gauge_step_percent: fields.number("gauge_step_percent", 0.1..=25.0),
        tick_spread: fields.number("tick_spread", SPREAD),
        sticks_above_percent: fields.number("sticks_above_percent", 0.0..=100.0),
        refresh_s: fields.number("refresh_s", 0.1..=3600.0),
        volts: fields.number("volts", 0.5..=1000.0),
        current_error: fields.number("current_error", SPREAD),
        charger_w: fields.number("charger_w", WATTS),
        charging: fields.flag("charging"),
    }
}

fn fault(fields: &Fields<'_>) -> SimulatedFault {
    let token = || fields.whole("token", TOKENS);
    let second = || fields.number("second", SECONDS);
    match fields.word::<Fault>("fault") {
        Fault::DieAtToken => SimulatedFault::DieAtToken { token: token() },
        Fault::HangAtToken => SimulatedFault::HangAtToken { token: token() },
        Fault::FailAtToken => SimulatedFault::FailAtToken { token: token() },
        Fault::WrongIdsFromToken => SimulatedFault::WrongIdsFromToken { token: token() },
        Fault::GarbageFromToken => {
            SimulatedFault::GarbageFromToken { token: token(), faster: fields.number("faster", 0.1..=100.0) }
        }
        Fault::KilledAt => SimulatedFault::KilledAt { second: second() },
        Fault::LockedAt => SimulatedFault::LockedAt { second: second(), slow: fields.number("slow", SHARE) },
        Fault::UnlockedAt => SimulatedFault::UnlockedAt { second: second() },
        Fault::LowPowerAt => {
            SimulatedFault::LowPowerAt { second: second(), slow: fields.number("slow", SHARE) }
        }
        Fault::ChargerInAt => SimulatedFault::ChargerInAt { second: second() },
        Fault::ChargerOutAt => SimulatedFault::ChargerOutAt { second: second() },
    }
}
