//! Which paths have been asked about and not been answered for yet. An answer counts when it is
//! to the newest question; a path that somebody keeps writing counts as unsettled after a while.

use std::collections::{BTreeMap, BTreeSet};

use super::Moment;
use crate::model::{Origin, RootName, ToolId};

/// Tries that take together an eighth of a second: a writer that is still there then is told of.
const UNSETTLED_AFTER: u32 = 7;

#[derive(Default)]
pub(super) struct Pending {
    paths: BTreeMap<ToolId, Asked>,
    last_ticket: u64,
}

#[derive(Clone, Copy)]
struct Asked {
    question: Question,
    tries: u32,
    /// When it was first asked, since it was last answered for.
    since: Moment,
}

#[derive(Clone, Copy)]
pub(super) struct Question {
    pub(super) ticket: u64,
    /// How one came to ask.
    pub(super) origin: Origin,
}

impl Pending {
    /// A new question about the path. `again`: it was found unsettled.
    pub(super) fn ask(
        &mut self,
        tool: &ToolId,
        again: bool,
        origin: Origin,
        heard: Moment,
    ) -> Question {
        self.last_ticket += 1;
        let before = self.paths.get(tool);
        let told = before.is_some_and(|it| it.question.origin == Origin::Watch);
        // What an event told of, and is being asked about, is not missed by events, whoever asks again.
        let origin = if told { Origin::Watch } else { origin };
        let question = Question { ticket: self.last_ticket, origin };
        let tries = before.map_or(0, |it| it.tries) + u32::from(again);
        let since = before.map_or(heard, |it| it.since);
        self.paths.insert(tool.clone(), Asked { question, tries, since });
        question
    }

    /// The path was seen, and nothing is left to ask, unless something newer was asked meanwhile.
    pub(super) fn answered(&mut self, tool: &ToolId, ticket: u64) {
        if self.paths.get(tool).is_some_and(|it| it.question.ticket <= ticket) {
            self.paths.remove(tool);
        }
    }

    /// A whole content was seen: whoever wrote before is done, or begins anew.
    pub(super) fn settled(&mut self, tool: &ToolId) {
        if let Some(asked) = self.paths.get_mut(tool) {
            asked.tries = 0;
        }
    }

    pub(super) fn since(&self, tool: &ToolId) -> Option<Moment> {
        self.paths.get(tool).map(|it| it.since)
    }

    pub(super) fn tries(&self, tool: &ToolId) -> u32 {
        self.paths.get(tool).map_or(0, |it| it.tries)
    }

    /// The question that an answer would have to be to, so that `tool` is known as of now.
    pub(super) fn open_questions(&self, root: Option<&RootName>) -> BTreeMap<ToolId, u64> {
        let wanted = self.paths.iter().filter(|it| root.is_none_or(|root| it.0.is_in(root)));
        wanted.map(|(tool, asked)| (tool.clone(), asked.question.ticket)).collect()
    }

    pub(super) fn is_unsettled(&self, tool: &ToolId) -> bool {
        self.tries(tool) >= UNSETTLED_AFTER
    }

    pub(super) fn is_open(&self, tool: &ToolId) -> bool {
        self.paths.contains_key(tool)
    }

    pub(super) fn unsettled(&self) -> BTreeSet<ToolId> {
        let long = self.paths.iter().filter(|it| it.1.tries >= UNSETTLED_AFTER);
        long.map(|it| it.0.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answer_to_the_newest_question_closes_it() {
        let tool: ToolId = "t/a".parse().unwrap();
        let mut pending = Pending::default();
        let first = pending.ask(&tool, false, Origin::Watch, Moment::ZERO).ticket;
        let second = pending.ask(&tool, false, Origin::Watch, Moment::ZERO).ticket;
        pending.answered(&tool, first);
        assert!(pending.is_open(&tool));
        pending.answered(&tool, second);
        assert!(!pending.is_open(&tool));
    }

    #[test]
    fn what_an_event_told_of_is_not_claimed_by_an_audit() {
        let tool: ToolId = "t/a".parse().unwrap();
        let mut pending = Pending::default();
        assert_eq!(pending.ask(&tool, false, Origin::Audit, Moment::ZERO).origin, Origin::Audit);
        assert_eq!(pending.ask(&tool, false, Origin::Watch, Moment::ZERO).origin, Origin::Watch);
        let ticket = pending.ask(&tool, false, Origin::Audit, Moment::ZERO);
        assert_eq!(ticket.origin, Origin::Watch);
        pending.answered(&tool, ticket.ticket);
        assert_eq!(pending.ask(&tool, false, Origin::Audit, Moment::ZERO).origin, Origin::Audit);
    }

    #[test]
    fn a_writer_that_stays_is_told_of_until_it_leaves() {
        let tool: ToolId = "t/a".parse().unwrap();
        let mut pending = Pending::default();
        pending.ask(&tool, false, Origin::Watch, Moment::ZERO);
        for _ in 0..UNSETTLED_AFTER {
            assert!(pending.unsettled().is_empty());
            pending.ask(&tool, true, Origin::Watch, Moment::ZERO);
        }
        assert!(pending.is_unsettled(&tool));
        pending.settled(&tool);
        assert!(pending.unsettled().is_empty());
    }
}
