//! Charts as inline SVG: drawn from plain numbers, coloured by the page's style sheet, each with a title
//! and a description for those who do not see it.
//!
//! Knows nothing of bundles, verdicts or templates. The table behind a chart is the page's work.

mod axis;
mod claim;
mod course;
mod dots;
mod frontier;
mod lines;
mod svg;
mod timeline;

pub use claim::{Band, ClaimChart, Mark};
pub use course::{CourseChart, Panel, Span};
pub use dots::{DotRow, Dots};
pub use frontier::{Frontier, FrontierPoint};
pub use lines::{LineChart, Series};
pub use svg::MarkShape;
pub use timeline::{Level, Timeline, TimelineChange, TimelineDot};
