//! The data sets that are part of the binary; `embedded/README.md` says where they are from.

/// The content of an embedded file by its path under `embedded/`.
pub(crate) fn file(path: &str) -> Option<&'static [u8]> {
    match path {
        "gsm8k/examples.jsonl" => Some(include_bytes!("../embedded/gsm8k/examples.jsonl")),
        "gsm8k/test.jsonl" => Some(include_bytes!("../embedded/gsm8k/test.jsonl")),
        "ifeval/input_data.jsonl" => Some(include_bytes!("../embedded/ifeval/input_data.jsonl")),
        "tools/calls.jsonl" => Some(include_bytes!("../embedded/tools/calls.jsonl")),
        _ => None,
    }
}
