//! What a reader must know about the moment of a measurement: flags that travel with its numbers.

use dyno_protocol::{BuildProfile, LoadRegime, PowerSource, RecordBody, ThermalState};
use dyno_suites::{Circumstance, Words};

use super::attempt::Attempted;

/// A screen that was unlocked more recently than this: clocks still go up.
const JUST_UNLOCKED_NS: u64 = 30_000_000_000;
/// Others that take more than this share of all cores.
const BUSY_SHARE: f64 = 0.15;

/// The circumstances of an attempt in the words of the suites. What is unknown does not hold.
pub(super) fn flags(attempt: &Attempted<'_>) -> Vec<String> {
    let begin = attempt.begin_conditions();
    let end = attempt.end_conditions();
    let thermal = |conditions: Option<&dyno_protocol::Conditions>| {
        conditions.and_then(|found| found.thermal.value().copied())
    };
    let power = begin.and_then(|found| found.power.value().copied());
    let debug =
        attempt.session.is_some_and(|session| session.start.facts.build.profile == BuildProfile::Debug);
    let disagreed = attempt
        .bodies()
        .any(|body| matches!(body, RecordBody::WarmedUp { agreed: false, passes, .. } if *passes > 0));
    let unlocked = begin.and_then(|found| found.unlocked_for_ns.value().copied());
    let load = begin.and_then(|found| found.other_load.value().copied());
    let all = [
        (Circumstance::DebugBuild, debug),
        (Circumstance::LowPowerMode, begin.is_some_and(|found| found.low_power_mode.value() == Some(&true))),
        (Circumstance::Charging, power == Some(PowerSource::Charging)),
        (Circumstance::OnBattery, power == Some(PowerSource::Battery)),
        (Circumstance::WarmStart, thermal(begin).is_some_and(|state| state >= ThermalState::Fair)),
        (
            Circumstance::Throttling,
            thermal(begin).max(thermal(end)).is_some_and(|state| state >= ThermalState::Serious),
        ),
        (Circumstance::Background, begin.is_some_and(|found| found.foreground.value() == Some(&false))),
        (Circumstance::JustUnlocked, unlocked.is_some_and(|unlocked_ns| unlocked_ns < JUST_UNLOCKED_NS)),
        (Circumstance::BusyMachine, load.is_some_and(|load| load > BUSY_SHARE)),
        (Circumstance::FirstEverLoad, attempt.loads().any(|loaded| loaded.regime == LoadRegime::FirstEver)),
        (Circumstance::WarmUpDisagreed, disagreed),
        (Circumstance::ChunkStamps, attempt.passes().any(|pass| !pass.stamps_are_tokens)),
    ];
    all.into_iter()
        .filter(|(_, holds)| *holds)
        .map(|(circumstance, _)| circumstance.word().to_owned())
        .collect()
}
