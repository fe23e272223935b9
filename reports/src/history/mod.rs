//! Numbers over weeks: where a series changed, which builds are suspect, where a new baseline begins, and how much a
//! device strays when nothing changed.
//!
//! Pure: points come in, in their order, from whoever keeps them. Randomness has a seed.

mod change_points;
mod energy;
mod epochs;
mod floors;
mod points;
mod trend;

pub use change_points::{ChangePoint, Detection, Way, change_points};
pub use epochs::{Epoch, Grounds, epochs};
pub use floors::{AgainstItself, SessionMean, floors_of, from_itself};
pub use points::{SessionPoint, points_of};
pub use trend::{Annotation, Point, Trend, TrendChange, trend};
