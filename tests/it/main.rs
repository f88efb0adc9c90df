//! Tests from outside, in one binary.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed; clippy knows only functions marked as tests"
)]

mod watch_looker;
mod watch_roots;
mod watch_saves;
mod watch_torture;
