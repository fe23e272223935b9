//! What can go wrong with somebody else's server.

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ServerError {
    #[error("the server address {url} cannot be used: {why}")]
    Url { url: String, why: String },
    #[error("no server answers: {why}; start it, and check address and port")]
    Unreachable { why: String },
    #[error(
        "the server took too long ({waited_for}); it may be stuck, or the wait is too short for this model"
    )]
    TimedOut { waited_for: String },
    #[error("the server refused (HTTP {status}): {message}")]
    Refused { status: u16, message: String },
    #[error("the server failed after {chunks} chunks: {message}")]
    Failed { chunks: u32, message: String },
    #[error("the stream ended after {chunks} chunks without its end mark; what came is not a whole answer")]
    Cut { chunks: u32 },
    #[error("the connection broke after {chunks} chunks: {why}")]
    Broken { chunks: u32, why: String },
    #[error("the server sent something that is no answer: {begin}")]
    Unreadable { begin: String },
}

impl ServerError {
    pub(super) fn transport(error: &ureq::Error) -> Self {
        match error {
            ureq::Error::Timeout(what) => Self::TimedOut { waited_for: what.to_string() },
            ureq::Error::Io(io) if is_timeout(io) => Self::TimedOut { waited_for: io.to_string() },
            other => Self::Unreachable { why: other.to_string() },
        }
    }

    pub(super) fn broken(error: &std::io::Error, chunks: u32) -> Self {
        if is_timeout(error) {
            Self::TimedOut { waited_for: format!("the next bytes after {chunks} chunks") }
        } else {
            Self::Broken { chunks, why: error.to_string() }
        }
    }

    /// Servers explain themselves as `{"error": {"message": ..}}`, `{"error": ".."}`, `{"message": ..}` or plainly.
    pub(super) fn refused(status: u16, text: &str) -> Self {
        let json: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
        let message = message_of(&json).unwrap_or_else(|| beginning(text));
        Self::Refused { status, message }
    }

    pub(super) fn unreadable(text: &str) -> Self {
        Self::Unreadable { begin: beginning(text) }
    }
}

pub(super) fn message_of(json: &serde_json::Value) -> Option<String> {
    let error = &json["error"];
    let message = error["message"].as_str().or_else(|| error.as_str()).or_else(|| json["message"].as_str());
    message.map(str::to_owned)
}

fn beginning(text: &str) -> String {
    text.chars().take(200).collect()
}

fn is_timeout(error: &std::io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<ureq::Error>());
    matches!(inner, Some(ureq::Error::Timeout(_)))
        || matches!(error.kind(), std::io::ErrorKind::TimedOut | std::io::ErrorKind::WouldBlock)
}
