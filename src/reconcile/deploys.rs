//! What the loop keeps for deploys beside the log: who waits for an answer, what is due, and what a full disk made
//! undone.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use tokio::sync::oneshot;
use tracing::warn;

use super::{
    Moment,
    handle::{Answer, Unavailable},
    health,
    job::{Done, Job},
    reconciler::Reconciler,
    round::Round,
};
use crate::{
    decide::{self, Input, Staged, Task},
    model::{DeployKind, DeployNo, Marker, Origin, Proposal, Switched, ToolId},
    ports::StoreError,
};

/// Deploys that may be on their way to their first answer at the same time.
const MOST_WAITING: usize = 256;
/// How long to wait before a return is tried again that could not be begun.
const RETURN_AGAIN: Duration = Duration::from_secs(10);
/// The wall clock may be set: so often a deadline is looked at again.
const CLOCK_AGAIN: Duration = Duration::from_secs(30);
/// A return that is being staged comes back as mail, and no moment is waited for.
const ON_ITS_WAY: Moment = Moment::MAX;

#[derive(Default)]
pub(super) struct Deploys {
    waiting: BTreeMap<u64, oneshot::Sender<Answer>>,
    last_ticket: u64,
    /// Returns that are being staged, or could not be: not before this moment again.
    returning: BTreeMap<DeployNo, Moment>,
    due: Option<Moment>,
    /// Tools of whose drift the rules are to be asked, and when.
    drifts: BTreeMap<ToolId, Moment>,
    again: Vec<Input>,
    has_looked_back: bool,
}

impl Deploys {
    pub(super) fn next(&self) -> Option<Moment> {
        self.due.into_iter().chain(self.drifts.values().copied()).min()
    }

    /// What a return rests on, as a load that failed, did not become true: whoever saw it says so again, and what is due
    /// stays due.
    pub(super) fn give_up_returns(&mut self, jobs: &mut Vec<Job>, again: Moment) {
        jobs.retain(|it| match returns(&it.task).filter(|_| it.ticket.is_none()) {
            Some(of) => {
                self.returning.insert(of, again);
                false
            }
            None => true,
        });
    }

    pub(super) fn decide_later(&mut self, inputs: Vec<Input>) {
        self.again.extend(inputs);
    }
}

impl Job {
    pub(super) fn of(task: Task) -> Self {
        Self { ticket: None, task }
    }
}

impl Reconciler {
    /// Once, when the roots are known: what was on its way when the process before ended?
    pub(super) fn look_back(&mut self, round: &mut Round) {
        if !std::mem::replace(&mut self.deploys.has_looked_back, true) {
            round.lasting.push(Input::Started);
            self.decide(Input::Started, Origin::Scan, round);
        }
    }

    pub(super) fn wait_for_stage(
        &mut self,
        reply: oneshot::Sender<Answer>,
        stages: Vec<Task>,
        round: &mut Round,
    ) {
        if self.deploys.waiting.len() >= MOST_WAITING {
            round.granted.push((reply, Err(Unavailable::Busy)));
            return;
        }
        self.deploys.last_ticket += 1;
        let ticket = self.deploys.last_ticket;
        self.deploys.waiting.insert(ticket, reply);
        let ticket = Some(ticket);
        round.jobs.extend(stages.into_iter().map(|task| Job { ticket, task }));
    }

    /// Nobody waits for these: the rules themselves asked.
    pub(super) fn stage_unasked(&mut self, stages: Vec<Task>, round: &mut Round) {
        for task in stages {
            if let Some(of) = returns(&task) {
                // One that could not be begun may be tried before its time, by whoever has a new cause; but it is on its
                // way only where it is really staged, or nobody would ever try it again.
                if self.deploys.returning.insert(of, ON_ITS_WAY) == Some(ON_ITS_WAY) {
                    continue;
                }
            }
            round.jobs.push(Job::of(task));
        }
    }

    pub(super) fn done(&mut self, done: Done, round: &mut Round) -> Result<(), StoreError> {
        match done {
            Done::Staged { ticket, staged } => self.staged(ticket, staged, round),
            Done::Verified { deploy, checks, examined } => {
                self.decide_lasting(Input::Verified { deploy, checks, examined }, round);
            }
            Done::Rehearsed { ticket, proposal, markers, checks, examined } => {
                let first = round.group.records.len();
                round.litter.push(litter(&proposal, &markers));
                let decided = self.decide(
                    Input::Rehearsed { proposal, markers, checks, examined },
                    Origin::Watch,
                    round,
                );
                if let Some(reply) = ticket.and_then(|it| self.deploys.waiting.remove(&it)) {
                    self.answer(reply, decided, first, round);
                }
            }
            // What a sync that failed leaves behind, only a start can tell.
            Done::Switched { outcome: Switched::Unknown { doing }, .. } => {
                return Err(StoreError::Poisoned(doing));
            }
            Done::Switched { deploy, outcome } => {
                self.decide_lasting(Input::Switched { deploy, outcome }, round);
            }
            Done::Late(late) => self.decide_lasting(Input::Late(late), round),
            // News that is lost on a full disk is found again by whoever asks.
            Done::Compared(it) => drop(self.decide(Input::Compared(it), Origin::Watch, round)),
            Done::Replayed(order, replayed) => self.replayed(order, replayed, round),
        }
        Ok(())
    }

    fn staged(&mut self, ticket: Option<u64>, staged: Staged, round: &mut Round) {
        let first = round.group.records.len();
        let returns = of(staged.order.proposal.kind);
        let goes_back = health::goes_back(&staged.order.proposal);
        let unasked = ticket.is_none().then(|| Arc::clone(&staged.order.proposal));
        let prepared = staged.outcome.as_ref().ok();
        let litter = prepared.map(|it| litter(&staged.order.proposal, &it.markers));
        let mut decided = self.decide(Input::Staged(staged), Origin::Watch, round);
        // Also where it was refused: on a full disk the task to remove it goes the way of all tasks.
        if decided.stages.is_empty() {
            round.litter.extend(litter);
        }
        if let Some(of) = returns {
            match &decided.refusal {
                Some(_) => self.deploys.returning.insert(of, round.now + RETURN_AGAIN),
                None => self.deploys.returning.remove(&of),
            };
        }
        if let (Some(tool), Some(why)) = (goes_back, &decided.refusal) {
            warn!(event = "deploy.not_returned", %tool, ?why, "tried again");
        }
        let reply = ticket.and_then(|it| self.deploys.waiting.remove(&it));
        if let (Some(proposal), Some(why)) = (unasked, &decided.refusal) {
            let kind = proposal.kind.as_str();
            let again = if returns.is_some() { "tried again" } else { "left as it is" };
            for it in &proposal.changes {
                warn!(event = "deploy.not_begun", tool = %it.tool, kind, %why, "{again}");
            }
        }
        // A rehearsal goes on to be verified.
        let more = std::mem::take(&mut decided.stages);
        match reply {
            Some(reply) if more.is_empty() => self.answer(reply, decided, first, round),
            Some(reply) => self.wait_for_stage(reply, more, round),
            None => self.stage_unasked(more, round),
        }
    }

    /// What happened on disk has happened: a full disk of the log does not undo it.
    fn decide_lasting(&mut self, input: Input, round: &mut Round) {
        round.lasting.push(input.clone());
        let decided = self.decide(input, Origin::Watch, round);
        self.stage_unasked(decided.stages, round);
    }

    pub(super) fn decide_again(&mut self, round: &mut Round) {
        for input in std::mem::take(&mut self.deploys.again) {
            self.decide_lasting(input, round);
        }
    }

    /// What follows from what has just become durable.
    pub(super) fn follow(&mut self, round: &mut Round) {
        let mut drifts: BTreeMap<ToolId, Moment> = BTreeMap::new();
        for task in decide::aftermath(&self.state, &self.rules, &round.group.records) {
            match task {
                Task::OnDrift { tool, after_ms } => {
                    let when = round.now + Duration::from_millis(after_ms);
                    drifts.entry(tool).and_modify(|it| *it = when.min(*it)).or_insert(when);
                }
                task @ (Task::Stage(_)
                | Task::Verify(..)
                | Task::Rehearse(..)
                | Task::Switch(_)
                | Task::Settle(_)
                | Task::Sweep(..)
                | Task::Discard(_)
                | Task::Stop(_)
                | Task::Release(_)
                | Task::Replay(_)
                | Task::After(_)) => round.jobs.push(Job::of(task)),
            }
        }
        self.deploys.drifts.extend(drifts);
    }

    pub(super) fn drifts(&mut self, round: &mut Round) {
        let now = round.now;
        let due = self.deploys.drifts.extract_if(.., |_, when| *when <= now);
        for tool in due.map(|it| it.0).collect::<Vec<_>>() {
            let decided = self.decide(Input::OnDrift(tool), Origin::Watch, round);
            self.stage_unasked(decided.stages, round);
        }
    }

    pub(super) fn deadlines(&mut self, round: &mut Round) {
        let wall = self.wall_clock();
        let due = self.state.deadlines().filter(|it| it.1 <= wall).map(|it| it.0);
        let returning: BTreeSet<DeployNo> =
            self.state.open_deploys().filter_map(|it| of(it.proposal.kind)).collect();
        let waits =
            |it: &DeployNo| self.deploys.returning.get(it).is_some_and(|until| *until > round.now);
        let due: Vec<DeployNo> = due.filter(|it| !returning.contains(it) && !waits(it)).collect();
        for deploy in due {
            let decided = self.decide(Input::Deadline(deploy), Origin::Watch, round);
            self.stage_unasked(decided.stages, round);
        }
    }

    /// When to look at deadlines next.
    pub(super) fn plan_deadlines(&mut self, now: Moment) {
        let wall = self.wall_clock();
        let returning = &self.deploys.returning;
        let due = self.state.deadlines().filter_map(|(deploy, at)| {
            let micros = u64::try_from(at.0.saturating_sub(wall.0)).unwrap_or_default();
            let due = now + Duration::from_micros(micros).min(CLOCK_AGAIN);
            match returning.get(&deploy) {
                Some(&ON_ITS_WAY) => None,
                Some(again) => Some(due.max(*again)),
                None => Some(due),
            }
        });
        // A return that is on its way comes back as mail.
        let on_its_way = self.state.open_deploys().any(|it| of(it.proposal.kind).is_some());
        self.deploys.due = due.min().filter(|it| !on_its_way || *it > now);
    }
}

fn litter(proposal: &Proposal, markers: &[Marker]) -> Task {
    let tools = proposal.changes.iter().map(|it| it.tool.clone());
    Task::Discard(tools.zip(markers.iter().cloned()).collect())
}

fn of(kind: DeployKind) -> Option<DeployNo> {
    match kind {
        DeployKind::Automatic(of) => Some(of),
        DeployKind::Deploy
        | DeployKind::Rollback
        | DeployKind::Restore
        | DeployKind::Accept
        | DeployKind::Regressed => None,
    }
}

fn returns(task: &Task) -> Option<DeployNo> {
    match task {
        Task::Stage(order) => of(order.proposal.kind),
        Task::Verify(..)
        | Task::Rehearse(..)
        | Task::Switch(_)
        | Task::Settle(_)
        | Task::Sweep(..)
        | Task::Discard(_)
        | Task::Stop(_)
        | Task::Release(_)
        | Task::OnDrift { .. }
        | Task::After(_)
        | Task::Replay(_) => None,
    }
}
