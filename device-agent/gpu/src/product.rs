//! Products with weights: one vector or many, by the kernel that fits.

use dyno_weights::Linear;

use crate::error::Result;
use crate::gpu::{Arg, Buffer, Gpu};
use crate::kernel::{Kernel, Param, Scalar};
use crate::program::{Program, Step};
use crate::weights::Weights;

/// What a product does with its result; the numbers are those of the kernels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Store = 0,
    Add = 1,
    Swiglu = 2,
}

/// Simdgroups of a threadgroup, and what one of them makes at a time.
const SIMDGROUPS: u32 = 2;
/// Threads, tokens and rows of a threadgroup that takes many vectors.
const MANY_THREADS: u32 = 128;
const MANY_TOKENS: usize = 32;
const MANY_ROWS: usize = 64;

#[derive(Debug)]
struct Part {
    weights: Weights,
    one: Step,
    one_normed: Step,
    many: Step,
    /// Where its outputs begin in the joint row.
    at: usize,
}

/// One matrix, or several that read the same input and write one row.
#[derive(Debug)]
pub(crate) struct Product {
    parts: Vec<Part>,
    end: End,
    /// Values in a row of the output.
    pub(crate) width: usize,
    out: Scalar,
}

impl Product {
    pub(crate) fn new(
        gpu: &mut impl Gpu,
        program: &mut Program,
        parts: &[Linear],
        end: End,
        kinds: (Scalar, Scalar),
    ) -> Result<Self> {
        let weights = if end == End::Swiglu {
            vec![Weights::upload(gpu, &parts.iter().collect::<Vec<_>>())?]
        } else {
            Weights::upload_joined(gpu, parts)?
        };
        Ok(Self::of(program, weights, end, kinds))
    }

    /// Over weights that are on the device already.
    pub(crate) fn of(
        program: &mut Program,
        weights: Vec<Weights>,
        end: End,
        (kind, out): (Scalar, Scalar),
    ) -> Self {
        let mut width = 0;
        let part = |weights: Weights| {
            let params = [weights.param(), Param::Type(kind), Param::Type(out), Param::Int(end as i32)];
            let one = |norm| Kernel::new("matvec", params.into_iter().chain([Param::Int(norm)]));
            let at = width;
            width += if end == End::Swiglu { weights.rows / 2 } else { weights.rows };
            Part {
                one: program.step(one(0)),
                one_normed: program.step(one(1)),
                many: program.step(Kernel::new("matmul", params)),
                weights,
                at,
            }
        };
        let parts = weights.into_iter().map(part).collect();
        Self { parts, end, width, out }
    }

    /// Bytes of all weights.
    pub(crate) fn bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.weights.bytes()).sum()
    }

    /// Weights in all matrices.
    pub(crate) fn elements(&self) -> u64 {
        self.parts.iter().map(|part| (part.weights.rows * part.weights.cols) as u64).sum()
    }

    /// One vector at `x`, after a norm with this scale where one is given.
    pub(crate) fn one(
        &self,
        gpu: &mut impl Gpu,
        program: &mut Program,
        x: (Buffer, usize),
        norm: Option<(Buffer, f32)>,
        y: Buffer,
    ) -> Result<()> {
        for part in &self.parts {
            let weights = &part.weights;
            let (rows, each) =
                if self.end == End::Swiglu { (weights.rows / 2, 2) } else { (weights.rows, 4) };
            let (scale, eps) = norm.unwrap_or((weights.codes, 0.0));
            let args = [
                Arg::In(weights.codes, 0),
                Arg::In(weights.scales, 0),
                Arg::In(weights.biases, 0),
                Arg::In(x.0, x.1),
                Arg::In(scale, 0),
                Arg::Out(y, part.at * self.out.bytes()),
                Arg::U32(rows as u32),
                Arg::U32(weights.cols as u32),
                Arg::U32(self.width as u32),
                Arg::F32(eps),
            ];
            let step = if norm.is_some() { part.one_normed } else { part.one };
            let groups = (rows as u32).div_ceil(SIMDGROUPS * each);
            program.run(gpu, step, &args, [groups, 1, 1], SIMDGROUPS * 32)?;
        }
        Ok(())
    }

    /// `tokens` vectors, one below the other.
    pub(crate) fn many(
        &self,
        gpu: &mut impl Gpu,
        program: &mut Program,
        x: (Buffer, usize),
        tokens: usize,
        y: Buffer,
    ) -> Result<()> {
        for part in &self.parts {
            let weights = &part.weights;
            let (rows, each) = if self.end == End::Swiglu {
                (weights.rows / 2, MANY_ROWS / 2)
            } else {
                (weights.rows, MANY_ROWS)
            };
            let args = [
                Arg::In(weights.codes, 0),
                Arg::In(weights.scales, 0),
                Arg::In(weights.biases, 0),
                Arg::In(x.0, x.1),
                Arg::In(weights.codes, 0),
                Arg::Out(y, part.at * self.out.bytes()),
                Arg::U32(tokens as u32),
                Arg::U32(rows as u32),
                Arg::U32(weights.cols as u32),
                Arg::U32(self.width as u32),
            ];
            let groups = [rows.div_ceil(each) as u32, tokens.div_ceil(MANY_TOKENS) as u32, 1];
            program.run(gpu, part.many, &args, groups, MANY_THREADS)?;
        }
        Ok(())
    }
}
