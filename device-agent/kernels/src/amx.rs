//! The matrix unit of newer Intel processors: registers of sixteen rows of 64 bytes, and one instruction that
//! multiplies two of them. Compilers know it only as text, so its instructions are written out here.

use std::arch::asm;
use std::arch::x86_64::{__cpuid, __cpuid_count};
use std::sync::OnceLock;

use crate::product::Pair;
use crate::vector::LANES;

/// Whether processor and system let us use it. The system is asked once, for the whole process.
pub(crate) fn is_here() -> bool {
    static HERE: OnceLock<bool> = OnceLock::new();
    *HERE.get_or_init(|| processor_has_it() && system_permits_it())
}

fn processor_has_it() -> bool {
    const TILES: u32 = 1 << 24;
    const BF16: u32 = 1 << 22;
    if __cpuid(0).eax < 7 {
        return false;
    }
    let found = __cpuid_count(7, 0).edx;
    found & (TILES | BF16) == TILES | BF16
}

#[cfg(target_os = "linux")]
fn system_permits_it() -> bool {
    const ARCH_PRCTL: usize = 158;
    const REQUEST_PERMISSION: usize = 0x1023;
    const TILE_DATA: usize = 18;
    let result: isize;
    // SAFETY: the call asks for room for more registers in this process and touches no memory of ours.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") ARCH_PRCTL as isize => result,
            in("rdi") REQUEST_PERMISSION,
            in("rsi") TILE_DATA,
            out("rcx") _,
            out("r11") _,
            options(nostack),
        );
    }
    result == 0
}

#[cfg(not(target_os = "linux"))]
fn system_permits_it() -> bool {
    false
}

/// All eight registers as sixteen rows of 64 bytes.
#[repr(C, align(64))]
struct Shape([u8; 64]);

static SHAPE: Shape = {
    let mut bytes = [0u8; 64];
    bytes[0] = 1;
    let mut at = 0;
    while at < 8 {
        bytes[16 + 2 * at] = 64;
        bytes[48 + at] = 16;
        at += 1;
    }
    Shape(bytes)
};

/// Sixteen rows by sixteen columns.
type Sums = [[f32; LANES]; LANES];

/// As [`crate::bf16::multiply`], which has checked the lengths.
pub(crate) fn multiply(pair: Pair<'_>, mut put: impl FnMut(usize, usize, &[f32; LANES])) {
    // SAFETY: the unit is here, or no machine would say so.
    unsafe { asm!("ldtilecfg [{}]", in(reg) &raw const SHAPE, options(nostack, readonly)) };
    let mut sums = [[[[0f32; LANES]; LANES]; 2]; 2];
    for first in (0..pair.rows).step_by(2 * LANES) {
        let blocks = (pair.rows - first).div_ceil(LANES).min(2);
        // SAFETY: as above; all blocks and tiles that are named exist.
        unsafe { block(pair, first, blocks, &mut sums) };
        for row in first..(first + blocks * LANES).min(pair.rows) {
            let at = row - first;
            for tile in 0..pair.tiles {
                put(row, tile, &sums[at / LANES][tile][at % LANES]);
            }
        }
    }
    // SAFETY: as above.
    unsafe { asm!("tilerelease", options(nostack, nomem)) };
}

/// Up to two blocks of rows times up to two tiles: four sums in registers, so that each load serves two
/// products. What is missing is computed twice and not used.
unsafe fn block(pair: Pair<'_>, first: usize, blocks: usize, sums: &mut [[Sums; 2]; 2]) {
    let a0 = pair.activations.as_ptr().add(first * pair.cols);
    let a1 = if blocks == 2 { a0.add(LANES * pair.cols) } else { a0 };
    let b0 = pair.weights[0].as_ptr();
    let b1 = if pair.tiles == 2 { pair.weights[1].as_ptr() } else { b0 };
    asm!(
        "tilezero tmm0",
        "tilezero tmm1",
        "tilezero tmm2",
        "tilezero tmm3",
        "2:",
        "tileloadd tmm4, [{a0} + {row} * 1]",
        "tileloadd tmm6, [{b0} + {line} * 1]",
        "tileloadd tmm5, [{a1} + {row} * 1]",
        "tileloadd tmm7, [{b1} + {line} * 1]",
        "tdpbf16ps tmm0, tmm4, tmm6",
        "tdpbf16ps tmm1, tmm4, tmm7",
        "tdpbf16ps tmm2, tmm5, tmm6",
        "tdpbf16ps tmm3, tmm5, tmm7",
        "add {a0}, 64",
        "add {a1}, 64",
        "add {b0}, 1024",
        "add {b1}, 1024",
        "dec {left}",
        "jnz 2b",
        "tilestored [{out} + {line} * 1], tmm0",
        "tilestored [{out} + {line} * 1 + 1024], tmm1",
        "tilestored [{out} + {line} * 1 + 2048], tmm2",
        "tilestored [{out} + {line} * 1 + 3072], tmm3",
        a0 = inout(reg) a0 => _,
        a1 = inout(reg) a1 => _,
        b0 = inout(reg) b0 => _,
        b1 = inout(reg) b1 => _,
        left = inout(reg) pair.cols / 32 => _,
        row = in(reg) 2 * pair.cols,
        line = in(reg) 64usize,
        out = in(reg) sums.as_mut_ptr(),
        out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
        out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
        options(nostack),
    );
}
