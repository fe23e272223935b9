//! Statistics as pure functions of numbers: no clock, no randomness without a seed, and warnings as values.
//!
//! Knows nothing of bundles, metrics or claims. `reports/README.md` says which method is used where, and why.

mod clusters;
pub mod course;
mod families;
mod fit;
pub mod gauge;
mod order;
mod paired;
mod proportions;
mod tests_of_value;

pub use clusters::ClusteredMean;
pub use course::Figure;
pub use families::holm;
pub use fit::{Fit, Level, Placed, Scale, student_reach};
pub use order::{median, quantile};
pub use paired::{PairedRatio, paired_ratio, sign_flip_p};
pub use proportions::{
    McNemar, clopper_pearson, mcnemar_exact, smallest_detectable_difference, wilson, wilson_of_share,
};
pub use tests_of_value::{ALPHA, Answer, about, at_least, at_most};
