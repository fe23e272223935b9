//! Data that stands gzipped in the crate.

use std::io::Read as _;

/// The text of a gzipped file of ours.
pub(crate) fn unpack(bytes: &[u8]) -> String {
    let mut text = String::new();
    let read = flate2::read::GzDecoder::new(bytes).read_to_string(&mut text);
    read.expect("the file stands in this crate and is tested");
    text
}
