//! The engine's arithmetic on processors: products of activations with packed weights, attention, the gated
//! delta rule, norms. Weights are repacked once; threads and scratch are kept, so that a token allocates
//! nothing.
//!
//! Every kernel is written once over sixteen lanes (`vector`) and compiled for each instruction set; compiled
//! without any it is its own reference, and tests hold the others against it. The crate knows shapes and
//! numbers. It must not know models, checkpoints or words.
//!
//! This is the one crate of ours in which unsafe code is the rule: instructions that only some processors have,
//! raw pointers in inner loops, and threads that write parts of one slice. What is exported is safe.

#![expect(unsafe_code, reason = "see above; every unsafe block outside of a kernel says why it is sound")]
#![allow(unsafe_op_in_unsafe_fn, reason = "kernels are unsafe throughout, for the reasons `vector` gives")]
#![allow(clippy::inline_always, reason = "what is not inlined is not compiled for the instruction set")]
#![allow(clippy::wildcard_imports, reason = "instructions by the hundred")]
#![allow(clippy::cast_ptr_alignment, reason = "every load and store is one that needs no alignment")]
#![allow(clippy::needless_range_loop, reason = "one index into several arrays of registers")]
#![allow(
    clippy::struct_field_names,
    reason = "what a kernel works on is called the same in kernel and caller"
)]
#![allow(clippy::missing_safety_doc, reason = "`vector` gives the two reasons once")]

#[cfg(target_arch = "x86_64")]
mod amx;
mod attention;
mod bf16;
mod delta;
mod input;
mod machine;
mod norm;
mod pages;
mod processor;
mod product;
mod small;
mod team;
mod tiles;
mod vector;

pub use attention::{AttentionSizes, KeyValues, Projections, attend, prepare};
pub use delta::{DeltaInput, DeltaMemory, DeltaSizes, DeltaWeights, gated_delta};
pub use input::Input;
pub use machine::{Machine, NoSuchPath};
pub use norm::{add, rms_norm, silu_times};
pub use pages::Pages;
pub use processor::{Arithmetic, Processor};
pub use product::{Product, products};
pub use team::Team;
pub use tiles::{Encoding, Side, Stored, Tiles};
