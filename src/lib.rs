//! knowngood keeps AI agents' tools known-good: it watches tool directories, records every settled content as a
//! version, flags drift between disk, the accepted baseline and what running agents have loaded, and answers on a
//! Unix socket.
//!
//! # The loop
//!
//! Everything is one loop around pure rules. `decide(&State, Input) -> Plan` says what became true and what to do;
//! the reconciler makes the facts durable, applies them, publishes them, and only then acts. Whatever an action yields
//! comes back as another input.
//!
//! ```text
//!  watch ──hints──▶ ┌───────────┐ ──looks──▶ lane ──▶ disk
//!  socket ─asks───▶ │ reconcile │ ◀─sights── (one thread, ordered)
//!                   └─────┬─────┘
//!                  decide │ append (one fdatasync a group)
//!                         ▼
//!                       store ──▶ View (readers), events, log lines
//!                         │
//!                       tasks ──▶ crew: stage · verify · switch · compare · replay · after ──▶ answers, as mail
//! ```
//!
//! A deploy is a proposal that the crew prepares beside the live file ([`disk`]'s stage), that [`checks`] run in a
//! sandbox, that is examined beside the live version (`analyze`, [`shadow`]), that `decide` lets through or not by its
//! root's policy, and that one thread switches ([`switching`]: how contents change places,
//! whatever happens meanwhile). Rollbacks, restores, ways back and what a root's policy wants are deploys as well: there is
//! no second way to change a file.
//!
//! # The invariants
//!
//! - Events are hints, looking is truth: a version is recorded only from bytes that were read while nobody wrote.
//! - State changes in `decide::State::apply` alone; replaying the log gives the state that the loop has.
//! - Persist, apply, publish, act, in this order. The loop applies to a private copy first, so that one fdatasync
//!   covers all that waited; nobody sees the copy before it is durable, and a full disk throws it away.
//! - Looks are one ordered lane. A walk through a root goes on in small steps between fresh hints.
//! - Reading never goes through the loop: a [`reconcile::View`] is one moment, shared by persistent maps.
//! - After a failed sync nothing is acknowledged any more; a full disk is no such failure, and is waited out.
//! - What may be missing on disk is not gone until its root was seen to be there.
//! - A deploy compares contents, and again after the exchange, on both sides; what it meets instead is a version. The
//!   intent is durable before the disk shows anything, and a start judges by the marker that the switch leaves.
//! - A way back is neither verified nor gated: what it brings was live before.
//! - What nobody found out is no pass: a change without an exam is judged as if it could do anything. An approval is of
//!   exactly what was judged; where that looks different when it goes on, it waits anew.
//! - What outcomes come to is folded from recorded calls alone, with the time of their records: a restart changes no count.
//!
//! # Where we differ from the first drawing of the house
//!
//! - The safety stop for mass removal goes by how many tools are missing, not by how many vanished in one scan: a
//!   scan is looked at in steps, and what is missing is what counts.
//! - The mailbox is a mutex and a condition variable, not a set of channels: everything that waits is taken at once,
//!   which is what makes one fdatasync serve a burst.
//! - A staged file's mtime is later than that of every version since the last deploy, not only than the live file's: a
//!   hand save between two deploys of one second would bring back an interpreter's old cache.
//! - What is new in a content goes by what was read of both; what runs were seen to do raises its class alone, since one of
//!   the two may have run more than the other.
//! - A shadow run calls unsafe what a content does beyond what its text shows; what the text shows and is new is asked by
//!   the gate before it, which lets a person decide.
//! - What an AI proposes is examined by hands of its own: no person's deploy waits behind it.
//! - A switch syncs the live directory alone: the stage's own names are found again by what stands in them.
//! - What does not merge is kept as a deploy in conflict, with its content, until somebody decides it.
//! - Watches are armed one directory at a time, each before it is listed, over `notify`'s plain watches: then no
//!   file can be made between the two unseen.
//!
//! # The modules, in reading order
//!
//! Arrows point down only; `tests/it/architecture.rs` holds it.

// Words, and rules over them: pure.
pub mod model;
pub mod roots;

pub mod decide;
pub mod merge;
pub mod shadow;

// Needs and plain settings that several layers share.
pub mod access;
pub mod metrics;
pub mod ports;

// How contents change places on disk, whatever happens meanwhile: no disk in it.
pub mod switching;

pub mod wire;

pub mod log;

pub mod config;
pub mod signals;
pub mod systemd;

// The world: each knows only the needs.
pub mod after;
pub mod analyze;
pub mod checks;
pub mod disk;
pub mod store;
pub mod watch;

// The loop.
pub mod reconcile;

// The front ends.
pub mod doctor;

pub mod cli;
pub mod socket;

// Where all of it is put together.
pub mod app;
