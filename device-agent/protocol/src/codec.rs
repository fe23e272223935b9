//! Frames: four bytes of length, little endian, then one JSON text. Both ends, and every bound, in one place.

use std::io::{self, Read, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::PROTOCOL_VERSION;

const MAGIC: [u8; 4] = *b"DYNO";
/// The largest frame. A picture of four megapixels fits; a peer that announces more is not read further.
pub const MAX_FRAME_BYTES: u32 = 32 << 20;
/// The deepest nesting of arrays and objects. Our own messages stay under half of it.
pub const MAX_DEPTH: u32 = 32;
/// The most values in one frame: a frame within the byte limit can still ask for much memory as tiny values.
pub const MAX_VALUES: u32 = 8 << 20;
/// The largest piece of a file in one `Put`.
pub const MAX_PIECE_BYTES: usize = 4 << 20;

#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    #[error("the connection ended")]
    Closed,
    #[error("the connection broke inside a frame: {got} of {expected} bytes had come")]
    CutFrame { got: usize, expected: usize },
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
    #[error("the other side does not speak Dyno's protocol: it began with {0:?}")]
    NotDyno([u8; 4]),
    #[error(
        "the other side speaks version {theirs} of the protocol, this one speaks {PROTOCOL_VERSION}; \
         install the same release of dyno on both"
    )]
    OtherVersion { theirs: u16 },
    #[error("a frame of {bytes} bytes is over the limit of {MAX_FRAME_BYTES}")]
    FrameTooLarge { bytes: u64 },
    #[error("a frame is nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    #[error("a frame holds more than {MAX_VALUES} values")]
    TooManyValues,
    #[error("a frame is not a message of this protocol: {0}")]
    Malformed(serde_json::Error),
}

pub fn write_preamble(out: &mut impl Write) -> Result<(), CodecError> {
    let mut bytes = [0; 6];
    bytes[..4].copy_from_slice(&MAGIC);
    bytes[4..].copy_from_slice(&PROTOCOL_VERSION.to_le_bytes());
    out.write_all(&bytes)?;
    out.flush()?;
    Ok(())
}

pub fn read_preamble(from: &mut impl Read) -> Result<(), CodecError> {
    let mut bytes = [0; 6];
    read_whole(from, &mut bytes)?;
    let magic = [bytes[0], bytes[1], bytes[2], bytes[3]];
    if magic != MAGIC {
        return Err(CodecError::NotDyno(magic));
    }
    match u16::from_le_bytes([bytes[4], bytes[5]]) {
        PROTOCOL_VERSION => Ok(()),
        theirs => Err(CodecError::OtherVersion { theirs }),
    }
}

/// Writes one message as one frame with one call of `write_all`.
pub fn write_message(out: &mut impl Write, message: &impl Serialize) -> Result<(), CodecError> {
    let mut frame = vec![0; 4];
    serde_json::to_writer(&mut frame, message).map_err(CodecError::Malformed)?;
    let bytes = frame.len() - 4;
    match u32::try_from(bytes) {
        Ok(length) if length <= MAX_FRAME_BYTES => frame[..4].copy_from_slice(&length.to_le_bytes()),
        _ => return Err(CodecError::FrameTooLarge { bytes: bytes as u64 }),
    }
    out.write_all(&frame)?;
    out.flush()?;
    Ok(())
}

/// Reads one message. Nothing is allocated before the length is known to be allowed, and no more than has come.
pub fn read_message<T: DeserializeOwned>(from: &mut impl Read) -> Result<T, CodecError> {
    let mut length = [0; 4];
    read_whole(from, &mut length)?;
    let length = u32::from_le_bytes(length);
    if length > MAX_FRAME_BYTES {
        return Err(CodecError::FrameTooLarge { bytes: u64::from(length) });
    }
    let mut payload = Vec::new();
    from.take(u64::from(length)).read_to_end(&mut payload)?;
    if payload.len() < length as usize {
        return Err(CodecError::CutFrame { got: payload.len(), expected: length as usize });
    }
    check_shape(&payload)?;
    serde_json::from_slice(&payload).map_err(CodecError::Malformed)
}

fn read_whole(from: &mut impl Read, buffer: &mut [u8]) -> Result<(), CodecError> {
    let mut got = 0;
    while got < buffer.len() {
        match from.read(&mut buffer[got..]) {
            Ok(0) if got == 0 => return Err(CodecError::Closed),
            Ok(0) => return Err(CodecError::CutFrame { got, expected: buffer.len() }),
            Ok(more) => got += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Bounds depth and count in one pass over the text, before anything is built from it.
fn check_shape(payload: &[u8]) -> Result<(), CodecError> {
    let (mut depth, mut values, mut in_string, mut escaped) = (0_u32, 0_u32, false, false);
    for &byte in payload {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(CodecError::TooDeep);
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' | b':' => {
                values += 1;
                if values > MAX_VALUES {
                    return Err(CodecError::TooManyValues);
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Bytes as base64 inside JSON.
pub(crate) mod base64_bytes {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(bytes))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(from)?;
        STANDARD.decode(text).map_err(serde::de::Error::custom)
    }
}
