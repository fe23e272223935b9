//! The loaded checkpoint's words: its tokenizer and template, pictures as prompt tokens.

use dyno_protocol::{Failure, FailureKind, Prompt, RenderRequest, Rendered, VideoSpan};
use dyno_qwen35::Config;
use dyno_text::{ChatTemplate, Control, Specials, TextError, ThinkingBudget, Tokenizer};
use dyno_weights::{Checkpoint, TokenizerSource};

use crate::engines::messages::{blank_tokens, conversation, origin};
use crate::engines::pictures;

/// Dense models up to this width answer at once when nothing is said; wider ones and mixtures think first.
const WIDEST_THAT_ANSWERS_AT_ONCE: usize = 2048;

#[derive(Debug)]
pub(super) struct Words {
    tokenizer: Tokenizer,
    template: ChatTemplate,
    blank: Vec<bool>,
}

impl Words {
    /// `None` for weights that came without a tokenizer.
    pub(super) fn of(checkpoint: &Checkpoint, config: &Config) -> Result<Option<Self>, Failure> {
        let texts = checkpoint.texts();
        let Some(source) = &texts.tokenizer else { return Ok(None) };
        let tokenizer = match source {
            TokenizerSource::HuggingFace(json) => Tokenizer::from_json(json.as_bytes()),
            TokenizerSource::Gguf(vocabulary) => Tokenizer::from_gguf(&of_gguf(vocabulary)),
        }
        .map_err(text)?;
        let named = |key: &str| {
            let value = texts.tokenizer_config.as_ref()?.get(key)?;
            value.as_str().or_else(|| value.get("content")?.as_str())
        };
        let dense = matches!(config.text.feed_forward, dyno_qwen35::config::FeedForward::Dense { .. });
        let thinks = !dense || config.text.hidden_size > WIDEST_THAT_ANSWERS_AT_ONCE;
        let template = match &texts.chat_template {
            Some(source) => ChatTemplate::from_source(source, named("bos_token"), named("eos_token")),
            None => ChatTemplate::qwen35(thinks),
        }
        .map_err(text)?;
        let blank = blank_tokens(&tokenizer);
        Ok(Some(Self { tokenizer, template, blank }))
    }

    /// Every id that ends an answer: the tokenizer's, the configuration's, the generation settings'.
    pub(super) fn end_ids(&self, checkpoint: &Checkpoint, config: &Config) -> Vec<u32> {
        let mut ids = config.text.eos.clone();
        ids.extend(self.tokenizer.end_ids());
        ids.extend(["<|im_end|>", "<|endoftext|>"].iter().filter_map(|name| self.tokenizer.token_id(name)));
        let generation =
            checkpoint.texts().generation_config.as_ref().and_then(|config| config.get("eos_token_id"));
        if let Some(value) = generation {
            let listed = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
            ids.extend(listed.iter().filter_map(|id| u32::try_from(id.as_u64()?).ok()));
        }
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    pub(super) fn id_count(&self) -> u32 {
        self.tokenizer.id_count()
    }

    pub(super) fn blank(&self) -> &[bool] {
        &self.blank
    }

    pub(super) fn encode(&self, words: &str) -> Result<Vec<u32>, Failure> {
        self.tokenizer.encode(words, Specials::Parse).map_err(text)
    }

    pub(super) fn decode(&self, ids: &[u32]) -> Option<String> {
        self.tokenizer.decode(ids, Control::Show).ok()
    }

    /// The rule that closes a reasoning block, where this vocabulary has one.
    pub(super) fn thinking_budget(
        &self,
        budget: u32,
        prompt: Option<&str>,
    ) -> Result<Option<ThinkingBudget>, Failure> {
        let Some(close) = self.tokenizer.token_id("</think>") else { return Ok(None) };
        let forced = self.encode("\n</think>\n\n")?;
        let inside = prompt.is_some_and(|prompt| {
            let (open, closed) = (prompt.rfind("<think>"), prompt.rfind("</think>"));
            open.is_some() && open > closed
        });
        Ok(Some(ThinkingBudget::new(budget, inside, self.tokenizer.token_id("<think>"), close, forced)))
    }

    pub(super) fn render(
        &self,
        request: &RenderRequest,
        checkpoint: &Checkpoint,
        config: &Config,
    ) -> Result<Rendered, Failure> {
        let append = request.append_text.as_deref().unwrap_or_default();
        let videos = VideoSpan::of(request.messages.as_deref().unwrap_or_default());
        let (rendered, template) = match (&request.messages, &request.raw_text) {
            (Some(_), None) => {
                let texts = checkpoint.texts();
                let media = pictures::media(&request.images, &videos, config.vision.as_ref(), texts)?;
                let media = pictures::tokens(&media);
                let conversation = conversation(request)?;
                let rendered =
                    dyno_text::render(&self.tokenizer, &self.template, &conversation, &media, append);
                let origin = origin(self.template.origin());
                (rendered.map_err(text)?, origin)
            }
            (None, Some(raw)) if request.images.is_empty() => {
                let whole = format!("{raw}{append}");
                (dyno_text::render_raw(&self.tokenizer, &whole, Specials::Parse).map_err(text)?, "none")
            }
            _ => {
                let what = "a prompt is either messages or raw text, and raw text has no pictures";
                return Err(Failure::new(FailureKind::Refused, what));
            }
        };
        let (words, ids, _) = rendered.into_parts();
        let prompt = Prompt::new(Some(words), ids, request.images.clone()).with_videos(videos);
        Ok(Rendered { prompt, template: template.to_owned() })
    }
}

fn of_gguf(found: &dyno_weights::GgufVocabulary) -> dyno_text::GgufVocabulary {
    dyno_text::GgufVocabulary {
        model: found.model.clone(),
        pre: found.pre.clone().unwrap_or_default(),
        tokens: found.tokens.clone(),
        merges: found.merges.clone(),
        token_type: found.token_types.clone(),
        bos_token_id: found.bos_id,
        eos_token_id: found.eos_id,
        add_bos_token: found.add_bos,
        ..dyno_text::GgufVocabulary::default()
    }
}

#[expect(clippy::needless_pass_by_value, reason = "shaped for map_err")]
fn text(error: TextError) -> Failure {
    Failure::new(FailureKind::Refused, error.to_string())
}
