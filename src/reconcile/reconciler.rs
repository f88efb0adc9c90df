//! One round of the loop: everything that waited, decided in order on a private copy of the state, made
//! durable as one group, and only then shown to anybody. No threads here, so that the simulation can be one.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use tokio::sync::oneshot;

use super::{
    Moment,
    agenda::{self, Agenda},
    barrier::{Answers, Waiters},
    group::{self, Group},
    handle::{Answer, Granted, Synced, Unavailable},
    lane::{Found, Look, Order, WalkOrder},
    leases::Leases,
    mailbox::{Barrier, Mail, Request, Setup},
    pending::Pending,
    publish,
    view::{Figures, LogState, RootView, View},
    walks::{ScanDone, Walks},
};
use crate::{
    decide::{self, Command, Input, Rules, State, Wait},
    model::{Dirty, Origin, Record, Refusal, RootName, Seq, ToolId},
    ports::{Clock, Log, Rows, StoreError},
    roots::WatchedRoot,
};

/// How long to wait before trying again what a full disk refused.
const FULL_DISK_RETRY: Duration = Duration::from_secs(1);

pub(super) struct Reconciler {
    pub(super) state: State,
    pub(super) rules: Arc<Rules>,
    log: Box<dyn Log>,
    clock: Arc<dyn Clock>,
    pub(super) pending: Pending,
    agenda: Agenda,
    leases: Leases,
    /// Barriers whose hints have not all arrived.
    expected: BTreeMap<u64, (Barrier, Moment)>,
    pub(super) barriers: Waiters<oneshot::Sender<Synced>>,
    pub(super) walks: Walks,
    pub(super) roots: BTreeMap<RootName, RootView>,
    pub(super) log_state: LogState,
    pub(super) figures: Figures,
    retry: Option<(Moment, Dirty)>,
}

/// What a round leaves to be done by others.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) records: Vec<Arc<Record>>,
    pub(super) looks: Vec<Order>,
    pub(super) walks: Vec<WalkOrder>,
    pub(super) roots: Option<Vec<WatchedRoot>>,
    pub(super) scans: Vec<ScanDone>,
    pub(super) overflows: u64,
    pub(super) answers: Vec<(oneshot::Sender<Answer>, Answer)>,
    pub(super) synced: Vec<(oneshot::Sender<Synced>, Synced)>,
}

/// What the rules said about one input, as far as the caller cares.
pub(super) struct Decided {
    /// Paths to be looked at (again).
    asked: BTreeSet<ToolId>,
    refusal: Option<Refusal>,
}

/// What one round gathers before it is durable.
#[derive(Default)]
pub(super) struct Round {
    pub(super) now: Moment,
    pub(super) group: Group,
    pub(super) answers: Answers,
    pub(super) looks: Vec<Order>,
    pub(super) walks: Vec<WalkOrder>,
    pub(super) scans: Vec<ScanDone>,
    roots: Option<Vec<WatchedRoot>>,
    granted: Vec<(oneshot::Sender<Answer>, Answer)>,
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
            expected,
            retry,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    pub(super) fn round(&mut self, mail: Mail, now: Moment) -> Result<Outcome, StoreError> {
        let durable = self.state.clone();
        let mut round = Round { now, ..Round::default() };
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
        let raised = self.raise(&mail.raised);
        for request in mail.requests {
            self.request(request, &mut round);
        }
        self.timers(&mut round);
        self.scanned(&mut round);
        self.commit(&durable, &mut round)?;
        for (barrier, deadline) in raised {
            let open = self.pending.open_questions(None);
            self.barriers.add(open, self.walks.awaited(), Some(deadline), barrier.reply);
        }
        Ok(self.outcome(round, mail.overflows))
    }

    fn set_up(&mut self, setup: Setup, round: &mut Round) {
        self.rules = Arc::new(setup.rules);
        let rules = Arc::clone(&self.rules);
        self.roots.retain(|it, _| rules.roots.contains_key(it));
        self.walks.forget_roots(&rules);
        round.roots = Some(setup.roots);
        for it in setup.manifests {
            let input = Input::Manifest { root: it.root, digest: it.digest, entries: it.entries };
            self.decide(input, Origin::Scan, round);
        }
    }

    fn found(&mut self, found: Found, round: &mut Round) {
        match found {
            Found::Looked { looks, away } => {
                for root in away {
                    self.decide(Input::RootGone(root), Origin::Scan, round);
                }
                self.looked(looks, round);
            }
            Found::Walked(walked) => self.walked(walked, round),
        }
    }

    fn looked(&mut self, looks: Vec<Look>, round: &mut Round) {
        let asked: Vec<(ToolId, Option<u64>, bool)> = looks
            .iter()
            .map(|it| (it.seen.tool.clone(), it.ticket, it.seen.is_settled()))
            .collect();
        let seen = looks.into_iter().map(|it| (it.origin, it.seen)).collect();
        let again = self.decide(Input::Looked(seen), Origin::Watch, round).asked;
        for (tool, ticket, settled) in asked {
            if settled {
                self.pending.settled(&tool);
            }
            if let Some(ticket) = ticket
                && !again.contains(&tool)
            {
                self.pending.answered(&tool, ticket);
                round.answers.add(tool, ticket);
            }
        }
    }

    /// Asks the rules, makes the facts true on the private state, and orders the looks.
    pub(super) fn decide(&mut self, input: Input, origin: Origin, round: &mut Round) -> Decided {
        let origins = origins(&input);
        let plan = decide::decide(&self.state, &self.rules, input);
        self.make_true(plan.facts, round);
        round.group.contents.extend(plan.contents);
        let mut asked = BTreeSet::new();
        for look in plan.looks {
            let tool = look.glance.tool.clone();
            let tries = self.pending.tries(&tool);
            let ticket = self.pending.ask(&tool, look.wait == Wait::Unsettled);
            let origin = origins.get(&tool).copied().unwrap_or(origin);
            let order = Order { glance: look.glance, origin, ticket };
            // A newer wish replaces one that waits for its time.
            self.agenda.drop(&tool);
            match look.wait {
                Wait::None => round.looks.push(order),
                wait @ (Wait::Vanished | Wait::Empty | Wait::Audited | Wait::Unsettled) => {
                    self.agenda.put(round.now + agenda::delay(wait, tries), order);
                }
            }
            asked.insert(tool);
        }
        for root in plan.scans {
            round.walks.push(self.walks.order(root, Origin::Scan, false));
        }
        Decided { asked, refusal: plan.refusal }
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

    fn request(&mut self, request: Request, round: &mut Round) {
        let first = round.group.records.len();
        if let Command::Report { runtime, ttl_ms, .. } = &request.command {
            self.leases.renew(runtime, round.now, *ttl_ms);
        }
        let decided = self.decide(Input::Request(request.command), Origin::Watch, round);
        let records = round.group.records.get(first..).unwrap_or_default().to_vec();
        let answer = match decided.refusal {
            Some(refusal) => Err(refusal),
            None => Ok(Granted { as_of: self.state.head, records }),
        };
        round.granted.push((request.reply, Ok(answer)));
    }

    /// Barriers whose hints are all here, and those that waited for them too long.
    fn raise(&mut self, raised: &BTreeSet<u64>) -> Vec<(Barrier, Moment)> {
        raised.iter().filter_map(|it| self.expected.remove(it)).collect()
    }

    fn timers(&mut self, round: &mut Round) {
        if let Some((_, dirty)) = self.retry.take_if(|it| it.0 <= round.now) {
            self.decide(Input::Dirty(dirty), Origin::Watch, round);
        }
        for runtime in self.leases.take_ended(round.now) {
            self.decide(Input::LeaseEnded(runtime), Origin::Watch, round);
        }
        round.looks.extend(self.agenda.take_due(round.now));
        round.walks.extend(self.walks.due(&self.rules, round.now));
    }

    /// Makes the group durable. Where the disk is full, nothing of it has happened, and all of it is tried again.
    fn commit(&mut self, durable: &State, round: &mut Round) -> Result<(), StoreError> {
        let batch = round.group.batch(&self.state);
        if batch.records.is_empty() {
            return Ok(());
        }
        match self.log.append(&batch) {
            Ok(()) => self.log_state = LogState::Writable,
            Err(StoreError::Full { .. }) => self.undo(durable, round),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn undo(&mut self, durable: &State, round: &mut Round) {
        self.log_state = LogState::DiskFull;
        self.state = durable.clone();
        let lost = std::mem::take(&mut round.group);
        let mut again = lost.dirty(&self.rules);
        let questions: BTreeMap<ToolId, u64> =
            again.paths.iter().map(|it| (it.clone(), self.pending.ask(it, false))).collect();
        self.unfinish(std::mem::take(&mut round.scans), &questions);
        if let Some((_, dirty)) = self.retry.take() {
            again.merge(dirty);
        }
        self.retry = Some((round.now + FULL_DISK_RETRY, again));
        round.answers = Answers::default();
        for (_, answer) in &mut round.granted {
            if matches!(answer, Ok(Ok(granted)) if !granted.records.is_empty()) {
                *answer = Err(Unavailable::DiskFull);
            }
        }
    }

    fn outcome(&mut self, mut round: Round, overflows: u64) -> Outcome {
        self.note_missed(&round.group.records);
        let scans = std::mem::take(&mut round.scans);
        self.end_walks(&scans, round.now);
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
            records: round.group.records.into_iter().map(Arc::new).collect(),
            looks: round.looks,
            walks: round.walks,
            roots: round.roots,
            scans,
            overflows,
            answers: round.granted,
            synced,
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

    fn note_missed(&mut self, records: &[Record]) {
        let audited = records.iter().filter(|it| it.fact.origin() == Some(Origin::Audit));
        let missed: Vec<ToolId> = audited.filter_map(|it| it.fact.tool().cloned()).collect();
        self.figures.missed_by_events += u64::try_from(missed.len()).unwrap_or(u64::MAX);
        self.walks.missed(&missed);
    }

    pub(super) fn now(&self) -> crate::model::Timestamp {
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

/// How each path came to be seen: a second look inherits it.
fn origins(input: &Input) -> BTreeMap<ToolId, Origin> {
    match input {
        Input::Looked(seen) => seen.iter().map(|(origin, it)| (it.tool.clone(), *origin)).collect(),
        Input::Dirty(_)
        | Input::Walked { .. }
        | Input::Scanned(_)
        | Input::RootGone(_)
        | Input::RootBack(_)
        | Input::Manifest { .. }
        | Input::Request(_)
        | Input::LeaseEnded(_) => BTreeMap::new(),
    }
}
