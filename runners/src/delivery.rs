//! Bringing a model to a device: by content, in pieces, going on from wherever an earlier delivery stopped.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use dyno_protocol::codec::{MAX_PIECE_BYTES, hex};
use dyno_protocol::{Answer, FailureKind, ModelSource, Question, StoreAnswer, StoreQuestion};
use sha2::{Digest, Sha256};

use crate::conversation::Conversation;
use crate::error::{RunnerError, Trouble};

const STEP: &str = "delivering a model";
const QUESTION: Duration = Duration::from_mins(1);
/// After the last piece the device reads the whole file back. The slowest flash that is worth measuring on
/// reads faster than this.
const READ_BACK_BYTES_PER_S: u64 = 20_000_000;

/// One file of a model, under the name that it has in the model's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelFile {
    pub name: String,
    pub path: PathBuf,
    pub bytes: u64,
    pub sha256: String,
}

impl ModelFile {
    /// Reads the file once to name its content.
    pub fn of(path: &Path) -> io::Result<Self> {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let (mut file, mut hasher, mut bytes) = (File::open(path)?, Sha256::new(), 0);
        let mut piece = vec![0; 1 << 20];
        loop {
            match file.read(&mut piece)? {
                0 => return Ok(Self { name, path: path.to_owned(), bytes, sha256: hex(&hasher.finalize()) }),
                more => {
                    hasher.update(&piece[..more]);
                    bytes += more as u64;
                }
            }
        }
    }
}

/// How far a delivery has come. What was there already counts as sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<'a> {
    pub file: &'a str,
    pub sent_bytes: u64,
    pub total_bytes: u64,
}

/// Puts the files on the device and makes a model of them there.
pub fn deliver(
    conversation: &mut Conversation,
    files: &[ModelFile],
    on_progress: &mut dyn FnMut(Progress<'_>),
) -> Result<ModelSource, RunnerError> {
    let total_bytes = files.iter().map(|file| file.bytes).sum();
    make_sure_of_space(conversation, files)?;
    let mut before = 0;
    for file in files {
        let mut on_sent = |sent: u64| {
            on_progress(Progress { file: &file.name, sent_bytes: before + sent, total_bytes });
        };
        match send(conversation, file, &mut on_sent) {
            // What was there from an earlier delivery was not the beginning of this file; it is thrown away now.
            Err(error) if error.refusal().is_some_and(|failure| failure.kind == FailureKind::Storage) => {
                send(conversation, file, &mut on_sent)?;
            }
            sent => sent?,
        }
        before += file.bytes;
    }
    let list = files.iter().map(|file| (file.name.clone(), file.sha256.clone())).collect();
    match ask(conversation, StoreQuestion::Assemble { files: list }, QUESTION)? {
        StoreAnswer::Assembled { model_sha256 } => Ok(ModelSource::Stored { model_sha256 }),
        _ => Err(conversation.error(Trouble::WrongAnswer { step: STEP })),
    }
}

fn make_sure_of_space(conversation: &mut Conversation, files: &[ModelFile]) -> Result<(), RunnerError> {
    let (mut needed_bytes, mut free) = (0, None);
    for file in files {
        let have = have(conversation, file)?;
        needed_bytes += if have.complete { 0 } else { file.bytes.saturating_sub(have.bytes) };
        free = have.free_bytes;
    }
    match free {
        Some(free_bytes) if free_bytes < needed_bytes => {
            Err(conversation.error(Trouble::NoSpace { needed_bytes, free_bytes }))
        }
        _ => Ok(()),
    }
}

struct Have {
    bytes: u64,
    complete: bool,
    free_bytes: Option<u64>,
}

fn have(conversation: &mut Conversation, file: &ModelFile) -> Result<Have, RunnerError> {
    let answer = ask(conversation, StoreQuestion::Have { sha256: file.sha256.clone() }, QUESTION)?;
    as_have(conversation, &answer)
}

fn as_have(conversation: &Conversation, answer: &StoreAnswer) -> Result<Have, RunnerError> {
    match answer {
        StoreAnswer::Have { bytes, complete, free_bytes } => {
            Ok(Have { bytes: *bytes, complete: *complete, free_bytes: *free_bytes })
        }
        _ => Err(conversation.error(Trouble::WrongAnswer { step: STEP })),
    }
}

fn send(
    conversation: &mut Conversation,
    file: &ModelFile,
    on_sent: &mut dyn FnMut(u64),
) -> Result<(), RunnerError> {
    let mut have = have(conversation, file)?;
    let mut from = File::open(&file.path).map_err(|source| read_error(conversation, source))?;
    while !have.complete {
        on_sent(have.bytes);
        let offset = have.bytes.min(file.bytes);
        let piece = read_piece(&mut from, offset).map_err(|source| read_error(conversation, source))?;
        let reaches = offset + piece.len() as u64;
        // The file got longer, or shorter than what the device waits for.
        if reaches > file.bytes || (piece.is_empty() && file.bytes > 0) {
            return Err(conversation.error(Trouble::FileChanged { file: file.name.clone() }));
        }
        let put = StoreQuestion::Put { sha256: file.sha256.clone(), total_bytes: file.bytes, offset, piece };
        let reading_back = if reaches == file.bytes { file.bytes / READ_BACK_BYTES_PER_S } else { 0 };
        let answer = ask(conversation, put, QUESTION + Duration::from_secs(reading_back))?;
        let now = as_have(conversation, &answer)?;
        if !now.complete && now.bytes != reaches {
            return Err(conversation.error(Trouble::WrongAnswer { step: STEP }));
        }
        have = now;
    }
    on_sent(file.bytes);
    Ok(())
}

fn read_piece(from: &mut File, offset: u64) -> io::Result<Vec<u8>> {
    from.seek(SeekFrom::Start(offset))?;
    let mut piece = Vec::new();
    from.take(MAX_PIECE_BYTES as u64).read_to_end(&mut piece)?;
    Ok(piece)
}

fn read_error(conversation: &Conversation, source: io::Error) -> RunnerError {
    conversation.error(Trouble::Io { step: "read a file of the model", source })
}

fn ask(
    conversation: &mut Conversation,
    question: StoreQuestion,
    within: Duration,
) -> Result<StoreAnswer, RunnerError> {
    match conversation.ask(Question::Store(question), within)? {
        Answer::Store(answer) => Ok(answer),
        _ => Err(conversation.error(Trouble::WrongAnswer { step: STEP })),
    }
}
