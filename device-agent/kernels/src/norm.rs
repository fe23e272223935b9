//! Root-mean-square norms, residual sums and gates, over rows. Widths are whole registers.

use crate::processor::Processor;
use crate::team::Parts;
use crate::vector::{Isa, Kernel, LANES, launch, sigmoid, silu};

/// Values for which another thread is worth its start.
const SHARED_FROM: usize = 32 << 10;

/// Calls `job` for runs of rows of `width` values, on several threads where that pays.
fn by_rows(processor: &Processor, rows: usize, width: usize, job: &(dyn Fn(std::ops::Range<usize>) + Sync)) {
    let grain = (SHARED_FROM / 4 / width).max(1);
    if rows * width < SHARED_FROM { job(0..rows) } else { processor.team().share(rows, grain, job) }
}

/// `out = x / sqrt(mean(x²) + eps) * scale` for every row of `scale.len()` values.
pub fn rms_norm(processor: &Processor, x: &[f32], scale: &[f32], eps: f32, out: &mut [f32]) {
    let width = scale.len();
    assert!(
        x.len() == out.len() && width.is_multiple_of(LANES) && x.len().is_multiple_of(width),
        "whole rows"
    );
    let out = Parts::of(out);
    by_rows(processor, x.len() / width, width, &|rows| {
        let range = rows.start * width..rows.end * width;
        // SAFETY: every row is handed out once.
        let out = unsafe { out.part(range.clone()) };
        launch(processor.machine(), Rms { x: &x[range], scale, eps, out });
    });
}

struct Rms<'a> {
    x: &'a [f32],
    scale: &'a [f32],
    eps: f32,
    out: &'a mut [f32],
}

impl Kernel for Rms<'_> {
    type Out = ();
    #[inline(always)]
    unsafe fn run<I: Isa>(self) {
        let width = self.scale.len();
        for (x, out) in self.x.chunks_exact(width).zip(self.out.chunks_exact_mut(width)) {
            rms::<I>(x.as_ptr(), self.scale.as_ptr(), width, self.eps, 1.0, out.as_mut_ptr());
        }
    }
}

/// One row, with a further factor.
#[inline(always)]
pub(crate) unsafe fn rms<I: Isa>(
    x: *const f32,
    scale: *const f32,
    width: usize,
    eps: f32,
    factor: f32,
    out: *mut f32,
) {
    let inverse = I::splat(factor / (square_sum::<I>(x, width) / width as f32 + eps).sqrt());
    for at in (0..width).step_by(LANES) {
        let normed = I::mul(I::load(x.add(at)), inverse);
        I::store(out.add(at), I::mul(normed, I::load(scale.add(at))));
    }
}

#[inline(always)]
pub(crate) unsafe fn square_sum<I: Isa>(x: *const f32, width: usize) -> f32 {
    let mut sums = [I::splat(0.0); 2];
    for at in (0..width).step_by(LANES) {
        let x = I::load(x.add(at));
        let sum = &mut sums[at / LANES % 2];
        *sum = I::fma(x, x, *sum);
    }
    I::sum(I::add(sums[0], sums[1]))
}

/// `x += y`
pub fn add(processor: &Processor, x: &mut [f32], y: &[f32]) {
    elementwise(processor, x, y, Operation::Add);
}

/// `x = silu(x) * y`: what the gate of an MLP does to what comes up beside it.
pub fn silu_times(processor: &Processor, x: &mut [f32], y: &[f32]) {
    elementwise(processor, x, y, Operation::SiluTimes);
}

#[derive(Clone, Copy)]
enum Operation {
    Add,
    SiluTimes,
}

fn elementwise(processor: &Processor, x: &mut [f32], y: &[f32], operation: Operation) {
    let len = x.len();
    assert!(len == y.len() && len.is_multiple_of(LANES), "two of one length");
    let x = Parts::of(x);
    by_rows(processor, len / LANES, LANES, &|vectors| {
        let range = vectors.start * LANES..vectors.end * LANES;
        // SAFETY: every vector is handed out once.
        let x = unsafe { x.part(range.clone()) };
        launch(processor.machine(), Elementwise { x, y: &y[range], operation });
    });
}

struct Elementwise<'a> {
    x: &'a mut [f32],
    y: &'a [f32],
    operation: Operation,
}

impl Kernel for Elementwise<'_> {
    type Out = ();
    #[inline(always)]
    unsafe fn run<I: Isa>(self) {
        for at in (0..self.x.len()).step_by(LANES) {
            let place = self.x.as_mut_ptr().add(at);
            let (x, y) = (I::load(place), I::load(self.y.as_ptr().add(at)));
            let value = match self.operation {
                Operation::Add => I::add(x, y),
                Operation::SiluTimes => I::mul(silu::<I>(x), y),
            };
            I::store(place, value);
        }
    }
}

/// `x *= sigmoid(y)` over `width` values.
#[inline(always)]
pub(crate) unsafe fn times_sigmoid<I: Isa>(x: *mut f32, y: *const f32, width: usize) {
    for at in (0..width).step_by(LANES) {
        I::store(x.add(at), I::mul(I::load(x.add(at)), sigmoid::<I>(I::load(y.add(at)))));
    }
}
