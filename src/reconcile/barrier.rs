//! Who waits for paths to be answered for: a `sync=true`, a rescan, the end of a walk. All are the same
//! thing: a set of open questions, and something to do when the last of them is closed.

use std::collections::{BTreeMap, BTreeSet};

use super::{Moment, pending::Pending};
use crate::model::ToolId;

pub(super) struct Waiter<T> {
    open: BTreeMap<ToolId, u64>,
    /// Walks that have to be over as well.
    walks: BTreeSet<u64>,
    unsettled: BTreeSet<ToolId>,
    deadline: Option<Moment>,
    then: T,
}

/// A waiter that waits no more.
pub(super) struct Ended<T> {
    pub(super) then: T,
    /// What is not known as of the question: somebody is writing, or time ran out.
    pub(super) unsettled: Vec<ToolId>,
    pub(super) timed_out: bool,
}

pub(super) struct Waiters<T>(Vec<Waiter<T>>);

impl<T> Default for Waiters<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Waiters<T> {
    pub(super) fn add(
        &mut self,
        open: BTreeMap<ToolId, u64>,
        walks: BTreeSet<u64>,
        deadline: Option<Moment>,
        then: T,
    ) {
        self.0.push(Waiter { open, walks, unsettled: BTreeSet::new(), deadline, then });
    }

    /// Answers to these turned out not to count: everybody waits for new ones.
    pub(super) fn also(&mut self, questions: &BTreeMap<ToolId, u64>) {
        for waiter in &mut self.0 {
            waiter.open.extend(questions.iter().map(|(tool, ticket)| (tool.clone(), *ticket)));
        }
    }

    /// The walk has to be taken again: who waited for it waits for the new one too.
    pub(super) fn walk_again(&mut self, number: u64, again: u64) {
        for waiter in self.0.iter_mut().filter(|it| it.walks.contains(&number)) {
            waiter.walks.insert(again);
        }
    }

    pub(super) fn walk_ended(&mut self, number: u64) {
        for waiter in &mut self.0 {
            waiter.walks.remove(&number);
        }
    }

    pub(super) fn next(&self) -> Option<Moment> {
        self.0.iter().filter_map(|it| it.deadline).min()
    }

    /// Takes those that are done: each of their paths was answered for, is unsettled, or time is up.
    pub(super) fn take_ended(
        &mut self,
        pending: &Pending,
        answers: &Answers,
        now: Moment,
    ) -> Vec<Ended<T>> {
        for waiter in &mut self.0 {
            let Waiter { open, unsettled, .. } = waiter;
            open.retain(|tool, ticket| {
                if pending.is_unsettled(tool) {
                    unsettled.insert(tool.clone());
                    return false;
                }
                pending.is_open(tool) && !answers.covers(tool, *ticket)
            });
        }
        let is_over = |it: &mut Waiter<T>| it.is_done() || it.deadline.is_some_and(|it| it <= now);
        self.0.extract_if(.., is_over).map(Waiter::end).collect()
    }
}

impl<T> Waiter<T> {
    fn is_done(&self) -> bool {
        self.open.is_empty() && self.walks.is_empty()
    }

    fn end(self) -> Ended<T> {
        let timed_out = !self.is_done();
        let unsettled = self.unsettled.into_iter().chain(self.open.into_keys()).collect();
        Ended { then: self.then, unsettled, timed_out }
    }
}

/// Final answers of one round: path and the newest question that was answered.
#[derive(Default)]
pub(super) struct Answers(BTreeMap<ToolId, u64>);

impl Answers {
    pub(super) fn add(&mut self, tool: ToolId, ticket: u64) {
        self.0.insert(tool, ticket);
    }

    fn covers(&self, tool: &ToolId, ticket: u64) -> bool {
        self.0.get(tool).is_some_and(|it| *it >= ticket)
    }
}
