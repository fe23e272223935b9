//! What the layers need while they compute: taken once for the longest run of tokens seen, used by all layers.

use dyno_kernels::Input;

use crate::config::{FeedForward, TextConfig};

/// Widths that the scratch is made for.
#[derive(Debug, Clone, Copy)]
struct Widths {
    hidden: usize,
    /// Of what a mixer projects to, and of what it gives back.
    wide: usize,
    gates: usize,
    heads: usize,
    delta: usize,
    full: usize,
    inner: usize,
}

/// Buffers for `rows` tokens.
#[derive(Debug)]
pub(super) struct Scratch {
    widths: Widths,
    rows: usize,
    /// The residual stream under a norm.
    pub(super) normed: Input,
    /// What goes into a mixer's last projection, and into an MLP's.
    pub(super) delta: Input,
    pub(super) full: Input,
    pub(super) inner: Input,
    /// Projections: convolution channels, or queries with their gates; what comes up in an MLP.
    pub(super) wide: Vec<f32>,
    /// The output gate of a delta layer, or ready queries.
    pub(super) gates: Vec<f32>,
    /// Decay and strength of a delta layer, or keys and values.
    pub(super) first: Vec<f32>,
    pub(super) second: Vec<f32>,
    /// What a block adds to the residual stream.
    pub(super) added: Vec<f32>,
    pub(super) cos: Vec<f32>,
    pub(super) sin: Vec<f32>,
    /// Parts of an attention over many tokens.
    pub(super) partial: Vec<f32>,
}

impl Scratch {
    pub(super) fn new(text: &TextConfig) -> Self {
        let (linear, attention) = (&text.linear, &text.attention);
        let full = attention.heads * attention.head_dim;
        let inner = match text.feed_forward {
            FeedForward::Dense(inner) => inner,
            FeedForward::Experts(experts) => experts.width.max(experts.shared_width),
        };
        let widths = Widths {
            hidden: text.hidden_size,
            wide: linear.conv_channels().max(2 * full).max(inner),
            gates: linear.value_width().max(full),
            heads: linear.value_heads.max(attention.kv_heads * attention.head_dim),
            delta: linear.value_width(),
            full,
            inner,
        };
        Self::with_rows(widths, 1)
    }

    fn with_rows(widths: Widths, rows: usize) -> Self {
        let floats = |width: usize| vec![0f32; rows * width];
        Self {
            widths,
            rows,
            normed: Input::new(rows, widths.hidden),
            delta: Input::new(rows, widths.delta),
            full: Input::new(rows, widths.full),
            inner: Input::new(rows, widths.inner),
            wide: floats(widths.wide),
            gates: floats(widths.gates),
            first: floats(widths.heads),
            second: floats(widths.heads),
            added: floats(widths.hidden),
            cos: Vec::new(),
            sin: Vec::new(),
            partial: Vec::new(),
        }
    }

    /// Makes room for `rows` tokens.
    pub(super) fn make_room(&mut self, rows: usize) {
        if rows > self.rows {
            let (cos, sin) = (std::mem::take(&mut self.cos), std::mem::take(&mut self.sin));
            *self = Self { cos, sin, ..Self::with_rows(self.widths, rows) };
        }
    }
}
