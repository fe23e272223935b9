//! What a decoded token costs, stated from shapes and stored formats: bytes that must be read or written and
//! floating-point operations. A measured speed is shown against these, so nothing here may depend on how
//! cleverly the engine computes.

use dyno_weights::Checkpoint;

use crate::cache::KvCache;
use crate::config::{Config, FeedForward, Mixer, TextConfig};
use crate::state::recurrent_bytes;
use crate::trunk::{HEAD, is_tied};

/// The cost of decoding one token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeCost {
    /// Weights read once each, in their stored formats; of routed experts only the chosen ones. The embedding
    /// row is left out.
    pub weight_bytes: u64,
    /// Keys and values of all earlier tokens read, the token's own written.
    pub kv_bytes: u64,
    /// Recurrent and convolution states, read and written.
    pub recurrent_bytes: u64,
    /// Two per weight of every layer's matrices.
    pub layer_flops: u64,
    /// Two per weight of the output head.
    pub head_flops: u64,
    /// Scores and mixing of full attention over all tokens up to this one.
    pub attention_flops: u64,
    /// Decay, correction, write and read of the recurrent states, and the convolution.
    pub recurrent_flops: u64,
}

impl DecodeCost {
    /// Of a token that follows `depth` others.
    pub fn new(weights: &Checkpoint, config: &Config, depth: usize) -> Self {
        let text = &config.text;
        let full = text.layers_with(Mixer::Full) as u64;
        let linear = text.layers_with(Mixer::Linear) as u64;
        let attention = &text.attention;
        let delta = &text.linear;
        let state = (delta.value_heads * delta.key_dim * delta.value_dim) as u64;
        let taps = (delta.conv_kernel * delta.conv_channels()) as u64;
        let widths = (attention.heads * attention.head_dim) as u64;
        let seen = depth as u64 + 1;
        Self {
            weight_bytes: weight_bytes(weights, config),
            kv_bytes: full * seen * KvCache::bytes_for(attention, 1),
            recurrent_bytes: 2 * recurrent_bytes(text),
            layer_flops: 2 * layer_matrices(text),
            head_flops: 2 * (text.vocab_size * text.hidden_size) as u64,
            // A product and a sum per element, once for the scores and once for the mixture.
            attention_flops: full * 4 * widths * seen,
            // Decay is one operation per element of the state; correction, write and read are two each.
            recurrent_flops: linear * (7 * state + 2 * taps),
        }
    }

    /// All bytes.
    pub fn bytes(&self) -> u64 {
        self.weight_bytes + self.kv_bytes + self.recurrent_bytes
    }

    /// All floating-point operations.
    pub fn flops(&self) -> u64 {
        self.layer_flops + self.head_flops + self.attention_flops + self.recurrent_flops
    }
}

fn weight_bytes(weights: &Checkpoint, config: &Config) -> u64 {
    const TABLE: &str = "language_model.embed_tokens.weight";
    let head = if is_tied(config, weights) { TABLE } else { HEAD };
    let trunk = weights.names().filter(|name| name.starts_with("language_model.") && *name != TABLE);
    let (experts, plain): (Vec<&str>, Vec<&str>) = trunk.partition(|name| name.contains(".mlp.experts."));
    let share = match config.text.feed_forward {
        FeedForward::Dense(_) => 0,
        FeedForward::Experts(e) => weights.weight_bytes(experts) * e.per_token as u64 / e.count as u64,
    };
    weights.weight_bytes(plain) + share + weights.stored_bytes(head)
}

/// Weights in the matrices that one token passes through, head not included.
fn layer_matrices(text: &TextConfig) -> u64 {
    let h = text.hidden_size;
    let (a, l) = (&text.attention, &text.linear);
    let linear = h * (l.conv_channels() + l.value_width() + 2 * l.value_heads) + l.value_width() * h;
    let full = h * (2 * a.heads + 2 * a.kv_heads) * a.head_dim + a.heads * a.head_dim * h;
    let feed_forward = match text.feed_forward {
        FeedForward::Dense(inner) => 3 * h * inner,
        FeedForward::Experts(e) => h * (3 * (e.per_token * e.width + e.shared_width) + e.count + 1),
    };
    let mixers = linear * text.layers_with(Mixer::Linear) + full * text.layers_with(Mixer::Full);
    (mixers + feed_forward * text.mixers.len()) as u64
}
