//! Comparison of this engine with recorded tensors of the reference implementation, for any checkpoint. The
//! recordings are those of `scripts/oracle/make_tiny.py`: a folder of `ref_*.safetensors`, or one such file.
//! Owns the gates; printing the result belongs to the command line.

mod media;
mod reference;
mod text;

use std::path::Path;

use candle_core::{Device, Tensor};
use dyno_weights::Checkpoint;

use crate::config::Config;
use crate::error::{ModelError, Result};
use crate::fast::CpuPath;
use crate::model::{LoadOptions, Qwen35};
use reference::Reference;

/// A group of recorded tensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    /// Logits and residual stream of plain prompts.
    Text,
    /// A prefill, then token by token; the states at the end.
    Decode,
    /// The gated delta rule alone, in both forms, and one whole layer.
    DeltaRule,
    /// From RGB to logits and on to decoding.
    Image,
    /// From frames to logits.
    Video,
    /// Preparation of pictures of awkward sizes.
    Pixels,
    /// The draft head.
    DraftHead,
}

impl Part {
    /// All parts, in the order they are checked.
    pub const ALL: [Self; 7] =
        [Self::Text, Self::Decode, Self::DeltaRule, Self::Image, Self::Video, Self::Pixels, Self::DraftHead];

    /// The part's file.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Text => "ref_text.safetensors",
            Self::Decode => "ref_decode.safetensors",
            Self::DeltaRule => "ref_gdn.safetensors",
            Self::Image => "ref_image.safetensors",
            Self::Video => "ref_video.safetensors",
            Self::Pixels => "ref_pixels.safetensors",
            Self::DraftHead => "ref_mtp.safetensors",
        }
    }
}

/// One tensor compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// Which one.
    pub what: String,
    /// The largest absolute difference; infinite where shapes differ or a value is not a number.
    pub largest: f64,
    /// The largest difference that passes.
    pub gate: f64,
    /// Rows whose most probable token differs, where rows are logits.
    pub argmax_differs: Option<usize>,
}

impl Comparison {
    /// Whether the difference is within the gate and every most probable token is the same.
    pub fn passed(&self) -> bool {
        self.largest <= self.gate && self.argmax_differs.unwrap_or(0) == 0
    }
}

/// What became of one part.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// No recording of this part was given.
    Absent,
    /// Recorded and compared.
    Compared(Vec<Comparison>),
}

/// The whole result.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Every part once.
    pub parts: Vec<(Part, Outcome)>,
}

impl Report {
    /// Whether something was compared and all of it passed.
    pub fn passed(&self) -> bool {
        let mut comparisons = self.comparisons().peekable();
        comparisons.peek().is_some() && comparisons.all(|(_, comparison)| comparison.passed())
    }

    /// Every comparison with its part.
    pub fn comparisons(&self) -> impl Iterator<Item = (Part, &Comparison)> {
        self.parts.iter().flat_map(|(part, outcome)| {
            let list = match outcome {
                Outcome::Absent => &[][..],
                Outcome::Compared(list) => list,
            };
            list.iter().map(|comparison| (*part, comparison))
        })
    }
}

/// Largest differences that pass, for f32 against f32.
mod gates {
    pub(super) const EXACT: f64 = 0.0;
    pub(super) const LOGITS: f64 = 2e-3;
    pub(super) const HIDDEN: f64 = 1e-3;
    pub(super) const STATE: f64 = 5e-5;
    pub(super) const KEY_VALUE: f64 = 5e-4;
    pub(super) const PIXELS: f64 = 1e-6;
    /// Two 8-bit levels: the reference scales video frames by another library, which rounds differently.
    pub(super) const VIDEO_PIXELS: f64 = 4.0 / 255.0 + PIXELS;
    pub(super) const VISION: f64 = 2e-4;
}

/// Runs every recorded part of `reference`, a folder or a single file, on the checkpoint.
pub fn check(weights: &Checkpoint, reference: &Path, device: &Device) -> Result<Report> {
    check_on(weights, reference, device, CpuPath::Reference)
}

/// As [`check`], by a way of computing that a processor has.
pub fn check_on(weights: &Checkpoint, reference: &Path, device: &Device, cpu: CpuPath) -> Result<Report> {
    let config = Config::parse(weights.config())?;
    let recorded = Part::ALL.map(|part| (part, Reference::find(reference, part)));
    if recorded.iter().all(|(_, file)| file.is_none()) {
        return Err(ModelError::refused(
            format!("no `ref_*.safetensors` at {}", reference.display()),
            "record references with scripts/oracle/make_tiny.py",
        ));
    }
    let wants = |parts: &[Part]| recorded.iter().any(|(part, file)| file.is_some() && parts.contains(part));
    let options = LoadOptions {
        device: device.clone(),
        vision: config.vision.is_some() && wants(&[Part::Image, Part::Video, Part::Pixels]),
        mtp: config.text.mtp_layers > 0 && wants(&[Part::DraftHead]),
        cpu,
    };
    let model = Qwen35::load(weights, &options, &mut |_| ())?;
    let mut parts = Vec::with_capacity(recorded.len());
    for (part, file) in recorded {
        let outcome = match file {
            None => Outcome::Absent,
            Some(file) => {
                let reference = Reference::open(&file)?;
                Outcome::Compared(match part {
                    Part::Text => text::prompts(&model, &reference)?,
                    Part::Decode => text::decode(&model, weights.v_head_order(), &reference)?,
                    Part::DeltaRule => text::delta_rule(&model, &reference)?,
                    Part::Image => media::image(&model, weights, &reference)?,
                    Part::Video => media::video(&model, &reference)?,
                    Part::Pixels => media::pixels(&model, &reference)?,
                    Part::DraftHead => text::draft_head(&model, &reference)?,
                })
            }
        };
        parts.push((part, outcome));
    }
    Ok(Report { parts })
}

/// Compares without regard to leading dimensions of one.
fn compare(what: impl Into<String>, ours: &Tensor, theirs: &Tensor, gate: f64) -> Result<Comparison> {
    let ours = reference::flat(ours)?;
    let theirs = reference::flat(theirs)?;
    Ok(Comparison { what: what.into(), largest: largest(&ours, &theirs), gate, argmax_differs: None })
}

/// As [`compare`], and counts rows whose most probable token differs.
fn compare_logits(what: impl Into<String>, ours: &Tensor, theirs: &Tensor) -> Result<Comparison> {
    let rows = |logits: &Tensor| -> Result<Vec<u32>> {
        let width = logits.dims().last().copied().unwrap_or(1);
        crate::speculate::greedy(&logits.reshape(((), width))?)
    };
    let differ = rows(ours)?.iter().zip(rows(theirs)?).filter(|(a, b)| **a != *b).count();
    Ok(Comparison { argmax_differs: Some(differ), ..compare(what, ours, theirs, gates::LOGITS)? })
}

/// Compares whole numbers.
fn compare_counts(what: &str, ours: &[i64], theirs: &[i64]) -> Comparison {
    let largest = if ours.len() == theirs.len() {
        ours.iter().zip(theirs).map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0) as f64
    } else {
        f64::INFINITY
    };
    Comparison { what: what.to_owned(), largest, gate: gates::EXACT, argmax_differs: None }
}

fn largest(ours: &[f32], theirs: &[f32]) -> f64 {
    if ours.len() != theirs.len() {
        return f64::INFINITY;
    }
    let gaps = ours.iter().zip(theirs).map(|(a, b)| (f64::from(*a) - f64::from(*b)).abs());
    gaps.fold(0.0, |worst, gap| if gap.is_nan() { f64::INFINITY } else { gap.max(worst) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_is_no_number_fails_every_gate() {
        assert!(largest(&[1.0, f32::NAN], &[1.0, 1.0]).is_infinite());
        assert!(largest(&[1.0], &[1.0, 1.0]).is_infinite());
        assert!((largest(&[1.0, 2.0], &[1.0, 1.5]) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn a_report_without_comparisons_has_not_passed() {
        assert!(!Report { parts: vec![(Part::Text, Outcome::Absent)] }.passed());
    }
}
