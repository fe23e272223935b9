//! The endless, or at small levels finite, sequence of items of one task, level, split and seed.

use std::collections::HashSet;

use sha2::{Digest, Sha256};

use super::draw::Draw;
use super::item::{Draft, Item};
use super::task::Task;

/// One content hash in this many is held out.
const RESERVED_MODULUS: u64 = 8;

/// After this many drafts in a row that were seen before or belong to the other split, the level is taken
/// to have no more items: the chance of missing one that is left is far below one in a million.
const EMPTY_HANDED_LIMIT: u32 = 20_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Split {
    Train,
    HeldOut,
}

impl Split {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::HeldOut => "held-out",
        }
    }

    const fn of(content_hash: u64) -> Self {
        if content_hash.is_multiple_of(RESERVED_MODULUS) { Self::HeldOut } else { Self::Train }
    }
}

/// The items of one task, level, split and seed, none of them twice. The n-th item depends on nothing else.
///
/// Levels with few possible questions run out, and the iterator ends.
pub fn items(task: Task, level: u32, split: Split, seed: u64) -> Items {
    let level = level.clamp(1, task.levels());
    Items { task, level, split, seed, attempt: 0, index: 0, seen: HashSet::new() }
}

#[derive(Debug)]
pub struct Items {
    task: Task,
    level: u32,
    split: Split,
    seed: u64,
    attempt: u64,
    index: u64,
    seen: HashSet<u64>,
}

impl Iterator for Items {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        for _ in 0..EMPTY_HANDED_LIMIT {
            let attempt = self.attempt;
            self.attempt += 1;
            let scene_number = attempt / self.task.questions_per_scene();
            let mut scene = Draw::new(self.key("scene"), scene_number);
            let mut question = Draw::new(self.key("question"), attempt);
            let draft = self.task.draft(self.level, &mut scene, &mut question);
            let hash = content_hash(self.task, &draft);
            if Split::of(hash) == self.split && self.seen.insert(hash) {
                return Some(self.name(draft, scene_number));
            }
        }
        None
    }
}

impl Items {
    fn key(&self, part: &str) -> [u8; 32] {
        let (name, version, split) = (self.task.name(), self.task.version(), self.split.name());
        let text =
            format!("dyno procedural {name} v{version} level {} {split} {} {part}", self.level, self.seed);
        Sha256::digest(text.as_bytes()).into()
    }

    fn name(&mut self, draft: Draft, scene_number: u64) -> Item {
        let (task, version, level) = (self.task.name(), self.task.version(), self.level);
        let place = format!("{task}-v{version}/l{level}/{}-{}", self.split.name(), self.seed);
        let shared = self.task.questions_per_scene() > 1;
        let item = Item {
            id: format!("{place}/{}", self.index),
            task,
            level,
            prompt: draft.prompt,
            image: draft.image,
            answer: draft.answer,
            rationale: draft.rationale,
            choices: draft.choices,
            chance: self.task.chance(level),
            cluster: shared.then(|| format!("{place}/scene-{scene_number}")),
        };
        self.index += 1;
        item
    }
}

fn content_hash(task: Task, draft: &Draft) -> u64 {
    let mut hasher = Sha256::new();
    hasher.update(task.name());
    hasher.update(task.version().to_le_bytes());
    hasher.update((draft.prompt.len() as u64).to_le_bytes());
    hasher.update(&draft.prompt);
    if let Some(image) = &draft.image {
        hasher.update(image.width.to_le_bytes());
        hasher.update(&image.rgb);
    }
    let digest: [u8; 32] = hasher.finalize().into();
    let [a, b, c, d, e, f, g, h, ..] = digest;
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}
