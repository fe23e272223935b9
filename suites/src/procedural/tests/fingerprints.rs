//! A recorded hash of every level's first items: a change of what a task asks cannot go unnoticed.

use sha2::{Digest, Sha256};

use super::super::{Split, items, json_line};
use super::every_cell;

const RECORDED: &str = include_str!("fingerprints.txt");

#[test]
fn tasks_ask_what_their_recorded_version_asked() {
    let now: String = every_cell()
        .map(|(task, level)| {
            let mut hasher = Sha256::new();
            for split in [Split::Train, Split::HeldOut] {
                for item in items(task, level, split, 1).take(8) {
                    hasher.update(json_line(&item));
                    hasher.update("\n");
                }
            }
            let digest: [u8; 32] = hasher.finalize().into();
            let [a, b, c, d, e, f, g, h, ..] = digest;
            let short = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
            [task.name(), &format!("-v{} level {level} {short:016x}\n", task.version())].concat()
        })
        .collect();
    assert!(
        now == RECORDED,
        "the items changed; raise the version of the tasks that differ, then record the new list:\n{now}"
    );
}
