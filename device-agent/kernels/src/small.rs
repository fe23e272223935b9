//! Small products of floats whose operands lie in the cache: the inner matrices of attention and of the delta
//! rule. `C (+)= A B`, with sixteen columns of `B` and `C` side by side.

use crate::vector::{Isa, LANES};

/// What a cell of `B` is stored as.
pub(crate) trait Cell: Copy + Send + Sync + 'static {
    unsafe fn load<I: Isa>(from: *const Self) -> I::F;
    fn of(x: f32) -> Self;
}

impl Cell for f32 {
    #[inline(always)]
    unsafe fn load<I: Isa>(from: *const f32) -> I::F {
        I::load(from)
    }
    #[inline(always)]
    fn of(x: f32) -> f32 {
        x
    }
}

/// Half precision.
impl Cell for u16 {
    #[inline(always)]
    unsafe fn load<I: Isa>(from: *const u16) -> I::F {
        I::load_f16(from)
    }
    #[inline(always)]
    fn of(x: f32) -> u16 {
        crate::vector::to_f16(x)
    }
}

/// A left operand: element `(i, k)` at `start + i * row + k`.
#[derive(Clone, Copy)]
pub(crate) struct Left {
    pub(crate) start: *const f32,
    pub(crate) row: usize,
}

/// A right operand: the sixteen columns from `16 j` on of row `k` at `start + k * row + j * panel`.
#[derive(Clone, Copy)]
pub(crate) struct Right<T> {
    pub(crate) start: *const T,
    pub(crate) row: usize,
    pub(crate) panel: usize,
}

/// The result: element `(i, j)` at `start + i * row + j`.
#[derive(Clone, Copy)]
pub(crate) struct Out {
    pub(crate) start: *mut f32,
    pub(crate) row: usize,
}

/// `rows` by `panels * 16`, over `depth`. With `add`, to what is there.
#[inline(always)]
pub(crate) unsafe fn multiply<I: Isa, T: Cell>(
    (rows, panels, depth): (usize, usize, usize),
    a: Left,
    b: Right<T>,
    c: Out,
    add: bool,
) {
    let mut panel = 0;
    while panel < panels {
        let b = Right { start: b.start.add(panel * b.panel), ..b };
        let c = Out { start: c.start.add(panel * LANES), ..c };
        let left = panels - panel;
        panel += if left >= 4 && I::MANY_REGISTERS {
            column::<I, T, 6, 4>(rows, depth, a, b, c, add);
            4
        } else if left >= 2 {
            column::<I, T, 2, 2>(rows, depth, a, b, c, add);
            2
        } else {
            column::<I, T, 4, 1>(rows, depth, a, b, c, add);
            1
        };
    }
}

#[inline(always)]
unsafe fn column<I: Isa, T: Cell, const ROWS: usize, const PANELS: usize>(
    rows: usize,
    depth: usize,
    a: Left,
    b: Right<T>,
    c: Out,
    add: bool,
) {
    let mut row = 0;
    while row < rows {
        let a = Left { start: a.start.add(row * a.row), ..a };
        let c = Out { start: c.start.add(row * c.row), ..c };
        row += if rows - row >= ROWS {
            block::<I, T, ROWS, PANELS>(depth, a, b, c, add);
            ROWS
        } else {
            block::<I, T, 1, PANELS>(depth, a, b, c, add);
            1
        };
    }
}

#[inline(always)]
unsafe fn block<I: Isa, T: Cell, const ROWS: usize, const PANELS: usize>(
    depth: usize,
    a: Left,
    b: Right<T>,
    c: Out,
    add: bool,
) {
    let mut sums = [[I::splat(0.0); PANELS]; ROWS];
    if add {
        for (i, sums) in sums.iter_mut().enumerate() {
            for (j, sum) in sums.iter_mut().enumerate() {
                *sum = I::load(c.start.add(i * c.row + j * LANES));
            }
        }
    }
    for k in 0..depth {
        let mut w = [I::splat(0.0); PANELS];
        for (j, w) in w.iter_mut().enumerate() {
            *w = T::load::<I>(b.start.add(k * b.row + j * b.panel));
        }
        for (i, sums) in sums.iter_mut().enumerate() {
            let x = I::splat(*a.start.add(i * a.row + k));
            for (sum, w) in sums.iter_mut().zip(w) {
                *sum = I::fma(x, w, *sum);
            }
        }
    }
    for (i, sums) in sums.into_iter().enumerate() {
        for (j, sum) in sums.into_iter().enumerate() {
            I::store(c.start.add(i * c.row + j * LANES), sum);
        }
    }
}
