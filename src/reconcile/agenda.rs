//! Looks that wait for their time: each path at most once, the newest wish wins.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{Moment, lane::Order};
use crate::{decide::Wait, model::ToolId};

const VANISHED: Duration = Duration::from_millis(20);
const EMPTY: Duration = Duration::from_millis(30);
const SWITCHING: Duration = Duration::from_millis(5);
const AUDITED: Duration = Duration::from_millis(100);
const FIRST_RETRY: Duration = Duration::from_millis(1);
const LONGEST_RETRY: Duration = Duration::from_secs(1);

#[derive(Default)]
pub(super) struct Agenda {
    by_tool: BTreeMap<ToolId, (Moment, Order)>,
    by_time: BTreeSet<(Moment, ToolId)>,
}

/// How long to wait; `tries` counts how often the path was found unsettled.
pub(super) fn delay(wait: Wait, tries: u32) -> Duration {
    match wait {
        Wait::None => Duration::ZERO,
        Wait::Vanished => VANISHED,
        Wait::Empty => EMPTY,
        Wait::Audited => AUDITED,
        Wait::Switching => SWITCHING,
        Wait::Unsettled => (FIRST_RETRY * 2_u32.saturating_pow(tries.min(10))).min(LONGEST_RETRY),
    }
}

impl Agenda {
    pub(super) fn put(&mut self, due: Moment, order: Order) {
        let tool = order.glance.tool.clone();
        self.drop(&tool);
        self.by_time.insert((due, tool.clone()));
        self.by_tool.insert(tool, (due, order));
    }

    /// A newer wish for the same path takes the place of the one that waits.
    pub(super) fn drop(&mut self, tool: &ToolId) {
        if let Some((due, order)) = self.by_tool.remove(tool) {
            self.by_time.remove(&(due, order.glance.tool));
        }
    }

    /// The look that waits is a first look again.
    pub(super) fn soften(&mut self, tool: &ToolId) {
        if let Some((_, order)) = self.by_tool.get_mut(tool) {
            order.glance.firm = false;
        }
    }

    pub(super) fn next(&self) -> Option<Moment> {
        self.by_time.first().map(|it| it.0)
    }

    pub(super) fn take_due(&mut self, now: Moment) -> Vec<Order> {
        let mut due = Vec::new();
        while self.next().is_some_and(|it| it <= now) {
            let Some((_, tool)) = self.by_time.pop_first() else { break };
            due.extend(self.by_tool.remove(&tool).map(|it| it.1));
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Glance, Origin};

    fn order(name: &str, ticket: u64) -> Order {
        let tool = name.parse().unwrap();
        Order { glance: Glance { tool, firm: false, fresh: false }, origin: Origin::Watch, ticket }
    }

    #[test]
    fn each_path_waits_once_and_comes_in_time() {
        let ms = Duration::from_millis;
        let mut agenda = Agenda::default();
        agenda.put(ms(20), order("t/a", 1));
        agenda.put(ms(10), order("t/b", 2));
        agenda.put(ms(30), order("t/a", 3));
        assert_eq!(agenda.next(), Some(ms(10)));
        assert_eq!(agenda.take_due(ms(25)).iter().map(|it| it.ticket).collect::<Vec<_>>(), [2]);
        assert_eq!(agenda.take_due(ms(30)).iter().map(|it| it.ticket).collect::<Vec<_>>(), [3]);
        assert_eq!(agenda.next(), None);
    }

    #[test]
    fn retries_double_up_to_a_second() {
        assert_eq!(delay(Wait::Unsettled, 0), Duration::from_millis(1));
        assert_eq!(delay(Wait::Unsettled, 3), Duration::from_millis(8));
        assert_eq!(delay(Wait::Unsettled, 40), Duration::from_secs(1));
    }
}
