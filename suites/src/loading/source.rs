//! One definition file: its name, its text, and where in the text a byte stands.

use std::ops::Range;

use super::mistakes::Mistake;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SourceFile {
    /// As it is named to the user.
    pub(crate) name: String,
    pub(crate) text: String,
    /// Later layers may replace what earlier ones define; within one layer an id stands once.
    pub(crate) layer: u32,
}

impl SourceFile {
    pub(crate) fn mistake(&self, span: &Range<usize>, what: String, hint: Option<String>) -> Mistake {
        let (line, column) = self.position(span.start);
        Mistake {
            file: self.name.clone(),
            line,
            column,
            what: on_one_line(what),
            hint: hint.map(on_one_line),
        }
    }

    /// Line and column, both counted from one, columns in characters.
    fn position(&self, byte: usize) -> (u32, u32) {
        let byte = self.text.floor_char_boundary(byte);
        let before = &self.text[..byte];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.matches('\n').count() + 1;
        let column = before[line_start..].chars().count() + 1;
        (line as u32, column as u32)
    }
}

/// Quoted pieces of a file may hold anything; a report has one line for each mistake.
fn on_one_line(text: String) -> String {
    if !text.contains(char::is_control) {
        return text;
    }
    let shown = |letter: char| {
        if letter.is_control() { letter.escape_default().to_string() } else { letter.to_string() }
    };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::SourceFile;

    #[test]
    fn places_count_lines_and_characters_from_one() {
        let file = SourceFile { name: "a.toml".into(), text: "x\nä = 1\n".into(), layer: 0 };
        assert_eq!(file.position(0), (1, 1));
        assert_eq!(file.position(2), (2, 1));
        assert_eq!(file.position(3), (2, 1), "inside a character is at the character");
        assert_eq!(file.position(4), (2, 2));
        assert_eq!(file.position(1000), (3, 1));
    }
}
