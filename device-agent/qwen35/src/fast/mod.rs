//! The trunk on a processor's own kernels: the same layers as the reference beside it, over packed weights,
//! states that are changed in place, and scratch that is kept. What a layer means is written in the reference;
//! here is how it is computed quickly.

mod draft;
mod experts;
mod kept;
mod layer;
mod packing;
mod path;
mod program;
mod scratch;

pub(crate) use draft::Draft;
pub(crate) use kept::Kept;
pub(crate) use packing::{Place, Weight};
pub use path::{CpuPath, UnknownPath};
pub(crate) use program::{Program, within};
