//! What the daemon refuses, and the words it does it with: each names what is wrong, where, and what to do.

mod files;
mod people;
mod requests;
mod starts;
