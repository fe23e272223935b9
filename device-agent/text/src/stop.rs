//! When an output is over: an end token, or words that end it.

/// What ends an output. The first to happen wins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StopRules {
    pub ids: Vec<u32>,
    /// Empty strings are ignored.
    pub strings: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StopHit {
    /// This token ended the output; it is not part of the text.
    Id(u32),
    /// These words ended it; the text goes up to them.
    Text(String),
}

/// Watches one output, token by token.
#[derive(Debug, Clone)]
pub struct StopWatch {
    rules: StopRules,
    /// Text that may still turn out to be the beginning of a stop string.
    held: String,
}

impl StopWatch {
    pub fn new(mut rules: StopRules) -> Self {
        rules.strings.retain(|text| !text.is_empty());
        Self { rules, held: String::new() }
    }

    /// Takes the next token and the text it completed. Appends to `out` what certainly belongs to the output.
    pub fn push(&mut self, id: u32, piece: &str, out: &mut String) -> Option<StopHit> {
        if self.rules.ids.contains(&id) {
            self.finish(out);
            return Some(StopHit::Id(id));
        }
        self.held.push_str(piece);
        // The leftmost match ends the text; the longer string wins where two begin together.
        let hits = self.rules.strings.iter().filter_map(|text| Some((self.held.find(text)?, text)));
        if let Some((at, text)) = hits.min_by_key(|(at, text)| (*at, std::cmp::Reverse(text.len()))) {
            out.push_str(&self.held[..at]);
            let hit = StopHit::Text(text.clone());
            self.held.clear();
            return Some(hit);
        }
        let keep = self.rules.strings.iter().map(|text| unfinished(&self.held, text)).max().unwrap_or(0);
        let release = self.held.len() - keep;
        out.push_str(&self.held[..release]);
        self.held.drain(..release);
        None
    }

    /// No more tokens come: what was held back belongs to the output.
    pub fn finish(&mut self, out: &mut String) {
        out.push_str(&self.held);
        self.held.clear();
    }
}

/// Length of the longest end of `text` that begins `stop`.
fn unfinished(text: &str, stop: &str) -> usize {
    let lengths = stop.char_indices().map(|(at, _)| at).filter(|at| *at > 0 && *at <= text.len());
    lengths.filter(|at| text.ends_with(&stop[..*at])).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn run(strings: &[&str], pieces: &[&str]) -> (String, Option<StopHit>) {
        let strings = strings.iter().map(|s| (*s).to_owned()).collect();
        let mut watch = StopWatch::new(StopRules { ids: vec![99], strings });
        let mut out = String::new();
        for piece in pieces {
            if let Some(hit) = watch.push(1, piece, &mut out) {
                return (out, Some(hit));
            }
        }
        watch.finish(&mut out);
        (out, None)
    }

    #[test]
    fn a_string_across_pieces_is_found_and_left_out() {
        let (out, hit) = run(&["\nUser:"], &["Hi.", "\nUs", "ers\nUser", ": no"]);
        assert_eq!((out.as_str(), hit), ("Hi.\nUsers", Some(StopHit::Text("\nUser:".into()))));
    }

    #[test]
    fn what_only_looked_like_a_stop_comes_out() {
        assert_eq!(run(&["###"], &["a#", "#b", "##"]).0, "a##b##");
        assert_eq!(run(&["éé"], &["é", "x"]).0, "éx");
        assert_eq!(run(&[""], &["abc"]).0, "abc");
    }

    #[test]
    fn an_end_id_releases_what_was_held() {
        let mut watch = StopWatch::new(StopRules { ids: vec![99], strings: vec!["stop".into()] });
        let mut out = String::new();
        assert_eq!(watch.push(1, "sto", &mut out), None);
        assert_eq!(out, "");
        assert_eq!(watch.push(99, "<|im_end|>", &mut out), Some(StopHit::Id(99)));
        assert_eq!(out, "sto");
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(text in "[ab]{0,40}", cuts in prop::collection::vec(1_usize..5, 0..40)) {
            let stops = ["abba", "bb", "aaab"];
            let mut pieces = Vec::new();
            let mut rest = text.as_str();
            for cut in cuts {
                let (piece, after) = rest.split_at(cut.min(rest.len()));
                pieces.push(piece);
                rest = after;
            }
            pieces.push(rest);
            let letters: Vec<String> = text.chars().map(String::from).collect();
            let letters: Vec<&str> = letters.iter().map(String::as_str).collect();
            // Where several strings could stop it, single letters find the one that ends first; what comes out
            // with larger pieces may stop a little earlier, never later, and without stop all is the same.
            let (whole, hit) = run(&stops, &letters);
            let (parts, part_hit) = run(&stops, &pieces);
            prop_assert_eq!(hit.is_some(), part_hit.is_some());
            prop_assert!(whole.starts_with(&parts));
            if hit.is_none() {
                prop_assert_eq!(parts, text);
            }
        }
    }
}
