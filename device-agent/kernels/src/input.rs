//! What is multiplied with weights: rows of floats, and the shorter forms of them that fast products read.
//! Each form is made once, when the first product asks for it.

use crate::pages::Pages;
use crate::processor::Processor;
use crate::team::Parts;
use crate::vector::{Isa, Kernel, LANES, launch};

/// Up to so many rows, products read weights as they are stored and activations as bytes.
pub(crate) const FEW: usize = 8;

/// Rows of activations with room for a number of them that is set once.
#[derive(Debug)]
pub struct Input {
    capacity: usize,
    cols: usize,
    rows: usize,
    values: Pages<f32>,
    bytes: Vec<Bytes>,
    brief: Pages<u16>,
    brief_is_made: bool,
}

/// The first rows as signed bytes with a scale for every `group` columns: `x ≈ scale * byte`, off by at most
/// half a scale, which is a 254th of the group's largest value.
#[derive(Debug)]
pub(crate) struct Bytes {
    pub(crate) group: usize,
    is_made: bool,
    /// `[row][column]`
    pub(crate) values: Pages<i8>,
    /// `[row][group]`
    pub(crate) scales: Pages<f32>,
    /// The scale times the sum of the group's bytes.
    pub(crate) weights: Pages<f32>,
    /// The sum of the group's bytes.
    pub(crate) sums: Vec<i32>,
}

impl Input {
    /// Room for `capacity` rows of `cols` values.
    pub fn new(capacity: usize, cols: usize) -> Self {
        Self {
            capacity,
            cols,
            rows: 0,
            values: Pages::zeroed(capacity * cols),
            bytes: Vec::new(),
            brief: Pages::zeroed(0),
            brief_is_made: false,
        }
    }

    /// Begins anew with `rows` rows, to be filled by the caller.
    pub fn fill(&mut self, rows: usize) -> &mut [f32] {
        assert!(rows <= self.capacity, "{rows} rows in an input for {}", self.capacity);
        self.rows = rows;
        self.brief_is_made = false;
        for bytes in &mut self.bytes {
            bytes.is_made = false;
        }
        &mut self.values[..rows * self.cols]
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    pub fn cols(&self) -> usize {
        self.cols
    }

    pub fn values(&self) -> &[f32] {
        &self.values[..self.rows * self.cols]
    }

    /// Makes the bytes for one group size.
    pub(crate) fn make_bytes(&mut self, processor: &Processor, group: usize) {
        let at = self.bytes.iter().position(|bytes| bytes.group == group).unwrap_or_else(|| {
            let rows = FEW.min(self.capacity);
            let groups = rows * self.cols / group;
            self.bytes.push(Bytes {
                group,
                is_made: false,
                values: Pages::zeroed(rows * self.cols),
                scales: Pages::zeroed(groups),
                weights: Pages::zeroed(groups),
                sums: vec![0; groups],
            });
            self.bytes.len() - 1
        });
        if !self.bytes[at].is_made {
            let from = &self.values[..self.rows * self.cols];
            launch(processor.machine(), ToBytes { from, to: &mut self.bytes[at] });
            self.bytes[at].is_made = true;
        }
    }

    pub(crate) fn bytes(&self, group: usize) -> Option<&Bytes> {
        self.bytes.iter().find(|bytes| bytes.group == group && bytes.is_made)
    }

    /// Makes the rows in bf16, followed by rows of zeroes up to a multiple of sixteen.
    pub(crate) fn make_brief(&mut self, processor: &Processor) {
        if self.brief_is_made {
            return;
        }
        if self.brief.is_empty() {
            self.brief = Pages::zeroed(self.capacity.next_multiple_of(LANES) * self.cols);
        }
        let (rows, cols) = (self.rows, self.cols);
        let from = &self.values[..rows * cols];
        let to = Parts::of(&mut self.brief);
        processor.team().share(rows.next_multiple_of(LANES), LANES, &|range| {
            // SAFETY: every row is handed out once.
            let to = unsafe { to.part(range.start * cols..range.end * cols) };
            let filled = range.end.min(rows).saturating_sub(range.start) * cols;
            let from = &from[range.start * cols..][..filled];
            for (to, from) in to.iter_mut().zip(from) {
                *to = to_bf16(*from);
            }
            to[filled..].fill(0);
        });
        self.brief_is_made = true;
    }

    pub(crate) fn brief(&self) -> &[u16] {
        &self.brief
    }
}

/// To the nearest, ties to even.
#[inline(always)]
pub(crate) fn to_bf16(x: f32) -> u16 {
    let bits = x.to_bits();
    ((bits + 0x7fff + (bits >> 16 & 1)) >> 16) as u16
}

struct ToBytes<'a> {
    from: &'a [f32],
    to: &'a mut Bytes,
}

impl Kernel for ToBytes<'_> {
    type Out = ();
    #[inline(always)]
    unsafe fn run<I: Isa>(self) {
        let Bytes { group, values, scales, weights, sums, .. } = self.to;
        for (index, from) in self.from.chunks_exact(*group).enumerate() {
            let mut largest = I::splat(0.0);
            for at in (0..*group).step_by(LANES) {
                let x = I::load(from.as_ptr().add(at));
                largest = I::max(largest, I::max(x, I::sub(I::splat(0.0), x)));
            }
            let mut lanes = [0f32; LANES];
            I::store(lanes.as_mut_ptr(), largest);
            let largest = lanes.into_iter().fold(0f32, f32::max);
            let inverse = if largest > 0.0 { 127.0 / largest } else { 0.0 };
            let mut sum = I::whole(0);
            for at in (0..*group).step_by(LANES) {
                let whole = I::to_whole(I::mul(I::load(from.as_ptr().add(at)), I::splat(inverse)));
                I::store_bytes(values.as_mut_ptr().add(index * *group + at), whole);
                sum = I::add_whole(sum, whole);
            }
            let total = I::sum(I::to_float(sum));
            scales[index] = largest / 127.0;
            weights[index] = largest / 127.0 * total;
            sums[index] = total as i32;
        }
    }
}
