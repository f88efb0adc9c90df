//! The tests that see the program from outside, in one binary.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "a test says what it expects by stopping, prints figures, and makes its numbers itself"
)]

mod architecture;
mod checks;
mod command_line;
mod configuration;
mod corpus;
mod deploying;
mod faults;
mod gates;
mod health;
mod lifecycle;
mod logs;
mod metrics;
mod mutants;
mod proofs;
mod readme;
mod refusals;
mod replay;
mod resolving;
mod saves;
mod shadow;
mod stage;
mod store_contract;
mod store_crash;
mod store_damage;
mod store_samples;
mod systemd;
mod watch_cost;
mod watch_looker;
mod watch_roots;
mod watch_saves;
mod watch_torture;
mod world;
