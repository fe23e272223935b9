//! Models on their way: whole, resumed, refused, changed under way, and onto a device that is full.
#![allow(clippy::unwrap_used, reason = "what tests share is a test")]

mod fake;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use dyno_protocol::codec::MAX_PIECE_BYTES;
use dyno_protocol::{
    Answer, Failure, FailureKind, ModelSource, Question, StoreAnswer, StoreQuestion, ToAgent,
};
use dyno_runners::{Conversation, ModelFile, Trouble, deliver};
use fake::{Peer, begin};
use sha2::{Digest, Sha256};

/// A device's store in memory, with what it was asked to put.
#[derive(Debug, Default)]
struct Shelf {
    files: BTreeMap<String, Vec<u8>>,
    puts: Vec<(u64, usize)>,
    free_bytes: Option<u64>,
}

fn hash(bytes: &[u8]) -> String {
    dyno_protocol::codec::hex(&Sha256::digest(bytes))
}

impl Shelf {
    fn have(&self, sha256: &str) -> StoreAnswer {
        let there = self.files.get(sha256);
        StoreAnswer::Have {
            bytes: there.map_or(0, |bytes| bytes.len() as u64),
            complete: there.is_some_and(|bytes| hash(bytes) == sha256),
            free_bytes: self.free_bytes,
        }
    }

    fn answer(&mut self, question: StoreQuestion) -> Result<StoreAnswer, Failure> {
        match question {
            StoreQuestion::Have { sha256 } => Ok(self.have(&sha256)),
            StoreQuestion::Put { sha256, total_bytes, offset, piece } => {
                self.puts.push((offset, piece.len()));
                let file = self.files.entry(sha256.clone()).or_default();
                assert_eq!(file.len() as u64, offset, "pieces continue one another");
                file.extend(piece);
                if file.len() as u64 == total_bytes && hash(file) != sha256 {
                    self.files.remove(&sha256);
                    return Err(Failure::new(FailureKind::Storage, "thrown away"));
                }
                Ok(self.have(&sha256))
            }
            StoreQuestion::Assemble { files } => {
                Ok(StoreAnswer::Assembled { model_sha256: format!("{} files", files.len()) })
            }
            StoreQuestion::List | StoreQuestion::Prune { .. } => {
                Ok(StoreAnswer::Models { models: Vec::new() })
            }
        }
    }
}

fn device(shelf: &Arc<Mutex<Shelf>>) -> Conversation {
    let shelf = Arc::clone(shelf);
    begin(move |mut peer: Peer| {
        peer.greet();
        while let Ok(ToAgent { id, question }) = dyno_protocol::codec::read_message(&mut peer.0) {
            let Question::Store(question) = question else { return };
            let answer = shelf.lock().unwrap().answer(question).map(Answer::Store);
            peer.answer(id, answer);
        }
    })
    .unwrap()
}

fn file(folder: &Path, name: &str, bytes: &[u8]) -> ModelFile {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    let file = ModelFile::of(&path).unwrap();
    assert_eq!(
        (file.name.as_str(), file.bytes, file.sha256.as_str()),
        (name, bytes.len() as u64, &*hash(bytes))
    );
    file
}

fn weights() -> Vec<u8> {
    (0..MAX_PIECE_BYTES + 1000).map(|place| (place % 251) as u8).collect()
}

#[test]
fn files_go_over_in_pieces_and_only_what_is_missing_goes() {
    let folder = tempfile::tempdir().unwrap();
    let shelf = Arc::new(Mutex::new(Shelf::default()));
    let weights = weights();
    let files = [
        file(folder.path(), "config.json", b"{}"),
        file(folder.path(), "model.safetensors", &weights),
        file(folder.path(), "empty", b""),
    ];
    // An earlier delivery broke off here.
    shelf.lock().unwrap().files.insert(files[1].sha256.clone(), weights[..500].to_vec());
    let mut seen = Vec::new();
    let source = deliver(&mut device(&shelf), &files, &mut |progress| {
        seen.push((progress.file.to_owned(), progress.sent_bytes, progress.total_bytes));
    })
    .unwrap();
    assert_eq!(source, ModelSource::Stored { model_sha256: "3 files".into() });
    let total = weights.len() as u64 + 2;
    assert!(seen.iter().all(|(_, _, all)| *all == total));
    assert!(seen.is_sorted_by_key(|(_, sent, _)| *sent));
    assert_eq!(seen.last().map(|(_, sent, _)| *sent), Some(total));
    let mut shelf_now = shelf.lock().unwrap();
    assert_eq!(shelf_now.files[&files[1].sha256], weights);
    assert_eq!(shelf_now.puts[..2], [(0, 2), (500, MAX_PIECE_BYTES)]);
    shelf_now.puts.clear();
    drop(shelf_now);
    deliver(&mut device(&shelf), &files, &mut |_| ()).unwrap();
    assert!(shelf.lock().unwrap().puts.is_empty(), "what is there is not sent again");
}

#[test]
fn a_wrong_beginning_on_the_device_is_thrown_away_and_sent_anew_once() {
    let folder = tempfile::tempdir().unwrap();
    let shelf = Arc::new(Mutex::new(Shelf::default()));
    let files = [file(folder.path(), "model.gguf", b"right weights")];
    shelf.lock().unwrap().files.insert(files[0].sha256.clone(), b"wrong".to_vec());
    deliver(&mut device(&shelf), &files, &mut |_| ()).unwrap();
    assert_eq!(shelf.lock().unwrap().files[&files[0].sha256], b"right weights");
}

#[test]
fn a_file_that_changed_under_way_is_never_taken_for_what_it_was() {
    let folder = tempfile::tempdir().unwrap();
    for now in [b"shorter".as_slice(), b"longer than it was before", b"other weights"] {
        let shelf = Arc::new(Mutex::new(Shelf::default()));
        let files = [file(folder.path(), "model.gguf", b"right weights")];
        std::fs::write(folder.path().join("model.gguf"), now).unwrap();
        assert!(deliver(&mut device(&shelf), &files, &mut |_| ()).is_err());
        assert!(shelf.lock().unwrap().files.values().all(|there| hash(there) != files[0].sha256));
    }
}

#[test]
fn a_full_device_is_told_before_anything_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let shelf = Arc::new(Mutex::new(Shelf { free_bytes: Some(10), ..Shelf::default() }));
    let files = [file(folder.path(), "model.gguf", b"right weights")];
    let error = deliver(&mut device(&shelf), &files, &mut |_| ()).unwrap_err();
    assert_eq!(error.as_failure().kind, FailureKind::Storage);
    assert!(matches!(error.what, Trouble::NoSpace { needed_bytes: 13, free_bytes: 10 }));
    assert!(shelf.lock().unwrap().puts.is_empty());
}
