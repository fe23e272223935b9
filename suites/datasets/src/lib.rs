//! Data sets in local files, as items of a task.
//!
//! Owns where files lie, their formats, and what a definition's columns become. Must not know models, scoring or the
//! network: nothing is fetched, and nothing that a data set holds is ever run. What a file can do wrong is an error
//! that names the file and the row.

mod embedded;
mod error;
mod find;
mod items;
mod load;
mod pictures;
mod pool;
mod rows;

pub use error::DataError;
pub use find::Places;
pub use load::ReadFile;
pub use pool::Pool;
