//! knowngood keeps AI agents' tools known-good.
pub mod disk;
pub mod model;
pub mod ports;
pub mod roots;
