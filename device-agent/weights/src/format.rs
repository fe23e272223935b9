//! The number formats of stored weights and what each costs. Arithmetic lives in `formats`.

use std::fmt;
use std::str::FromStr;

/// How the elements of one matrix are stored. Rows are contiguous in every format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Format {
    F32,
    F16,
    Bf16,
    /// MLX affine codes: `scale * code + bias` per group along a row.
    Affine {
        bits: u8,
        group: u16,
    },
    Mxfp4,
    Nvfp4,
    Mxfp8,
    Q4_0,
    Q4_1,
    Q5_0,
    Q5_1,
    Q8_0,
    Q2K,
    Q3K,
    Q4K,
    Q5K,
    Q6K,
}

/// The float type that holds scales and biases beside MLX affine codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    F32,
    F16,
    Bf16,
}

impl Side {
    pub const fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
        }
    }

    pub(crate) const fn as_format(self) -> Format {
        match self {
            Self::F32 => Format::F32,
            Self::F16 => Format::F16,
            Self::Bf16 => Format::Bf16,
        }
    }

    pub(crate) const fn of(format: Format) -> Option<Self> {
        match format {
            Format::F32 => Some(Self::F32),
            Format::F16 => Some(Self::F16),
            Format::Bf16 => Some(Self::Bf16),
            _ => None,
        }
    }
}

/// Bytes of one row: its codes (with in-block scales), and the separate scales and biases of MLX formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RowBytes {
    pub(crate) codes: usize,
    pub(crate) scales: usize,
    pub(crate) biases: usize,
}

impl Format {
    pub const AFFINE_BITS: [u8; 6] = [2, 3, 4, 5, 6, 8];
    pub const AFFINE_GROUPS: [u16; 3] = [32, 64, 128];

    /// A row must hold a multiple of this many elements.
    pub const fn block_elements(self) -> usize {
        match self {
            Self::F32 | Self::F16 | Self::Bf16 => 1,
            Self::Affine { group, .. } => group as usize,
            Self::Nvfp4 => 16,
            Self::Mxfp4 | Self::Mxfp8 | Self::Q4_0 | Self::Q4_1 | Self::Q5_0 | Self::Q5_1 | Self::Q8_0 => 32,
            Self::Q2K | Self::Q3K | Self::Q4K | Self::Q5K | Self::Q6K => 256,
        }
    }

    /// Bytes of one block's codes, in-block scales included.
    pub const fn block_bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
            Self::Affine { bits, group } => bits as usize * group as usize / 8,
            Self::Nvfp4 => 8,
            Self::Mxfp4 => 16,
            Self::Mxfp8 => 32,
            Self::Q4_0 => 18,
            Self::Q4_1 => 20,
            Self::Q5_0 => 22,
            Self::Q5_1 => 24,
            Self::Q8_0 => 34,
            Self::Q2K => 84,
            Self::Q3K => 110,
            Self::Q4K => 144,
            Self::Q5K => 176,
            Self::Q6K => 210,
        }
    }

    /// What a row of `cols` elements takes, or nothing when the format cannot hold such a row.
    pub(crate) fn row_bytes(self, cols: usize, side: Side) -> Option<RowBytes> {
        let block = self.block_elements();
        if block == 0 || cols == 0 || !cols.is_multiple_of(block) {
            return None;
        }
        let blocks = cols / block;
        let codes = blocks.checked_mul(self.block_bytes())?;
        let (scales, biases) = match self {
            Self::Affine { .. } => (blocks.checked_mul(side.bytes())?, blocks.checked_mul(side.bytes())?),
            Self::Mxfp4 | Self::Nvfp4 | Self::Mxfp8 => (blocks, 0),
            _ => (0, 0),
        };
        Some(RowBytes { codes, scales, biases })
    }

    /// Whether the format is a plain float, so that nothing is lost but rounding.
    pub const fn is_float(self) -> bool {
        matches!(self, Self::F32 | Self::F16 | Self::Bf16)
    }

    /// Whether the format belongs to MLX repositories (codes, scales and biases in separate tensors).
    pub const fn is_mlx(self) -> bool {
        matches!(self, Self::Affine { .. } | Self::Mxfp4 | Self::Nvfp4 | Self::Mxfp8)
    }

    /// Whether the format is one of GGUF's block formats.
    pub const fn is_ggml_block(self) -> bool {
        !self.is_float() && !self.is_mlx()
    }

    /// Bits per weight with 16-bit scales, everything counted.
    pub fn bits_per_weight(self) -> f64 {
        let block = self.block_elements();
        let row = self.row_bytes(block, Side::Bf16);
        row.map_or(0.0, |r| ((r.codes + r.scales + r.biases) * 8) as f64 / block as f64)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::F32 => f.write_str("f32"),
            Self::F16 => f.write_str("f16"),
            Self::Bf16 => f.write_str("bf16"),
            Self::Affine { bits, group } => write!(f, "affine{bits}-g{group}"),
            Self::Mxfp4 => f.write_str("mxfp4"),
            Self::Nvfp4 => f.write_str("nvfp4"),
            Self::Mxfp8 => f.write_str("mxfp8"),
            Self::Q4_0 => f.write_str("q4_0"),
            Self::Q4_1 => f.write_str("q4_1"),
            Self::Q5_0 => f.write_str("q5_0"),
            Self::Q5_1 => f.write_str("q5_1"),
            Self::Q8_0 => f.write_str("q8_0"),
            Self::Q2K => f.write_str("q2_k"),
            Self::Q3K => f.write_str("q3_k"),
            Self::Q4K => f.write_str("q4_k"),
            Self::Q5K => f.write_str("q5_k"),
            Self::Q6K => f.write_str("q6_k"),
        }
    }
}

/// The text is not the name of a format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no weight format; try f32, f16, bf16, affine4-g64, mxfp4, nvfp4, mxfp8, q4_0, q8_0 or q6_k"
)]
pub struct UnknownFormat(pub String);

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        const NAMED: [Format; 16] = [
            Format::F32,
            Format::F16,
            Format::Bf16,
            Format::Mxfp4,
            Format::Nvfp4,
            Format::Mxfp8,
            Format::Q4_0,
            Format::Q4_1,
            Format::Q5_0,
            Format::Q5_1,
            Format::Q8_0,
            Format::Q2K,
            Format::Q3K,
            Format::Q4K,
            Format::Q5K,
            Format::Q6K,
        ];
        let lower = text.to_ascii_lowercase();
        if let Some(found) = NAMED.iter().find(|f| f.to_string() == lower) {
            return Ok(*found);
        }
        let affine = lower.strip_prefix("affine").and_then(|rest| {
            let (bits, group) = rest.split_once("-g").unwrap_or((rest, "64"));
            Self::affine(bits.parse().ok()?, group.parse().ok()?)
        });
        affine.ok_or_else(|| UnknownFormat(text.to_owned()))
    }
}

impl Format {
    /// The affine format of this width and group, if MLX knows it.
    pub fn affine(bits: u8, group: u16) -> Option<Self> {
        (Self::AFFINE_BITS.contains(&bits) && Self::AFFINE_GROUPS.contains(&group))
            .then_some(Self::Affine { bits, group })
    }
}
