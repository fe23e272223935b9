//! Which of the circumstances that suites speak of a device is in.

use dyno_protocol::{BuildProfile, Conditions, DeviceFacts, PowerSource, ThermalState};
use dyno_suites::Circumstance;

/// A phone that was unlocked more recently than this still wakes its clocks up.
const JUST_UNLOCKED_NS: u64 = 30_000_000_000;
/// A machine whose others take more than this share of all cores is busy.
const BUSY_SHARE: f64 = 0.15;

/// Those that hold before a trial begins. What is unknown does not hold.
pub(super) fn before(facts: &DeviceFacts, conditions: &Conditions) -> Vec<Circumstance> {
    let power = conditions.power.value().copied();
    let thermal = conditions.thermal.value().copied();
    let all = [
        (Circumstance::DebugBuild, facts.build.profile == BuildProfile::Debug),
        (Circumstance::LowPowerMode, conditions.low_power_mode.value() == Some(&true)),
        (Circumstance::Charging, power == Some(PowerSource::Charging)),
        (Circumstance::OnBattery, power == Some(PowerSource::Battery)),
        (Circumstance::WarmStart, thermal.is_some_and(|state| state >= ThermalState::Fair)),
        (Circumstance::Throttling, thermal.is_some_and(|state| state >= ThermalState::Serious)),
        (Circumstance::Background, conditions.foreground.value() == Some(&false)),
        (
            Circumstance::JustUnlocked,
            conditions.unlocked_for_ns.value().is_some_and(|unlocked_ns| *unlocked_ns < JUST_UNLOCKED_NS),
        ),
        (Circumstance::BusyMachine, conditions.other_load.value().is_some_and(|load| *load > BUSY_SHARE)),
    ];
    all.into_iter().filter_map(|(circumstance, holds)| holds.then_some(circumstance)).collect()
}
