//! The front door: HTTP/1.1 with JSON on a Unix socket. It reads one moment of the truth, hands requests
//! to the loop and answers; it decides nothing about tools and touches no tool's file.
//!
//! [`table`] lists every path; [`router`] and [`openapi`] are both made from it.

mod about;
mod accept;
mod admin;
mod author;
mod bind;
mod call;
mod check;
mod class;
mod compare;
mod conflict;
mod content;
mod deploys;
mod diff;
mod events;
mod feed;
mod health;
mod history;
mod loopback;
mod media;
mod metrics;
mod openapi;
mod outcomes;
mod page;
mod peer;
mod problem;
mod reference;
mod requests;
mod resolve;
mod route;
mod router;
mod runtimes;
mod serve;
mod service;
mod shadow;
mod shape;
mod status;
mod table;
mod tools;

#[cfg(test)]
mod tests;

pub use bind::{BindError, Socket};
pub use loopback::serve_metrics;
pub use serve::serve;
pub use service::{KeyFacts, Limits, Reconfigured, Reload, RootFacts, Service, Settings};
