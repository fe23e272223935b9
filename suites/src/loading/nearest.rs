//! "Did you mean": the known word nearest to an unknown one.

/// The nearest word by edits, where it is near enough to be a slip of the hand.
pub(crate) fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let slips = (word.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(edits, candidate)| *edits <= slips && *edits < candidate.chars().count())
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::did_you_mean;

    #[test]
    fn slips_are_mended_and_strangers_are_not() {
        let known = ["decode_rate", "prefill_rate", "ttft"];
        assert_eq!(did_you_mean("decode_rat", known), Some("decode_rate"));
        assert_eq!(did_you_mean("tftt", known), Some("ttft"));
        assert_eq!(did_you_mean("energy", known), None);
        assert_eq!(did_you_mean("x", ["y"]), None);
    }
}
