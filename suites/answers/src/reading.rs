//! Text read from pictures: `OCRBench`'s rule and the likeness of `DocVQA`.

use crate::distance::distance;
use crate::python::{split, strip};

/// `OCRBench`: a right answer stands somewhere in the response. In formulas written by hand blanks make no difference,
/// elsewhere case and the width of letters make none.
pub fn ocr_bench(response: &str, answers: &[String], formula: bool) -> bool {
    let plain = |text: &str| {
        if formula {
            return strip(text).replace(['\n', ' '], "");
        }
        strip(&narrow(text).to_lowercase()).replace('\n', " ")
    };
    let response = plain(strip(response));
    answers.iter().any(|answer| response.contains(&plain(answer)))
}

/// Letters of full width as those of ASCII.
fn narrow(text: &str) -> String {
    let fold = |letter: char| match letter {
        '\u{3000}' => ' ',
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(letter as u32 - 0xfee0).unwrap_or(letter),
        _ => letter,
    };
    text.chars().map(fold).collect()
}

/// Average normalised Levenshtein similarity for one question: the best likeness to a right answer, nothing below one
/// half.
pub fn anls(response: &str, answers: &[String]) -> f64 {
    let plain = |text: &str| split(&text.to_lowercase()).collect::<Vec<_>>().join(" ");
    let apart = |answer: &String| {
        let length = answer.to_uppercase().chars().count().max(response.to_uppercase().chars().count());
        if length == 0 { 0.0 } else { distance(&plain(answer), &plain(response)) as f64 / length as f64 }
    };
    let likeness = 1.0 - answers.iter().map(apart).fold(f64::INFINITY, f64::min);
    if likeness < 0.5 { 0.0 } else { likeness }
}
