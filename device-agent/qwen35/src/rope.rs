//! Rotary positions: interleaved three-axis angles for text, two-axis angles for the vision tower.
//! Angles are made on the host in f32, as the published models were trained.

use candle_core::{Device, Tensor};
use candle_nn::rotary_emb;

use crate::config::Rope;
use crate::error::Result;

/// A token's place in time, height and width; equal for text.
pub type Position = [u32; 3];

/// Cosines and sines for a run of tokens, `[tokens, frequencies]`.
#[derive(Debug, Clone)]
pub struct Turns {
    cos: Tensor,
    sin: Tensor,
}

impl Turns {
    /// Cosines and sines, row after row.
    pub(crate) fn host(&self) -> Result<(Vec<f32>, Vec<f32>)> {
        Ok((self.cos.flatten_all()?.to_vec1()?, self.sin.flatten_all()?.to_vec1()?))
    }

    fn of(angles: &[f32], frequencies: usize, device: &Device) -> Result<Self> {
        let shape = (angles.len() / frequencies, frequencies);
        let cos: Vec<f32> = angles.iter().map(|angle| angle.cos()).collect();
        let sin: Vec<f32> = angles.iter().map(|angle| angle.sin()).collect();
        Ok(Self { cos: Tensor::from_vec(cos, shape, device)?, sin: Tensor::from_vec(sin, shape, device)? })
    }

    /// Turns the first `2 * frequencies` dimensions of every head of `x` `[tokens, heads, dim]`, pairing
    /// dimension `i` with `i + frequencies`; the rest pass through.
    pub fn apply(&self, x: &Tensor) -> Result<Tensor> {
        let (_, _, dim) = x.dims3()?;
        let turned = 2 * self.cos.dim(1)?;
        let head = x.narrow(2, 0, turned)?.contiguous()?.unsqueeze(0)?;
        let head = rotary_emb::rope_thd(&head, &self.cos, &self.sin)?.squeeze(0)?;
        if turned == dim {
            return Ok(head);
        }
        Ok(Tensor::cat(&[&head, &x.narrow(2, turned, dim - turned)?], 2)?)
    }
}

/// The text rotary embedding.
#[derive(Debug, Clone)]
pub struct TextRotary {
    frequencies: Vec<f32>,
    axes: Vec<usize>,
}

impl TextRotary {
    /// For a model with these settings.
    pub fn new(rope: &Rope) -> Self {
        let count = rope.dim / 2;
        let [_, height, width] = rope.sections;
        // Interleaved: time, height, width, time, height, width, ... until a section is used up.
        let axes = (0..count).map(|j| match j % 3 {
            1 if j < 3 * height => 1,
            2 if j < 3 * width => 2,
            _ => 0,
        });
        Self { frequencies: frequencies(rope.theta, rope.dim), axes: axes.collect() }
    }

    pub fn turns(&self, positions: &[Position], device: &Device) -> Result<Turns> {
        let angles: Vec<f32> = positions.iter().flat_map(|position| self.angles(position)).collect();
        Turns::of(&angles, self.axes.len(), device)
    }

    /// For each position the cosines of all frequencies and then their sines, for engines with memory of their own.
    pub fn table(&self, positions: &[Position]) -> Vec<f32> {
        positions.iter().flat_map(|position| cosines_and_sines(self.angles(position))).collect()
    }

    /// Cosines and sines by themselves, in place of what the two hold.
    pub(crate) fn write(&self, positions: &[Position], cos: &mut Vec<f32>, sin: &mut Vec<f32>) {
        cos.clear();
        sin.clear();
        for angle in positions.iter().flat_map(|position| self.angles(position)) {
            cos.push(angle.cos());
            sin.push(angle.sin());
        }
    }

    fn angles<'a>(&'a self, position: &'a Position) -> impl Iterator<Item = f32> + Clone + 'a {
        let pairs = self.axes.iter().zip(&self.frequencies);
        pairs.map(|(axis, frequency)| position[*axis] as f32 * frequency)
    }
}

fn cosines_and_sines(angles: impl Iterator<Item = f32> + Clone) -> impl Iterator<Item = f32> {
    angles.clone().map(f32::cos).chain(angles.map(f32::sin))
}

/// The vision tower's angles: the first half of the frequencies follows the row, the second the column.
pub(crate) fn patch_turns(places: &[(u32, u32)], head_dim: usize, device: &Device) -> Result<Turns> {
    const THETA: f64 = 10_000.0;
    let frequencies = frequencies(THETA, head_dim / 2);
    let mut angles = Vec::with_capacity(places.len() * head_dim / 2);
    for (row, column) in places {
        angles.extend(frequencies.iter().map(|frequency| *row as f32 * frequency));
        angles.extend(frequencies.iter().map(|frequency| *column as f32 * frequency));
    }
    Turns::of(&angles, head_dim / 2, device)
}

fn frequencies(theta: f64, dim: usize) -> Vec<f32> {
    (0..dim / 2).map(|j| 1.0 / (theta as f32).powf(2.0 * j as f32 / dim as f32)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_sections_interleave_as_stated() {
        let rotary = TextRotary::new(&Rope { theta: 1e7, dim: 64, sections: [11, 11, 10] });
        let on = |axis| (0..32).filter(|j| rotary.axes[*j] == axis).collect::<Vec<_>>();
        assert_eq!(on(1), (1..=31).step_by(3).collect::<Vec<_>>());
        assert_eq!(on(2), (2..=29).step_by(3).collect::<Vec<_>>());
        assert_eq!(on(0).len(), 11);
    }

    #[test]
    fn only_the_rotary_slice_turns() -> Result<()> {
        let rotary = TextRotary::new(&Rope { theta: 1e7, dim: 4, sections: [2, 0, 0] });
        let turns = rotary.turns(&[[3, 3, 3]], &Device::Cpu)?;
        let x = Tensor::new(&[[[1f32, 0.0, 0.0, 0.0, 5.0, 6.0]]], &Device::Cpu)?;
        let y = turns.apply(&x)?.flatten_all()?.to_vec1::<f32>()?;
        assert!((y[0] - 3f32.cos()).abs() < 1e-6 && (y[2] - 3f32.sin()).abs() < 1e-6);
        assert_eq!(&y[4..], &[5.0, 6.0]);
        Ok(())
    }
}
