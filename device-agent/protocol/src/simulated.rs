//! A device that is a model of one: what a host hands to an agent that is to play it. The physics is the
//! agent's; nothing of what such a device reports is evidence about a real one.

use serde::{Deserialize, Serialize};

use crate::ComputeUnit;

/// How an agent is told which device to play, as the JSON text of a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SimulatedLaunch {
    pub profile: SimulatedProfile,
    /// Decides everything that is chance in this sitting.
    pub seed: u64,
    /// The same text means the same sitting: an agent that finds its state goes on where the last one stopped.
    pub sitting: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SimulatedProfile {
    /// As on the command line.
    pub id: String,
    pub title: String,
    /// Sources and assumptions.
    pub about: String,
    pub os_name: String,
    pub os_version: String,
    pub os_build: String,
    pub cores: u32,
    pub memory_bytes: u64,
    /// Shares of the full speed, by engine.
    pub engines: Vec<SimulatedEngine>,
    pub units: Vec<SimulatedUnit>,
    pub heat: SimulatedHeat,
    pub governor: SimulatedGovernor,
    pub label: SimulatedLabel,
    pub noise: SimulatedNoise,
    pub transients: SimulatedTransients,
    pub load: SimulatedLoad,
    /// Absent for a machine on mains.
    pub battery: Option<SimulatedBattery>,
    /// Sensors that the device shows, by name: `battery_percent`, `battery_current_a`, `battery_voltage_v`,
    /// `battery_full_energy_j`, `battery_temperature_c`, `die_temperature_c`, `clock_share`, `system_energy_j`.
    pub sensors: Vec<String>,
    pub faults: Vec<SimulatedFault>,
}

/// An engine under test: two of them in one session differ by exactly what is said here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SimulatedEngine {
    pub id: String,
    pub version: String,
    /// A factor on the speed of reading and writing.
    pub speed: f64,
    /// Slower by this share for every 16,384 tokens of context that are allocated, used or not.
    pub allocation_slow: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SimulatedUnit {
    pub unit: ComputeUnit,
    /// Memory that a token's bytes come from.
    pub bytes_per_s: f64,
    /// Arithmetic, which bounds the reading of prompts.
    pub flops_per_s: f64,
    /// Every token costs this much whatever the model: dispatches and waiting.
    pub token_floor_s: f64,
    /// A token costs this share more for every 1,024 tokens before it, beyond the bytes it reads.
    pub depth_slow: f64,
    /// Drawn at the full clock.
    pub power_w: f64,
    /// Power goes with the clock to this exponent.
    pub power_exponent: f64,
    /// Woken up again after a pause of this length, at this cost.
    pub sleeps_after_s: f64,
    pub wake_s: f64,
    /// A model with more bytes runs on the other unit instead.
    pub fallback: Option<SimulatedFallback>,
    /// What compiling for this unit adds to the first load ever and to the first one of a process.
    pub compile_first_ever_s: f64,
    pub compile_cold_s: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SimulatedFallback {
    pub above_bytes: u64,
    pub to: ComputeUnit,
    /// The evidence goes on naming the unit that was asked for.
    pub hides: bool,
}

/// Two nodes: the die, which the work heats, and the case, which the air cools.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SimulatedHeat {
    pub air_c: f64,
    pub start_c: f64,
    pub die_j_per_k: f64,
    pub case_j_per_k: f64,
    pub die_to_case_k_per_w: f64,
    pub case_to_air_k_per_w: f64,
    /// Drawn by everything beside the unit at work, and given to the case.
    pub idle_w: f64,
}

/// Takes the clock down a step while the die is too hot and up again when it is cool enough.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SimulatedGovernor {
    pub limit_c: f64,
    pub hysteresis_k: f64,
    pub period_s: f64,
    /// One step of the clock, as a share of the full one, and the lowest share.
    pub step_share: f64,
    pub lowest_share: f64,
}

/// What the system calls its thermal state: the case's temperature, late, and blind to the governor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SimulatedLabel {
    pub lag_s: f64,
    pub fair_c: f64,
    pub serious_c: f64,
    pub critical_c: f64,
    pub hysteresis_k: f64,
}

/// All spreads are standard deviations of the logarithm of the speed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SimulatedNoise {
    pub session: f64,
    pub trial: f64,
    pub pass: f64,
    pub token: f64,
    /// This share of the passes is slowed down further, by an exponential share of this mean.
    pub outlier_share: f64,
    pub outlier_slow: f64,
    /// Slow wandering within a session, and the time in which it forgets.
    pub wander: f64,
    pub wander_s: f64,
}

/// Things that pass: each is slower by its share at first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SimulatedTransients {
    /// After a load: the first pass, and how many passes it takes to forget most of it.
    pub warm_up_slow: f64,
    pub warm_up_passes: f64,
    /// After a pause without work of this length, for this time.
    pub idle_after_s: f64,
    pub idle_slow: f64,
    pub idle_for_s: f64,
    /// After the screen was unlocked, for this time.
    pub unlock_slow: f64,
    pub unlock_for_s: f64,
    /// How long before the sitting it was unlocked.
    pub unlocked_before_s: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SimulatedLoad {
    /// From storage for the first time, and from memory later.
    pub storage_bytes_per_s: f64,
    pub cached_bytes_per_s: f64,
    pub beside_s: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SimulatedBattery {
    pub capacity_wh: f64,
    /// What is left of the capacity.
    pub health: f64,
    pub start_percent: f64,
    pub gauge_step_percent: f64,
    /// The spread of the charge between two ticks, as a share of it.
    pub tick_spread: f64,
    /// The gauge stays where it is above this.
    pub sticks_above_percent: f64,
    /// Current and voltage are read anew this often, as means of the time before.
    pub refresh_s: f64,
    pub volts: f64,
    /// The error of the current's scale in this sitting, as a share.
    pub current_error: f64,
    /// The charger is in, and gives this much.
    pub charger_w: f64,
    pub charging: bool,
}

/// Something that goes wrong, at a token of the process's life or a second of the sitting.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "kebab-case", deny_unknown_fields)]
pub enum SimulatedFault {
    /// The process ends.
    DieAtToken {
        token: u64,
    },
    HangAtToken {
        token: u64,
    },
    FailAtToken {
        token: u64,
    },
    /// From this token on another id comes out.
    WrongIdsFromToken {
        token: u64,
    },
    /// From this token on nothing but line breaks, at this many times the speed.
    GarbageFromToken {
        token: u64,
        faster: f64,
    },
    /// The system ends the process at this moment, once.
    KilledAt {
        second: f64,
    },
    /// The screen locks: the app is no longer in front, and work is slower by this share.
    LockedAt {
        second: f64,
        slow: f64,
    },
    /// The screen is unlocked.
    UnlockedAt {
        second: f64,
    },
    LowPowerAt {
        second: f64,
        slow: f64,
    },
    ChargerInAt {
        second: f64,
    },
    ChargerOutAt {
        second: f64,
    },
}

/// The id that a simulated model gives at this place of every output: printable bytes in no order that repeats
/// itself, so that a right answer is known without a model.
pub fn simulated_id(place: u64) -> u32 {
    let mut mixed = place.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^= mixed >> 29;
    mixed = mixed.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed ^= mixed >> 32;
    32 + (mixed % 95) as u32
}
