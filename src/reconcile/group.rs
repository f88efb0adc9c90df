//! Facts that go out together: one write, one fdatasync, then all of them are true.

use std::collections::BTreeSet;

use crate::{
    decide::{Rules, State},
    model::{
        Deploy, DeployNo, Dirty, Fact, Packed, Record, RootName, RuntimeName, Seq, Timestamp,
        ToolId,
    },
    ports::{Batch, Rows},
};

#[derive(Default)]
pub(super) struct Group {
    pub(super) records: Vec<Record>,
    pub(super) contents: Vec<Packed>,
}

impl Group {
    /// What goes to the log: the records, their contents, and the rows as they are after them.
    pub(super) fn batch(&mut self, state: &State) -> Batch {
        Batch {
            records: self.records.clone(),
            contents: std::mem::take(&mut self.contents),
            rows: rows(state, &self.records),
        }
    }

    /// What must be looked at again because these facts did not happen after all.
    pub(super) fn dirty(&self, rules: &Rules) -> Dirty {
        let paths: BTreeSet<ToolId> =
            self.records.iter().flat_map(|it| it.fact.tools()).cloned().collect();
        let whole = self.records.iter().any(|it| it.fact.tools().is_empty());
        let roots = if whole { rules.roots.keys().cloned().collect() } else { BTreeSet::new() };
        Dirty { paths, roots }
    }
}

/// Gives facts their place in the log, after `head`.
pub(super) fn stamp(facts: Vec<Fact>, head: Seq, time: Timestamp) -> Vec<Record> {
    let mut seq = head;
    facts
        .into_iter()
        .map(|mut fact| {
            seq = seq.next();
            if let Fact::VersionRecorded(version) = &mut fact {
                (version.seq, version.time) = (seq, time);
            }
            Record { seq, time, fact }
        })
        .collect()
}

/// The rows that these records touched, as they are now.
pub(super) fn rows(state: &State, records: &[Record]) -> Rows {
    let touched: BTreeSet<&ToolId> = records.iter().flat_map(|it| it.fact.tools()).collect();
    // Calls change nothing of the tools themselves.
    let apart = records.iter().filter(|it| !matches!(it.fact, Fact::OutcomesRecorded { .. }));
    let tools: BTreeSet<&ToolId> = apart.flat_map(|it| it.fact.tools()).collect();
    let roots: BTreeSet<&RootName> = records.iter().filter_map(|it| it.fact.root()).collect();
    let runtimes: BTreeSet<&RuntimeName> =
        records.iter().filter_map(|it| it.fact.runtime()).collect();
    Rows {
        tools: tools
            .into_iter()
            .filter_map(|id| Some((id.clone(), state.tool(id)?.clone())))
            .collect(),
        roots: roots.into_iter().map(|it| (it.clone(), state.root(it))).collect(),
        deploys: deploys(state, records),
        health: touched
            .into_iter()
            .filter_map(|id| Some((id.clone(), (**state.health(id)?).clone())))
            .collect(),
        runtimes: runtimes.into_iter().map(|it| (it.clone(), state.runtime(it).cloned())).collect(),
    }
}

/// Each that a record is about, and is still at hand.
fn deploys(state: &State, records: &[Record]) -> Vec<Deploy> {
    let moved = records.iter().filter_map(|it| {
        let Fact::DeployMoved { deploy, .. } = &it.fact else { return None };
        Some(*deploy)
    });
    let numbers: BTreeSet<DeployNo> = moved.collect();
    numbers.into_iter().filter_map(|it| Some((**state.deploy(it)?).clone())).collect()
}
