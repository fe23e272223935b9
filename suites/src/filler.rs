//! Prompts that mean nothing: ids from a seed, for work whose cost does not depend on the words.

use dyno_protocol::Prompt;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A prompt of `tokens` ids. Only the middle half of the vocabulary is drawn from: special tokens stand at
/// either end of it, and one of them could change what the engine does.
pub fn filler_prompt(tokens: u32, seed: u64, vocabulary: u32) -> Prompt {
    let low = vocabulary / 4;
    let high = (vocabulary - vocabulary / 4).max(low + 1);
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let ids = (0..tokens).map(|_| random.random_range(low..high)).collect();
    Prompt::new(None, ids, Vec::new())
}

#[cfg(test)]
mod tests {
    use super::filler_prompt;

    #[test]
    fn the_same_seed_gives_the_same_ids_and_longer_prompts_only_add_to_them() {
        let short = filler_prompt(16, 7, 248_320);
        let long = filler_prompt(64, 7, 248_320);
        assert_eq!(long.ids[..16], short.ids);
        assert_ne!(filler_prompt(16, 8, 248_320).ids, short.ids);
        assert!(long.is_whole());
        // Series depend on these ids: this must never change.
        assert_eq!(short.ids[..3], [79_462, 81_671, 84_683]);
    }

    #[test]
    fn special_tokens_at_either_end_are_never_drawn() {
        for vocabulary in [1, 2, 5, 300, 248_320] {
            for id in filler_prompt(2000, 3, vocabulary).ids {
                assert!(id < vocabulary && id >= vocabulary / 4, "{id} of {vocabulary}");
            }
        }
        assert!(filler_prompt(2000, 3, 248_320).ids.iter().all(|id| *id < 248_044));
    }
}
