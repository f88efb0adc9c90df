//! Until when each runtime's report holds. Not in the log: a start gives every runtime its full time
//! again, and a renewal is no fact.

use std::{collections::BTreeMap, time::Duration};

use super::Moment;
use crate::model::RuntimeName;

#[derive(Default)]
pub(super) struct Leases(BTreeMap<RuntimeName, Moment>);

impl Leases {
    pub(super) fn renew(&mut self, runtime: &RuntimeName, now: Moment, ttl_ms: u64) {
        self.0.insert(runtime.clone(), now + Duration::from_millis(ttl_ms));
    }

    /// That a lease was over could not be recorded: then it has none, and is over once more, unless it is renewed.
    pub(super) fn end_again(&mut self, runtime: &RuntimeName, at: Moment) {
        self.0.entry(runtime.clone()).or_insert(at);
    }

    pub(super) fn next(&self) -> Option<Moment> {
        self.0.values().min().copied()
    }

    /// Those whose time is over, each told once.
    pub(super) fn take_ended(&mut self, now: Moment) -> Vec<RuntimeName> {
        let ended: Vec<_> =
            self.0.iter().filter(|it| *it.1 <= now).map(|it| it.0.clone()).collect();
        self.0.retain(|_, until| *until > now);
        ended
    }
}
