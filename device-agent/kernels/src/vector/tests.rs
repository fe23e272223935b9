//! Every instruction set against the plain one, lane by lane.

#![expect(
    clippy::float_cmp,
    reason = "operations round alike, so values are equal; zeroes may differ in sign"
)]

use super::*;
use crate::machine::Machine;

const INPUTS: [f32; LANES] =
    [0.0, -0.0, 1.0, -1.5, 3.25e-3, -87.0, 42.5, 65504.0, 1e-7, -6e-5, 0.5, 2.5, -3.5, 127.0, -127.0, 1e4];

struct All {
    bytes: [u8; 64],
    halves: [u16; 32],
}

/// What every operation gives, as floats.
impl Kernel for &All {
    type Out = Vec<f32>;
    #[inline(always)]
    unsafe fn run<I: Isa>(self) -> Vec<f32> {
        let mut out = Vec::new();
        let mut keep = |x: I::F| {
            let mut lanes = [0f32; LANES];
            I::store(lanes.as_mut_ptr(), x);
            out.extend(lanes);
        };
        let x = I::load(INPUTS.as_ptr());
        let y = I::splat(-2.75);
        for value in [I::add(x, y), I::sub(x, y), I::mul(x, y), I::div(x, y), I::max(x, y), I::min(x, y)] {
            keep(value);
        }
        keep(I::to_float(I::to_whole(I::min(x, I::splat(1e6)))));
        keep(I::power_of_two(I::whole(-100)));
        keep(I::load_bf16(self.halves.as_ptr()));
        let (firsts, seconds) = I::load_pairs(self.halves.as_ptr());
        keep(firsts);
        keep(seconds);
        let mut halves = [0u16; 32];
        I::store_pairs(halves.as_mut_ptr(), x, y);
        keep(I::load_bf16(halves.as_ptr()));
        let halves = INPUTS.map(to_f16);
        keep(I::load_f16(halves.as_ptr()));
        keep(I::load_u8(self.bytes.as_ptr()));
        keep(I::load_i8(self.bytes.as_ptr()));
        let bytes = I::bytes(self.bytes.as_ptr());
        keep(I::byte::<0>(bytes));
        keep(I::byte::<3>(I::or(I::bits::<2, 0>(bytes, 7), I::bits::<0, 4>(bytes, 3))));
        let four = [100i8, -127, 3, 127];
        let activations = I::four(four.as_ptr());
        keep(I::to_float(I::dot(I::whole(-5), I::bits::<0, 0>(bytes, 63), activations)));
        let offset = I::whole(I::WIDE_OFFSET * four.iter().map(|x| i32::from(*x)).sum::<i32>());
        keep(I::to_float(I::dot_wide(offset, bytes, activations)));
        let mut narrow = [0i8; LANES];
        I::store_bytes(
            narrow.as_mut_ptr(),
            I::to_whole(I::min(I::max(x, I::splat(-127.0)), I::splat(127.0))),
        );
        keep(I::load_i8(narrow.as_ptr().cast()));
        out
    }
}

fn all() -> All {
    let halves = std::array::from_fn(|i| crate::input::to_bf16(INPUTS[i % LANES] * (i as f32 + 0.3)));
    All { bytes: std::array::from_fn(|i| (i * 37 + 11) as u8), halves }
}

#[test]
fn every_instruction_set_computes_the_same() {
    let all = all();
    let plain = launch(Machine::PLAIN, &all);
    for machine in Machine::all() {
        let ours = launch(machine, &all);
        for (index, (ours, plain)) in ours.iter().zip(&plain).enumerate() {
            assert!(
                ours.to_bits() == plain.to_bits() || ours == plain,
                "{machine}, value {index}: {ours} and {plain}"
            );
        }
    }
}

struct Curves;

impl Kernel for &Curves {
    type Out = Vec<[f32; 3]>;
    #[inline(always)]
    unsafe fn run<I: Isa>(self) -> Vec<[f32; 3]> {
        let mut out = Vec::new();
        for step in -2000..2000 {
            let x = step as f32 * 0.0431;
            let values = [exp::<I>(I::splat(x)), silu::<I>(I::splat(x)), I::splat(x)];
            let mut lanes = [[0f32; LANES]; 3];
            for (lanes, value) in lanes.iter_mut().zip(values) {
                I::store(lanes.as_mut_ptr(), value);
            }
            out.push([lanes[0][0], lanes[1][5], lanes[2][LANES - 1]]);
        }
        out
    }
}

#[test]
fn exponentials_are_right_to_the_last_places() {
    for machine in Machine::all() {
        for [exp, silu, x] in launch(machine, &Curves) {
            let wide = f64::from(x.clamp(-87.0, 88.0));
            let gap = (f64::from(exp) / wide.exp() - 1.0).abs();
            assert!(gap < 3e-7, "{machine}: e^{x} is off by {gap}");
            let right = f64::from(x) / (1.0 + (-f64::from(x)).exp());
            assert!(
                (f64::from(silu) - right).abs() <= 4e-7 * right.abs().max(1e-3),
                "{machine}: silu of {x}"
            );
        }
    }
}

#[test]
fn halves_survive_a_round_trip_through_floats() {
    for bits in 0..=u16::MAX {
        let x = from_f16(bits);
        if x.is_nan() {
            continue;
        }
        assert_eq!(to_f16(x), bits, "{x}");
    }
    assert_eq!(to_f16(1e9), 0x7c00);
    assert_eq!(to_f16(1e-9), 0);
}
