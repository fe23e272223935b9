//! The conversation between Dyno's host and its device agent.
//!
//! Owns every type that crosses the wire, the frame codec and its limits. Knows nothing of suites,
//! metrics, claims or display: the agent reports what it observed, the host decides what it means.
//!
//! One connection is one conversation:
//!
//! ```text
//! host                                   agent
//!  | preamble "DYNO" + version  ------->  |   either side that meets another version says so and closes
//!  | <-------  preamble "DYNO" + version  |
//!  | Call{id, Hello{secret}}    ------->  |
//!  | <-------  Reply{id, Welcome{facts}}  |   a wrong secret is answered with a refusal, then silence
//!  | Call{id, Submit{job}}      ------->  |
//!  | <-------  Reply{id, Accepted}        |
//!  | Call{id, Follow{job, 0}}   ------->  |
//!  | <-------  Record, Record, ...        |   the job's journal from that offset, then as it grows
//!  | <-------  Reply{id, Followed}        |   when the job has ended and every record is sent
//! ```
//!
//! The journal is the truth: a record is written to it before it is sent, and a host that lost the
//! connection follows again from the first record it does not have.
//!
//! Every number is finite. A message with a NaN or an infinity in it is refused by the writer, never by the reader.

pub mod codec;
mod facts;
mod failure;
mod finite;
mod job;
mod message;
mod model;
mod observation;
mod prompt;
#[cfg(test)]
mod round_trips;
mod sensors;
mod simulated;
mod store;

pub use facts::{BuildFacts, BuildProfile, DeviceFacts, DeviceKind, EngineFacts, Gap, Known};
pub use failure::{Failure, FailureKind};
pub use job::{Job, JobId, RepeatRule, Step, StopRule, WarmUpRule, Workload};
pub use message::{AgentState, Answer, FromAgent, Hello, JobStatus, Question, ToAgent, Welcome};
pub use model::{
    ComputeUnit, Cost, LoadRegime, LoadSpan, LoadSpec, Loaded, ModelSource, Script, ScriptFault, UnitEvidence,
};
pub use observation::{
    Bandwidth, Finish, GenerationPass, Memory, PassKind, PrefillChunk, Record, RecordBody,
    ScoredContinuation, ScoringPass, SpeculationFigures,
};
pub use prompt::{
    ImageData, Message, MessagePart, Prompt, RenderRequest, Rendered, Role, Sampling, Thinking, VideoSpan,
};
pub use sensors::{Conditions, PowerSource, Reading, SensorFacts, SensorSample, ThermalState};
pub use simulated::{
    SimulatedBattery, SimulatedEngine, SimulatedFallback, SimulatedFault, SimulatedGovernor, SimulatedHeat,
    SimulatedLabel, SimulatedLaunch, SimulatedLoad, SimulatedNoise, SimulatedProfile, SimulatedTransients,
    SimulatedUnit, simulated_id,
};
pub use store::{StoreAnswer, StoreQuestion};

/// The version of the conversation. It changes whenever an older peer could misread a newer one.
pub const PROTOCOL_VERSION: u16 = 1;
