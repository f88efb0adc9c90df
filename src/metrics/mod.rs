//! Figures about the daemon itself, and the text in which Prometheus reads them. Measuring is one addition to a number
//! that nobody waits for; the text is made when somebody asks, so that an idle daemon does nothing for it. What is worth
//! measuring is decided elsewhere.
//!
//! Made by hand: nearly all figures are read from the state at the moment of the question, so that a registry would
//! only copy them, and the crates there are write `OpenMetrics`, which `promtool check metrics` takes for untyped.

mod histogram;
mod text;

pub use histogram::{Histogram, Samples};
pub use text::{Family, Kind, Text};
