//! Attention of one token over a long context, in shares, and of many tokens at once.

use super::Place;
use crate::error::Result;
use crate::gpu::{Arg, Buffer, Gpu};
use crate::program::{Program, Step};
use crate::work::Work;

/// Keys of one share of a long context, and the most shares there are.
const SHARE: usize = 128;
pub(crate) const SHARES: usize = 64;

pub(super) fn attend_one(
    gpu: &mut impl Gpu,
    program: &mut Program,
    work: &Work,
    steps: [Step; 4],
    (keys, values): (Buffer, Buffer),
    place: Place,
) -> Result<()> {
    let sizes = &work.text.attention;
    let length = place.before + 1;
    let share = SHARE.max(length.div_ceil(SHARES));
    let shares = length.div_ceil(share) as u32;
    let args = [
        Arg::In(work.queries, 0),
        Arg::In(keys, 0),
        Arg::In(values, 0),
        Arg::Out(work.sums, 0),
        Arg::Out(work.share_weights, 0),
        Arg::U32(place.capacity as u32),
        Arg::U32(length as u32),
        Arg::U32(share as u32),
        Arg::F32((sizes.head_dim as f32).powf(-0.5)),
    ];
    program.run(gpu, steps[1], &args, [sizes.kv_heads as u32, shares, 1], 128)?;
    let args = [
        Arg::In(work.sums, 0),
        Arg::In(work.share_weights, 0),
        Arg::In(work.row, 0),
        Arg::Out(work.mixed_out, 0),
        Arg::U32(shares),
    ];
    program.run(gpu, steps[2], &args, [sizes.heads as u32, 1, 1], 64)
}

pub(super) fn attend_many(
    gpu: &mut impl Gpu,
    program: &mut Program,
    work: &Work,
    step: Step,
    (keys, values): (Buffer, Buffer),
    place: Place,
) -> Result<()> {
    let sizes = &work.text.attention;
    let dim = sizes.head_dim;
    let args = [
        Arg::In(work.queries, 0),
        Arg::In(keys, 0),
        Arg::In(values, 0),
        Arg::In(work.row, 0),
        Arg::Out(work.mixed_out, 0),
        Arg::U32(place.tokens as u32),
        Arg::U32(place.before as u32),
        Arg::U32((place.before + place.tokens) as u32),
        Arg::U32((sizes.heads * dim) as u32),
        Arg::U32(dim as u32),
        Arg::U32((place.capacity * dim) as u32),
        Arg::U32((2 * (sizes.heads + sizes.kv_heads) * dim) as u32),
        Arg::U32((sizes.heads / sizes.kv_heads) as u32),
        Arg::F32((dim as f32).powf(-0.5)),
    ];
    let blocks = place.tokens.div_ceil(8 * 4) as u32;
    program.run(gpu, step, &args, [blocks, sizes.heads as u32, 1], 128)
}
