//! The tests that see the program from outside, in one binary.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test that cannot go on has failed, and figures are printed; clippy knows only functions marked as tests"
)]

mod faults;
mod lifecycle;
mod refusals;
mod saves;
mod store_contract;
mod store_samples;
mod watch_looker;
mod watch_roots;
mod watch_saves;
mod watch_torture;
mod world;
