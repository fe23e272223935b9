//! The model against what its profiles say they are taken from.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use dyno_protocol::{ComputeUnit, SimulatedFault, SimulatedProfile, ThermalState};

use crate::{Device, Said, Stop, Weights};

fn profile(id: &str) -> SimulatedProfile {
    dyno_suites::Definitions::embedded().unwrap().simulated(id).unwrap().clone()
}

/// The phone without anything that is chance.
fn quiet() -> SimulatedProfile {
    let mut profile = profile("sim-iphone");
    let noise = &mut profile.noise;
    (noise.session, noise.trial, noise.pass, noise.token, noise.outlier_share, noise.wander) =
        (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
    profile
}

fn weights() -> Weights {
    Weights {
        key: "model".to_owned(),
        bytes: 1_200_000_000,
        token_bytes: 1e9,
        token_flops: 2e9,
        depth_bytes: 10_000.0,
    }
}

/// Writes tokens for so long, and gives the rate of every ten seconds.
fn write(device: &mut Device, unit: ComputeUnit, seconds: u32) -> Vec<f64> {
    let (unit, weights) = (device.unit(unit).unwrap().clone(), weights());
    let engine = device.engine("dyno").unwrap().clone();
    let mut rates = Vec::new();
    device.begin_pass(&engine, 1024);
    for _ in 0..seconds / 10 {
        let begin_ns = device.now_ns();
        let mut tokens = 0;
        while device.now_ns() < begin_ns + 10_000_000_000 {
            device.token(&weights, &unit, Some(0)).unwrap();
            tokens += 1;
        }
        rates.push(f64::from(tokens) * 1e9 / (device.now_ns() - begin_ns) as f64);
    }
    rates
}

/// The profile's own claim: the GPU falls by about 45 % in a minute and to half after ten.
#[test]
fn the_gpu_falls_in_the_first_minute_and_the_label_does_not_see_it() {
    let mut profile = quiet();
    profile.transients.warm_up_slow = 0.0;
    let mut device = Device::new(profile, 1);
    device.rest(1_000_000_000).unwrap();
    let minute = write(&mut device, ComputeUnit::Gpu, 60);
    assert!((0.5..0.65).contains(&(minute[5] / minute[0])), "{minute:?}");
    assert_eq!(device.conditions(0).thermal.value(), Some(&ThermalState::Nominal));
    let rest = write(&mut device, ComputeUnit::Gpu, 540);
    let end = rest[rest.len() - 1] / minute[0];
    assert!((0.42..0.55).contains(&end), "{end}");
    let label = *device.conditions(0).thermal.value().unwrap();
    assert_eq!(label, ThermalState::Fair, "half the rate is gone, and the label is still mild");
}

#[test]
fn the_neural_engine_holds_for_a_minute_and_decays_over_several() {
    let mut profile = quiet();
    profile.transients.warm_up_slow = 0.0;
    let mut device = Device::new(profile, 1);
    let rates = write(&mut device, ComputeUnit::NeuralEngine, 600);
    assert!(rates[5] / rates[1] > 0.93, "{rates:?}");
    assert!((0.75..0.95).contains(&(rates[20] / rates[1])), "{rates:?}");
    assert!((0.62..0.8).contains(&(rates[59] / rates[1])), "{rates:?}");
    let average_w = device.state().energy_j / (device.now_ns() as f64 / 1e9);
    assert!((4.0..7.0).contains(&average_w), "{average_w}");
}

#[test]
fn resting_cools_and_the_clock_comes_back() {
    let mut device = Device::new(quiet(), 1);
    let hot = write(&mut device, ComputeUnit::Gpu, 300);
    device.rest(900_000_000_000).unwrap();
    let again = write(&mut device, ComputeUnit::Gpu, 20);
    assert!(again[0] > 1.5 * hot[29], "{again:?} {}", hot[29]);
}

/// Ticks are uneven by as much as the profile says, and the charge between them is right on average.
#[test]
fn the_gauge_ticks_unevenly_around_the_truth() {
    let mut profile = profile("sim-iphone-1pct");
    let battery = profile.battery.as_mut().unwrap();
    battery.sticks_above_percent = 100.0;
    let step_j = battery.capacity_wh * 3600.0 * battery.health / 100.0;
    profile.heat.idle_w = 5.0;
    let (mut between, mut last) = (Vec::new(), None);
    for seed in 0..6 {
        let mut device = Device::new(profile.clone(), seed);
        let mut shown = *device.conditions(0).battery_percent.value().unwrap();
        last.take();
        for _ in 0..70_000 {
            device.rest(500_000_000).unwrap();
            let now = *device.conditions(0).battery_percent.value().unwrap();
            if now < shown {
                shown = now;
                let energy_j = device.state().energy_j;
                between.extend(last.replace(energy_j).map(|before: f64| energy_j - before));
            }
        }
    }
    let n = between.len() as f64;
    let mean = between.iter().sum::<f64>() / n;
    let spread = (between.iter().map(|one| (one - mean).powi(2)).sum::<f64>() / n).sqrt() / mean;
    assert!(n > 300.0, "{n}");
    assert!((mean / step_j - 1.0).abs() < 0.04, "{mean} {step_j}");
    assert!((0.15..0.21).contains(&spread), "{spread}");
}

#[test]
fn a_new_process_goes_on_where_the_last_one_stopped() {
    let profile = profile("sim-iphone");
    let mut whole = Device::new(profile.clone(), 3);
    write(&mut whole, ComputeUnit::Gpu, 30);
    let state = serde_json::to_string(whole.state()).unwrap();
    let mut resumed = Device::resume(profile, 3, serde_json::from_str(&state).unwrap());
    assert_eq!(resumed.session_factor().to_bits(), whole.session_factor().to_bits());
    whole.begin_trial(0);
    resumed.begin_trial(0);
    whole.rest(10_000_000_000).unwrap();
    resumed.rest(10_000_000_000).unwrap();
    assert_eq!(whole.state(), resumed.state());
}

#[test]
fn a_large_model_leaves_the_neural_engine_without_a_word() {
    let mut device = Device::new(quiet(), 1);
    let asked = device.unit(ComputeUnit::NeuralEngine).unwrap().clone();
    let small = device.begin_load(&weights(), &asked);
    assert_eq!((small.unit, small.compile_s), (ComputeUnit::NeuralEngine, 240.0));
    let large = Weights { key: "large".to_owned(), bytes: 2_000_000_000, ..weights() };
    assert_eq!(device.begin_load(&large, &asked).unit, ComputeUnit::Gpu);
    assert!(device.begin_load(&weights(), &asked).compile_s == 0.0, "the process has it compiled");
}

#[test]
fn faults_come_when_they_are_due() {
    let mut profile = quiet();
    profile.faults = vec![
        SimulatedFault::WrongIdsFromToken { token: 3 },
        SimulatedFault::LockedAt { second: 5.0, slow: 0.5 },
        SimulatedFault::ChargerInAt { second: 6.0 },
        SimulatedFault::DieAtToken { token: 1_000_000 },
        SimulatedFault::KilledAt { second: 50.0 },
    ];
    let mut device = Device::new(profile, 1);
    let (unit, weights) = (device.unit(ComputeUnit::Gpu).unwrap().clone(), weights());
    assert_eq!(device.token(&weights, &unit, None), Ok(Said::Right));
    assert_eq!(device.token(&weights, &unit, Some(1)), Ok(Said::Right));
    assert_eq!(device.token(&weights, &unit, Some(2)), Ok(Said::Wrong));
    device.rest(7_000_000_000).unwrap();
    assert_eq!(device.take_notices(), ["the screen was locked", "the charger was put in"]);
    let conditions = device.conditions(0);
    assert_eq!(conditions.foreground.value(), Some(&false));
    assert_eq!(conditions.power.value(), Some(&dyno_protocol::PowerSource::Charging));
    assert_eq!(device.rest(60_000_000_000), Err(Stop::Die));
}

#[test]
fn samples_are_taken_at_their_moments_whatever_the_device_does() {
    let mut device = Device::new(profile("sim-iphone"), 1);
    device.begin_trial(100_000_000);
    write(&mut device, ComputeUnit::Gpu, 10);
    let samples = device.take_samples();
    assert!((95..=105).contains(&samples.len()), "{}", samples.len());
    assert!(samples.windows(2).all(|pair| pair[1].at_ns - pair[0].at_ns == 100_000_000));
    device.begin_trial(0);
    write(&mut device, ComputeUnit::Gpu, 10);
    assert!(device.take_samples().is_empty());
}
