//! What the loop keeps for the health of tools beside the log: calls that wait to become a fact, what is being replayed, and
//! when something is due. Calls are answered for before they are durable; they become so within half a second, together
//! with whatever else becomes durable by then.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{
    Moment,
    handle::{Taking, Unavailable},
    job::Job,
    mailbox::Report,
    reconciler::Reconciler,
    round::Round,
    view::LogState,
};
use crate::{
    decide::{self, Input, ReplayOrder, Task},
    model::{CallReport, Calls, DeployKind, Digest, Origin, Proposal, Replayed, ToolId},
};

/// Calls that may wait to become durable: at 200 bytes each 0.8 MiB. More are refused for now.
const MOST_WAITING: usize = 4096;
/// So many do not wait for more.
const ENOUGH: usize = 256;
const LONGEST_WAIT: Duration = Duration::from_millis(500);
/// A return that could not be begun, or did not come to its end, is tried again; each time later.
const RETURN_AGAIN: Duration = Duration::from_secs(10);
const LATEST_RETURN: Duration = Duration::from_hours(1);
/// The wall clock may be set: so often what it brings is looked at again.
const CLOCK_AGAIN: Duration = Duration::from_mins(10);

#[derive(Default)]
pub(super) struct Monitor {
    waiting: Vec<Calls>,
    count: usize,
    ids: BTreeSet<(ToolId, u64)>,
    /// When they become a fact at the latest.
    flush: Option<Moment>,
    replaying: BTreeSet<(ToolId, Digest)>,
    /// Not before this moment again, and how often it was tried.
    returning: BTreeMap<ToolId, (Moment, u32)>,
    /// When time alone may change something.
    due: Option<Moment>,
    has_looked: bool,
}

impl Monitor {
    /// Other rules: what is due may be due at another time.
    pub(super) fn look_again(&mut self) {
        self.has_looked = false;
    }

    pub(super) fn next(&self) -> Option<Moment> {
        let returns = self.returning.values().map(|it| it.0).min();
        [self.flush, self.due, returns].into_iter().flatten().min()
    }
}

/// The tool that the rules themselves want back, where that is what is proposed.
pub(super) fn goes_back(proposal: &Proposal) -> Option<ToolId> {
    let first = proposal.quarantines.first().filter(|_| proposal.kind == DeployKind::Regressed);
    first.map(|it| it.0.clone())
}

impl Reconciler {
    pub(super) fn reports(&mut self, reports: Vec<Report>, round: &mut Round) {
        for Report { calls, reply } in reports {
            let taken = self.take_in(&calls, round.now);
            round.taken.push((reply, taken));
        }
    }

    /// All of them, or none while too many wait.
    fn take_in(&mut self, calls: &[CallReport], now: Moment) -> Taking {
        if self.monitor.count + calls.len() > MOST_WAITING {
            return Err(Unavailable::Busy);
        }
        let mut known = Vec::new();
        for (place, report) in calls.iter().enumerate() {
            let call = decide::judged(report);
            let health = self.state.health(&report.tool);
            let is_known = health.is_some_and(|it| it.recent.contains(&call.id));
            if is_known || !self.monitor.ids.insert((report.tool.clone(), call.id)) {
                known.push(place);
                continue;
            }
            self.monitor.count += 1;
            self.monitor.flush.get_or_insert(now + LONGEST_WAIT);
            let same = |it: &&mut Calls| it.tool == report.tool && it.version == report.version;
            match self.monitor.waiting.iter_mut().find(same) {
                Some(it) => it.calls.push(call),
                None => self.monitor.waiting.push(Calls {
                    tool: report.tool.clone(),
                    version: report.version,
                    calls: vec![call],
                }),
            }
        }
        Ok(known)
    }

    /// What waits becomes a fact. On a full disk it goes on waiting.
    pub(super) fn flush_reports(&mut self, stop: bool, round: &mut Round) {
        let due = self.monitor.flush.is_some_and(|it| it <= round.now);
        let company = !round.group.records.is_empty() || self.monitor.count >= ENOUGH;
        if self.monitor.waiting.is_empty() || !(due || company || stop) {
            return;
        }
        if self.log_state != LogState::Writable {
            self.monitor.flush = Some(round.now + LONGEST_WAIT);
            return;
        }
        let batch = std::mem::take(&mut self.monitor.waiting);
        (self.monitor.count, self.monitor.flush) = (0, None);
        self.monitor.ids.clear();
        let input = Input::Reported(batch);
        round.lasting.push(input.clone());
        self.decide(input, Origin::Watch, round);
    }

    pub(super) fn replayed(&mut self, order: ReplayOrder, replayed: Replayed, round: &mut Round) {
        let ReplayOrder { tool, new: version, .. } = order;
        self.monitor.replaying.remove(&(tool.clone(), version));
        let now = self.wall_clock();
        self.decide(Input::Replayed { tool, version, replayed, now }, Origin::Watch, round);
    }

    pub(super) fn time_passed(&mut self, round: &mut Round) {
        if self.monitor.due.take_if(|it| *it <= round.now).is_some() {
            self.monitor.has_looked = false;
            self.decide(Input::TimePassed(self.wall_clock()), Origin::Watch, round);
        }
    }

    /// Once the round is true: what is to be replayed and taken back, and when to look again.
    pub(super) fn act_on_health(&mut self, round: &mut Round) {
        let due = self.monitor.returning.values().any(|it| it.0 <= round.now);
        let changed = !round.group.records.is_empty() || due;
        if self.log_state != LogState::Writable
            || !changed && std::mem::replace(&mut self.monitor.has_looked, true)
        {
            return;
        }
        let orders: Vec<ReplayOrder> = self.state.to_replay().collect();
        for order in orders {
            if self.monitor.replaying.insert((order.tool.clone(), order.new)) {
                round.jobs.push(Job::of(Task::Replay(order)));
            }
        }
        self.take_back(round);
        let wall = self.wall_clock();
        self.monitor.due = self.state.next_health(wall).map(|at| {
            let micros = u64::try_from(at.0.saturating_sub(wall.0)).unwrap_or_default();
            round.now + Duration::from_micros(micros).min(CLOCK_AGAIN)
        });
    }

    fn take_back(&mut self, round: &mut Round) {
        let wanted: BTreeSet<ToolId> = self.state.to_take_back().cloned().collect();
        self.monitor.returning.retain(|id, again| {
            let open = self.state.is_on_its_way(id);
            if open && again.0 <= round.now {
                again.0 = round.now + RETURN_AGAIN;
            }
            wanted.contains(id) || open
        });
        for tool in wanted {
            let before = self.monitor.returning.get(&tool).copied();
            let tries = before.map_or(0, |it| it.1);
            if before.is_some_and(|it| it.0 > round.now) {
                continue;
            }
            let wait = RETURN_AGAIN.saturating_mul(2_u32.saturating_pow(tries));
            let again = round.now + wait.min(LATEST_RETURN);
            self.monitor.returning.insert(tool.clone(), (again, tries + 1));
            let decided = self.decide(Input::Regressed(tool), Origin::Watch, round);
            round.jobs.extend(decided.stages.into_iter().map(Job::of));
        }
    }
}
