//! Which way of computing on a processor is taken. The best is chosen where nothing is said; tests force each.

use std::fmt;
use std::str::FromStr;

use candle_core::Device;
use dyno_kernels::{Arithmetic, Machine, Processor};

use crate::config::{Config, FeedForward};

/// Below this width of the residual stream nothing is won by shorter arithmetic, so it stays exact.
const FAST_FROM: usize = 512;

/// A way of computing on a processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CpuPath {
    /// This machine's fastest instructions; arithmetic by the model's size: exact where the model is small.
    #[default]
    Best,
    /// Tensor by tensor in f32, on every device: what the others are held against.
    Reference,
    /// These instructions and this arithmetic.
    Kernels(Machine, Arithmetic),
}

/// The text names no way of computing that this processor has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{asked}` is no way of computing here; there are best, reference, and each of {here} with -exact or -fast"
)]
pub struct UnknownPath {
    asked: String,
    here: String,
}

impl CpuPath {
    /// Every way this processor has.
    pub fn all() -> Vec<Self> {
        let kernels = Machine::all().into_iter().flat_map(|machine| {
            [Arithmetic::Exact, Arithmetic::Fast].map(|arithmetic| Self::Kernels(machine, arithmetic))
        });
        [Self::Reference].into_iter().chain(kernels).collect()
    }

    /// Every way whose results are the reference's up to rounding in f32.
    pub fn exact() -> Vec<Self> {
        Self::all().into_iter().filter(|path| !matches!(path, Self::Kernels(_, Arithmetic::Fast))).collect()
    }

    /// Threads and instructions for `config`; none where the reference is to be used: because it was asked for,
    /// on an accelerator, or because some width is none that kernels take.
    pub(crate) fn processor(self, config: &Config, device: &Device) -> Option<Processor> {
        if !device.is_cpu() || !takes(config) {
            return None;
        }
        let (machine, arithmetic) = match self {
            Self::Reference => return None,
            Self::Kernels(machine, arithmetic) => (machine, arithmetic),
            Self::Best if config.text.hidden_size < FAST_FROM => (Machine::best(), Arithmetic::Exact),
            Self::Best => (Machine::best(), Arithmetic::Fast),
        };
        Some(Processor::new(rayon::current_num_threads(), machine, arithmetic))
    }
}

/// Whether every width is whole registers of sixteen floats.
fn takes(config: &Config) -> bool {
    const LANES: usize = 16;
    let text = &config.text;
    let (linear, attention) = (&text.linear, &text.attention);
    let mut widths = vec![text.hidden_size, linear.key_dim, linear.value_dim, attention.head_dim];
    match text.feed_forward {
        FeedForward::Dense(inner) => widths.push(inner),
        FeedForward::Experts(experts) => widths.extend([experts.width, experts.shared_width]),
    }
    widths.iter().all(|width| width.is_multiple_of(LANES)) && text.rope.dim <= attention.head_dim
}

impl fmt::Display for CpuPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Best => f.write_str("best"),
            Self::Reference => f.write_str("reference"),
            Self::Kernels(machine, Arithmetic::Exact) => write!(f, "{machine}-exact"),
            Self::Kernels(machine, Arithmetic::Fast) => write!(f, "{machine}-fast"),
        }
    }
}

impl FromStr for CpuPath {
    type Err = UnknownPath;

    fn from_str(text: &str) -> Result<Self, UnknownPath> {
        let found = [Self::Best].into_iter().chain(Self::all()).find(|path| path.to_string() == text);
        found.ok_or_else(|| {
            let here: Vec<String> = Machine::all().iter().map(ToString::to_string).collect();
            UnknownPath { asked: text.to_owned(), here: here.join(", ") }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_is_called_by_its_name() {
        for path in CpuPath::all().into_iter().chain([CpuPath::Best]) {
            assert_eq!(path.to_string().parse(), Ok(path));
        }
        assert!("amx-512".parse::<CpuPath>().is_err_and(|error| error.to_string().contains("plain")));
    }
}
