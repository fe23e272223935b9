//! AVX2 with FMA and half-precision conversion: two registers for sixteen lanes.

use std::arch::x86_64::*;
use std::cmp::Ordering;

use super::Isa;

#[derive(Clone, Copy)]
pub(crate) struct Avx2;

type F = [__m256; 2];
type I = [__m256i; 2];

/// An expression for the low and the high half. A closure that is not inlined would be compiled without AVX2.
macro_rules! both {
    ($i:ident => $half:expr) => {
        [
            {
                let $i = 0;
                $half
            },
            {
                let $i = 1;
                $half
            },
        ]
    };
}

/// Rounded so that the high halves are bf16.
#[inline(always)]
unsafe fn round_to_bf16(x: __m256) -> __m256i {
    let bits = _mm256_castps_si256(x);
    let odd = _mm256_and_si256(_mm256_srli_epi32::<16>(bits), _mm256_set1_epi32(1));
    _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd)
}

impl Isa for Avx2 {
    const WIDE_OFFSET: i32 = 128;
    const MANY_REGISTERS: bool = false;
    type F = F;
    type I = I;
    type B = I;

    #[inline(always)]
    unsafe fn splat(x: f32) -> F {
        [_mm256_set1_ps(x); 2]
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> F {
        both!(i => _mm256_loadu_ps(from.add(8 * i)))
    }
    #[inline(always)]
    unsafe fn store(to: *mut f32, x: F) {
        _mm256_storeu_ps(to, x[0]);
        _mm256_storeu_ps(to.add(8), x[1]);
    }
    #[inline(always)]
    unsafe fn load_bf16(from: *const u16) -> F {
        both!(i => {
            let wide = _mm256_cvtepu16_epi32(_mm_loadu_si128(from.add(8 * i).cast()));
            _mm256_castsi256_ps(_mm256_slli_epi32::<16>(wide))
        })
    }
    #[inline(always)]
    unsafe fn load_pairs(from: *const u16) -> (F, F) {
        let pairs = both!(i => _mm256_loadu_si256(from.add(16 * i).cast()));
        let mask = _mm256_set1_epi32(0xffff_0000_u32 as i32);
        (
            both!(i => _mm256_castsi256_ps(_mm256_slli_epi32::<16>(pairs[i]))),
            both!(i => _mm256_castsi256_ps(_mm256_and_si256(pairs[i], mask))),
        )
    }
    #[inline(always)]
    unsafe fn store_pairs(to: *mut u16, firsts: F, seconds: F) {
        for i in 0..2 {
            let low = _mm256_srli_epi32::<16>(round_to_bf16(firsts[i]));
            let high = _mm256_and_si256(round_to_bf16(seconds[i]), _mm256_set1_epi32(0xffff_0000_u32 as i32));
            _mm256_storeu_si256(to.add(16 * i).cast(), _mm256_or_si256(low, high));
        }
    }
    #[inline(always)]
    unsafe fn load_f16(from: *const u16) -> F {
        both!(i => _mm256_cvtph_ps(_mm_loadu_si128(from.add(8 * i).cast())))
    }
    #[inline(always)]
    unsafe fn load_u8(from: *const u8) -> F {
        both!(i => _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(from.add(8 * i).cast()))))
    }
    #[inline(always)]
    unsafe fn load_i8(from: *const u8) -> F {
        both!(i => _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(from.add(8 * i).cast()))))
    }
    #[inline(always)]
    unsafe fn add(a: F, b: F) -> F {
        both!(i => _mm256_add_ps(a[i], b[i]))
    }
    #[inline(always)]
    unsafe fn sub(a: F, b: F) -> F {
        both!(i => _mm256_sub_ps(a[i], b[i]))
    }
    #[inline(always)]
    unsafe fn mul(a: F, b: F) -> F {
        both!(i => _mm256_mul_ps(a[i], b[i]))
    }
    #[inline(always)]
    unsafe fn div(a: F, b: F) -> F {
        both!(i => _mm256_div_ps(a[i], b[i]))
    }
    #[inline(always)]
    unsafe fn max(a: F, b: F) -> F {
        both!(i => _mm256_max_ps(a[i], b[i]))
    }
    #[inline(always)]
    unsafe fn min(a: F, b: F) -> F {
        both!(i => _mm256_min_ps(a[i], b[i]))
    }
    #[inline(always)]
    unsafe fn fma(a: F, b: F, c: F) -> F {
        both!(i => _mm256_fmadd_ps(a[i], b[i], c[i]))
    }
    #[inline(always)]
    unsafe fn sum(x: F) -> f32 {
        let eight = _mm256_add_ps(x[0], x[1]);
        let four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps::<1>(eight));
        let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
        _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps::<1>(two, two)))
    }
    #[inline(always)]
    unsafe fn whole(x: i32) -> I {
        [_mm256_set1_epi32(x); 2]
    }
    #[inline(always)]
    unsafe fn add_whole(a: I, b: I) -> I {
        both!(i => _mm256_add_epi32(a[i], b[i]))
    }
    #[inline(always)]
    unsafe fn to_float(x: I) -> F {
        both!(i => _mm256_cvtepi32_ps(x[i]))
    }
    #[inline(always)]
    unsafe fn to_whole(x: F) -> I {
        both!(i => _mm256_cvtps_epi32(x[i]))
    }
    #[inline(always)]
    unsafe fn power_of_two(x: I) -> F {
        let bias = _mm256_set1_epi32(127);
        both!(i => _mm256_castsi256_ps(_mm256_slli_epi32::<23>(_mm256_add_epi32(x[i], bias))))
    }
    #[inline(always)]
    unsafe fn store_bytes(to: *mut i8, x: I) {
        // Packing works within halves of a register, so the quarters come out interleaved and are sorted.
        let sixteen = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packs_epi32(x[0], x[1]));
        let low = _mm256_castsi256_si128(sixteen);
        _mm_storeu_si128(to.cast(), _mm_packs_epi16(low, _mm256_extracti128_si256::<1>(sixteen)));
    }
    #[inline(always)]
    unsafe fn bytes(from: *const u8) -> I {
        both!(i => _mm256_loadu_si256(from.add(32 * i).cast()))
    }
    #[inline(always)]
    unsafe fn four(from: *const i8) -> I {
        [_mm256_set1_epi32(from.cast::<i32>().read_unaligned()); 2]
    }
    #[inline(always)]
    unsafe fn or(a: I, b: I) -> I {
        both!(i => _mm256_or_si256(a[i], b[i]))
    }
    #[inline(always)]
    unsafe fn bits<const RIGHT: u32, const LEFT: u32>(x: I, mask: u8) -> I {
        let mask = _mm256_set1_epi8((mask << LEFT) as i8);
        both!(i => {
                   let moved = match RIGHT.cmp(&LEFT) {
        Ordering::Greater => _mm256_srl_epi16(x[i], _mm_cvtsi32_si128((RIGHT - LEFT) as i32)),
        Ordering::Less => _mm256_sll_epi16(x[i], _mm_cvtsi32_si128((LEFT - RIGHT) as i32)),
        Ordering::Equal => x[i],
        };
                   _mm256_and_si256(moved, mask)
               })
    }
    #[inline(always)]
    unsafe fn byte<const J: u32>(x: I) -> F {
        both!(i => {
            let moved = _mm256_srl_epi32(x[i], _mm_cvtsi32_si128(8 * J as i32));
            _mm256_cvtepi32_ps(_mm256_and_si256(moved, _mm256_set1_epi32(255)))
        })
    }
    #[inline(always)]
    unsafe fn dot(sum: I, codes: I, activations: I) -> I {
        // Codes below 64 times signed bytes: a pair stays below 2 * 63 * 128 and never saturates.
        let ones = _mm256_set1_epi16(1);
        both!(i => {
            let pairs = _mm256_maddubs_epi16(codes[i], activations[i]);
            _mm256_add_epi32(sum[i], _mm256_madd_epi16(pairs, ones))
        })
    }
    #[inline(always)]
    unsafe fn dot_wide(sum: I, codes: I, activations: I) -> I {
        // As signed bytes, the sign moved over to the activations: a pair stays within 2 * 128 * 127.
        let ones = _mm256_set1_epi16(1);
        both!(i => {
            let signed = _mm256_xor_si256(codes[i], _mm256_set1_epi8(-128));
            let pairs =
                _mm256_maddubs_epi16(_mm256_abs_epi8(signed), _mm256_sign_epi8(activations[i], signed));
            _mm256_add_epi32(sum[i], _mm256_madd_epi16(pairs, ones))
        })
    }
}
