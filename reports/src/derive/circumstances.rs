//! What a reader must know about the moment of a measurement: flags that travel with its numbers, and reasons for
//! which a suite refuses to begin.

use dyno_protocol::{
    BuildProfile, Conditions, DeviceFacts, LoadRegime, PassKind, PowerSource, RecordBody, ThermalState,
};
use dyno_suites::{Case, Circumstance, Words};

use super::attempt::Attempted;
use crate::stats::student_reach;

/// A screen that was unlocked more recently than this: clocks still go up.
const JUST_UNLOCKED_NS: u64 = 30_000_000_000;
/// Others that take more than this share of all cores.
const BUSY_SHARE: f64 = 0.15;
/// Above and below these the steps of a battery gauge do not tell what was drawn.
const GAUGE_PERCENT: std::ops::RangeInclusive<f64> = 50.0..=90.0;

/// Those that hold before a trial begins. What is unknown does not hold.
pub fn circumstances(facts: &DeviceFacts, conditions: &Conditions) -> Vec<Circumstance> {
    let power = conditions.power.value().copied();
    let thermal = conditions.thermal.value().copied();
    let percent = conditions.battery_percent.value().filter(|_| power == Some(PowerSource::Battery));
    let unlocked = conditions.unlocked_for_ns.value();
    let all = [
        (Circumstance::DebugBuild, facts.build.profile == BuildProfile::Debug),
        (Circumstance::LowPowerMode, conditions.low_power_mode.value() == Some(&true)),
        (Circumstance::Charging, power == Some(PowerSource::Charging)),
        (Circumstance::OnBattery, power == Some(PowerSource::Battery)),
        (Circumstance::WarmStart, thermal.is_some_and(|state| state >= ThermalState::Fair)),
        (Circumstance::Throttling, thermal.is_some_and(|state| state >= ThermalState::Serious)),
        (Circumstance::Background, conditions.foreground.value() == Some(&false)),
        (Circumstance::JustUnlocked, unlocked.is_some_and(|unlocked_ns| *unlocked_ns < JUST_UNLOCKED_NS)),
        (Circumstance::BusyMachine, conditions.other_load.value().is_some_and(|load| *load > BUSY_SHARE)),
        (Circumstance::GaugeRange, percent.is_some_and(|percent| !GAUGE_PERCENT.contains(percent))),
    ];
    all.into_iter().filter_map(|(circumstance, holds)| holds.then_some(circumstance)).collect()
}

/// The circumstances of an attempt in the words of the suites.
pub(super) fn flags(attempt: &Attempted<'_>, case: Option<&Case>) -> Vec<String> {
    let begin = attempt.begin_conditions();
    let facts = attempt.session.map(|session| &session.start.facts);
    let mut found: Vec<Circumstance> =
        facts.zip(begin).map(|(facts, begin)| circumstances(facts, begin)).unwrap_or_default();
    let hot_at_the_end = attempt
        .end_conditions()
        .is_some_and(|end| end.thermal.value().is_some_and(|state| *state >= ThermalState::Serious));
    if hot_at_the_end && !found.contains(&Circumstance::Throttling) {
        found.push(Circumstance::Throttling);
    }
    let disagreed = attempt
        .bodies()
        .any(|body| matches!(body, RecordBody::WarmedUp { agreed: false, passes, .. } if *passes > 0));
    let more = [
        (Circumstance::FirstEverLoad, attempt.loads().any(|loaded| loaded.regime == LoadRegime::FirstEver)),
        (Circumstance::WarmUpDisagreed, disagreed),
        (Circumstance::WideInterval, case.is_some_and(|case| is_wide(attempt, case))),
        (Circumstance::ChunkStamps, attempt.passes().any(|pass| !pass.stamps_are_tokens)),
    ];
    found.extend(more.into_iter().filter_map(|(circumstance, holds)| holds.then_some(circumstance)));
    found.into_iter().map(|circumstance| circumstance.word().to_owned()).collect()
}

/// Whether the passes ended before their mean was known as well as even the short rule asks for. A rule that asks
/// for no width at all is never missed.
fn is_wide(attempt: &Attempted<'_>, case: &Case) -> bool {
    let asked = case.rules.full.repeat.half_width.max(case.rules.short.repeat.half_width);
    let took: Vec<f64> = attempt
        .passes()
        .filter(|pass| pass.kind == PassKind::Timed)
        .filter_map(|pass| Some(pass.token_at_ns.last()?.saturating_sub(pass.begin_ns) as f64))
        .collect();
    let n = took.len() as f64;
    if asked <= 0.0 || took.len() < 2 {
        return false;
    }
    let mean = took.iter().sum::<f64>() / n;
    let squares: f64 = took.iter().map(|ns| (ns - mean).powi(2)).sum();
    let error = (squares / (n - 1.0) / n).sqrt();
    student_reach(n - 1.0, 0.95).is_some_and(|reach| reach * error > asked * mean)
}
