//! What the loop counts and measures while it works: facts by their event, calls by how they ended, and how long it took
//! from a hint to a durable version.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{
    metrics::{Histogram, Samples},
    model::{Blame, DeployKind, Fact, Record, Step},
};

#[derive(Default)]
pub(super) struct Measures {
    lag: Histogram,
    counted: Mutex<Counted>,
}

#[derive(Clone, Debug, Default)]
struct Counted {
    facts: BTreeMap<&'static str, u64>,
    outcomes: BTreeMap<(&'static str, &'static str), u64>,
    alerts: BTreeMap<&'static str, u64>,
    gates: BTreeMap<(&'static str, &'static str), u64>,
    rollbacks: u64,
}

/// All of it at one moment.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// From the first hint that a file may differ to its version being durable.
    pub lag: Samples,
    /// Durable facts since the start, by their event.
    pub facts: BTreeMap<&'static str, u64>,
    /// Reported calls, by status and blame.
    pub outcomes: BTreeMap<(&'static str, &'static str), u64>,
    pub alerts: BTreeMap<&'static str, u64>,
    /// Answers of gates, by gate and result.
    pub gates: BTreeMap<(&'static str, &'static str), u64>,
    /// Deploys that the rules began.
    pub rollbacks: u64,
    /// What waits, by where it waits.
    pub queues: Vec<(&'static str, usize)>,
    /// Streams that follow the facts.
    pub followers: usize,
}

impl Measures {
    pub(super) fn lag(&self, lag: Duration) {
        self.lag.observe(lag);
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn fact(&self, record: &Record) {
        let mut counted = self.counted();
        *counted.facts.entry(record.fact.event()).or_default() += 1;
        if let Fact::OutcomesRecorded { batch, .. } = &record.fact {
            for call in batch.iter().flat_map(|it| &it.calls) {
                let blame = call.blame.map_or("none", Blame::as_str);
                *counted.outcomes.entry((call.status.as_str(), blame)).or_default() += 1;
            }
        }
        if let Fact::AlertRaised { kind, .. } = &record.fact {
            *counted.alerts.entry(kind.as_str()).or_default() += 1;
        }
        let Fact::DeployMoved { step, .. } = &record.fact else { return };
        if let Step::Accepted(proposal) = step {
            let ours = matches!(proposal.kind, DeployKind::Automatic(_) | DeployKind::Regressed);
            counted.rollbacks += u64::from(ours);
        }
        if let Step::Verified(it) | Step::Rejected(it) = step {
            let tools = it.judgement.iter().flat_map(|it| &it.tools);
            for gate in tools.flat_map(|it| &it.gates) {
                let answer = (gate.gate.as_str(), gate.result.as_str());
                *counted.gates.entry(answer).or_default() += 1;
            }
        }
    }

    pub(super) fn told(&self, queues: Vec<(&'static str, usize)>, followers: usize) -> Measured {
        let Counted { facts, outcomes, alerts, gates, rollbacks } = self.counted().clone();
        let lag = self.lag.samples();
        Measured { lag, facts, outcomes, alerts, gates, rollbacks, queues, followers }
    }
}
