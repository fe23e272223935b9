//! Whether a text is JSON to Python's `json.loads`, which takes a little more and a little less than the standard.

/// More than Python's own limit, so that depth never decides what length does not.
const DEEPEST: usize = 100_000;
/// Longer whole numbers are refused by Python (since 3.11).
const LONGEST_WHOLE: usize = 4300;

/// What may come next in an open list or object.
#[derive(Clone, Copy, PartialEq)]
enum Open {
    List,
    Object,
}

pub(super) fn is_json(text: &str) -> bool {
    let mut rest = Rest { bytes: text.as_bytes(), at: 0 };
    rest.document().is_some() && {
        rest.space();
        rest.at == rest.bytes.len()
    }
}

struct Rest<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Rest<'_> {
    fn space(&mut self) {
        while self.bytes.get(self.at).is_some_and(|byte| b" \t\n\r".contains(byte)) {
            self.at += 1;
        }
    }

    fn take(&mut self, text: &str) -> Option<()> {
        let found = self.bytes[self.at..].starts_with(text.as_bytes());
        if found {
            self.at += text.len();
        }
        found.then_some(())
    }

    /// One value with all that is in it, without recursion: a hostile text may be nested deeply.
    fn document(&mut self) -> Option<()> {
        let mut open = Vec::new();
        loop {
            self.space();
            // A value begins here.
            let entered = match self.bytes.get(self.at)? {
                b'[' => Some(Open::List),
                b'{' => Some(Open::Object),
                _ => None,
            };
            let mut closed = true;
            if let Some(kind) = entered {
                self.at += 1;
                self.space();
                if self.close(kind).is_none() {
                    closed = false;
                    open.push(kind);
                    if open.len() > DEEPEST {
                        return None;
                    }
                    if kind == Open::Object {
                        self.key()?;
                    }
                }
            } else {
                self.scalar()?;
            }
            // A value ended here: close what it ended, or go on to the next.
            while closed {
                let Some(kind) = open.last().copied() else { return Some(()) };
                self.space();
                if self.take(",").is_some() {
                    closed = false;
                    if kind == Open::Object {
                        self.key()?;
                    }
                } else {
                    self.close(kind)?;
                    open.pop();
                }
            }
        }
    }

    fn close(&mut self, kind: Open) -> Option<()> {
        self.take(if kind == Open::List { "]" } else { "}" })
    }

    fn key(&mut self) -> Option<()> {
        self.space();
        self.string()?;
        self.space();
        self.take(":")
    }

    fn scalar(&mut self) -> Option<()> {
        let words = ["null", "true", "false", "NaN", "Infinity", "-Infinity"];
        if self.bytes[self.at] == b'"' {
            return self.string();
        }
        words.iter().find_map(|word| self.take(word)).or_else(|| self.number())
    }

    fn string(&mut self) -> Option<()> {
        self.take("\"")?;
        loop {
            let byte = *self.bytes.get(self.at)?;
            self.at += 1;
            match byte {
                b'"' => return Some(()),
                b'\\' => {
                    let escape = *self.bytes.get(self.at)?;
                    self.at += 1;
                    if escape == b'u' {
                        let digits = self.bytes.get(self.at..self.at + 4)?;
                        digits.iter().all(u8::is_ascii_hexdigit).then_some(())?;
                        self.at += 4;
                    } else if !b"\"\\/bfnrt".contains(&escape) {
                        return None;
                    }
                }
                0..=0x1f => return None,
                _ => {}
            }
        }
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        self.at - start
    }

    /// A mark with digits behind it, or nothing.
    fn optional(&mut self, mark: impl FnOnce(&mut Self) -> Option<()>) -> bool {
        let start = self.at;
        let found = mark(self).is_some() && self.digits() > 0;
        if !found {
            self.at = start;
        }
        found
    }

    fn number(&mut self) -> Option<()> {
        let _ = self.take("-");
        let whole = if self.take("0").is_some() { 1 } else { self.digits() };
        if whole == 0 {
            return None;
        }
        let fraction = self.optional(|rest| rest.take("."));
        let exponent = self.optional(|rest| {
            rest.take("e").or_else(|| rest.take("E"))?;
            let _ = rest.take("+").or_else(|| rest.take("-"));
            Some(())
        });
        (whole <= LONGEST_WHOLE || fraction || exponent).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_pythons_json() {
        for good in
            ["{}", "[]", " [1, -0.5e+3, \"\\ud800\"] ", "NaN", "-Infinity", "{\"a\": {\"b\": []}}", "1e999"]
        {
            assert!(is_json(good), "{good}");
        }
        for bad in [
            "",
            "{",
            "[1,]",
            "{\"a\"}",
            "01",
            "1.",
            "'a'",
            "\"\n\"",
            "\u{feff}{}",
            "{} {}",
            "nan",
            "[1 2]",
            "-",
        ] {
            assert!(!is_json(bad), "{bad}");
        }
        assert!(is_json(&format!("{}{}", "[".repeat(50_000), "]".repeat(50_000))));
        assert!(!is_json(&"9".repeat(4301)));
    }
}
