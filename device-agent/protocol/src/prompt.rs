//! Prompts: messages, what they were rendered to, and how tokens are chosen after them.

use serde::{Deserialize, Serialize};

/// Words for the loaded model, before its template.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(deny_unknown_fields)]
pub struct RenderRequest {
    /// Messages go through the chat template; `None` takes `raw_text` as it is.
    pub messages: Option<Vec<Message>>,
    pub raw_text: Option<String>,
    /// Continue the rendered prompt with this text, as a few-shot or a scored continuation needs.
    pub append_text: Option<String>,
    pub thinking: Thinking,
    /// Tool definitions, one JSON text each.
    pub tools_json: Vec<String>,
    /// Pictures of the messages, in their order.
    pub images: Vec<ImageData>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(rename_all = "kebab-case")]
pub enum Thinking {
    /// What the model's own template does when nothing is said.
    Default,
    On,
    Off,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(deny_unknown_fields)]
pub struct Message {
    pub role: Role,
    pub parts: Vec<MessagePart>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    System,
    User,
    Assistant,
    Tool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(tag = "part", rename_all = "kebab-case", deny_unknown_fields)]
pub enum MessagePart {
    Text {
        text: String,
    },
    /// The next picture of the request.
    Image,
    /// A video: as many of the next pictures as there are times. The host chooses the frames.
    Video {
        /// When each frame was taken, in milliseconds from the video's beginning.
        at_ms: Vec<u64>,
    },
}

/// Which of a prompt's pictures are the frames of one video.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(deny_unknown_fields)]
pub struct VideoSpan {
    pub first: u32,
    pub at_ms: Vec<u64>,
}

impl VideoSpan {
    /// The videos of these messages.
    pub fn of(messages: &[Message]) -> Vec<Self> {
        let mut next = 0;
        let mut spans = Vec::new();
        for part in messages.iter().flat_map(|message| &message.parts) {
            match part {
                MessagePart::Text { .. } => {}
                MessagePart::Image => next += 1,
                MessagePart::Video { at_ms } => {
                    spans.push(Self { first: next, at_ms: at_ms.clone() });
                    next += at_ms.len() as u32;
                }
            }
        }
        spans
    }
}

/// A picture as pixels: decoding files is the host's work, so that every engine sees the same bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(deny_unknown_fields)]
pub struct ImageData {
    pub width: u32,
    pub height: u32,
    /// Rows of red, green and blue bytes, in base64.
    #[serde(with = "crate::codec::base64_bytes")]
    pub rgb: Vec<u8>,
}

/// What the loaded model's template and tokenizer made of a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(deny_unknown_fields)]
pub struct Rendered {
    pub prompt: Prompt,
    /// Which template was used: the checkpoint's own or the built-in one.
    pub template: String,
}

/// Text, ids and pictures that belong together under one hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(deny_unknown_fields)]
pub struct Prompt {
    /// Absent where the prompt was made of ids alone.
    pub text: Option<String>,
    /// Picture tokens already expanded.
    pub ids: Vec<u32>,
    pub images: Vec<ImageData>,
    /// Those of the pictures that are frames; all others stand for themselves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub videos: Vec<VideoSpan>,
    pub sha256: String,
}

impl Prompt {
    pub fn new(text: Option<String>, ids: Vec<u32>, images: Vec<ImageData>) -> Self {
        let sha256 = Self::hash(text.as_deref(), &ids, &images, &[]);
        Self { text, ids, images, videos: Vec::new(), sha256 }
    }

    /// The same prompt with some of its pictures as the frames of videos.
    #[must_use]
    pub fn with_videos(self, videos: Vec<VideoSpan>) -> Self {
        let sha256 = Self::hash(self.text.as_deref(), &self.ids, &self.images, &videos);
        Self { videos, sha256, ..self }
    }

    /// Whether the hash is the hash of the content.
    pub fn is_whole(&self) -> bool {
        self.sha256 == Self::hash(self.text.as_deref(), &self.ids, &self.images, &self.videos)
    }

    fn hash(text: Option<&str>, ids: &[u32], images: &[ImageData], videos: &[VideoSpan]) -> String {
        use sha2::{Digest, Sha256};
        let mut hasher = Sha256::new();
        // Lengths before contents, so that no two prompts share one byte sequence.
        hasher.update([u8::from(text.is_some())]);
        let text = text.unwrap_or_default();
        hasher.update((text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
        hasher.update((ids.len() as u64).to_le_bytes());
        for id in ids {
            hasher.update(id.to_le_bytes());
        }
        for image in images {
            hasher.update(image.width.to_le_bytes());
            hasher.update(image.height.to_le_bytes());
            hasher.update(&image.rgb);
        }
        for video in videos {
            // No picture is so wide that its beginning looks like this.
            hasher.update(u64::MAX.to_le_bytes());
            hasher.update(video.first.to_le_bytes());
            hasher.update((video.at_ms.len() as u64).to_le_bytes());
            for at_ms in &video.at_ms {
                hasher.update(at_ms.to_le_bytes());
            }
        }
        crate::codec::hex(&hasher.finalize())
    }
}

/// How the next token is chosen. Measurements are greedy unless a suite says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(deny_unknown_fields)]
pub struct Sampling {
    /// Zero takes the most likely token and ignores the rest of this struct but the penalties.
    #[serde(serialize_with = "crate::finite::number")]
    pub temperature: f32,
    pub top_k: u32,
    #[serde(serialize_with = "crate::finite::number")]
    pub top_p: f32,
    #[serde(serialize_with = "crate::finite::number")]
    pub min_p: f32,
    #[serde(serialize_with = "crate::finite::number")]
    pub presence_penalty: f32,
    #[serde(serialize_with = "crate::finite::number")]
    pub repetition_penalty: f32,
    pub seed: u64,
}

impl Sampling {
    pub const GREEDY: Self = Self {
        temperature: 0.0,
        top_k: 0,
        top_p: 1.0,
        min_p: 0.0,
        presence_penalty: 0.0,
        repetition_penalty: 1.0,
        seed: 0,
    };
}
