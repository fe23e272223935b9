//! Courses whose truth is known.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Figure, Point, half_life, initial, onset, plateau, retained};

const START: f64 = 40.0;
const END: f64 = 20.0;
const ONSET_S: f64 = 45.0;
const HALF_LIFE_S: f64 = 60.0;

fn truth(at_s: f64) -> f64 {
    if at_s <= ONSET_S {
        return START;
    }
    END + (START - END) * (-(at_s - ONSET_S) / HALF_LIFE_S * std::f64::consts::LN_2).exp()
}

/// Normal noise, and now and then a pass that something else slowed.
fn noisy(random: &mut ChaCha8Rng, spread: f64) -> f64 {
    let (a, b): (f64, f64) = (random.random_range(1e-12..1.0), random.random_range(0.0..1.0));
    let normal = (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos();
    let tail = if random.random_range(0.0..1.0) < 0.02 { -2.0 * spread } else { 0.0 };
    1.0 + spread * normal + tail
}

fn work(seconds: f64, rate: impl Fn(f64) -> f64, mut noise: impl FnMut() -> f64) -> Vec<Point> {
    let mut points = Vec::new();
    let mut now_s = 0.0;
    while now_s < seconds {
        // A pass shows the mean of its time, which is nearly what the middle of it is.
        let rate = rate(now_s + 64.0 / rate(now_s)) * noise();
        let end_s = now_s + 128.0 / rate;
        points.push(Point { begin_s: now_s, end_s, rate });
        now_s = end_s + 0.1;
    }
    points
}

#[test]
fn intervals_of_a_noisy_course_cover_its_truth() {
    type Read = fn(&[Point]) -> Result<Figure, String>;
    let figures: [(&str, Read, f64); 4] = [
        ("plateau", plateau, END),
        ("onset", onset, ONSET_S),
        ("half-life", half_life, HALF_LIFE_S),
        ("retained", retained, END / START),
    ];
    let mut random = ChaCha8Rng::seed_from_u64(11);
    let courses: Vec<Vec<Point>> =
        (0..100).map(|_| work(900.0, truth, || noisy(&mut random, 0.02))).collect();
    for (name, read, expected) in figures {
        let found: Vec<Figure> = courses.iter().filter_map(|course| read(course).ok()).collect();
        assert!(found.len() > 92, "{name} is missing in {} of 100", 100 - found.len());
        let covered = found.iter().filter(|figure| {
            figure.interval.as_ref().is_ok_and(|(low, high)| (*low..=*high).contains(&expected))
        });
        let coverage = covered.count() as f64 / found.len() as f64;
        let mean = found.iter().map(|figure| figure.value).sum::<f64>() / found.len() as f64;
        assert!(coverage > 0.86, "{name} covers {coverage}");
        assert!((mean / expected - 1.0).abs() < 0.05, "{name} is {mean} on average, and {expected} is true");
    }
    let start = courses.iter().map(|course| initial(course).unwrap().value).sum::<f64>() / 100.0;
    assert!((start / START - 1.0).abs() < 0.01, "{start}");
}

#[test]
fn a_step_is_found_between_the_passes_that_it_lies_between() {
    let mut random = ChaCha8Rng::seed_from_u64(3);
    let rate = |at_s: f64| if at_s < 100.0 { 30.0 } else { 22.0 };
    let course = work(400.0, rate, || noisy(&mut random, 0.01));
    let figure = onset(&course).unwrap();
    let (low, high) = figure.interval.unwrap();
    assert!(low <= 104.0 && high >= 96.0 && high - low < 30.0, "{low} {high}");
}

#[test]
fn a_steady_course_has_no_fall_and_a_falling_one_no_plateau() {
    let mut random = ChaCha8Rng::seed_from_u64(4);
    let steady = work(300.0, |_| 30.0, || noisy(&mut random, 0.02));
    assert!(onset(&steady).unwrap_err().contains("keeps"));
    assert!(half_life(&steady).is_err());
    assert!(plateau(&steady).is_ok());
    let falling = work(300.0, |at_s| 40.0 - at_s / 20.0, || noisy(&mut random, 0.005));
    assert!(plateau(&falling).unwrap_err().contains("no plateau"));
    // An end that never came cannot bound how long the fall takes.
    assert!(half_life(&falling).unwrap().interval.is_err());
}

#[test]
fn nothing_is_read_off_nothing() {
    for few in [vec![], vec![Point { begin_s: 0.0, end_s: 1.0, rate: 5.0 }]] {
        for read in [initial, plateau, retained, onset, half_life] {
            if let Ok(figure) = read(&few) {
                assert!(figure.interval.is_err());
            }
        }
    }
}
