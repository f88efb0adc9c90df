//! The loop: takes what arrived, asks the rules, makes facts durable, applies them, publishes them, and
//! only then hands out what is to be done. Knows ports, no backend.
//!
//! One thread owns the state and the log. Inputs wait in the [`mailbox`] (merged, never dropped); one
//! [`reconciler`] round takes all of them, so that one fdatasync covers everything that waited. Looks go to the
//! [`lane`], one thread that keeps them in order; what they yield comes back as mail.

mod agenda;
mod barrier;
mod classes;
mod commit;
mod compare;
mod crew;
mod deploys;
mod examine;
mod group;
mod handle;
mod hands;
mod health;
mod job;
mod known;
mod lane;
mod leases;
mod mailbox;
mod measures;
mod pending;
mod prepare;
mod publish;
mod queues;
mod reconciler;
mod replay;
mod requests;
mod round;
mod run;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
mod view;
mod walks;
mod works;

pub use crate::decide::{
    Accept, Command, Counts, HealthRules, RecordArgs, Rehearsal, RootRules, Rules, chance, judged,
};
pub use classes::{Classes, Proposed};
pub use handle::{Answer, Granted, Handle, Rescanned, Synced, Taking, Unavailable};
pub use mailbox::{Manifest, Setup};
pub use measures::Measured;
pub use run::{Audit, Fatal, Running, Settings, World, start};
pub use view::{Figures, LogState, NotReady, RootView, View};
pub use works::Works;

/// Monotonic time since the daemon started. The rules of waiting are written in it, so that the simulation can
/// let it pass as it likes.
pub type Moment = std::time::Duration;
