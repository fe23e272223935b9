//! The embedded checkpoints keep their promises: sizes, ratio, stored types, and records that match the files.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop where it stands")]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use dyno_protocol::Prompt;
use dyno_suites::Definitions;
use dyno_suites::procedural::Task;
use serde_json::Value;

const MODELS: [&str; 2] = ["tiny-1m", "tiny-5m"];

fn folder(model: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("embedded").join(model)
}

fn json(model: &str, file: &str) -> Value {
    serde_json::from_slice(&fs::read(folder(model).join(file)).unwrap()).unwrap()
}

/// Name to stored type and number of values, from the header of the weights file.
fn tensors(model: &str) -> BTreeMap<String, (String, u64)> {
    let bytes = fs::read(folder(model).join("model.safetensors")).unwrap();
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header: BTreeMap<String, Value> = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    let tensor = |(name, entry): (String, Value)| {
        let values = entry["shape"].as_array()?.iter().map(|size| size.as_u64().unwrap()).product();
        Some((name, (entry["dtype"].as_str()?.to_owned(), values)))
    };
    header.into_iter().filter_map(tensor).collect()
}

fn parameters(model: &str) -> u64 {
    tensors(model).values().map(|(_, values)| values).sum()
}

#[test]
fn the_larger_has_at_least_four_times_the_parameters_and_both_stay_small() {
    assert!(parameters(MODELS[1]) >= 4 * parameters(MODELS[0]));
    let sizes = MODELS.map(|model| fs::metadata(folder(model).join("model.safetensors")).unwrap().len());
    assert!(sizes[0] <= 4 << 20 && sizes[0] + sizes[1] <= 16 << 20, "{sizes:?}");
}

#[test]
fn tensors_are_stored_as_the_family_stores_them() {
    for model in MODELS {
        let tensors = tensors(model);
        for (name, (kind, _)) in &tensors {
            let exact = name.ends_with("A_log") || name.ends_with("linear_attn.norm.weight");
            assert_eq!(kind, if exact { "F32" } else { "BF16" }, "{model}: {name}");
        }
        for part in [
            "model.language_model.layers.3.self_attn.q_proj.weight",
            "model.visual.merger.linear_fc2.weight",
            "mtp.fc.weight",
        ] {
            assert!(tensors.contains_key(part), "{model} has no {part}");
        }
    }
}

#[test]
fn the_training_record_counts_what_the_file_holds() {
    for model in MODELS {
        assert_eq!(json(model, "training.json")["parameters"], parameters(model), "{model}");
    }
}

#[test]
fn every_level_of_every_task_has_a_held_out_row() {
    for model in MODELS {
        let record = json(model, "heldout.json");
        let rows = record["rows"].as_array().unwrap();
        for task in Task::ALL {
            for level in 1..=task.levels() {
                let row = rows.iter().find(|row| row["task"] == task.name() && row["level"] == level);
                let row = row.unwrap_or_else(|| panic!("{model}: no row for {} level {level}", task.name()));
                for mode in ["off", "on"] {
                    let (right, items) =
                        (row[mode]["right"].as_u64().unwrap(), row[mode]["items"].as_u64().unwrap());
                    assert!(items > 0 && right <= items, "{model}: {row}");
                }
            }
        }
    }
}

/// The case `speed/known-answer` asks what a recorded case asks, and its answers come from two implementations.
#[test]
fn what_a_run_is_held_to_is_what_was_recorded() {
    let definitions = Definitions::embedded().unwrap();
    for model in MODELS {
        let record = json(model, "expected.json");
        let cases = record["cases"].as_array().unwrap();
        let case = cases.iter().find(|case| case["name"] == "sum, thinking").unwrap();
        let ids = |key: &str| -> Vec<u32> {
            case[key].as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect()
        };
        let text = case["rendered"].as_str().unwrap().to_owned();
        let prompt = Prompt::new(Some(text), ids("ids"), Vec::new());
        for quant in ["bf16", "4bit"] {
            let answer = definitions.answer(model, quant, &prompt.sha256);
            let answer = answer.unwrap_or_else(|| panic!("{model} in {quant} has no known answer"));
            let expected = ids("expected_ids");
            let compared = answer.ids.len().min(expected.len());
            assert!(compared >= 10, "{model} in {quant}: {compared} ids are too few to tell a wrong engine");
            // Quantized weights may say something else; nobody but the definition recorded that.
            if quant == "bf16" {
                assert_eq!(answer.ids[..compared], expected[..compared], "{model}");
            }
        }
    }
}

#[test]
fn expected_prompts_are_bytes_and_known_special_tokens() {
    for model in MODELS {
        let tokenizer = json(model, "tokenizer.json");
        let special: BTreeMap<u64, &str> = tokenizer["added_tokens"]
            .as_array()
            .unwrap()
            .iter()
            .map(|token| (token["id"].as_u64().unwrap(), token["content"].as_str().unwrap()))
            .collect();
        for case in json(model, "expected.json")["cases"].as_array().unwrap() {
            let mut bytes = Vec::new();
            for id in case["ids"].as_array().unwrap().iter().map(|id| id.as_u64().unwrap()) {
                match u8::try_from(id) {
                    Ok(byte) => bytes.push(byte),
                    Err(_) => bytes.extend(special[&id].as_bytes()),
                }
            }
            // The template writes one pad for a picture; the ids hold one for each of its cells.
            let text = String::from_utf8(bytes).unwrap();
            let pads = text.matches("<|image_pad|>").count().max(1);
            let rendered =
                case["rendered"].as_str().unwrap().replace("<|image_pad|>", &"<|image_pad|>".repeat(pads));
            assert_eq!(text, rendered, "{model}: {}", case["name"]);
        }
    }
}
