//! The only place that writes to the terminal. Commands hand it sentences, tables and progress.

use std::io::{self, IsTerminal, Write};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How much a command says while it works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Talk {
    /// A bar where a person watches, plain lines elsewhere.
    Normal,
    /// Results and errors only.
    Quiet,
}

pub struct Screen<'a> {
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
    talk: Talk,
    bar: Option<ProgressBar>,
    watched: bool,
}

impl std::fmt::Debug for Screen<'_> {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.debug_struct("Screen")
            .field("talk", &self.talk)
            .field("watched", &self.watched)
            .finish_non_exhaustive()
    }
}

impl<'a> Screen<'a> {
    /// `err` counts as watched only when it really is this process's terminal.
    pub fn new(out: &'a mut dyn Write, err: &'a mut dyn Write, is_process_stderr: bool) -> Self {
        let watched = is_process_stderr && io::stderr().is_terminal();
        Self { out, err, talk: Talk::Normal, bar: None, watched }
    }

    pub fn set_talk(&mut self, talk: Talk) {
        self.talk = talk;
    }

    /// A result: what the command was run for.
    pub fn result(&mut self, text: &str) -> io::Result<()> {
        self.hide_bar(|screen| {
            screen.out.write_all(text.as_bytes())?;
            if !text.ends_with('\n') {
                screen.out.write_all(b"\n")?;
            }
            screen.out.flush()
        })
    }

    /// What the command is doing. Lost output here never stops a measurement.
    pub fn say(&mut self, text: &str) {
        if self.talk == Talk::Normal {
            self.line(text);
        }
    }

    /// Something that the reader must know even in quiet mode.
    pub fn warn(&mut self, text: &str) {
        self.line(&format!("warning: {text}"));
    }

    pub fn error(&mut self, text: &str) {
        self.line(&format!("error: {text}"));
    }

    /// A message that names itself as an error already.
    pub fn plain_error(&mut self, text: &str) {
        self.line(text.trim_end());
    }

    fn line(&mut self, text: &str) {
        self.hide_bar(|screen| {
            let _ = writeln!(screen.err, "{text}");
        });
    }

    /// Begins a long work of about this many nanoseconds.
    pub fn begin(&mut self, total_ns: u64) {
        if self.talk == Talk::Quiet || !self.watched {
            return;
        }
        let bar =
            ProgressBar::with_draw_target(Some(total_ns.max(1) / 1_000_000), ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{bar:28} {percent:>3} %  about {eta} left  {wide_msg}")
            .expect("the template is a constant that parses");
        bar.set_style(style.progress_chars("━╸ "));
        self.bar = Some(bar);
    }

    /// The work now under way, and how much of the expected time is behind it.
    pub fn step(&mut self, done_ns: u64, what: &str) {
        match &self.bar {
            Some(bar) => {
                bar.set_position(done_ns / 1_000_000);
                bar.set_message(what.to_owned());
            }
            None => self.say(what),
        }
    }

    /// How far the work under way has come. Says nothing where nobody watches.
    pub fn progress(&mut self, done_ns: u64, what: &str) {
        if let Some(bar) = &self.bar {
            bar.set_position(done_ns / 1_000_000);
            bar.set_message(what.to_owned());
        }
    }

    /// Begins a long work on bytes.
    pub fn begin_bytes(&mut self) {
        if self.talk == Talk::Quiet || !self.watched {
            return;
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template(
            "{bar:28} {bytes} of {total_bytes}, {bytes_per_sec}, about {eta} left  {wide_msg}",
        )
        .expect("the template is a constant that parses");
        bar.set_style(style.progress_chars("━╸ "));
        self.bar = Some(bar);
    }

    /// How far the work on bytes has come. Says nothing where nobody watches.
    pub fn bytes(&mut self, done: u64, total: u64, what: &str) {
        if let Some(bar) = &self.bar {
            bar.set_length(total);
            bar.set_position(done);
            bar.set_message(what.to_owned());
        }
    }

    pub fn end(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    fn hide_bar<T>(&mut self, write: impl FnOnce(&mut Self) -> T) -> T {
        match self.bar.clone() {
            Some(bar) => bar.suspend(|| write(self)),
            None => write(self),
        }
    }
}

/// Columns under headers, numbers to the right.
pub fn table(headers: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        rows.iter()
            .map(|row| row[column].chars().count())
            .chain([headers[column].chars().count()])
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..headers.len()).map(width).collect();
    let numeric: Vec<bool> = (0..headers.len())
        .map(|column| {
            !rows.is_empty()
                && rows
                    .iter()
                    .all(|row| row[column].chars().next().is_none_or(|first| first.is_ascii_digit()))
        })
        .collect();
    let mut text = String::new();
    let mut push = |cells: &mut dyn Iterator<Item = &str>| {
        let mut line = String::new();
        for ((cell, width), numeric) in cells.zip(&widths).zip(&numeric) {
            let pad = " ".repeat(width - cell.chars().count());
            let (before, after) = if *numeric { (pad.as_str(), "") } else { ("", pad.as_str()) };
            line.extend([before, cell, after, "  "]);
        }
        text.push_str(line.trim_end());
        text.push('\n');
    };
    push(&mut headers.iter().copied());
    for row in rows {
        push(&mut row.iter().map(String::as_str));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Screen, Talk, table};

    #[test]
    fn numbers_stand_right_and_words_left() {
        let rows = vec![vec!["a".into(), "9.5".into()], vec!["long".into(), "10.25".into()]];
        assert_eq!(table(&["case", "rate"], &rows), "case   rate\na       9.5\nlong  10.25\n");
    }

    #[test]
    fn quiet_keeps_results_and_errors() {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut screen = Screen::new(&mut out, &mut err, false);
        screen.set_talk(Talk::Quiet);
        screen.say("working");
        screen.error("broken");
        screen.result("42").unwrap();
        assert_eq!((out.as_slice(), err.as_slice()), (b"42\n".as_slice(), b"error: broken\n".as_slice()));
    }
}
