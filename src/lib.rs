//! knowngood keeps AI agents' tool files known-good.
pub mod access;
pub mod decide;
pub mod model;
pub mod ports;
pub mod reconcile;
pub mod roots;
pub mod socket;
pub mod wire;
