//! Templates from checkpoints: where they are found, what they may do, and what stops them.

use std::fs;

use dyno_text::{ChatTemplate, Conversation, Message, Role, TextError, Thinking};

fn hello() -> Conversation {
    Conversation::new(vec![Message::text(Role::User, "Hi")])
}

fn render(source: &str) -> Result<String, TextError> {
    ChatTemplate::from_source(source, Some("<s>"), Some("</s>"))?.render(&hello())
}

#[test]
fn a_template_sees_its_tokens_and_messages() {
    let source = "{{ bos_token }}{% for m in messages %}\n  {{ m['role'] | upper }}: {{ m.content }}\n{% endfor %}{{ eos_token }}";
    assert_eq!(render(source).unwrap(), "<s>  USER: Hi\n</s>");
}

#[test]
fn training_marks_change_nothing() {
    assert_eq!(render("a {%- generation -%} b {% endgeneration %} c").unwrap(), "ab  c");
}

#[test]
fn the_date_is_absent_unless_given() {
    let source = "{{ strftime_now('%d %b %Y') if strftime_now is defined else '26 Jul 2024' }}";
    assert_eq!(render(source).unwrap(), "26 Jul 2024");
    let mut conversation = hello();
    conversation.today = Some(jiff::civil::date(2031, 2, 3));
    let template = ChatTemplate::from_source(source, None, None).unwrap();
    assert_eq!(template.render(&conversation).unwrap(), "03 Feb 2031");
}

#[test]
fn refusals_and_mistakes_are_told_apart() {
    let refused = render("{{ raise_exception('only in turns') }}").unwrap_err();
    assert!(matches!(refused, TextError::TemplateRefused(why) if why == "only in turns"));
    assert!(matches!(render("{{ messages.nothing.more }}"), Err(TextError::TemplateFailed(_))));
    assert!(matches!(render("{% if %}"), Err(TextError::TemplateSyntax(_))));
}

#[test]
fn a_template_without_a_switch_cannot_be_told_to_think() {
    let template = ChatTemplate::from_source("{{ messages[0].content }}", None, None).unwrap();
    let mut conversation = hello();
    conversation.thinking = Thinking::On;
    assert!(matches!(template.render(&conversation), Err(TextError::NoThinkingSwitch)));
    conversation.thinking = Thinking::Off;
    assert_eq!(template.render(&conversation).unwrap(), "Hi");
}

#[test]
fn hostile_templates_end() {
    let endless = "{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}x{% endfor %}{% endfor %}{% endfor %}";
    assert!(matches!(render(endless), Err(TextError::TemplateFailed(_))));
    let deep = "{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}";
    assert!(matches!(render(deep), Err(TextError::TemplateFailed(_))));
    assert!(matches!(render(&"x".repeat(2 << 20)), Err(TextError::TemplateSyntax(_))));
}

#[test]
fn a_folder_offers_its_own_file_first() {
    let folder = tempfile::tempdir().unwrap();
    assert!(ChatTemplate::from_folder(folder.path()).unwrap().is_none());
    let config = r#"{"bos_token": {"content": "<b>"}, "chat_template": [
        {"name": "tool_use", "template": "tools"}, {"name": "default", "template": "{{ bos_token }}listed"}]}"#;
    fs::write(folder.path().join("tokenizer_config.json"), config).unwrap();
    let render = || ChatTemplate::from_folder(folder.path()).unwrap().unwrap().render(&hello()).unwrap();
    assert_eq!(render(), "<b>listed");
    fs::write(folder.path().join("chat_template.jinja"), "{{ bos_token }}file").unwrap();
    assert_eq!(render(), "<b>file");
}
