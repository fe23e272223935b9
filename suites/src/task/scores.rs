//! What counts as right, by closed lists: how an answer is read from an output, and what it is held against.

use serde::Serialize;

use crate::loading::Fields;
use crate::words::words;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Score {
    pub id: String,
    pub rule: Rule,
    pub extract: Extract,
    /// With `extract = "pattern"`: a regular expression; its first group where it has one, else all of it.
    pub pattern: Option<String>,
    /// Which match counts where there are several.
    pub which: Which,
    /// Regular expressions whose matches are taken out of both answers before they are compared.
    pub ignore: Vec<String>,
    pub ignore_case: bool,
}

words! {
    /// How the answer is found in what a model wrote. Reasoning blocks are taken off before.
    pub enum Extract {
        /// All of it, blanks at both ends taken off.
        Whole = "whole",
        FirstLine = "first-line",
        LastLine = "last-line",
        Number = "number",
        LastNumber = "last-number",
        /// A lone letter of the options, as in `B`, `(B)`, `answer is B`.
        Letter = "letter",
        /// The content of the last `\boxed{...}`.
        Boxed = "boxed",
        /// All between the first and the last dollar sign, or all of it.
        Dollars = "dollars",
        Json = "json",
        Pattern = "pattern",
        /// The first tool call in the model's own format.
        ToolCall = "tool-call",
    }
}

words! {
    pub enum Rule {
        /// The same text.
        Exact = "exact",
        /// The same number, however it is written.
        Numeric = "numeric",
        /// The same number give or take five per cent, the same text otherwise, as answers about charts are judged.
        Relaxed = "relaxed",
        /// One of the right answers stands somewhere in it.
        Contains = "contains",
        /// The letter of the right option.
        Letter = "letter",
        /// The right option has the highest log-likelihood.
        Choice = "choice",
        /// The same, each log-likelihood over the characters of its option.
        ChoiceNorm = "choice-norm",
        /// Every verifiable instruction is followed.
        Ifeval = "ifeval",
        /// The same, where leaving out first and last lines and asterisks may help.
        IfevalLoose = "ifeval-loose",
        /// The same expression by MATH's rules of spelling.
        Math = "math",
        /// The right option by MMLU-Pro's own chain of patterns.
        MmluPro = "mmlu-pro",
        /// By MMMU's own program, options and open answers.
        Mmmu = "mmmu",
        /// In the form that `MathVista` asks for, picked out by rule.
        Mathvista = "mathvista",
        /// The letter of which the response is surest; words alone where no letter is right.
        SurestLetter = "surest-letter",
        /// Behind "Final Answer", within five per cent.
        Chartqa = "chartqa",
        /// The response itself, within five per cent.
        ChartqaShort = "chartqa-short",
        /// A right reading stands somewhere in it.
        Ocrbench = "ocrbench",
        /// It parses as a call of a given tool, with the right arguments where the item names them.
        ToolCall = "tool-call",
    }
}

words! {
    pub enum Which {
        First = "first",
        Last = "last",
    }
}

impl Rule {
    /// Whether it compares options instead of judging words.
    pub fn is_of_choices(self) -> bool {
        matches!(self, Self::Choice | Self::ChoiceNorm)
    }
}

impl Score {
    pub(super) const STAND_IN: &'static Self = &Self {
        id: String::new(),
        rule: Rule::Exact,
        extract: Extract::Whole,
        pattern: None,
        which: Which::First,
        ignore: Vec::new(),
        ignore_case: false,
    };

    pub(super) fn read(fields: &Fields<'_>) -> Self {
        let id = fields.id();
        let rule: Rule = fields.word("rule");
        let extract = fields.optional_word("extract").unwrap_or(Extract::Whole);
        let pattern = fields.optional_verbatim("pattern");
        if (extract == Extract::Pattern) != pattern.is_some() {
            let what = "`extract = \"pattern\"` and `pattern` belong together";
            fields.mistake("pattern", what, None);
        }
        let ignore = fields.verbatims("ignore");
        for expression in pattern.iter().chain(&ignore) {
            if let Err(error) = regex::Regex::new(expression) {
                let key = if Some(expression) == pattern.as_ref() { "pattern" } else { "ignore" };
                let what = error.to_string().lines().last().unwrap_or_default().trim().to_owned();
                fields.mistake(key, format!("`{expression}` is no regular expression: {what}"), None);
            }
        }
        Self {
            id,
            rule,
            extract,
            pattern,
            which: fields.optional_word("which").unwrap_or(Which::First),
            ignore,
            ignore_case: fields.optional_flag("ignore_case").unwrap_or_default(),
        }
    }
}
