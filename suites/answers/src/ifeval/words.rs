//! Words as NLTK's tokenizer splits them, which is how words in capitals are counted.
//!
//! Owns a port of `NLTKWordTokenizer` of NLTK 3.10.4: a sequence of rewritings after which words stand between
//! spaces. The rules' order and their oddities are the original's.

use std::sync::LazyLock;

use fancy_regex::Regex;

use super::punkt::sentences;
use crate::python::{SPACE, WORD, split};

struct Rule {
    pattern: Regex,
    becomes: &'static str,
}

/// What quotes and punctuation become, before the sentence gets a space on both sides.
static PUNCTUATION: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    rules(&[
        ("([«“‘„]|`+)", " $1 "),
        ("^\"", "``"),
        ("(``)", " $1 "),
        (r#"([ (\[{<])("|'{2})"#, "$1 `` "),
        ("(?i)(?<![W])(')(?!(?:re|ve|ll|m|t|s|d|n)(?![W]))(?=[W])", "$1 "),
        (r#"([^.])(\.)([\])}>"'»”’ ]*+)[S]*\z"#, "$1 $2 $3 "),
        (r"([:,])([^\p{Nd}])", " $1 $2"),
        (r"([:,])(?=\n?\z)", " $1 "),
        (r"\.{2,}", " $0 "),
        ("[;@#$%&]", " $0 "),
        (r"[\x{2012}-\x{2015}]", " $0 "),
        (r#"([^.])(\.)([\])}>"']*)[S]*\z"#, "$1 $2$3 "),
        ("[?!]", " $0 "),
        ("([^'])' ", "$1 ' "),
        ("[*]", " $0 "),
        (r"[\]\[(){}<>]", " $0 "),
        ("--", " -- "),
    ])
});

/// What endings and contractions become, after it.
static ENDINGS: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    rules(&[
        ("([»”’])", " $1 "),
        ("''", " '' "),
        ("\"", " '' "),
        ("[S]+", " "),
        ("([^' ])('[sS]|'[mM]|'[dD]|') ", "$1 $2 "),
        ("([^' ])('ll|'LL|'re|'RE|'ve|'VE|n't|N'T) ", "$1 $2 "),
        ("(?i)(?<![W])(can)(not)(?![W])", " $1 $2 "),
        ("(?i)(?<![W])(d)('ye)(?![W])", " $1 $2 "),
        ("(?i)(?<![W])(gim)(me)(?![W])", " $1 $2 "),
        ("(?i)(?<![W])(gon)(na)(?![W])", " $1 $2 "),
        ("(?i)(?<![W])(got)(ta)(?![W])", " $1 $2 "),
        ("(?i)(?<![W])(lem)(me)(?![W])", " $1 $2 "),
        ("(?i)(?<![W])(more)('n)(?![W])", " $1 $2 "),
        ("(?i)(?<![W])(wan)(na)(?=[S])", " $1 $2 "),
        ("(?i) ('t)(is)(?![W])", " $1 $2 "),
        ("(?i) ('t)(was)(?![W])", " $1 $2 "),
    ])
});

fn rules(table: &[(&str, &'static str)]) -> Vec<Rule> {
    let rule = |(pattern, becomes): &(&str, &'static str)| {
        let pattern = pattern.replace("[S]", &format!("[{SPACE}]")).replace("[W]", &format!("[{WORD}]"));
        Rule { pattern: Regex::new(&pattern).expect("the pattern stands above and is tested"), becomes }
    };
    table.iter().map(rule).collect()
}

/// Words and signs of a text, sentence by sentence.
pub(crate) fn words(text: &str) -> Vec<String> {
    sentences(text).iter().flat_map(|sentence| sentence_words(sentence)).collect()
}

fn sentence_words(sentence: &str) -> Vec<String> {
    let rewritten = |text: String, rules: &[Rule]| {
        rules.iter().fold(text, |text, rule| rule.pattern.replace_all(&text, rule.becomes).into_owned())
    };
    let text = rewritten(sentence.to_owned(), &PUNCTUATION);
    let text = rewritten(format!(" {text} "), &ENDINGS);
    split(&text).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_nltk_splits_them() {
        let split = |text: &str| words(text).join("|");
        assert_eq!(
            split(
                "Good muffins cost $3.88 (roughly 3,36 euros)\nin New York.  Please buy me\ntwo of them.\nThanks."
            ),
            "Good|muffins|cost|$|3.88|(|roughly|3,36|euros|)|in|New|York|.|Please|buy|me|two|of|them|.|Thanks|."
        );
        assert_eq!(split("I CANNOT say \"it's\"..."), "I|CAN|NOT|say|``|it|'s|''|...");
        assert_eq!(split("'TIS A WELL-KNOWN A.B.C. FACT!"), "'|TIS|A|WELL-KNOWN|A.B.C|.|FACT|!");
    }
}
