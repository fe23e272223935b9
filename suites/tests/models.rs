//! The catalogue's figures against the shapes and files that they describe.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use dyno_suites::{Definitions, Model, Parameters, Weights, embedded_model, shape};
use serde_json::Value;

/// Parameter counts of a shape from its configuration alone, written from the architecture's description.
fn counted(config: &Value) -> Parameters {
    let (text, vision) = (&config["text_config"], &config["vision_config"]);
    let of = |table: &Value, key: &str| table[key].as_u64().unwrap_or_else(|| panic!("no {key}"));
    let hidden = of(text, "hidden_size");
    let embedding = of(text, "vocab_size") * hidden;
    let layers = text["layer_types"].as_array().unwrap();
    let full = layers.iter().filter(|layer| *layer == "full_attention").count() as u64;
    let linear = layers.len() as u64 - full;

    let keys = of(text, "linear_num_key_heads") * of(text, "linear_key_head_dim");
    let value_heads = of(text, "linear_num_value_heads");
    let values = value_heads * of(text, "linear_value_head_dim");
    let mixed = 2 * keys + values;
    let linear_layer = hidden * (mixed + values + 2 * value_heads)
        + values * hidden
        + mixed * of(text, "linear_conv_kernel_dim")
        + 2 * value_heads
        + of(text, "linear_value_head_dim");

    let head = of(text, "head_dim");
    let queries = of(text, "num_attention_heads") * head;
    let attention =
        hidden * (2 * queries + 2 * of(text, "num_key_value_heads") * head) + queries * hidden + 2 * head;
    let mlp = 3 * hidden * of(text, "intermediate_size");
    let norms = 2 * hidden;

    let trunk = linear * linear_layer + full * attention + layers.len() as u64 * (mlp + norms) + hidden;
    let tables = if config["tie_word_embeddings"].as_bool().unwrap() { 1 } else { 2 };

    let (width, inner) = (of(vision, "hidden_size"), of(vision, "intermediate_size"));
    let patch =
        of(vision, "in_channels") * of(vision, "temporal_patch_size") * of(vision, "patch_size").pow(2);
    let block = 4 * width * width + 4 * width + 2 * width * inner + inner + width + 4 * width;
    let merged = width * of(vision, "spatial_merge_size").pow(2);
    let tower = patch * width
        + width
        + of(vision, "num_position_embeddings") * width
        + of(vision, "depth") * block
        + 2 * width
        + merged * merged
        + merged
        + merged * of(vision, "out_hidden_size")
        + of(vision, "out_hidden_size");

    Parameters {
        text: trunk + tables * embedding,
        vision: tower,
        draft_head: 2 * hidden * hidden + attention + mlp + norms + 3 * hidden,
        embedding,
        active_per_token: trunk + embedding,
    }
}

fn model<'a>(definitions: &'a Definitions, id: &str) -> &'a Model {
    definitions.model(id).unwrap_or_else(|unknown| panic!("{unknown}"))
}

#[test]
fn a_shape_has_the_parameters_that_the_catalogue_says() {
    let definitions = Definitions::embedded().unwrap();
    let mut shapes = 0;
    for name in shape::names() {
        let config: Value = serde_json::from_str(shape::config_json(name).unwrap()).unwrap();
        let counted = counted(&config);
        for id in [format!("qwen3.5-{name}"), format!("synth:{name}")] {
            assert_eq!(model(&definitions, &id).parameters, Some(counted), "{id}");
        }
        shapes += 1;
    }
    assert!(shapes >= 2, "0.8b and 2b at least");
}

#[test]
fn the_catalogue_agrees_with_published_counts() {
    let definitions = Definitions::embedded().unwrap();
    // Parameters of the language model as published GGUF files state them.
    for (id, published) in [
        ("qwen3.5-4b", 4_205_751_296),
        ("qwen3.5-9b", 8_953_803_264),
        ("qwen3.5-27b", 26_895_998_464),
        ("qwen3.5-35b-a3b", 34_660_610_688),
        ("qwen3.5-122b-a10b", 122_111_526_912),
    ] {
        assert_eq!(model(&definitions, id).parameters.unwrap().text, published, "{id}");
    }
}

#[test]
fn embedded_models_hold_what_the_catalogue_says() {
    let definitions = Definitions::embedded().unwrap();
    let mut totals = Vec::new();
    for model in definitions.models() {
        let Weights::Embedded { folder } = &model.weights else { continue };
        let files = embedded_model(folder).unwrap_or_else(|| panic!("{folder} is not in the binary"));
        let file = |name: &str| files.iter().find(|(file, _)| *file == name).map(|(_, bytes)| *bytes);
        let config: Value = serde_json::from_slice(file("config.json").unwrap()).unwrap();
        assert_eq!(
            config["text_config"]["max_position_embeddings"].as_u64(),
            model.context_tokens.map(u64::from)
        );
        let weights = file("model.safetensors").unwrap();
        let length = u64::from_le_bytes(weights[..8].try_into().unwrap()) as usize;
        let header: Value = serde_json::from_slice(&weights[8..8 + length]).unwrap();
        let (mut text, mut vision, mut draft_head, mut embedding) = (0, 0, 0, 0);
        for (name, tensor) in header.as_object().unwrap().iter().filter(|(name, _)| *name != "__metadata__") {
            let count: u64 =
                tensor["shape"].as_array().unwrap().iter().map(|side| side.as_u64().unwrap()).product();
            match name.as_str() {
                name if name.contains(".visual.") => vision += count,
                name if name.starts_with("mtp.") => draft_head += count,
                name => {
                    text += count;
                    embedding += if name.contains("embed_tokens") { count } else { 0 };
                }
            }
        }
        let found = Parameters { text, vision, draft_head, embedding, active_per_token: text };
        assert_eq!(model.parameters, Some(found), "{}", model.id);
        totals.push(found.total());
    }
    totals.sort_unstable();
    assert!(
        totals.len() >= 2 && totals[totals.len() - 1] >= 4 * totals[0],
        "two sizes four times apart: {totals:?}"
    );
}
