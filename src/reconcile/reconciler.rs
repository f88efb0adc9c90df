//! One round of the loop: everything that waited, decided in order on a private copy of the state, made
//! durable as one group, and only then shown to anybody. No threads here, so that the simulation can be one.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use tokio::sync::oneshot;

use super::{
    Moment,
    agenda::{self, Agenda},
    barrier::Waiters,
    deploys::Deploys,
    group::{self},
    handle::Synced,
    health::Monitor,
    job::Job,
    lane::{Found, Look, Order},
    leases::Leases,
    mailbox::{Barrier, Mail, Manifest, Setup},
    pending::{Pending, Question},
    publish,
    round::{Decided, Outcome, Round, origins},
    view::{Figures, LogState, RootView, View},
    walks::Walks,
};
use crate::{
    decide::{self, Input, Rules, State, Task, Wait},
    model::{Dirty, Fact, Origin, RootName, Seq, ToolId},
    ports::{Clock, Log, Rows, StoreError},
};

pub(super) struct Reconciler {
    pub(super) state: State,
    pub(super) rules: Arc<Rules>,
    pub(super) log: Box<dyn Log>,
    clock: Arc<dyn Clock>,
    pub(super) pending: Pending,
    agenda: Agenda,
    pub(super) leases: Leases,
    /// Barriers whose hints have not all arrived.
    expected: BTreeMap<u64, (Barrier, Moment)>,
    pub(super) barriers: Waiters<oneshot::Sender<Synced>>,
    pub(super) walks: Walks,
    pub(super) roots: BTreeMap<RootName, RootView>,
    pub(super) log_state: LogState,
    pub(super) figures: Figures,
    pub(super) retry: Option<(Moment, Dirty)>,
    /// Manifests that wait for the same.
    pub(super) unapplied: Vec<Manifest>,
    pub(super) deploys: Deploys,
    pub(super) monitor: Monitor,
}

impl Reconciler {
    pub(super) fn new(
        state: State,
        log: Box<dyn Log>,
        clock: Arc<dyn Clock>,
        walks: Walks,
    ) -> Self {
        let mut leases = Leases::default();
        for (name, runtime) in state.runtimes() {
            leases.renew(name, Moment::ZERO, runtime.ttl_ms);
        }
        Self {
            state,
            rules: Arc::default(),
            log,
            clock,
            pending: Pending::default(),
            agenda: Agenda::default(),
            leases,
            expected: BTreeMap::new(),
            barriers: Waiters::default(),
            walks,
            roots: BTreeMap::new(),
            log_state: LogState::Writable,
            figures: Figures::default(),
            retry: None,
            unapplied: Vec::new(),
            deploys: Deploys::default(),
            monitor: Monitor::default(),
        }
    }

    /// When there is something to do even if no mail comes.
    pub(super) fn next(&self) -> Option<Moment> {
        let expected = self.expected.values().map(|it| it.1).min();
        let retry = self.retry.as_ref().map(|it| it.0);
        [
            self.agenda.next(),
            self.leases.next(),
            self.barriers.next(),
            self.walks.next(),
            self.deploys.next(),
            self.monitor.next(),
            expected,
            retry,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    pub(super) fn round(&mut self, mut mail: Mail, now: Moment) -> Result<Outcome, StoreError> {
        if let Some(setup) = &mut mail.setup {
            self.set_rules(std::mem::take(&mut setup.rules));
        }
        let durable = self.state.clone();
        let heard = mail.heard.map_or(now, |it| now.saturating_sub(it.elapsed()));
        let mut round = Round { now, heard, pulses: mail.pulses, ..Round::default() };
        self.figures.overflows += mail.overflows;
        for barrier in mail.expected {
            let deadline = now + barrier.limit;
            self.expected.insert(barrier.number, (barrier, deadline));
        }
        if let Some(setup) = mail.setup {
            self.set_up(setup, &mut round);
        }
        for (root, state) in mail.watching {
            publish::tell_watching(&root, self.roots.get(&root).map(|it| &it.watching), &state);
            self.roots.entry(root).or_insert_with(RootView::unknown).watching = state;
        }
        for found in mail.found {
            self.found(found, &mut round);
        }
        for (root, there) in mail.roots {
            let input = if there { Input::RootBack(root) } else { Input::RootGone(root) };
            self.decide(input, Origin::Scan, &mut round);
        }
        self.decide(Input::Dirty(mail.dirty), Origin::Watch, &mut round);
        self.rescans(mail.rescans, &mut round);
        for done in mail.done {
            self.done(done, &mut round)?;
        }
        let raised = self.raise(&mail.raised);
        for request in mail.requests {
            self.request(request, &mut round);
        }
        self.reports(mail.reports, &mut round);
        self.timers(&mut round);
        self.scanned(&mut round);
        self.flush_reports(mail.stop, &mut round);
        self.commit(&durable, &mut round)?;
        for (barrier, deadline) in raised {
            let open = self.pending.open_questions(None);
            self.barriers.add(open, self.walks.awaited(), Some(deadline), barrier.reply);
        }
        Ok(self.outcome(round, mail.overflows))
    }

    /// Before the round begins: rules are no facts, and a disk that is too full for these does not bring others back.
    fn set_rules(&mut self, rules: Rules) {
        self.state.set_rules(&rules);
        self.roots.retain(|it, _| rules.roots.contains_key(it));
        self.walks.forget_roots(&rules);
        self.monitor.look_again();
        self.rules = Arc::new(rules);
    }

    fn set_up(&mut self, setup: Setup, round: &mut Round) {
        if let Some(audit) = setup.audit {
            self.walks.set_audit(audit, round.now);
        }
        round.roots = Some(setup.roots);
        self.unapplied.clear();
        for it in setup.manifests {
            self.manifest(it, round);
        }
        self.look_back(round);
    }

    fn manifest(&mut self, manifest: Manifest, round: &mut Round) {
        let Manifest { root, digest, entries } = manifest.clone();
        self.decide(Input::Manifest { root, digest, entries }, Origin::Scan, round);
        round.manifests.push(manifest);
    }

    fn found(&mut self, found: Found, round: &mut Round) {
        match found {
            Found::Looked { as_of, looks, away } => {
                for root in away {
                    self.decide(Input::RootGone(root), Origin::Scan, round);
                }
                self.looked(as_of, looks, round);
            }
            Found::Walked(walked) => self.walked(walked, round),
        }
    }

    fn looked(&mut self, as_of: Seq, looks: Vec<Look>, round: &mut Round) {
        let asked: Vec<(ToolId, Option<u64>, bool)> = looks
            .iter()
            .map(|it| (it.seen.tool.clone(), it.ticket, it.seen.is_settled()))
            .collect();
        let since = asked.iter().filter_map(|it| Some((it.0.clone(), self.pending.since(&it.0)?)));
        round.since.extend(since);
        let seen = looks.into_iter().map(|it| (it.origin, it.seen)).collect();
        let input = Input::Looked { as_of, seen };
        let mut again = self.decide(input, Origin::Watch, round).asked;
        for (tool, ticket, settled) in asked {
            if settled {
                self.pending.settled(&tool);
            }
            if again.remove(&tool).is_some() {
                continue;
            }
            // A second look may still wait because of an older answer; by then something else may stand there, which
            // has to be seen twice itself.
            self.agenda.soften(&tool);
            if let Some(ticket) = ticket {
                self.pending.answered(&tool, ticket);
                round.answers.add(tool, ticket);
            }
        }
        // What stood below a directory that moved: who waits for the directory waits for these.
        self.wait_also(&again);
    }

    /// Asks the rules, makes the facts true on the private state, and orders the looks.
    pub(super) fn decide(&mut self, input: Input, origin: Origin, round: &mut Round) -> Decided {
        let origins = origins(&input);
        let plan = decide::decide(&self.state, &self.rules, input);
        self.make_true(plan.facts, round);
        round.group.contents.extend(plan.contents);
        let mut asked = BTreeMap::new();
        for look in plan.looks {
            let tool = look.glance.tool.clone();
            let tries = self.pending.tries(&tool);
            let origin = origins.get(&tool).copied().unwrap_or(origin);
            let Question { ticket, origin } =
                self.pending.ask(&tool, look.wait == Wait::Unsettled, origin, round.heard);
            let order = Order { glance: look.glance, origin, ticket };
            // A newer wish replaces one that waits for its time.
            self.agenda.drop(&tool);
            match look.wait {
                Wait::None => round.looks.push(order),
                wait @ (Wait::Vanished
                | Wait::Empty
                | Wait::Audited
                | Wait::Switching
                | Wait::Unsettled) => {
                    self.agenda.put(round.now + agenda::delay(wait, tries), order);
                }
            }
            asked.insert(tool, ticket);
        }
        for root in plan.scans {
            round.walks.push(self.walks.order(root, Origin::Scan, false));
        }
        let mut stages = Vec::new();
        for task in plan.tasks {
            if matches!(task, Task::Stage(_) | Task::Rehearse(..)) {
                stages.push(task);
            } else {
                round.jobs.push(Job { ticket: None, task });
            }
        }
        let decide::Plan { refusal, known, rehearsal, .. } = plan;
        Decided { asked, refusal, known, rehearsal, stages }
    }

    fn make_true(&mut self, facts: Vec<crate::model::Fact>, round: &mut Round) {
        let mut facts = facts;
        while !facts.is_empty() {
            let records = group::stamp(facts, self.state.head, self.clock.now());
            for record in &records {
                self.state.apply(record);
            }
            facts = decide::consequences(&self.state, &records);
            round.group.records.extend(records);
        }
    }

    /// Barriers whose hints are all here, and those that waited for them too long.
    fn raise(&mut self, raised: &BTreeSet<u64>) -> Vec<(Barrier, Moment)> {
        raised.iter().filter_map(|it| self.expected.remove(it)).collect()
    }

    fn timers(&mut self, round: &mut Round) {
        if let Some((_, dirty)) = self.retry.take_if(|it| it.0 <= round.now) {
            self.decide(Input::Dirty(dirty), Origin::Watch, round);
            for it in std::mem::take(&mut self.unapplied) {
                self.manifest(it, round);
            }
            self.decide_again(round);
        }
        for runtime in self.leases.take_ended(round.now) {
            self.decide(Input::LeaseEnded(runtime), Origin::Watch, round);
        }
        self.deadlines(round);
        self.time_passed(round);
        self.drifts(round);
        round.looks.extend(self.agenda.take_due(round.now));
        round.walks.extend(self.walks.due(&self.rules, round.now));
    }

    fn outcome(&mut self, mut round: Round, overflows: u64) -> Outcome {
        self.note_missed(&round.group.records);
        self.follow(&mut round);
        let scans = std::mem::take(&mut round.scans);
        self.end_walks(&scans, round.now);
        self.state.forget_old_deploys();
        self.plan_deadlines(round.now);
        self.act_on_health(&mut round);
        let mut synced: Vec<_> = self
            .barriers
            .take_ended(&self.pending, &round.answers, round.now)
            .into_iter()
            .map(|it| {
                let (unsettled, timed_out) = (it.unsettled, it.timed_out);
                (it.then, Synced { as_of: self.state.head, unsettled, timed_out })
            })
            .collect();
        synced.extend(self.overdue(round.now));
        Outcome {
            heard: heard(&round),
            records: round.group.records.into_iter().map(Arc::new).collect(),
            looks: round.looks,
            walks: round.walks,
            roots: round.roots,
            scans,
            overflows,
            answers: round.granted,
            taken: round.taken,
            synced,
            rescanned: self.walks.rescanned(self.state.head),
            pulses: round.pulses,
            jobs: round.jobs,
        }
    }

    /// Barriers that the watcher did not bring round in time.
    fn overdue(&mut self, now: Moment) -> Vec<(oneshot::Sender<Synced>, Synced)> {
        let late: Vec<u64> =
            self.expected.iter().filter(|it| it.1.1 <= now).map(|it| *it.0).collect();
        let synced = Synced {
            as_of: self.state.head,
            unsettled: self.pending.open_questions(None).into_keys().collect(),
            timed_out: true,
        };
        let late = late.into_iter().filter_map(|it| self.expected.remove(&it));
        late.map(|it| (it.0.reply, synced.clone())).collect()
    }

    pub(super) fn wall_clock(&self) -> crate::model::Timestamp {
        self.clock.now()
    }

    pub(super) fn view(&self) -> View {
        View {
            state: self.state.clone(),
            rules: Arc::clone(&self.rules),
            unsettled: Arc::new(self.pending.unsettled()),
            roots: Arc::new(self.roots.clone()),
            log: self.log_state.clone(),
            chain: self.log.head().1,
            figures: self.figures,
        }
    }

    pub(super) fn checkpoint(&mut self) -> Result<(), StoreError> {
        self.log.checkpoint()
    }

    pub(super) fn log_head(&self) -> (Seq, crate::model::ChainHash) {
        self.log.head()
    }

    /// Rows that a replay changed, so that the next start finds them done.
    pub(super) fn save_rows(&mut self, rows: Rows) -> Result<(), StoreError> {
        self.log.append(&crate::ports::Batch { rows, ..crate::ports::Batch::default() })
    }
}

/// When the hints were heard that led to the versions of this round.
fn heard(round: &Round) -> Vec<Moment> {
    let hinted = |record: &crate::model::Record| {
        let Fact::VersionRecorded(it) = &record.fact else { return None };
        round.since.get(&it.tool).filter(|_| it.origin == Origin::Watch)
    };
    round.group.records.iter().filter_map(hinted).copied().collect()
}
