//! The reference: sixteen lanes as arrays, one obvious line for each operation.

use super::{Isa, LANES};

#[derive(Clone, Copy)]
pub(crate) struct Plain;

type F = [f32; LANES];
type I = [i32; LANES];

#[inline(always)]
fn lanes<T: Copy + Default>(f: impl Fn(usize) -> T) -> [T; LANES] {
    std::array::from_fn(f)
}

/// Half precision to single.
#[inline(always)]
pub(crate) fn from_f16(bits: u16) -> f32 {
    // The exponent is moved into place and corrected by a product, which also makes subnormals right.
    let magnitude = f32::from_bits(u32::from(bits & 0x7fff) << 13) * f32::from_bits(0x7780_0000);
    let special = if bits & 0x7c00 == 0x7c00 {
        f32::from_bits(0x7f80_0000 | u32::from(bits & 0x3ff) << 13)
    } else {
        magnitude
    };
    f32::from_bits(special.to_bits() | u32::from(bits & 0x8000) << 16)
}

/// Single precision to half, to the nearest, ties to even.
#[inline(always)]
pub(crate) fn to_f16(x: f32) -> u16 {
    let sign = (x.to_bits() >> 16 & 0x8000) as u16;
    let magnitude = x.to_bits() & 0x7fff_ffff;
    if magnitude > 0x7f80_0000 {
        return sign | 0x7e00;
    }
    if magnitude >= 0x477f_f000 {
        return sign | 0x7c00;
    }
    if magnitude < 0x3880_0000 {
        // Below the smallest normal half: adding a number of the right size rounds by itself.
        let rounded = (f32::from_bits(magnitude) + 0.5).to_bits() - 0.5f32.to_bits();
        return sign | rounded as u16;
    }
    let odd = magnitude >> 13 & 1;
    sign | ((magnitude + 0xfff + odd - 0x3800_0000) >> 13) as u16
}

impl Isa for Plain {
    const WIDE_OFFSET: i32 = 0;
    const MANY_REGISTERS: bool = false;
    type F = F;
    type I = I;
    type B = [u8; 64];

    #[inline(always)]
    unsafe fn splat(x: f32) -> F {
        [x; LANES]
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> F {
        from.cast::<F>().read_unaligned()
    }
    #[inline(always)]
    unsafe fn store(to: *mut f32, x: F) {
        to.cast::<F>().write_unaligned(x);
    }
    #[inline(always)]
    unsafe fn load_bf16(from: *const u16) -> F {
        lanes(|i| f32::from_bits(u32::from(from.add(i).read_unaligned()) << 16))
    }
    #[inline(always)]
    unsafe fn load_pairs(from: *const u16) -> (F, F) {
        let at = |i: usize| f32::from_bits(u32::from(from.add(i).read_unaligned()) << 16);
        (lanes(|i| at(2 * i)), lanes(|i| at(2 * i + 1)))
    }
    #[inline(always)]
    unsafe fn store_pairs(to: *mut u16, firsts: F, seconds: F) {
        for i in 0..LANES {
            to.add(2 * i).write_unaligned(crate::input::to_bf16(firsts[i]));
            to.add(2 * i + 1).write_unaligned(crate::input::to_bf16(seconds[i]));
        }
    }
    #[inline(always)]
    unsafe fn load_f16(from: *const u16) -> F {
        lanes(|i| from_f16(from.add(i).read_unaligned()))
    }
    #[inline(always)]
    unsafe fn load_u8(from: *const u8) -> F {
        lanes(|i| f32::from(*from.add(i)))
    }
    #[inline(always)]
    unsafe fn load_i8(from: *const u8) -> F {
        lanes(|i| f32::from(*from.add(i) as i8))
    }
    #[inline(always)]
    unsafe fn add(a: F, b: F) -> F {
        lanes(|i| a[i] + b[i])
    }
    #[inline(always)]
    unsafe fn sub(a: F, b: F) -> F {
        lanes(|i| a[i] - b[i])
    }
    #[inline(always)]
    unsafe fn mul(a: F, b: F) -> F {
        lanes(|i| a[i] * b[i])
    }
    #[inline(always)]
    unsafe fn div(a: F, b: F) -> F {
        lanes(|i| a[i] / b[i])
    }
    #[inline(always)]
    unsafe fn max(a: F, b: F) -> F {
        lanes(|i| if a[i] > b[i] { a[i] } else { b[i] })
    }
    #[inline(always)]
    unsafe fn min(a: F, b: F) -> F {
        lanes(|i| if a[i] < b[i] { a[i] } else { b[i] })
    }
    #[inline(always)]
    unsafe fn fma(a: F, b: F, c: F) -> F {
        // Two roundings: without the instruction a fused one is a slow library call.
        lanes(|i| a[i] * b[i] + c[i])
    }
    #[inline(always)]
    unsafe fn sum(x: F) -> f32 {
        let mut half = LANES / 2;
        let mut x = x;
        while half > 0 {
            for i in 0..half {
                x[i] += x[i + half];
            }
            half /= 2;
        }
        x[0]
    }
    #[inline(always)]
    unsafe fn whole(x: i32) -> I {
        [x; LANES]
    }
    #[inline(always)]
    unsafe fn add_whole(a: I, b: I) -> I {
        lanes(|i| a[i] + b[i])
    }
    #[inline(always)]
    unsafe fn to_float(x: I) -> F {
        lanes(|i| x[i] as f32)
    }
    #[inline(always)]
    unsafe fn to_whole(x: F) -> I {
        lanes(|i| x[i].round_ties_even() as i32)
    }
    #[inline(always)]
    unsafe fn power_of_two(x: I) -> F {
        lanes(|i| f32::from_bits(((x[i] + 127) as u32) << 23))
    }
    #[inline(always)]
    unsafe fn store_bytes(to: *mut i8, x: I) {
        to.cast::<[i8; LANES]>().write_unaligned(lanes(|i| x[i] as i8));
    }
    #[inline(always)]
    unsafe fn bytes(from: *const u8) -> [u8; 64] {
        from.cast::<[u8; 64]>().read_unaligned()
    }
    #[inline(always)]
    unsafe fn four(from: *const i8) -> [u8; 64] {
        std::array::from_fn(|i| *from.add(i % 4) as u8)
    }
    #[inline(always)]
    unsafe fn or(a: [u8; 64], b: [u8; 64]) -> [u8; 64] {
        std::array::from_fn(|i| a[i] | b[i])
    }
    #[inline(always)]
    unsafe fn bits<const RIGHT: u32, const LEFT: u32>(x: [u8; 64], mask: u8) -> [u8; 64] {
        x.map(|byte| (byte >> RIGHT & mask) << LEFT)
    }
    #[inline(always)]
    unsafe fn byte<const J: u32>(x: [u8; 64]) -> F {
        lanes(|i| f32::from(x[4 * i + J as usize]))
    }
    #[inline(always)]
    unsafe fn dot(sum: I, codes: [u8; 64], activations: [u8; 64]) -> I {
        lanes(|i| {
            let four = (4 * i..4 * i + 4).map(|at| i32::from(codes[at]) * i32::from(activations[at] as i8));
            sum[i] + four.sum::<i32>()
        })
    }
    #[inline(always)]
    unsafe fn dot_wide(sum: I, codes: [u8; 64], activations: [u8; 64]) -> I {
        Self::dot(sum, codes, activations)
    }
}
