//! Sixteen lanes, whatever the machine's registers are: the one vocabulary in which kernels are written. Each
//! kernel is written once over [`Isa`] and compiled for every instruction set; the plain one is the reference.
//!
//! Every operation is unsafe for the same two reasons: it may be called only on a machine that has the
//! instructions, which [`launch`] checks, and pointers must have the sixteen values (or bytes) that are named.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod plain;

use crate::machine::{Level, Machine};
pub(crate) use plain::{from_f16, to_f16};

pub(crate) const LANES: usize = 16;

/// One instruction set.
pub(crate) trait Isa: Copy {
    /// What [`Isa::dot_wide`] takes off every code, because its instructions want signed bytes.
    const WIDE_OFFSET: i32;
    /// Rows of activations that a product keeps in registers, for tiles taken two at a time.
    const MANY_REGISTERS: bool;
    /// Sixteen floats.
    type F: Copy;
    /// Sixteen 32-bit integers.
    type I: Copy;
    /// Sixty-four bytes: four for every lane.
    type B: Copy;

    unsafe fn splat(x: f32) -> Self::F;
    unsafe fn load(from: *const f32) -> Self::F;
    unsafe fn store(to: *mut f32, x: Self::F);
    unsafe fn load_bf16(from: *const u16) -> Self::F;
    /// Sixteen pairs of bf16, all firsts and all seconds.
    unsafe fn load_pairs(from: *const u16) -> (Self::F, Self::F);
    /// Writes pairs of bf16, rounded to the nearest, ties to even.
    unsafe fn store_pairs(to: *mut u16, firsts: Self::F, seconds: Self::F);
    unsafe fn load_f16(from: *const u16) -> Self::F;
    unsafe fn load_u8(from: *const u8) -> Self::F;
    unsafe fn load_i8(from: *const u8) -> Self::F;
    unsafe fn add(a: Self::F, b: Self::F) -> Self::F;
    unsafe fn sub(a: Self::F, b: Self::F) -> Self::F;
    unsafe fn mul(a: Self::F, b: Self::F) -> Self::F;
    unsafe fn div(a: Self::F, b: Self::F) -> Self::F;
    unsafe fn max(a: Self::F, b: Self::F) -> Self::F;
    unsafe fn min(a: Self::F, b: Self::F) -> Self::F;
    /// `a * b + c`
    unsafe fn fma(a: Self::F, b: Self::F, c: Self::F) -> Self::F;
    unsafe fn sum(x: Self::F) -> f32;

    unsafe fn whole(x: i32) -> Self::I;
    unsafe fn add_whole(a: Self::I, b: Self::I) -> Self::I;
    unsafe fn to_float(x: Self::I) -> Self::F;
    /// To the nearest whole number, ties to even.
    unsafe fn to_whole(x: Self::F) -> Self::I;
    /// `2^x` for `x` in `-126..=127`.
    unsafe fn power_of_two(x: Self::I) -> Self::F;
    /// The low byte of each lane.
    unsafe fn store_bytes(to: *mut i8, x: Self::I);

    unsafe fn bytes(from: *const u8) -> Self::B;
    /// Four bytes, the same for every lane.
    unsafe fn four(from: *const i8) -> Self::B;
    unsafe fn or(a: Self::B, b: Self::B) -> Self::B;
    /// `(x >> RIGHT & mask) << LEFT` in every byte.
    unsafe fn bits<const RIGHT: u32, const LEFT: u32>(x: Self::B, mask: u8) -> Self::B;
    /// Byte `J` of every lane.
    unsafe fn byte<const J: u32>(x: Self::B) -> Self::F;
    /// Adds, in each lane, the four products of unsigned codes below 64 and signed activations.
    unsafe fn dot(sum: Self::I, codes: Self::B, activations: Self::B) -> Self::I;
    /// As [`Isa::dot`] for codes of eight bits, each less [`Isa::WIDE_OFFSET`].
    unsafe fn dot_wide(sum: Self::I, codes: Self::B, activations: Self::B) -> Self::I;
}

/// Work that is written over an instruction set.
pub(crate) trait Kernel {
    type Out;
    unsafe fn run<I: Isa>(self) -> Self::Out;
}

/// Runs `kernel` compiled for the machine's level.
#[inline]
pub(crate) fn launch<K: Kernel>(machine: Machine, kernel: K) -> K::Out {
    // SAFETY: a `Machine` of a level exists only where the processor was asked and has its instructions.
    unsafe {
        match machine.level() {
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => on_avx512(kernel),
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => on_avx2(kernel),
            _ => kernel.run::<plain::Plain>(),
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c,bmi2")]
unsafe fn on_avx512<K: Kernel>(kernel: K) -> K::Out {
    kernel.run::<avx512::Avx512>()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,f16c,bmi2")]
unsafe fn on_avx2<K: Kernel>(kernel: K) -> K::Out {
    kernel.run::<avx2::Avx2>()
}

/// `e^x`, within two units in the last place where the result is a normal number; zero far below.
#[inline(always)]
pub(crate) unsafe fn exp<I: Isa>(x: I::F) -> I::F {
    // e^x = 2^n e^r with |r| <= ln 2 / 2, and a polynomial for e^r (Cephes' `expf`).
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    const TERMS: [f32; 6] = [1.987_569_1e-4, 1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 0.166_666_65, 0.5];
    let x = I::max(I::min(x, I::splat(88.0)), I::splat(-87.0));
    let n = I::to_whole(I::mul(x, I::splat(std::f32::consts::LOG2_E)));
    let whole = I::to_float(n);
    let r = I::fma(whole, I::splat(-LN2_HIGH), x);
    let r = I::fma(whole, I::splat(-LN2_LOW), r);
    let mut y = I::splat(TERMS[0]);
    for term in &TERMS[1..] {
        y = I::fma(y, r, I::splat(*term));
    }
    let y = I::fma(I::mul(r, r), y, I::add(r, I::splat(1.0)));
    I::mul(y, I::power_of_two(n))
}

/// `1 / (1 + e^-x)`
#[inline(always)]
pub(crate) unsafe fn sigmoid<I: Isa>(x: I::F) -> I::F {
    let one = I::splat(1.0);
    I::div(one, I::add(one, exp::<I>(I::sub(I::splat(0.0), x))))
}

/// `x * sigmoid(x)`
#[inline(always)]
pub(crate) unsafe fn silu<I: Isa>(x: I::F) -> I::F {
    I::mul(x, sigmoid::<I>(x))
}

#[cfg(test)]
mod tests;
