//! The ledger of versions: which content every released version of a definition has.

/// One line per version: kind, id@version, hash of its meaning. Lines are added and never changed.
pub(super) const VERSIONS: &str = include_str!("../../definitions/VERSIONS.txt");

/// The hash on record for `kind id@version`.
pub(crate) fn recorded_sha256(versioned_id: &str) -> Option<&'static str> {
    VERSIONS
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.rsplit_once(' '))
        .find(|(id, _)| *id == versioned_id)
        .map(|(_, sha256)| sha256)
}
