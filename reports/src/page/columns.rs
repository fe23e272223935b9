//! What tables of cells have in common: the words for a cell, its badges, and the columns that never differ.

use std::collections::BTreeSet;
use std::fmt::Write;

use dyno_protocol::ComputeUnit;
use dyno_suites::Words;

use crate::analysis::Analysis;
use crate::cell::Cell;
use crate::evidence::Evidence;

use super::glossary::Glossary;
use super::table::{Column, Entry};

pub(super) fn unit_word(unit: ComputeUnit) -> &'static str {
    match unit {
        ComputeUnit::Cpu => "CPU",
        ComputeUnit::Gpu => "GPU",
        ComputeUnit::NeuralEngine => "Neural Engine",
        ComputeUnit::Any => "system's choice",
        ComputeUnit::Remote => "server",
    }
}

/// Nothing for what was measured; a label for everything else.
pub(super) fn badge(evidence: Evidence) -> String {
    match evidence {
        Evidence::Measured => String::new(),
        // The legend above the tables says the rest.
        Evidence::SyntheticWeights => "synthetic".to_owned(),
        other => other.word().to_owned(),
    }
}

pub(super) fn model_entry(glossary: &Glossary, model: &str) -> Entry {
    let entry = Entry::words(model);
    if glossary.is_toy(model) { entry.badge("toy model") } else { entry }
}

/// Model, quantization and how it was run, in one line for charts.
pub(super) fn short_label(cell: &Cell, varying: Varying) -> String {
    let mut parts = vec![cell.model.clone()];
    if varying.quant {
        parts.push(cell.quant.clone());
    }
    if varying.engine {
        parts.push(cell.engine.clone());
    }
    if varying.unit {
        parts.push(unit_word(cell.unit).to_owned());
    }
    if varying.device {
        parts.push(cell.device.clone());
    }
    if varying.case {
        parts.push(cell.case.clone());
    }
    parts.extend(cell.settings().into_iter().map(|(name, value)| format!("{name} {value}")));
    parts.join(" \u{b7} ")
}

/// Which parts of a cell differ among the rows shown; what is the same everywhere is said once.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "one switch for one column")]
pub(super) struct Varying {
    pub(super) case: bool,
    pub(super) quant: bool,
    pub(super) engine: bool,
    pub(super) unit: bool,
    pub(super) device: bool,
    pub(super) axes: bool,
}

impl Varying {
    pub(super) fn among<'a, I: Iterator<Item = &'a Cell> + Clone>(cells: &I) -> Self {
        fn differ<T: Ord>(values: impl Iterator<Item = T>) -> bool {
            values.collect::<BTreeSet<T>>().len() > 1
        }
        Self {
            case: differ(cells.clone().map(|cell| (&cell.case, cell.case_version))),
            quant: differ(cells.clone().map(|cell| &cell.quant)),
            engine: differ(cells.clone().map(|cell| &cell.engine)),
            unit: differ(cells.clone().map(|cell| cell.unit)),
            device: differ(cells.clone().map(|cell| &cell.device)),
            axes: cells.clone().any(|cell| !cell.settings().is_empty()),
        }
    }

    pub(super) fn headers(self) -> Vec<Column> {
        let shown = [
            (true, "Model"),
            (self.quant, "Weights"),
            (self.engine, "Engine"),
            (self.unit, "Unit"),
            (self.device, "Device"),
            (self.case, "Case"),
            (self.axes, "Settings"),
        ];
        shown.into_iter().filter(|(shown, _)| *shown).map(|(_, label)| Column::words(label)).collect()
    }

    pub(super) fn entries(self, cell: &Cell, glossary: &Glossary) -> Vec<Entry> {
        let mut entries = vec![model_entry(glossary, &cell.model)];
        if self.quant {
            entries.push(Entry::words(&cell.quant));
        }
        if self.engine {
            entries.push(Entry::words(&cell.engine));
        }
        if self.unit {
            entries.push(Entry::words(unit_word(cell.unit)));
        }
        if self.device {
            entries.push(Entry::words(&cell.device));
        }
        if self.case {
            entries.push(Entry::words(&cell.case));
        }
        if self.axes {
            entries.push(Entry::words(settings(cell)));
        }
        entries
    }

    /// What is the same in every row, as a sentence for the caption.
    pub(super) fn constant(self, cell: &Cell) -> String {
        let mut parts = Vec::new();
        if !self.device {
            parts.push(format!("on {}", cell.device));
        }
        if !self.engine {
            parts.push(format!("engine {}", cell.engine));
        }
        if !self.unit {
            parts.push(unit_word(cell.unit).to_owned());
        }
        if !self.quant {
            parts.push(format!("weights {}", cell.quant));
        }
        if !self.case {
            parts.push(format!("case {}", cell.case));
        }
        parts.join(", ")
    }
}

pub(super) fn settings(cell: &Cell) -> String {
    cell.settings().into_iter().map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ")
}

/// The command that measures one cell again.
pub(super) fn reproduce(analysis: &Analysis, run_id: &str, cell: &Cell) -> String {
    let seed = analysis.runs.iter().find(|run| run.manifest.run_id == run_id).map(|run| run.manifest.seed);
    let mut command = format!(
        "dyno run {} --device {} --model {} --quant {} --engine {} --unit {}",
        shell_word(&cell.suite),
        shell_word(&cell.device),
        shell_word(&cell.model),
        shell_word(&cell.quant),
        shell_word(&cell.engine),
        cell.unit.word()
    );
    if let Some(seed) = seed {
        let _ = write!(command, " --seed {seed}");
    }
    command
}

/// One word for a POSIX shell, quoted where it must be: a command is made to be copied.
pub(super) fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@+%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::shell_word;

    #[test]
    fn a_copied_command_does_only_what_it_says() {
        assert_eq!(shell_word("qwen3.5-2b"), "qwen3.5-2b");
        assert_eq!(shell_word("a; rm -rf ~"), "'a; rm -rf ~'");
        assert_eq!(shell_word("it's"), r"'it'\''s'");
        assert_eq!(shell_word(""), "''");
    }
}
