//! Writing one GGUF file, version 3, out of metadata and pieces.

use std::path::Path;

use super::Progress;
use super::gguf_metadata::Pairs;
use super::piece::Piece;
use super::whole_file::{self, WholeFile};
use crate::WeightError;
use crate::containers::gguf::header::type_number;
use crate::identity::{FileHash, listing};

const ALIGNMENT: u64 = 32;

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u64).to_le_bytes());
    out.extend(text.as_bytes());
}

pub(crate) fn write(
    path: &Path,
    metadata: &Pairs,
    pieces: &[Piece<'_>],
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<FileHash, WeightError> {
    let mut header = b"GGUF".to_vec();
    header.extend(3u32.to_le_bytes());
    header.extend((pieces.len() as u64).to_le_bytes());
    metadata.append_to(&mut header);
    let mut total = 0u64;
    for piece in pieces {
        let wrong = |what: String| WeightError::tensor(path, &piece.name, what);
        let row = piece.row_bytes().map_err(wrong)?;
        let number = type_number(piece.format)
            .ok_or_else(|| wrong(format!("has format {}, which GGUF lacks", piece.format)))?;
        text(&mut header, &piece.name);
        header.extend((piece.shape.len() as u32).to_le_bytes());
        for size in piece.shape.iter().rev() {
            header.extend((*size as u64).to_le_bytes());
        }
        header.extend(number.to_le_bytes());
        header.extend(total.to_le_bytes());
        total += (row.codes as u64 * piece.rows() as u64).next_multiple_of(ALIGNMENT);
    }
    let mut file = WholeFile::create(path)?;
    file.put(&header)?;
    file.pad_to(ALIGNMENT)?;
    let mut done_bytes = 0u64;
    for piece in pieces {
        piece.encode(
            |run| {
                done_bytes += run.codes.len() as u64;
                file.put(&run.codes)
            },
            |what| WeightError::tensor(path, &piece.name, what),
        )?;
        file.pad_to(ALIGNMENT)?;
        progress(Progress { tensor: &piece.name, done_bytes, total_bytes: total });
    }
    let hash = file.finish()?;
    let mut beside = path.as_os_str().to_owned();
    beside.push(".sha256");
    whole_file::write(Path::new(&beside), listing(std::slice::from_ref(&hash)).as_bytes())?;
    Ok(hash)
}
