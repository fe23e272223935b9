//! AVX-512 with VNNI: one register for sixteen lanes.

use std::arch::x86_64::*;
use std::cmp::Ordering;

use super::Isa;

#[derive(Clone, Copy)]
pub(crate) struct Avx512;

/// Rounded so that the high halves are bf16.
#[inline(always)]
unsafe fn round_to_bf16(x: __m512) -> __m512i {
    let bits = _mm512_castps_si512(x);
    let odd = _mm512_and_si512(_mm512_srli_epi32::<16>(bits), _mm512_set1_epi32(1));
    _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), odd)
}

impl Isa for Avx512 {
    const WIDE_OFFSET: i32 = 0;
    const MANY_REGISTERS: bool = true;
    type F = __m512;
    type I = __m512i;
    type B = __m512i;

    #[inline(always)]
    unsafe fn splat(x: f32) -> __m512 {
        _mm512_set1_ps(x)
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> __m512 {
        _mm512_loadu_ps(from)
    }
    #[inline(always)]
    unsafe fn store(to: *mut f32, x: __m512) {
        _mm512_storeu_ps(to, x);
    }
    #[inline(always)]
    unsafe fn load_bf16(from: *const u16) -> __m512 {
        let half = _mm256_loadu_si256(from.cast());
        _mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(half)))
    }
    #[inline(always)]
    unsafe fn load_pairs(from: *const u16) -> (__m512, __m512) {
        let pairs = _mm512_loadu_si512(from.cast());
        let seconds = _mm512_and_si512(pairs, _mm512_set1_epi32(0xffff_0000_u32 as i32));
        (_mm512_castsi512_ps(_mm512_slli_epi32::<16>(pairs)), _mm512_castsi512_ps(seconds))
    }
    #[inline(always)]
    unsafe fn store_pairs(to: *mut u16, firsts: __m512, seconds: __m512) {
        let low = _mm512_srli_epi32::<16>(round_to_bf16(firsts));
        let high = _mm512_and_si512(round_to_bf16(seconds), _mm512_set1_epi32(0xffff_0000_u32 as i32));
        _mm512_storeu_si512(to.cast(), _mm512_or_si512(low, high));
    }
    #[inline(always)]
    unsafe fn load_f16(from: *const u16) -> __m512 {
        _mm512_cvtph_ps(_mm256_loadu_si256(from.cast()))
    }
    #[inline(always)]
    unsafe fn load_u8(from: *const u8) -> __m512 {
        _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(from.cast())))
    }
    #[inline(always)]
    unsafe fn load_i8(from: *const u8) -> __m512 {
        _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(from.cast())))
    }
    #[inline(always)]
    unsafe fn add(a: __m512, b: __m512) -> __m512 {
        _mm512_add_ps(a, b)
    }
    #[inline(always)]
    unsafe fn sub(a: __m512, b: __m512) -> __m512 {
        _mm512_sub_ps(a, b)
    }
    #[inline(always)]
    unsafe fn mul(a: __m512, b: __m512) -> __m512 {
        _mm512_mul_ps(a, b)
    }
    #[inline(always)]
    unsafe fn div(a: __m512, b: __m512) -> __m512 {
        _mm512_div_ps(a, b)
    }
    #[inline(always)]
    unsafe fn max(a: __m512, b: __m512) -> __m512 {
        _mm512_max_ps(a, b)
    }
    #[inline(always)]
    unsafe fn min(a: __m512, b: __m512) -> __m512 {
        _mm512_min_ps(a, b)
    }
    #[inline(always)]
    unsafe fn fma(a: __m512, b: __m512, c: __m512) -> __m512 {
        _mm512_fmadd_ps(a, b, c)
    }
    #[inline(always)]
    unsafe fn sum(x: __m512) -> f32 {
        _mm512_reduce_add_ps(x)
    }
    #[inline(always)]
    unsafe fn whole(x: i32) -> __m512i {
        _mm512_set1_epi32(x)
    }
    #[inline(always)]
    unsafe fn add_whole(a: __m512i, b: __m512i) -> __m512i {
        _mm512_add_epi32(a, b)
    }
    #[inline(always)]
    unsafe fn to_float(x: __m512i) -> __m512 {
        _mm512_cvtepi32_ps(x)
    }
    #[inline(always)]
    unsafe fn to_whole(x: __m512) -> __m512i {
        _mm512_cvtps_epi32(x)
    }
    #[inline(always)]
    unsafe fn power_of_two(x: __m512i) -> __m512 {
        _mm512_castsi512_ps(_mm512_slli_epi32::<23>(_mm512_add_epi32(x, _mm512_set1_epi32(127))))
    }
    #[inline(always)]
    unsafe fn store_bytes(to: *mut i8, x: __m512i) {
        _mm_storeu_si128(to.cast(), _mm512_cvtepi32_epi8(x));
    }
    #[inline(always)]
    unsafe fn bytes(from: *const u8) -> __m512i {
        _mm512_loadu_si512(from.cast())
    }
    #[inline(always)]
    unsafe fn four(from: *const i8) -> __m512i {
        _mm512_set1_epi32(from.cast::<i32>().read_unaligned())
    }
    #[inline(always)]
    unsafe fn or(a: __m512i, b: __m512i) -> __m512i {
        _mm512_or_si512(a, b)
    }
    #[inline(always)]
    unsafe fn bits<const RIGHT: u32, const LEFT: u32>(x: __m512i, mask: u8) -> __m512i {
        // One shift by the difference; bits that cross into a neighbour are masked off behind it.
        let mask = _mm512_set1_epi8((mask << LEFT) as i8);
        let moved = match RIGHT.cmp(&LEFT) {
            Ordering::Greater => _mm512_srl_epi16(x, _mm_cvtsi32_si128((RIGHT - LEFT) as i32)),
            Ordering::Less => _mm512_sll_epi16(x, _mm_cvtsi32_si128((LEFT - RIGHT) as i32)),
            Ordering::Equal => x,
        };
        _mm512_and_si512(moved, mask)
    }
    #[inline(always)]
    unsafe fn byte<const J: u32>(x: __m512i) -> __m512 {
        let moved = _mm512_srl_epi32(x, _mm_cvtsi32_si128(8 * J as i32));
        _mm512_cvtepi32_ps(_mm512_and_si512(moved, _mm512_set1_epi32(255)))
    }
    #[inline(always)]
    unsafe fn dot(sum: __m512i, codes: __m512i, activations: __m512i) -> __m512i {
        _mm512_dpbusd_epi32(sum, codes, activations)
    }
    #[inline(always)]
    unsafe fn dot_wide(sum: __m512i, codes: __m512i, activations: __m512i) -> __m512i {
        _mm512_dpbusd_epi32(sum, codes, activations)
    }
}
