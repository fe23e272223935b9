//! Draws follow their settings, and one seed gives one output.

use proptest::prelude::*;

use super::*;

fn drawn(settings: Settings, logits: &[f32], count: usize) -> Vec<usize> {
    let mut histogram = vec![0; logits.len()];
    let mut sampler = Sampler::new(settings, logits.len() as u32, &[]).unwrap();
    for _ in 0..count {
        let id = sampler.next(logits).unwrap();
        histogram[id as usize] += 1;
    }
    histogram
}

const PLAIN: Settings = Settings { temperature: 1.0, ..Settings::GREEDY };

#[test]
fn greedy_takes_the_first_of_the_best() {
    let mut sampler = Sampler::new(Settings::GREEDY, 3, &[]).unwrap();
    assert_eq!(sampler.next(&[1.0, 5.0, 5.0, 9.0]).unwrap(), 1);
}

#[test]
fn padding_rows_are_never_drawn() {
    let mut sampler = Sampler::new(PLAIN, 2, &[]).unwrap();
    for _ in 0..100 {
        assert!(sampler.next(&[0.0, 0.0, 100.0, 100.0]).unwrap() < 2);
    }
}

#[test]
fn frequencies_follow_the_softmax() {
    let logits = [1.0_f32.ln(), 2.0_f32.ln(), 5.0_f32.ln()];
    let histogram = drawn(PLAIN, &logits, 16_000);
    for (share, count) in [0.125, 0.25, 0.625].iter().zip(histogram) {
        // Five standard errors of a binomial share.
        let error = 5.0 * (share * (1.0 - share) / 16_000.0_f64).sqrt();
        assert!((count as f64 / 16_000.0 - share).abs() < error, "{share} {count}");
    }
}

#[test]
fn temperature_sharpens() {
    let logits = [0.0, 1.0_f32];
    let cold = drawn(Settings { temperature: 0.25, ..PLAIN }, &logits, 8_000)[1] as f64 / 8_000.0;
    let expected = 1.0 / (1.0 + (-4.0_f64).exp());
    assert!((cold - expected).abs() < 0.01, "{cold}");
}

#[test]
fn cuts_keep_what_they_say() {
    let logits: Vec<f32> = [0.4_f32, 0.3, 0.2, 0.1].iter().map(|p| p.ln()).collect();
    let kept = |settings| drawn(settings, &logits, 2_000).iter().filter(|count| **count > 0).count();
    assert_eq!(kept(Settings { top_k: 2, ..PLAIN }), 2);
    assert_eq!(kept(Settings { top_p: 0.69, ..PLAIN }), 2);
    assert_eq!(kept(Settings { top_p: 0.71, ..PLAIN }), 3);
    assert_eq!(kept(Settings { top_p: 1e-6, ..PLAIN }), 1);
    assert_eq!(kept(Settings { min_p: 0.45, ..PLAIN }), 3);
    assert_eq!(kept(Settings { min_p: 1.0, ..PLAIN }), 1);
}

#[test]
fn top_p_is_taken_of_what_top_k_left() {
    // Of the two best, 0.4 and 0.3, the first alone has a share of 0.57.
    let logits: Vec<f32> = [0.4_f32, 0.3, 0.2, 0.1].iter().map(|p| p.ln()).collect();
    let histogram = drawn(Settings { top_k: 2, top_p: 0.55, ..PLAIN }, &logits, 500);
    assert_eq!(histogram, [500, 0, 0, 0]);
}

#[test]
fn presence_counts_the_output_and_repetition_the_prompt_too() {
    let settings = Settings { presence_penalty: 2.0, ..Settings::GREEDY };
    let mut sampler = Sampler::new(settings, 2, &[0]).unwrap();
    let ids: Vec<_> = (0..4).map(|_| sampler.next(&[3.0, 2.0]).unwrap()).collect();
    assert_eq!(ids, [0, 1, 0, 0], "once both were seen the larger logit wins again");
    let settings = Settings { repetition_penalty: 2.0, ..Settings::GREEDY };
    let mut sampler = Sampler::new(settings, 3, &[0]).unwrap();
    assert_eq!(sampler.next(&[3.0, 2.0, -9.0]).unwrap(), 1);
    let mut sampler = Sampler::new(settings, 2, &[0]).unwrap();
    assert_eq!(sampler.next(&[-1.0, -1.5]).unwrap(), 1, "negative logits move away from zero");
}

#[test]
fn one_seed_gives_one_output() {
    let logits: Vec<f32> = (0..1000).map(|i| ((i * 37) % 101) as f32 / 20.0).collect();
    let run = |seed| {
        let settings = Settings { temperature: 1.0, top_k: 20, top_p: 0.95, seed, ..Settings::GREEDY };
        let mut sampler = Sampler::new(settings, 1000, &[]).unwrap();
        (0..12).map(|_| sampler.next(&logits).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}

#[test]
fn senseless_settings_and_logits_are_refused() {
    let refused = |settings| matches!(Sampler::new(settings, 2, &[]), Err(TextError::BadSetting { .. }));
    assert!(refused(Settings { temperature: -1.0, ..PLAIN }));
    assert!(refused(Settings { temperature: f32::NAN, ..PLAIN }));
    assert!(refused(Settings { top_p: 0.0, ..PLAIN }));
    assert!(refused(Settings { min_p: 1.5, ..PLAIN }));
    assert!(refused(Settings { repetition_penalty: 0.0, ..PLAIN }));
    let mut sampler = Sampler::new(PLAIN, 2, &[]).unwrap();
    assert!(matches!(sampler.next(&[0.0, f32::NAN]), Err(TextError::BadLogit { index: 1, .. })));
    assert!(matches!(sampler.next(&[0.0]), Err(TextError::LogitCount { found: 1, expected: 2 })));
}

/// The plain way: sort everything, cut, and list what is left.
fn allowed_slowly(logits: &[f32], settings: &Settings) -> Vec<u32> {
    let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut all: Vec<(f64, u32)> = logits
        .iter()
        .enumerate()
        .map(|(id, l)| (libm::exp(f64::from(l - max) / f64::from(settings.temperature)), id as u32))
        .collect();
    all.sort_by(likelier);
    if settings.top_k > 0 {
        all.truncate(settings.top_k as usize);
    }
    let total: f64 = all.iter().map(|c| c.0).sum();
    let mut reached = 0.0;
    let mut kept = Vec::new();
    for (weight, id) in all {
        if settings.top_p < 1.0 && reached >= total * f64::from(settings.top_p) {
            break;
        }
        reached += weight;
        if weight >= f64::from(settings.min_p) {
            kept.push(id);
        }
    }
    kept
}

proptest! {
    #[test]
    fn only_allowed_tokens_are_drawn(
        logits in prop::collection::vec(-30_i32..30, 1..300),
        top_k in 0_u32..40,
        top_p in 1_u32..=10,
        min_p in 0_u32..3,
        seed in any::<u64>(),
    ) {
        // Whole numbers keep every comparison away from rounding.
        let logits: Vec<f32> = logits.into_iter().map(|l| l as f32 / 4.0).collect();
        let settings = Settings {
            temperature: 1.0,
            top_k,
            top_p: top_p as f32 / 10.0,
            min_p: min_p as f32 / 10.0,
            seed,
            ..Settings::GREEDY
        };
        let mut sampler = Sampler::new(settings, logits.len() as u32, &[]).unwrap();
        let mut allowed = allowed_slowly(&logits, &settings);
        // A sum that lands on the border may round either way: give the neighbours of the cut the benefit.
        if top_p < 10 {
            let wider = Settings { top_p: (settings.top_p + 1e-5).min(1.0), ..settings };
            allowed.extend(allowed_slowly(&logits, &wider));
        }
        for _ in 0..20 {
            let id = sampler.next(&logits).unwrap();
            prop_assert!(allowed.contains(&id), "{id} not in {allowed:?}");
        }
    }
}
