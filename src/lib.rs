//! knowngood keeps AI agents' tools known-good.
pub mod model;
pub mod ports;
pub mod roots;
pub mod store;
