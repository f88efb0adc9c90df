//! knowngood keeps AI agents' tools known-good.
pub mod decide;
pub mod model;
pub mod ports;
pub mod reconcile;
pub mod roots;
