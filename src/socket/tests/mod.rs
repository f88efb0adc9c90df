//! The socket as a client meets it: a real loop over a log and files in memory, a real socket, HTTP.

mod about;
mod changes;
mod class;
mod client;
mod connections;
mod events;
mod memory;
mod metrics;
mod reading;
mod requests;
mod resolving;
mod rig;
mod stage;
