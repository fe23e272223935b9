//! What must hold for every task, level, split and seed.

use std::collections::{BTreeMap, HashSet};

use proptest::prelude::{ProptestConfig, any, prop_assert_eq, proptest};

use super::super::{Item, Split, Task, items};
use super::{every_cell, solve};

fn content(item: &Item) -> (String, Option<Vec<u8>>) {
    (item.prompt.clone(), item.image.as_ref().map(|image| image.rgb.clone()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_seed_gives_right_and_repeatable_items(seed in any::<u64>(), task in 0..Task::ALL.len(), level in 1_u32..7) {
        let task = Task::ALL[task];
        let level = level.min(task.levels());
        let drawn: Vec<Item> = items(task, level, Split::HeldOut, seed).take(3).collect();
        let again: Vec<Item> = items(task, level, Split::HeldOut, seed).take(3).collect();
        prop_assert_eq!(&drawn, &again);
        for item in &drawn {
            prop_assert_eq!(solve(item), item.answer.clone());
        }
    }
}

#[test]
fn no_item_comes_twice_and_none_is_in_both_splits() {
    for (task, level) in every_cell() {
        let mut held_out = HashSet::new();
        for item in items(task, level, Split::HeldOut, 1).take(150) {
            assert!(held_out.insert(content(&item)), "{} came twice", item.id);
        }
        for seed in [1, 2] {
            let mut seen = HashSet::new();
            for item in items(task, level, Split::Train, seed).take(150) {
                assert!(!held_out.contains(&content(&item)), "{} is also held out", item.id);
                assert!(seen.insert(content(&item)), "{} came twice", item.id);
            }
        }
    }
}

#[test]
fn every_level_has_held_out_items() {
    for (task, level) in every_cell() {
        let available = items(task, level, Split::HeldOut, 1).take(100).count();
        // One-digit arithmetic has a hundred questions in all; an eighth of them is held out.
        let few = matches!(task, Task::Add | Task::Subtract | Task::Multiply) && level <= 2;
        let least = if few {
            5
        } else if task == Task::Order && level == 1 {
            20
        } else {
            100
        };
        assert!(available >= least, "{} level {level} has only {available} held-out items", task.name());
    }
}

#[test]
fn small_levels_end_instead_of_repeating() {
    let all = items(Task::Add, 1, Split::Train, 3).count() + items(Task::Add, 1, Split::HeldOut, 3).count();
    assert_eq!(all, 100, "there are a hundred sums of two digits");
}

#[test]
fn the_best_fixed_answer_is_right_about_as_often_as_chance_says() {
    for (task, level) in every_cell() {
        let answers: Vec<String> =
            items(task, level, Split::Train, 5).take(600).map(|item| item.answer).collect();
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for answer in &answers {
            *counts.entry(answer).or_default() += 1;
        }
        if task == Task::Compare {
            // Four colours share the answers, but a question names two: no fixed answer reaches chance.
            assert!(counts.len() == 4 && counts.values().all(|&count| count > 100), "{counts:?}");
            continue;
        }
        let share = *counts.values().max().unwrap() as f64 / answers.len() as f64;
        let chance = task.chance(level);
        // Five standard deviations, and a little for the luck of the largest of many small counts.
        let slack = 5.0 * (chance.max(0.002) * (1.0 - chance) / answers.len() as f64).sqrt() + 0.006;
        assert!(
            (share - chance).abs() <= slack,
            "{} level {level}: {share:.3} against {chance:.3}",
            task.name()
        );
    }
}

#[test]
fn choices_hold_the_answer_and_are_as_many_as_chance_says() {
    for (task, level) in every_cell() {
        for item in items(task, level, Split::HeldOut, 2).take(20) {
            let Some(choices) = &item.choices else { continue };
            assert!(choices.contains(&item.answer), "{}", item.id);
            assert!((item.chance - 1.0 / choices.len() as f64).abs() < 1e-9, "{}", item.id);
        }
    }
}

#[test]
fn questions_of_a_cluster_share_their_picture_or_list() {
    for task in [Task::Lookup, Task::Spatial] {
        let mut scenes = BTreeMap::new();
        let mut shared = 0;
        for item in items(task, 3, Split::Train, 4).take(100) {
            let scene = item.image.map_or_else(
                || item.prompt.rsplit_once(' ').unwrap().0.as_bytes().to_vec(),
                |image| image.rgb,
            );
            let first = scenes.entry(item.cluster.unwrap()).or_insert_with(|| scene.clone());
            shared += usize::from(*first == scene);
            assert_eq!(*first, scene);
        }
        assert!(scenes.len() < shared, "no two questions of {} shared a scene", task.name());
    }
}

#[test]
fn pictures_are_whole_cells_and_prompts_are_plain() {
    for (task, level) in every_cell() {
        for item in items(task, level, Split::HeldOut, 6).take(10) {
            assert!(item.prompt.is_ascii() && item.answer.is_ascii() && item.rationale.is_ascii());
            assert!(!item.rationale.is_empty() && !item.rationale.contains('\n'));
            assert_eq!(item.image.is_some(), task.has_picture());
            let Some(image) = item.image else { continue };
            assert!(image.width % 32 == 0 && image.height % 32 == 0);
            assert_eq!(image.rgb.len() as u32, 3 * image.width * image.height);
        }
    }
}
