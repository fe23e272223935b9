//! Matrices as the model sees them: a linear map, an embedding table, stacked experts. The weights stay in
//! their stored format; the model never learns which one it is, unless it asks.

use std::sync::Arc;

use candle_core::{DType, Device, Result, Tensor};

use crate::format::Format;
use crate::matrix::{Matrix, Packed};
use crate::product::product;

/// `y = x Wᵀ`, without bias. Cloning shares the weights.
#[derive(Clone, Debug)]
pub struct Linear {
    matrix: Arc<Matrix>,
    /// The weight as dense f32 on an accelerator; absent on the CPU, which works on the stored bytes.
    resident: Option<Tensor>,
}

impl Linear {
    pub(crate) fn new(matrix: Matrix, device: &Device) -> Result<Self> {
        let resident = if device.is_cpu() {
            None
        } else {
            let shape = (matrix.rows(), matrix.cols());
            Some(Tensor::from_vec(matrix.to_f32(), shape, &Device::Cpu)?.to_device(device)?)
        };
        Ok(Self { matrix: Arc::new(matrix), resident })
    }

    /// `x` is f32 `[.., cols]`; the result is f32 `[.., rows]` on the same device.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let mut dims = x.dims().to_vec();
        match dims.last_mut() {
            Some(last) if *last == self.cols() => *last = self.rows(),
            _ => candle_core::bail!("input {:?} does not end in {}", x.dims(), self.cols()),
        }
        if dims.contains(&0) {
            return Tensor::zeros(dims, DType::F32, x.device());
        }
        let flat = x.reshape(((), self.cols()))?;
        if let Some(weight) = &self.resident {
            return flat.matmul(&weight.t()?)?.reshape(dims);
        }
        let n = flat.dims()[0];
        let values = flat.flatten_all()?.to_vec1::<f32>()?;
        Tensor::from_vec(product(&self.matrix, &values, n)?, dims, x.device())
    }

    /// Output width.
    pub fn rows(&self) -> usize {
        self.matrix.rows()
    }

    /// Input width.
    pub fn cols(&self) -> usize {
        self.matrix.cols()
    }

    /// Bytes as stored: what one pass over the weights reads on the CPU.
    pub fn bytes(&self) -> u64 {
        self.matrix.stored_bytes()
    }

    pub fn format(&self) -> Format {
        self.matrix.format()
    }

    /// The packed parts, for kernels that know the format.
    pub fn packed(&self) -> Packed<'_> {
        self.matrix.packed()
    }

    /// Says that the stored bytes were copied to where they are needed and will not be read soon: the system may
    /// take the pages of a mapped file back.
    pub fn let_go(&self) {
        self.matrix.let_go();
    }

    /// The weight as dense f32 `[rows, cols]` on the CPU.
    pub fn dequantize(&self) -> Result<Tensor> {
        Tensor::from_vec(self.matrix.to_f32(), (self.rows(), self.cols()), &Device::Cpu)
    }
}

/// A table of token vectors. Rows are gathered first and decoded after, so a lookup costs only its rows.
#[derive(Clone, Debug)]
pub struct Embedding {
    table: Linear,
    device: Device,
}

impl Embedding {
    pub(crate) fn new(matrix: Matrix, device: &Device) -> Result<Self> {
        Ok(Self { table: Linear::new(matrix, device)?, device: device.clone() })
    }

    /// `ids` is u32 or i64 of any shape `[..]`; the result is f32 `[.., hidden]`. An id past the table is an error.
    pub fn forward(&self, ids: &Tensor) -> Result<Tensor> {
        let mut dims = ids.dims().to_vec();
        dims.push(self.hidden());
        let flat = ids.flatten_all()?.to_dtype(DType::I64)?.to_vec1::<i64>()?;
        let mut out = vec![0f32; flat.len() * self.hidden()];
        for (id, row) in flat.iter().zip(out.chunks_exact_mut(self.hidden())) {
            match usize::try_from(*id) {
                Ok(at) if at < self.vocab() => self.table.matrix.read_row(at, row),
                _ => candle_core::bail!("token id {id} is outside the table of {}", self.vocab()),
            }
        }
        Tensor::from_vec(out, dims, &Device::Cpu)?.to_device(&self.device)
    }

    pub fn vocab(&self) -> usize {
        self.table.rows()
    }

    pub fn hidden(&self) -> usize {
        self.table.cols()
    }

    /// The same table as the output head of a model with tied embeddings; shares the bytes.
    pub fn as_linear(&self) -> Linear {
        self.table.clone()
    }
}
