//! Items of procedural tasks.

use serde_json::{Map, Value};

use super::source::{Draws, Source};
use super::{Expected, Item, Task};
use crate::procedural::{self, Split, items};

impl Task {
    /// The items of a procedural task in the order of their draws; `None` for one whose items are in a file.
    pub fn procedural_items(&self) -> Option<Vec<Item>> {
        let Source::Procedural { draws, seed } = &self.source else { return None };
        Some(draws.iter().flat_map(|draws| of_draws(draws, *seed)).collect())
    }
}

impl Task {
    /// How many items there are at most when `asked` are asked for; `None` where only the data set's file can tell.
    pub fn count(&self, asked: Option<u32>) -> Option<u32> {
        let drawn = match &self.source {
            Source::Procedural { draws, .. } => {
                Some(draws.iter().map(|draws| draws.levels.len() as u32 * draws.items).sum())
            }
            Source::Data(_) => None,
        };
        drawn.into_iter().chain(asked).min()
    }
}

fn of_draws(draws: &Draws, seed: u64) -> Vec<Item> {
    // The loader knows the generator, or the definitions would have been refused.
    let Ok(generator) = draws.generator.parse::<procedural::Task>() else { return Vec::new() };
    let of_level = |level: &u32| items(generator, *level, Split::HeldOut, seed).take(draws.items as usize);
    draws.levels.iter().flat_map(of_level).map(item).collect()
}

fn item(made: procedural::Item) -> Item {
    let options = made.choices.unwrap_or_default();
    let mut fields = Map::new();
    fields.insert("question".to_owned(), Value::from(made.prompt));
    fields.insert("generator".to_owned(), Value::from(made.task));
    fields.insert("level".to_owned(), Value::from(made.level));
    fields.insert("answer".to_owned(), Value::from(made.answer.clone()));
    Item {
        id: made.id,
        cluster: made.cluster,
        fields,
        images: made.image.into_iter().collect(),
        options,
        answer: Expected::text(made.answer),
        chance: Some(made.chance),
    }
}
