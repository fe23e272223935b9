//! The kinds of instruction with their particulars, read from a data set's row.

use serde_json::{Map, Value};

/// How a count is compared with the number that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    LessThan,
    AtLeast,
}

impl Relation {
    pub(super) fn holds(self, found: usize, asked: usize) -> bool {
        match self {
            Self::LessThan => found < asked,
            Self::AtLeast => found >= asked,
        }
    }
}

/// One thing that a prompt demands of the response and a program can check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Instruction {
    KeywordsExist { keywords: Vec<String> },
    KeywordFrequency { keyword: String, frequency: usize, relation: Relation },
    ForbiddenWords { words: Vec<String> },
    LetterFrequency { letter: char, frequency: usize, relation: Relation },
    ResponseLanguage { language: String },
    NumberSentences { sentences: usize, relation: Relation },
    NumberParagraphs { paragraphs: usize },
    NumberWords { words: usize, relation: Relation },
    NthParagraphFirstWord { paragraphs: usize, nth: usize, word: String },
    NumberPlaceholders { placeholders: usize },
    Postscript { marker: String },
    NumberBulletLists { bullets: usize },
    ConstrainedResponse,
    NumberHighlightedSections { highlights: usize },
    MultipleSections { splitter: String, sections: usize },
    JsonFormat,
    Title,
    TwoResponses,
    RepeatPrompt { prompt: String },
    EndChecker { phrase: String },
    CapitalWordFrequency { frequency: usize, relation: Relation },
    EnglishCapital,
    EnglishLowercase,
    NoComma,
    Quotation,
}

/// Why an instruction cannot be checked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InstructionError {
    #[error("there is no instruction `{0}`; is the data set newer than this Dyno?")]
    Unknown(String),
    #[error("instruction `{instruction}` needs `{key}`: {wanted}")]
    Particular { instruction: String, key: &'static str, wanted: &'static str },
}

/// An instruction's particulars. The data set leaves out or nulls what does not belong.
struct Particulars<'a> {
    instruction: &'a str,
    values: &'a Map<String, Value>,
}

impl Particulars<'_> {
    fn lacks(&self, key: &'static str, wanted: &'static str) -> InstructionError {
        InstructionError::Particular { instruction: self.instruction.to_owned(), key, wanted }
    }

    fn text(&self, key: &'static str) -> Result<String, InstructionError> {
        let text = self.values.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        text.map(str::to_owned).ok_or_else(|| self.lacks(key, "a text"))
    }

    fn texts(&self, key: &'static str) -> Result<Vec<String>, InstructionError> {
        let list = self.values.get(key).and_then(Value::as_array).filter(|list| !list.is_empty());
        let list = list.and_then(|list| list.iter().map(|text| text.as_str().map(str::to_owned)).collect());
        list.ok_or_else(|| self.lacks(key, "a list of texts"))
    }

    /// A positive number; some copies of the data set write whole numbers as `3.0`.
    fn count(&self, key: &'static str) -> Result<usize, InstructionError> {
        let number = self.values.get(key).and_then(Value::as_f64);
        let whole = number.filter(|number| *number >= 1.0 && *number <= 1e9 && number.fract() == 0.0);
        whole.map(|number| number as usize).ok_or_else(|| self.lacks(key, "a whole number above zero"))
    }

    fn relation(&self, key: &'static str) -> Result<Relation, InstructionError> {
        match self.values.get(key).and_then(Value::as_str) {
            Some("less than") => Ok(Relation::LessThan),
            Some("at least") => Ok(Relation::AtLeast),
            _ => Err(self.lacks(key, "`less than` or `at least`")),
        }
    }

    fn letter(&self) -> Result<char, InstructionError> {
        let text = self.text("letter")?.to_lowercase();
        let mut letters = text.chars();
        letters.next().filter(|_| letters.next().is_none()).ok_or_else(|| self.lacks("letter", "one letter"))
    }
}

impl Instruction {
    /// From an entry of `instruction_id_list` and the entry of `kwargs` beside it.
    pub fn new(id: &str, values: &Map<String, Value>) -> Result<Self, InstructionError> {
        let given = Particulars { instruction: id, values };
        Ok(match id {
            "keywords:existence" => Self::KeywordsExist { keywords: given.texts("keywords")? },
            "keywords:frequency" => Self::KeywordFrequency {
                keyword: given.text("keyword")?.trim().to_owned(),
                frequency: given.count("frequency")?,
                relation: given.relation("relation")?,
            },
            "keywords:forbidden_words" => Self::ForbiddenWords { words: given.texts("forbidden_words")? },
            "keywords:letter_frequency" => Self::LetterFrequency {
                letter: given.letter()?,
                frequency: given.count("let_frequency")?,
                relation: given.relation("let_relation")?,
            },
            "language:response_language" => Self::ResponseLanguage { language: given.text("language")? },
            "length_constraints:number_sentences" => Self::NumberSentences {
                sentences: given.count("num_sentences")?,
                relation: given.relation("relation")?,
            },
            "length_constraints:number_paragraphs" => {
                Self::NumberParagraphs { paragraphs: given.count("num_paragraphs")? }
            }
            "length_constraints:number_words" => {
                Self::NumberWords { words: given.count("num_words")?, relation: given.relation("relation")? }
            }
            "length_constraints:nth_paragraph_first_word" => Self::NthParagraphFirstWord {
                paragraphs: given.count("num_paragraphs")?,
                nth: given.count("nth_paragraph")?,
                word: given.text("first_word")?.to_lowercase(),
            },
            "detectable_content:number_placeholders" => {
                Self::NumberPlaceholders { placeholders: given.count("num_placeholders")? }
            }
            "detectable_content:postscript" => {
                Self::Postscript { marker: given.text("postscript_marker")?.trim().to_owned() }
            }
            "detectable_format:number_bullet_lists" => {
                Self::NumberBulletLists { bullets: given.count("num_bullets")? }
            }
            "detectable_format:constrained_response" => Self::ConstrainedResponse,
            "detectable_format:number_highlighted_sections" => {
                Self::NumberHighlightedSections { highlights: given.count("num_highlights")? }
            }
            "detectable_format:multiple_sections" => Self::MultipleSections {
                splitter: given.text("section_spliter")?.trim().to_owned(),
                sections: given.count("num_sections")?,
            },
            "detectable_format:json_format" => Self::JsonFormat,
            "detectable_format:title" => Self::Title,
            "combination:two_responses" => Self::TwoResponses,
            "combination:repeat_prompt" => Self::RepeatPrompt { prompt: given.text("prompt_to_repeat")? },
            "startend:end_checker" => Self::EndChecker { phrase: given.text("end_phrase")? },
            "startend:quotation" => Self::Quotation,
            "change_case:capital_word_frequency" => Self::CapitalWordFrequency {
                frequency: given.count("capital_frequency")?,
                relation: given.relation("capital_relation")?,
            },
            "change_case:english_capital" => Self::EnglishCapital,
            "change_case:english_lowercase" => Self::EnglishLowercase,
            "punctuation:no_comma" => Self::NoComma,
            _ => return Err(InstructionError::Unknown(id.to_owned())),
        })
    }
}
