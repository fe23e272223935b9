//! Text and numbers as people read them: cleaned of what could mislead the eye, escaped, rounded as declared.
//!
//! Knows nothing of pages or charts; both go through here, so that a number looks the same everywhere.

use std::borrow::Cow;
use std::fmt::Write;

/// Whether a character could reorder, hide or break the text around it.
fn misleads(character: char) -> bool {
    let invisible = matches!(
        character,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{ad}' | '\u{61c}'
    );
    invisible || (character.is_control() && character != '\n' && character != '\t')
}

/// Shows what would otherwise act: a control character becomes its code in brackets.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    if !text.chars().any(misleads) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if misleads(character) {
            let _ = write!(shown, "\u{27e8}U+{:04X}\u{27e9}", u32::from(character));
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

/// Cleaned, and safe inside HTML and SVG text and quoted attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 8);
    for character in clean(text).chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

/// At most this many characters, with an ellipsis for the rest.
pub(crate) fn cut(text: &str, most: usize) -> String {
    let text = clean(text);
    if text.chars().count() <= most {
        return text.into_owned();
    }
    let mut short: String = text.chars().take(most.saturating_sub(1)).collect();
    short.truncate(short.trim_end().len());
    short.push('\u{2026}');
    short
}

/// With so many decimals, thousands apart, a real minus sign, and words for what is no number.
pub(crate) fn number(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return "not a number".to_owned();
    }
    if value.abs() >= 1e15 {
        return format!("{value:.3e}");
    }
    let plain = format!("{:.*}", decimals.min(12), value.abs());
    let negative = value < 0.0 && plain.chars().any(|digit| digit.is_ascii_digit() && digit != '0');
    let (whole, rest) = plain.split_at(plain.find('.').unwrap_or(plain.len()));
    let mut grouped = String::with_capacity(plain.len() + 6);
    if negative {
        grouped.push('\u{2212}');
    }
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped.push_str(rest);
    grouped
}

/// How many decimals show three significant digits, for metrics that declare none.
pub(crate) fn decimals_for(value: f64) -> usize {
    let size = value.abs();
    if !size.is_finite() || size == 0.0 || size >= 100.0 {
        return 0;
    }
    (2.0 - size.log10().floor()).clamp(0.0, 9.0) as usize
}

/// An interval, always in the one form.
pub(crate) fn interval((low, high): (f64, f64), decimals: usize) -> String {
    format!("{} to {}", number(low, decimals), number(high, decimals))
}

pub(crate) fn bytes(value: u64) -> String {
    const STEPS: [(&str, f64); 4] = [("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)];
    let size = value as f64;
    for (unit, step) in STEPS {
        if size >= step {
            let share = size / step;
            return format!("{} {unit}", number(share, decimals_for(share).min(2)));
        }
    }
    format!("{value} B")
}

/// JSON that may stand inside a `script` element: nothing in it can end the element.
pub(crate) fn json_for_script(value: &impl serde::Serialize) -> Result<String, serde_json::Error> {
    let text = serde_json::to_string(value)?;
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                let _ = write!(safe, "\\u{:04x}", u32::from(character));
            }
            other => safe.push(other),
        }
    }
    Ok(safe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(number(1_234_567.891, 1), "1,234,567.9");
        assert_eq!(number(-0.04, 1), "0.0");
        assert_eq!(number(-12.0, 0), "\u{2212}12");
        assert_eq!(number(f64::NAN, 1), "not a number");
        assert_eq!(number(999.0, 0), "999");
        assert_eq!(interval((26.888, 28.096), 1), "26.9 to 28.1");
        assert_eq!(decimals_for(0.012_3), 4);
        assert_eq!(decimals_for(27.9), 1);
        assert_eq!(bytes(1_279_000_000), "1.28 GB");
        assert_eq!(bytes(12), "12 B");
    }

    #[test]
    fn text_that_would_mislead_is_shown() {
        assert_eq!(clean("a\u{202e}b"), "a\u{27e8}U+202E\u{27e9}b");
        assert_eq!(clean("plain \u{e9} text"), "plain \u{e9} text");
        assert_eq!(escape("<b a='\"'>&"), "&lt;b a=&#39;&quot;&#39;&gt;&amp;");
        assert_eq!(json_for_script(&"</script><!--").unwrap(), "\"\\u003c/script\\u003e\\u003c!--\"");
    }
}
