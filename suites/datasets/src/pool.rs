//! All that a task can ask: its items, and the solved examples that it shows before them.

use dyno_suites::Task;
use dyno_suites::task::{Item, Source};

use crate::error::DataError;
use crate::find::Places;
use crate::load::{Loaded, ReadFile, load, load_pictures};

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pool {
    /// Without pictures; those of the items that are asked come by [`Pool::load_pictures`].
    pub items: Vec<Item>,
    pub shots: Vec<Item>,
    /// What was read, for the record of the run.
    pub files: Vec<ReadFile>,
}

impl Pool {
    /// Reads or makes a task's items.
    pub fn of(task: &Task, places: &Places) -> Result<Self, DataError> {
        let mut pool = match &task.source {
            Source::Procedural { .. } => {
                Self { items: task.procedural_items().unwrap_or_default(), ..Self::default() }
            }
            Source::Data(source) => {
                let Loaded { items, files } = load(&task.id, source, places)?;
                Self { items, files, shots: Vec::new() }
            }
        };
        match task.shots.as_ref().map(|shots| &shots.from) {
            Some(Some(from)) => {
                let Loaded { items, files } = load(&task.id, from, places)?;
                // Rows of another file may have the same names, and an item is never its own example.
                let named = |item: Item| Item { id: format!("example {}", item.id), ..item };
                pool.shots = items.into_iter().map(named).collect();
                pool.files.extend(files);
            }
            Some(None) => pool.shots.clone_from(&pool.items),
            None => {}
        }
        Ok(pool)
    }

    /// Reads the pictures of these items; those of a procedural task have theirs already.
    pub fn load_pictures(&self, task: &Task, places: &Places, items: &mut [Item]) -> Result<(), DataError> {
        match &task.source {
            Source::Data(source) => load_pictures(&task.id, source, places, items, task.picture_max_pixels),
            Source::Procedural { .. } => Ok(()),
        }
    }
}
