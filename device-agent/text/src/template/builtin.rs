//! The conversation of the Qwen3.5 family, written from its description.

/// Two differences from a checkpoint's file: `thinks_unasked` says what happens when nobody sets
/// `enable_thinking`, and the rules for tool calls come from [`TOOL_RULES`].
pub(super) const TEMPLATE: &str = include_str!("../data/qwen35.jinja");

/// The words the models were trained to obey. They are data of the model, kept to the letter: see `data/README.md`.
pub(super) const TOOL_RULES: &str = include_str!("../data/qwen35_tool_rules.txt");
