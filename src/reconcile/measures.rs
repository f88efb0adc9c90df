//! What the loop counts and measures while it works: facts by their event, and how long it took from a hint to a
//! durable version.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::{
    metrics::{Histogram, Samples},
    model::Record,
};

#[derive(Default)]
pub(super) struct Measures {
    lag: Histogram,
    facts: Mutex<BTreeMap<&'static str, u64>>,
}

/// All of it at one moment.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// From the first hint that a file may differ to its version being durable.
    pub lag: Samples,
    /// Durable facts since the start, by their event.
    pub facts: BTreeMap<&'static str, u64>,
    /// What waits, by where it waits.
    pub queues: Vec<(&'static str, usize)>,
    /// Streams that follow the facts.
    pub followers: usize,
}

impl Measures {
    pub(super) fn lag(&self, lag: Duration) {
        self.lag.observe(lag);
    }

    pub(super) fn fact(&self, record: &Record) {
        let mut facts = self.facts.lock().unwrap_or_else(PoisonError::into_inner);
        *facts.entry(record.fact.event()).or_default() += 1;
    }

    pub(super) fn told(&self, queues: Vec<(&'static str, usize)>, followers: usize) -> Measured {
        let facts = self.facts.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Measured { lag: self.lag.samples(), facts, queues, followers }
    }
}
