//! One item as one line of JSON, for training scripts and for people who want to look.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::item::Item;

pub fn json_line(item: &Item) -> String {
    let image = item.image.as_ref().map(|image| {
        json!({"width": image.width, "height": image.height, "rgb_base64": STANDARD.encode(&image.rgb)})
    });
    json!({
        "id": item.id, "task": item.task, "level": item.level, "prompt": item.prompt, "image": image,
        "answer": item.answer, "rationale": item.rationale, "choices": item.choices,
        "chance": item.chance, "cluster": item.cluster,
    })
    .to_string()
}
