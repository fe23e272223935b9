//! Calls, replies and the record stream.

use serde::{Deserialize, Serialize};

use crate::{
    Conditions, DeviceFacts, Failure, Job, JobId, Record, RenderRequest, Rendered, StoreAnswer, StoreQuestion,
};

/// Everything the host may send.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(deny_unknown_fields)]
pub struct ToAgent {
    /// Chosen by the host; the reply carries it back.
    pub id: u64,
    pub question: Question,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(tag = "ask", content = "with", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Question {
    /// The first question of a conversation; nothing else is answered before it.
    Hello(Hello),
    /// The agent's clock and state, for aligning clocks and for waiting.
    Status,
    /// The device's conditions, read now.
    Conditions,
    /// Words into the loaded model's prompt and ids.
    Render(RenderRequest),
    Submit(Job),
    /// The job's journal from this record on, then its records as they come.
    Follow {
        job: JobId,
        from_record: u64,
    },
    Cancel {
        job: JobId,
    },
    /// Forget a finished job's journal.
    Forget {
        job: JobId,
    },
    Store(StoreQuestion),
    /// End the agent's process once no job runs.
    Shutdown,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(deny_unknown_fields)]
pub struct Hello {
    /// Made anew for every launch of the agent and known only to its launcher.
    pub secret: String,
    pub host_version: String,
}

/// Everything the agent may send.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(tag = "from", rename_all = "kebab-case", deny_unknown_fields)]
pub enum FromAgent {
    Reply { id: u64, answer: Result<Answer, Failure> },
    Record { job: JobId, record: Record },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(tag = "answer", content = "with", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Answer {
    Welcome(Box<Welcome>),
    Status(AgentState),
    Conditions(Conditions),
    Rendered(Rendered),
    Accepted,
    /// The job has ended and all its records were sent.
    Followed {
        records: u64,
    },
    Cancelled,
    Forgotten,
    Store(StoreAnswer),
    Bye,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(deny_unknown_fields)]
pub struct Welcome {
    pub facts: DeviceFacts,
    pub state: AgentState,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(deny_unknown_fields)]
pub struct AgentState {
    /// The agent's monotonic clock when it answered. Every stamp of its records is on this clock.
    pub now_ns: u64,
    /// Jobs whose journals are kept, oldest first.
    pub jobs: Vec<JobStatus>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(deny_unknown_fields)]
pub struct JobStatus {
    pub job: JobId,
    pub records: u64,
    pub running: bool,
}
