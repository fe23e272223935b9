//! The matrices of a mixture-of-experts layer, which checkpoints store in three ways: gate and up fused into
//! one stack, three stacks, or every expert by itself.

use candle_core::Device;

use crate::WeightError;
use crate::checkpoint::Checkpoint;
use crate::linear::Linear;
use crate::matrix::Matrix;

/// The expert matrices of one layer, whatever way they were stored. All views of one stack share its bytes.
#[derive(Clone, Debug)]
pub struct Experts {
    /// `[inner, hidden]`, one per expert.
    pub gate: Vec<Linear>,
    /// `[inner, hidden]`, one per expert.
    pub up: Vec<Linear>,
    /// `[hidden, inner]`, one per expert.
    pub down: Vec<Linear>,
}

/// One of the three matrices of an expert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    Gate,
    Up,
    Down,
}

impl Which {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Gate => "gate_proj",
            Self::Up => "up_proj",
            Self::Down => "down_proj",
        }
    }
}

/// How many experts there are, and their two widths.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ExpertDims {
    pub(crate) count: usize,
    pub(crate) inner: usize,
    pub(crate) hidden: usize,
}

impl Checkpoint {
    /// The expert matrices below `prefix` (`language_model.layers.N.mlp.experts`): `count` experts from
    /// `hidden` to `inner` and back.
    pub fn experts(
        &self,
        prefix: &str,
        count: usize,
        inner: usize,
        hidden: usize,
        device: &Device,
    ) -> Result<Experts, WeightError> {
        let dims = ExpertDims { count, inner, hidden };
        // A fused stack made from a seed must not be made once for gate and once more for up.
        let fused = self.fused(prefix, dims)?;
        let linears = |which| -> Result<Vec<Linear>, WeightError> {
            let matrices = self.expert_matrices(prefix, which, dims, fused.as_ref())?;
            matrices.into_iter().map(|matrix| Ok(Linear::new(matrix, device)?)).collect()
        };
        Ok(Experts { gate: linears(Which::Gate)?, up: linears(Which::Up)?, down: linears(Which::Down)? })
    }

    /// The stack `[count, 2 * inner, hidden]`, if gate and up are fused.
    pub(crate) fn fused(&self, prefix: &str, dims: ExpertDims) -> Result<Option<Matrix>, WeightError> {
        let name = format!("{prefix}.gate_up_proj.weight");
        if !self.has(&name) {
            return Ok(None);
        }
        let ExpertDims { count, inner, hidden } = dims;
        let entry = self.shaped(&name, &[count, 2 * inner, hidden])?;
        let flat = entry.matrix()?.reshaped(count * 2 * inner, hidden);
        flat.map(Some).ok_or_else(|| entry.error("cannot be cut into its experts"))
    }

    /// One matrix of every expert, in order.
    pub(crate) fn expert_matrices(
        &self,
        prefix: &str,
        which: Which,
        dims: ExpertDims,
        fused: Option<&Matrix>,
    ) -> Result<Vec<Matrix>, WeightError> {
        let ExpertDims { count, inner, hidden } = dims;
        let (out, inp) = if which == Which::Down { (hidden, inner) } else { (inner, hidden) };
        let stacked = format!("{prefix}.{}.weight", which.name());
        let (whole, stride, first) = match (fused, which) {
            (Some(fused), Which::Gate) => (fused.clone(), 2 * inner, 0),
            (Some(fused), Which::Up) => (fused.clone(), 2 * inner, inner),
            _ if self.has(&stacked) => {
                let entry = self.shaped(&stacked, &[count, out, inp])?;
                let flat = entry.matrix()?.reshaped(count * out, inp);
                (flat.ok_or_else(|| entry.error("cannot be cut into its experts"))?, out, 0)
            }
            _ => {
                let one = |e| self.matrix(&format!("{prefix}.{e}.{}.weight", which.name()), out, inp);
                return (0..count).map(one).collect();
            }
        };
        let view = |e: usize| {
            let start = e * stride + first;
            let cut = whole.view(start..start + out);
            cut.ok_or_else(|| WeightError::tensor(self.path(), &stacked, "cannot be cut into its experts"))
        };
        (0..count).map(view).collect()
    }
}
