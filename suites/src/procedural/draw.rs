//! Random draws whose results are fixed for ever: `ChaCha8` words, and our own way from words to ranges,
//! because a library is free to change its sampling between versions and every item would change with it.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

#[derive(Debug)]
pub(super) struct Draw(ChaCha8Rng);

impl Draw {
    pub(super) fn new(key: [u8; 32], stream: u64) -> Self {
        let mut rng = ChaCha8Rng::from_seed(key);
        rng.set_stream(stream);
        Self(rng)
    }

    /// A whole number in `0..bound`, each equally likely.
    pub(super) fn below(&mut self, bound: u32) -> u32 {
        assert!(bound > 0, "nothing lies below zero");
        // Words above the last full multiple of the bound would favour small results, so they are drawn again.
        let span = u64::from(u32::MAX) + 1;
        let limit = span - span % u64::from(bound);
        loop {
            let word = u64::from(self.0.next_u32());
            if word < limit {
                return (word % u64::from(bound)) as u32;
            }
        }
    }

    /// A whole number from `low` to `high`, both possible.
    pub(super) fn between(&mut self, low: u32, high: u32) -> u32 {
        low + self.below(high - low + 1)
    }

    pub(super) fn coin(&mut self) -> bool {
        self.below(2) == 1
    }

    pub(super) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u32) as usize]
    }

    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u32 + 1) as usize);
        }
    }

    /// `count` different members of `from`, in random order.
    pub(super) fn distinct<T: Copy>(&mut self, from: &[T], count: usize) -> Vec<T> {
        let mut pool = from.to_vec();
        self.shuffle(&mut pool);
        pool.truncate(count);
        pool
    }
}
