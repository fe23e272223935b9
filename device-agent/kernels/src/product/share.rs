//! Sharing several matrices out among threads as one list of pieces.

use std::ops::Range;

use super::Product;
use crate::processor::Processor;
use crate::team::Parts;
use crate::tiles::Tiles;

/// One matrix's share of the work.
pub(super) struct Share<'a> {
    pub(super) weights: &'a Tiles,
    pub(super) out: Parts<f32>,
    /// Tiles in a piece.
    tiles: usize,
    /// Pieces of this matrix and of those before it.
    end: usize,
}

/// Calls `piece` for runs of tiles of every matrix; `size` says how many tiles make a piece.
pub(super) fn share_out(
    processor: &Processor,
    jobs: &mut [Product<'_>],
    size: impl Fn(&Tiles) -> usize,
    piece: &(dyn Fn(&Share<'_>, Range<usize>) + Sync),
) {
    let mut end = 0;
    let shares: Vec<Share<'_>> = jobs
        .iter_mut()
        .map(|job| {
            let tiles = size(job.weights).max(1);
            end += job.weights.count().div_ceil(tiles);
            Share { weights: job.weights, out: Parts::of(job.out), tiles, end }
        })
        .collect();
    processor.team().share(end, 1, &|pieces| {
        for index in pieces {
            let at = shares.partition_point(|share| share.end <= index);
            let begin = if at == 0 { 0 } else { shares[at - 1].end };
            let first = (index - begin) * shares[at].tiles;
            let last = (first + shares[at].tiles).min(shares[at].weights.count());
            piece(&shares[at], first..last);
        }
    });
}
