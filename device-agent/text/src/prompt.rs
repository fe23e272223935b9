//! From a conversation or raw text to a finished prompt.

use crate::TextError;
use crate::conversation::{Conversation, Part};
use crate::media::{MediaTokens, expand_media};
use crate::rendered::Rendered;
use crate::template::ChatTemplate;
use crate::tokenizer::{FoundAdded, Specials, Tokenizer};

/// An added token spelled out in what somebody wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddedInMessage {
    pub message: usize,
    pub found: FoundAdded,
}

/// Renders, expands pictures, appends what is to be continued, and encodes.
///
/// Added tokens are parsed in the whole text, message contents too, as Hugging Face does: ids agree with other
/// engines, and [`added_in_messages`] says where a message could pass for structure. The template has written its
/// own begin token, so none is put before it.
pub fn render(
    tokenizer: &Tokenizer,
    template: &ChatTemplate,
    conversation: &Conversation,
    media: &MediaTokens,
    append: &str,
) -> Result<Rendered, TextError> {
    let mut text = expand_media(&template.render(conversation)?, media)?;
    text.push_str(append);
    let ids = tokenizer.encode(&text, Specials::Parse)?;
    Ok(Rendered::new(text, ids))
}

/// Raw text without a template, with the begin token where the model wants one.
pub fn render_raw(tokenizer: &Tokenizer, text: &str, specials: Specials) -> Result<Rendered, TextError> {
    let ids = tokenizer.encode_document(text, specials)?;
    Ok(Rendered::new(text.to_owned(), ids))
}

/// Every place where a message's own words spell an added token.
pub fn added_in_messages(tokenizer: &Tokenizer, conversation: &Conversation) -> Vec<AddedInMessage> {
    let messages = conversation.messages.iter().enumerate();
    let texts = messages.flat_map(|(at, message)| {
        message.parts.iter().filter_map(move |part| match part {
            Part::Text(text) => Some((at, text)),
            Part::Image | Part::Video => None,
        })
    });
    texts
        .flat_map(|(message, text)| {
            tokenizer.find_added(text).into_iter().map(move |found| AddedInMessage { message, found })
        })
        .collect()
}
