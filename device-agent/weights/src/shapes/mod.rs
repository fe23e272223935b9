//! The shapes of the family: configurations of the published sizes (data, in `sizes.json`), and the list of
//! tensors that any configuration implies.

mod tensors;

use serde_json::{Map, Value};

pub(crate) use self::tensors::{Dims, Role, TensorSpec, tensors, text_table};

fn table() -> Value {
    serde_json::from_str(include_str!("sizes.json")).expect("the table is part of the program and tested")
}

/// The sizes with a known shape, smallest first.
pub fn sizes() -> Vec<String> {
    let table = table();
    let mut sizes: Vec<_> = table["sizes"].as_object().into_iter().flatten().collect();
    sizes.sort_by_key(|(_, size)| {
        let text = |key: &str| size["text"][key].as_u64().unwrap_or(1);
        text("hidden_size") * text("num_hidden_layers") * text("num_experts")
    });
    sizes.into_iter().map(|(name, _)| name.clone()).collect()
}

/// The configuration of a published size such as `0.8b` or `35b-a3b`, as its `config.json` has it.
pub fn config(size: &str) -> Option<Value> {
    let table = table();
    let own = table["sizes"].get(size.to_ascii_lowercase())?;
    let merged = |part: &str| -> Map<String, Value> {
        let entries = [&table[part], &own[part]].into_iter().filter_map(Value::as_object).flatten();
        entries.map(|(k, v)| (k.clone(), v.clone())).collect()
    };
    let (mut text, mut vision, mut top) = (merged("text"), merged("vision"), merged("top"));
    let moe = text.contains_key("num_experts");
    let kind = if moe { "qwen3_5_moe" } else { "qwen3_5" };
    let layers = text["num_hidden_layers"].as_u64()?;
    let types = (1..=layers).map(|i| if i % 4 == 0 { "full_attention" } else { "linear_attention" });
    text.insert("layer_types".to_owned(), types.collect::<Vec<_>>().into());
    text.insert("model_type".to_owned(), format!("{kind}_text").into());
    vision.insert("out_hidden_size".to_owned(), text["hidden_size"].clone());
    let class = if moe { "Qwen3_5MoeForConditionalGeneration" } else { "Qwen3_5ForConditionalGeneration" };
    top.insert("architectures".to_owned(), vec![class].into());
    top.insert("model_type".to_owned(), kind.into());
    top.insert("tie_word_embeddings".to_owned(), text["tie_word_embeddings"].clone());
    top.insert("text_config".to_owned(), text.into());
    top.insert("vision_config".to_owned(), vision.into());
    Some(top.into())
}

#[cfg(test)]
mod tests {
    use super::{config, sizes, tensors};

    #[test]
    fn parameter_totals_are_the_published_ones() {
        let expected: [(&str, [u64; 3]); 8] = [
            ("0.8b", [752_393_024, 100_592_896, 20_452_864]),
            ("2b", [1_881_825_088, 331_416_576, 60_828_160]),
            ("4b", [4_205_751_296, 333_514_240, 120_599_552]),
            ("9b", [8_953_803_264, 456_010_480, 243_290_624]),
            ("27b", [26_895_998_464, 460_730_096, 424_699_392]),
            ("35b-a3b", [34_660_610_688, 446_571_248, 844_640_768]),
            ("122b-a10b", [122_111_526_912, 451_290_864, 2_523_679_232]),
            ("397b-a17b", [396_346_350_336, 456_010_480, 6_595_568_128]),
        ];
        assert_eq!(sizes(), expected.map(|(size, _)| size));
        for (size, totals) in expected {
            let mut found = [0u64; 3];
            for spec in tensors(&config(size).unwrap()).unwrap() {
                let part = match spec.name.split('.').next() {
                    Some("visual") => 1,
                    Some("mtp") => 2,
                    _ => 0,
                };
                found[part] += spec.shape.iter().product::<usize>() as u64;
            }
            assert_eq!(found, totals, "{size}: trunk, vision, multi-token head");
        }
    }

    #[test]
    fn tensor_counts_are_the_published_ones() {
        let names: Vec<_> = tensors(&config("2b").unwrap()).unwrap().into_iter().map(|s| s.name).collect();
        let count = |start: &str| names.iter().filter(|n| n.starts_with(start)).count();
        assert_eq!([count("language_model."), count("visual."), count("mtp.")], [320, 297, 15]);
    }
}
