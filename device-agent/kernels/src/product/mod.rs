//! Products of weights and activations: `out = x Wᵀ` for several matrices with one input at once, so that
//! their threads meet only once. Which kernel does it depends on the number of rows and the arithmetic.

mod few;
mod few_floats;
mod many;
mod many_bf16;
mod share;
mod unpack;

use crate::input::{FEW, Input};
use crate::processor::Processor;
use crate::tiles::{Kind, Tiles};
pub(crate) use many_bf16::Pair;

/// One matrix and where its product goes, `[input rows, matrix rows]`.
#[derive(Debug)]
pub struct Product<'a> {
    pub weights: &'a Tiles,
    pub out: &'a mut [f32],
}

/// Tiles that are taken together: enough that taking them costs nothing, few enough that threads end alike.
const PIECE_BYTES: usize = 64 << 10;

/// Multiplies all matrices with `input`.
pub fn products(processor: &Processor, input: &mut Input, jobs: &mut [Product<'_>]) {
    let (rows, cols) = (input.rows(), input.cols());
    for job in &*jobs {
        assert_eq!(job.weights.cols(), cols, "an input of {cols} columns");
        assert_eq!(job.out.len(), rows * job.weights.rows(), "the output of {rows} rows");
    }
    if rows == 0 {
        return;
    }
    if rows <= FEW && (processor.is_fast() || jobs.iter().all(|job| !is_code(job))) {
        if processor.is_fast() {
            for job in &*jobs {
                if let Kind::Codes(codes) = job.weights.kind {
                    input.make_bytes(processor, codes.group);
                }
            }
        }
        few::products(processor, input, jobs);
    } else if processor.is_fast()
        && processor.machine().has_bf16()
        && cols.is_multiple_of(32)
        && !jobs.iter().any(|job| job.weights.kind == Kind::F32)
    {
        input.make_brief(processor);
        many_bf16::products(processor, input, jobs);
    } else {
        many::products(processor, input, jobs);
    }
}

fn is_code(job: &Product<'_>) -> bool {
    matches!(job.weights.kind, Kind::Codes(_))
}

#[cfg(test)]
mod tests;
