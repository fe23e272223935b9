//! The vision tower: patch embedding, learned and rotary positions, transformer blocks, merger.

use candle_core::{Device, Tensor};
use dyno_weights::Checkpoint;

use super::patches::{PatchGrid, Patches, block_order};
use crate::attend::attend;
use crate::config::VisionConfig;
use crate::error::Result;
use crate::fast::{Place, Weight};
use crate::model::VisionFeatures;
use crate::norm::LayerNorm;
use crate::rope::{Turns, patch_turns};

/// A linear map with bias: every one in the tower has it.
#[derive(Debug)]
struct Affine {
    weight: Weight,
    bias: Tensor,
}

impl Affine {
    fn load(weights: &Checkpoint, name: &str, out: usize, inp: usize, place: Place<'_>) -> Result<Self> {
        Ok(Self {
            weight: Weight::load(weights, &format!("{name}.weight"), out, inp, place)?,
            bias: weights.tensor(&format!("{name}.bias"), &[out], place.device)?,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(self.weight.forward(x)?.broadcast_add(&self.bias)?)
    }
}

#[derive(Debug)]
struct Block {
    norm1: LayerNorm,
    qkv: Affine,
    proj: Affine,
    norm2: LayerNorm,
    fc1: Affine,
    fc2: Affine,
}

impl Block {
    fn load(weights: &Checkpoint, prefix: &str, config: &VisionConfig, place: Place<'_>) -> Result<Self> {
        let (h, inner) = (config.hidden_size, config.intermediate_size);
        let affine =
            |name: &str, out, inp| Affine::load(weights, &format!("{prefix}.{name}"), out, inp, place);
        let norm = |name: &str| LayerNorm::load(weights, &format!("{prefix}.{name}"), h, place.device);
        Ok(Self {
            norm1: norm("norm1")?,
            qkv: affine("attn.qkv", 3 * h, h)?,
            proj: affine("attn.proj", h, h)?,
            norm2: norm("norm2")?,
            fc1: affine("mlp.linear_fc1", inner, h)?,
            fc2: affine("mlp.linear_fc2", h, inner)?,
        })
    }

    /// `x` is `[patches, hidden]`; patches see each other within one temporal patch of `slice` patches.
    fn forward(&self, x: &Tensor, turns: &Turns, heads: usize, slice: usize) -> Result<Tensor> {
        let (patches, hidden) = x.dims2()?;
        let qkv = self.qkv.forward(&self.norm1.forward(x)?)?.reshape((patches, 3, heads, hidden / heads))?;
        let part = |index: usize| qkv.narrow(1, index, 1)?.squeeze(1);
        let by_head = |x: &Tensor| x.transpose(0, 1)?.contiguous();
        let q = by_head(&turns.apply(&part(0)?)?)?;
        let k = by_head(&turns.apply(&part(1)?)?)?;
        let v = by_head(&part(2)?)?;
        let mut mixed = Vec::with_capacity(patches / slice);
        for start in (0..patches).step_by(slice) {
            let cut = |x: &Tensor| x.narrow(1, start, slice);
            mixed.push(attend(&cut(&q)?, &cut(&k)?, &cut(&v)?, false)?.transpose(0, 1)?);
        }
        let mixed = Tensor::cat(&mixed, 0)?.contiguous()?.reshape((patches, hidden))?;
        let x = (x + self.proj.forward(&mixed)?)?;
        // The blocks' GELU is the tanh approximation, the merger's is the exact one.
        let inner = self.fc1.forward(&self.norm2.forward(&x)?)?.gelu()?;
        Ok((x + self.fc2.forward(&inner)?)?)
    }
}

/// Turns every square of patches into one vector of the language model.
#[derive(Debug)]
struct Merger {
    norm: LayerNorm,
    /// Whether a square is normed as a whole, or each of its patches.
    whole: bool,
    fc1: Affine,
    fc2: Affine,
    width: usize,
}

impl Merger {
    fn load(
        weights: &Checkpoint,
        name: &str,
        whole: bool,
        config: &VisionConfig,
        place: Place<'_>,
    ) -> Result<Self> {
        let width = config.hidden_size * config.merge * config.merge;
        let normed = if whole { width } else { config.hidden_size };
        let affine = |part: &str, out, inp| Affine::load(weights, &format!("{name}.{part}"), out, inp, place);
        Ok(Self {
            norm: LayerNorm::load(weights, &format!("{name}.norm"), normed, place.device)?,
            whole,
            fc1: affine("linear_fc1", width, width)?,
            fc2: affine("linear_fc2", config.out_hidden_size, width)?,
            width,
        })
    }

    fn forward(&self, hidden: &Tensor) -> Result<Tensor> {
        let x = if self.whole {
            self.norm.forward(&hidden.reshape(((), self.width))?)?
        } else {
            self.norm.forward(hidden)?.reshape(((), self.width))?
        };
        self.fc2.forward(&self.fc1.forward(&x)?.gelu_erf()?)
    }
}

/// A loaded vision tower.
#[derive(Debug)]
pub struct VisionTower {
    patch_embedding: Affine,
    /// Learned positions, `[side * side, hidden]`.
    positions: Tensor,
    blocks: Vec<Block>,
    merger: Merger,
    /// By the block after which it reads.
    taps: Vec<(usize, Merger)>,
    config: VisionConfig,
    device: Device,
}

impl VisionTower {
    /// On the kernels of a processor where there is one.
    pub(crate) fn load(weights: &Checkpoint, config: &VisionConfig, place: Place<'_>) -> Result<Self> {
        Self::load_at(weights, config, &[], place)
    }

    /// With further outputs taken after the blocks `taps`, as a sibling family has them.
    pub fn load_tapped(
        weights: &Checkpoint,
        config: &VisionConfig,
        taps: &[usize],
        device: &Device,
    ) -> Result<Self> {
        Self::load_at(weights, config, taps, Place { device, processor: None })
    }

    fn load_at(
        weights: &Checkpoint,
        config: &VisionConfig,
        taps: &[usize],
        place: Place<'_>,
    ) -> Result<Self> {
        let device = place.device;
        let h = config.hidden_size;
        let positions = [config.table_side * config.table_side, h];
        let patch_embedding = "visual.patch_embed.proj";
        let tap = |(index, block): (usize, &usize)| {
            let name = format!("visual.deepstack_merger_list.{index}");
            Ok((*block, Merger::load(weights, &name, true, config, place)?))
        };
        Ok(Self {
            patch_embedding: Affine::load(weights, patch_embedding, h, config.patch_values(), place)?,
            positions: weights.tensor("visual.pos_embed.weight", &positions, device)?,
            blocks: (0..config.depth)
                .map(|index| Block::load(weights, &format!("visual.blocks.{index}"), config, place))
                .collect::<Result<_>>()?,
            merger: Merger::load(weights, "visual.merger", false, config, place)?,
            taps: taps.iter().enumerate().map(tap).collect::<Result<_>>()?,
            config: *config,
            device: device.clone(),
        })
    }

    /// The vectors that stand for one prepared image or video.
    pub fn see(&self, patches: &Patches) -> Result<VisionFeatures> {
        let hidden = self.encode(patches, &mut |_, _| Ok(()))?;
        Ok(VisionFeatures { rows: self.merger.forward(&hidden)?, grids: patches.token_grids() })
    }

    /// The same, and what each tap gives for the same tokens.
    pub fn see_tapped(&self, patches: &Patches) -> Result<(VisionFeatures, Vec<Tensor>)> {
        let mut tapped = Vec::with_capacity(self.taps.len());
        let hidden = self.encode(patches, &mut |block, x| {
            for (_, merger) in self.taps.iter().filter(|(after, _)| *after == block) {
                tapped.push(merger.forward(x)?);
            }
            Ok(())
        })?;
        let features = VisionFeatures { rows: self.merger.forward(&hidden)?, grids: patches.token_grids() };
        Ok((features, tapped))
    }

    /// Patch vectors after the last block, `[patches, hidden]`; `watch` sees them after every block.
    pub(crate) fn encode(
        &self,
        patches: &Patches,
        watch: &mut dyn FnMut(usize, &Tensor) -> Result<()>,
    ) -> Result<Tensor> {
        let VisionConfig { merge, heads, .. } = self.config;
        let (grid, count) = (patches.grid, patches.grid.patches());
        let rows = Tensor::from_slice(&patches.values, (count, self.config.patch_values()), &self.device)?;
        let places: Vec<(u32, u32)> =
            block_order(grid, merge).map(|(row, column)| (row as u32, column as u32)).collect();
        let every_time: Vec<(u32, u32)> =
            std::iter::repeat_n(&places, grid.time).flatten().copied().collect();
        let turns = patch_turns(&every_time, self.config.head_dim(), &self.device)?;
        let mut x = self.patch_embedding.forward(&rows)?;
        x = (x + self.learned_positions(grid)?.repeat((grid.time, 1))?)?;
        for (index, block) in self.blocks.iter().enumerate() {
            x = block.forward(&x, &turns, heads, grid.height * grid.width)?;
            watch(index, &x)?;
        }
        Ok(x)
    }

    /// The square table stretched over one temporal patch: corners on corners, four taps per patch.
    fn learned_positions(&self, grid: PatchGrid) -> Result<Tensor> {
        let side = self.config.table_side;
        let rows = stretched(side, grid.height);
        let columns = stretched(side, grid.width);
        let mut taps: [(Vec<u32>, Vec<f32>); 4] = Default::default();
        for (row, column) in block_order(grid, self.config.merge) {
            let ((top, bottom, dy), (left, right, dx)) = (rows[row], columns[column]);
            for (tap, (y, x, weight)) in taps.iter_mut().zip([
                (top, left, (1.0 - dy) * (1.0 - dx)),
                (top, right, (1.0 - dy) * dx),
                (bottom, left, dy * (1.0 - dx)),
                (bottom, right, dy * dx),
            ]) {
                tap.0.push((y * side + x) as u32);
                tap.1.push(weight);
            }
        }
        let mut sum = None;
        for (indexes, weights) in taps {
            let count = indexes.len();
            let rows = self.positions.index_select(&Tensor::from_vec(indexes, count, &self.device)?, 0)?;
            let term = rows.broadcast_mul(&Tensor::from_vec(weights, (count, 1), &self.device)?)?;
            sum = Some(match sum {
                None => term,
                Some(sum) => (sum + term)?,
            });
        }
        sum.ok_or_else(|| {
            crate::error::ModelError::refused("a picture without patches", "give one with pixels")
        })
    }
}

/// For each of `count` points spread over `0..side`: the entries below and above, and how far towards the upper.
fn stretched(side: usize, count: usize) -> Vec<(usize, usize, f32)> {
    let last = side - 1;
    (0..count)
        .map(|i| {
            let at = i as f32 * last as f32 / (count - 1).max(1) as f32;
            let below = (at.floor() as usize).min(last);
            (below, (below + 1).min(last), at - below as f32)
        })
        .collect()
}
