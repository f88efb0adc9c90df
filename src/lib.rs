//! knowngood keeps AI agents' tool files known-good.
pub mod access;
pub mod cli;
pub mod config;
pub mod decide;
pub mod disk;
pub mod log;
pub mod model;
pub mod ports;
pub mod reconcile;
pub mod roots;
pub mod signals;
pub mod socket;
pub mod store;
pub mod watch;
pub mod wire;
