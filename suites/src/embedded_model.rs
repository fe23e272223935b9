//! The models that are part of the binary: the files of `embedded/`, by folder. Knows nothing of their format.

/// A file's path inside its folder, and its bytes.
type File = (&'static str, &'static [u8]);

include!(concat!(env!("OUT_DIR"), "/models.rs"));

/// The files of an embedded model by its folder's name; `None` when this build carries none.
pub fn embedded_model(folder: &str) -> Option<&'static [File]> {
    MODELS.iter().find(|(name, files)| *name == folder && !files.is_empty()).map(|(_, files)| *files)
}
