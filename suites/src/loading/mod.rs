//! The strict reader of definition files. Owns syntax, types, spellings, references and the list of every
//! mistake; must not know what any definition is for.

mod canonical;
mod embedded;
mod fields;
mod folders;
mod ledger;
mod mistakes;
mod nearest;
mod reading;
mod source;

pub(crate) use embedded::{SHAPES, embedded_files};
pub(crate) use fields::Fields;
pub(crate) use folders::added_files;

pub use mistakes::{DefinitionErrors, Mistake};
pub(crate) use nearest::did_you_mean;
pub(crate) use reading::Reading;
pub(crate) use source::SourceFile;
