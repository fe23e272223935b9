//! Dyno's device agent: engines, sensors, the job loop, the journal and the server.
//!
//! It knows workloads, not claims: what a number means is decided by the host, from the records alone.

pub mod engine;
