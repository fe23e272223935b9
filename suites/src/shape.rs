//! Published shapes as configuration files, from which weights can be made without any checkpoint.

use crate::loading::SHAPES;

fn short(file: &str) -> &str {
    file.trim_start_matches("shapes/").trim_end_matches(".json")
}

/// The names of all shapes, such as `0.8b`.
pub fn names() -> impl Iterator<Item = &'static str> {
    SHAPES.iter().map(|(file, _)| short(file))
}

/// The `config.json` of a shape.
pub fn config_json(name: &str) -> Option<&'static str> {
    SHAPES.iter().find(|(file, _)| short(file) == name).map(|(_, json)| *json)
}
