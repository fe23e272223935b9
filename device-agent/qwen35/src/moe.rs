//! The mixture-of-experts block: router, routed experts, shared expert.

use candle_core::{Device, Tensor};
use candle_nn::ops::{sigmoid, softmax_last_dim};
use dyno_weights::{Checkpoint, Experts as Matrices, Linear};

use crate::config::Experts;
use crate::error::Result;
use crate::mlp::{Mlp, gated};

#[derive(Debug)]
pub(crate) struct MixtureOfExperts {
    router: Linear,
    experts: Matrices,
    shared: Mlp,
    shared_gate: Linear,
    sizes: Experts,
}

impl MixtureOfExperts {
    pub(crate) fn load(
        weights: &Checkpoint,
        prefix: &str,
        hidden: usize,
        sizes: Experts,
        device: &Device,
    ) -> Result<Self> {
        let experts = format!("{prefix}.experts");
        let shared = format!("{prefix}.shared_expert");
        Ok(Self {
            router: weights.linear(&format!("{prefix}.gate.weight"), sizes.count, hidden, device)?,
            experts: weights.experts(&experts, sizes.count, sizes.width, hidden, device)?,
            shared: Mlp::load(weights, &shared, hidden, sizes.shared_width, device)?,
            shared_gate: weights.linear(&format!("{shared}_gate.weight"), 1, hidden, device)?,
            sizes,
        })
    }

    /// `x` is `[T, hidden]`. Every expert is run once, on the tokens that chose it.
    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let probabilities = softmax_last_dim(&self.router.forward(x)?)?.to_vec2::<f32>()?;
        let shared_weight = sigmoid(&self.shared_gate.forward(x)?)?;
        let mut sum = self.shared.forward(x)?.broadcast_mul(&shared_weight)?;
        let mut routed = vec![(Vec::new(), Vec::new()); self.sizes.count];
        for (token, row) in probabilities.iter().enumerate() {
            for (expert, weight) in choose(row, self.sizes.per_token, self.sizes.normalise) {
                routed[expert].0.push(token as u32);
                routed[expert].1.push(weight);
            }
        }
        let Matrices { gate, up, down } = &self.experts;
        for (expert, (tokens, weights)) in routed.into_iter().enumerate() {
            if tokens.is_empty() {
                continue;
            }
            let count = tokens.len();
            let tokens = Tensor::from_vec(tokens, count, x.device())?;
            let weights = Tensor::from_vec(weights, (count, 1), x.device())?;
            let y = gated(&x.index_select(&tokens, 0)?, &gate[expert], &up[expert], &down[expert])?;
            sum = sum.index_add(&tokens, &y.broadcast_mul(&weights)?, 0)?;
        }
        Ok(sum)
    }
}

/// The `count` most probable experts and their weights; the lower index wins a tie.
pub(crate) fn choose(probabilities: &[f32], count: usize, normalise: bool) -> Vec<(usize, f32)> {
    let mut order: Vec<usize> = (0..probabilities.len()).collect();
    order.sort_by(|a, b| probabilities[*b].total_cmp(&probabilities[*a]).then(a.cmp(b)));
    order.truncate(count);
    let total: f32 = if normalise { order.iter().map(|expert| probabilities[*expert]).sum() } else { 1.0 };
    order.into_iter().map(|expert| (expert, probabilities[expert] / total)).collect()
}

#[cfg(test)]
mod tests {
    use super::choose;

    #[test]
    fn the_most_probable_are_chosen_and_share_one() {
        let chosen = choose(&[0.1, 0.3, 0.2, 0.4], 2, true);
        assert_eq!(chosen.iter().map(|(expert, _)| *expert).collect::<Vec<_>>(), [3, 1]);
        assert!((chosen[0].1 - 0.4 / 0.7).abs() < 1e-6 && (chosen[1].1 - 0.3 / 0.7).abs() < 1e-6);
    }

    #[test]
    fn unnormalised_routers_keep_their_probabilities_and_ties_go_to_the_lower_index() {
        assert_eq!(choose(&[0.2, 0.4, 0.4], 2, false), [(1, 0.4), (2, 0.4)]);
        assert_eq!(choose(&[0.5, 0.5], 1, false), [(0, 0.5)]);
    }
}
