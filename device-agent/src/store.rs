//! Models on this device, by content: pushed in pieces, checked by hash, never run half. Names of files come
//! from the peer and are only ever names, never paths.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use dyno_protocol::codec::{MAX_PIECE_BYTES, hex};
use dyno_protocol::{Failure, FailureKind, StoreAnswer, StoreQuestion};
use sha2::{Digest, Sha256};

#[derive(Debug, Clone)]
pub(crate) struct Store {
    folder: PathBuf,
}

impl Store {
    pub(crate) fn open(folder: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(folder.join("files"))?;
        fs::create_dir_all(folder.join("models"))?;
        Ok(Self { folder })
    }

    pub(crate) fn answer(&self, question: StoreQuestion) -> Result<StoreAnswer, Failure> {
        match question {
            StoreQuestion::Have { sha256 } => self.have(&sha256),
            StoreQuestion::Put { sha256, total_bytes, offset, piece } => {
                self.put(&sha256, total_bytes, offset, &piece)
            }
            StoreQuestion::Assemble { files } => self.assemble(files),
            StoreQuestion::List => Ok(StoreAnswer::Models { models: self.models()? }),
            StoreQuestion::Prune { keep_models } => self.prune(&keep_models),
        }
    }

    /// What to open for a complete model: its only `.gguf`, or its folder.
    pub(crate) fn model(&self, model_sha256: &str) -> Result<PathBuf, Failure> {
        let folder = self.folder.join("models").join(name(model_sha256)?);
        if !folder.is_dir() {
            let what = format!("the model {model_sha256} is not on this device, or not whole");
            return Err(Failure::new(FailureKind::Model, what).with_next_step("push it with `dyno push`"));
        }
        let gguf =
            fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path()).find(|path| {
                let is_projector =
                    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("mmproj"));
                path.extension().is_some_and(|extension| extension == "gguf") && !is_projector
            });
        Ok(gguf.unwrap_or(folder))
    }

    fn have(&self, sha256: &str) -> Result<StoreAnswer, Failure> {
        let complete = self.file(sha256)?;
        let (bytes, complete) = match complete.metadata() {
            Ok(found) => (found.len(), true),
            Err(_) => (self.part(sha256)?.metadata().map_or(0, |found| found.len()), false),
        };
        let free_bytes =
            rustix::fs::statvfs(&self.folder).ok().map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize));
        Ok(StoreAnswer::Have { bytes, complete, free_bytes })
    }

    fn put(&self, sha256: &str, total_bytes: u64, offset: u64, piece: &[u8]) -> Result<StoreAnswer, Failure> {
        if piece.len() > MAX_PIECE_BYTES {
            let what = format!("a piece of {} bytes is over the limit of {MAX_PIECE_BYTES}", piece.len());
            return Err(Failure::new(FailureKind::Refused, what));
        }
        if self.file(sha256)?.exists() {
            return self.have(sha256);
        }
        let path = self.part(sha256)?;
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(storage("open a file"))?;
        let there = file.metadata().map_err(storage("look at a file"))?.len();
        let end = offset.checked_add(piece.len() as u64).filter(|end| *end <= total_bytes);
        let Some(end) = end.filter(|_| offset <= there) else {
            let what = format!(
                "a piece at {offset} does not continue the {there} of {total_bytes} bytes that are here"
            );
            return Err(Failure::new(FailureKind::Refused, what).with_next_step("ask what is there first"));
        };
        file.seek(SeekFrom::Start(offset)).map_err(storage("go to an offset"))?;
        file.write_all(piece).map_err(storage("write a piece"))?;
        if end < total_bytes {
            return self.have(sha256);
        }
        file.sync_all().map_err(storage("sync a file"))?;
        drop(file);
        let found = hash_file(&path).map_err(storage("read a file back"))?;
        if found != sha256 {
            fs::remove_file(&path).map_err(storage("remove a file"))?;
            let what = format!("what arrived has the hash {found}, not {sha256}; it was thrown away");
            return Err(Failure::new(FailureKind::Storage, what).with_next_step("push it again"));
        }
        fs::rename(&path, self.file(sha256)?).map_err(storage("name a file"))?;
        self.have(sha256)
    }

    fn assemble(&self, mut files: Vec<(String, String)>) -> Result<StoreAnswer, Failure> {
        files.sort();
        files.dedup();
        let mut hasher = Sha256::new();
        for (file, sha256) in &files {
            name(file)?;
            if !self.file(sha256)?.exists() {
                let what = format!("`{file}` ({sha256}) is not here, or not whole");
                return Err(Failure::new(FailureKind::Storage, what).with_next_step("push it first"));
            }
            hasher.update(format!("{sha256}  {file}\n"));
        }
        let model_sha256 = hex(&hasher.finalize());
        let place = self.folder.join("models").join(&model_sha256);
        if !place.exists() {
            let half = place.with_extension("half");
            // What an earlier death left half done is done anew.
            let _ = fs::remove_dir_all(&half);
            fs::create_dir_all(&half).map_err(storage("make a folder"))?;
            for (file, sha256) in &files {
                fs::hard_link(self.file(sha256)?, half.join(file)).map_err(storage("link a file"))?;
            }
            fs::rename(&half, &place).map_err(storage("name a model"))?;
        }
        Ok(StoreAnswer::Assembled { model_sha256 })
    }

    fn models(&self) -> Result<Vec<String>, Failure> {
        let entries = fs::read_dir(self.folder.join("models")).map_err(storage("list models"))?;
        let mut models: Vec<String> = entries
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .filter(|name| !name.contains('.'))
            .collect();
        models.sort();
        Ok(models)
    }

    fn prune(&self, keep: &[String]) -> Result<StoreAnswer, Failure> {
        for model in self.models()?.iter().filter(|model| !keep.contains(model)) {
            fs::remove_dir_all(self.folder.join("models").join(model)).map_err(storage("remove a model"))?;
        }
        let mut removed_bytes = 0;
        for entry in fs::read_dir(self.folder.join("files")).map_err(storage("list files"))?.flatten() {
            let meta = entry.metadata().map_err(storage("look at a file"))?;
            // A file that no model links to has one name left.
            if std::os::unix::fs::MetadataExt::nlink(&meta) == 1 {
                fs::remove_file(entry.path()).map_err(storage("remove a file"))?;
                removed_bytes += meta.len();
            }
        }
        Ok(StoreAnswer::Pruned { removed_bytes })
    }

    fn file(&self, sha256: &str) -> Result<PathBuf, Failure> {
        let fits = sha256.len() == 64 && sha256.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if !fits {
            return Err(Failure::new(FailureKind::Refused, "a file is named by its sha256 in small letters"));
        }
        Ok(self.folder.join("files").join(sha256))
    }

    fn part(&self, sha256: &str) -> Result<PathBuf, Failure> {
        Ok(self.file(sha256)?.with_extension("part"))
    }
}

/// A name that is nothing but a name.
fn name(text: &str) -> Result<&str, Failure> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if text.is_empty() || text.len() > 200 || text.starts_with('.') || !text.chars().all(plain) {
        let what = format!("{text:?} cannot be a file's name here: letters, digits, `.`, `-` and `_` can");
        return Err(Failure::new(FailureKind::Refused, what));
    }
    Ok(text)
}

fn hash_file(path: &Path) -> io::Result<String> {
    let (mut file, mut hasher, mut piece) = (File::open(path)?, Sha256::new(), vec![0; 1 << 20]);
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(hex(&hasher.finalize())),
            more => hasher.update(&piece[..more]),
        }
    }
}

fn storage(step: &'static str) -> impl FnOnce(io::Error) -> Failure {
    move |error| {
        let failure = Failure::new(FailureKind::Storage, format!("the device cannot {step}: {error}"));
        match error.kind() {
            io::ErrorKind::StorageFull => failure.with_next_step("free some space, or `dyno push --prune`"),
            _ => failure,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Store, hex, name};
    use dyno_protocol::{StoreAnswer, StoreQuestion};
    use sha2::{Digest, Sha256};

    fn put(
        store: &Store,
        sha256: &str,
        total: u64,
        offset: u64,
        piece: &[u8],
    ) -> Result<StoreAnswer, String> {
        let question =
            StoreQuestion::Put { sha256: sha256.into(), total_bytes: total, offset, piece: piece.to_vec() };
        store.answer(question).map_err(|failure| failure.what)
    }

    #[test]
    fn a_model_arrives_in_pieces_and_is_only_then_a_model() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().to_owned()).unwrap();
        let content = b"weights, all of them";
        let sha256 = hex(&Sha256::digest(content));
        put(&store, &sha256, 20, 0, &content[..7]).unwrap();
        let list = vec![("model.gguf".to_owned(), sha256.clone())];
        assert!(store.answer(StoreQuestion::Assemble { files: list.clone() }).is_err());
        assert!(put(&store, &sha256, 20, 9, &content[9..]).unwrap_err().contains("does not continue"));
        let StoreAnswer::Have { bytes: 7, complete: false, .. } =
            store.answer(StoreQuestion::Have { sha256: sha256.clone() }).unwrap()
        else {
            panic!("seven bytes are there")
        };
        put(&store, &sha256, 20, 7, &content[7..]).unwrap();
        let StoreAnswer::Assembled { model_sha256 } =
            store.answer(StoreQuestion::Assemble { files: list }).unwrap()
        else {
            panic!("it is whole")
        };
        let model = store.model(&model_sha256).unwrap();
        assert!(model.ends_with("model.gguf"));
        assert_eq!(std::fs::read(model).unwrap(), content);
        store.answer(StoreQuestion::Prune { keep_models: vec![model_sha256.clone()] }).unwrap();
        assert!(store.model(&model_sha256).is_ok());
        let pruned = store.answer(StoreQuestion::Prune { keep_models: Vec::new() }).unwrap();
        assert_eq!(pruned, StoreAnswer::Pruned { removed_bytes: 20 });
        assert!(store.model(&model_sha256).is_err());
    }

    #[test]
    fn a_file_that_is_not_what_it_says_is_thrown_away() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().to_owned()).unwrap();
        let sha256 = hex(&Sha256::digest(b"right"));
        assert!(put(&store, &sha256, 5, 0, b"wrong").unwrap_err().contains("thrown away"));
        put(&store, &sha256, 5, 0, b"right").unwrap();
    }

    #[test]
    fn names_are_never_paths() {
        for bad in ["", "..", ".hidden", "a/b", "a\\b", "a\0b", "ä", &"x".repeat(300)] {
            assert!(name(bad).is_err(), "{bad:?}");
        }
        assert!(name("model-00001-of-00002.safetensors").is_ok());
    }
}
