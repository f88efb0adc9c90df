//! Those who work for deploys: some stage, some verify, one switches. Staging and verifying go on side by side, so that a
//! deploy whose verification takes long holds up no other; switches are one at a time, and all that wait go together.
//! Decides nothing: every answer goes to the mailbox.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::Duration,
};

use super::{
    compare::Pair,
    examine::{examine, remember},
    hands::Hands,
    job::{Done, Job},
    known::Known,
    mailbox::Mailbox,
    prepare::{check_orders, stage},
    queues::{Queues, Verifying},
    replay::replay,
    works::Works,
};
use crate::{
    decide::{Exam, Task},
    model::{
        CheckOutcome, CheckRun, Digest, Examined, Marker, Proposal, Record, SwitchOrder, ToolId,
    },
    ports::{Archive, StopFlag},
};

/// Waiting for a disk's sync is what staging does most of the time, and syncs that wait together are one.
pub(super) const STAGERS: usize = 8;
const VERIFIERS: usize = 4;
/// Beside those who verify what people propose.
const EXAMINERS: usize = 2;
/// How often displaced files are asked after, while there are any.
const LATE_EVERY: Duration = Duration::from_millis(500);

#[derive(Default)]
pub(super) struct Crew {
    queues: Mutex<Queues>,
    hands: Hands,
}

impl Crew {
    pub(super) fn lock(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn take_on(&self, jobs: Vec<Job>, known: &impl Known) {
        if jobs.is_empty() {
            return;
        }
        let mut queues = self.lock();
        for job in jobs {
            queues.put(job, known);
        }
        self.hands.wake(&queues);
    }

    /// Versions that follow others are read beside all else, and what they can do more or less is told.
    pub(super) fn compare(&self, records: &[Arc<Record>]) {
        let mut pairs = records.iter().filter_map(|it| Pair::of(&it.fact)).peekable();
        if pairs.peek().is_some() {
            self.lock().comparing.extend(pairs);
            self.hands.compare.notify_one();
        }
    }

    pub(super) fn length(&self) -> usize {
        let queues = self.lock();
        let judging = queues.verifying.len() + queues.examining.len() + queues.replaying.len();
        let deploys = queues.staging.len() + judging + queues.switching.len();
        deploys + queues.comparing.len()
    }

    /// What runs is told to end; what waits is not begun.
    pub(super) fn stop(&self) {
        let mut queues = self.lock();
        queues.stop = true;
        queues.ending.set();
        queues.stops.values().for_each(|it| it.set());
        self.hands.wake_all();
    }

    pub(super) fn start(
        self: &Arc<Self>,
        works: &Works,
        archive: &Arc<dyn Archive>,
        mailbox: &Arc<Mailbox>,
    ) -> std::io::Result<Vec<JoinHandle<()>>> {
        let worker = || Hand {
            crew: Arc::clone(self),
            works: works.clone(),
            archive: Arc::clone(archive),
            mailbox: Arc::clone(mailbox),
        };
        let named = |name: &str| std::thread::Builder::new().name(name.to_owned());
        let mut threads = Vec::new();
        for _ in 0..STAGERS {
            let hand = worker();
            threads.push(named("stage").spawn(move || hand.stage_all())?);
        }
        for _ in 0..VERIFIERS {
            let hand = worker();
            threads.push(named("verify").spawn(move || hand.verify_all())?);
        }
        for _ in 0..EXAMINERS {
            let hand = worker();
            threads.push(named("examine").spawn(move || hand.examine_all())?);
        }
        let hand = worker();
        threads.push(named("replay").spawn(move || hand.replay_all())?);
        let hand = worker();
        threads.push(named("switch").spawn(move || hand.switch_all())?);
        let hand = worker();
        threads.push(named("compare").spawn(move || hand.compare_all())?);
        let hand = worker();
        threads.push(named("after").spawn(move || hand.follow_all())?);
        Ok(threads)
    }

    /// Waits for something of one kind, at most `limit`; `None`: the end, or nothing came.
    fn next<T>(
        &self,
        woken: &Condvar,
        limit: Option<Duration>,
        take: impl Fn(&mut Queues) -> Option<T>,
    ) -> Next<T> {
        let mut queues = self.lock();
        loop {
            if queues.stop {
                return Next::Stop;
            }
            if let Some(it) = take(&mut queues) {
                return Next::Work(it);
            }
            let Some(limit) = limit else {
                queues = woken.wait(queues).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let waited = woken.wait_timeout(queues, limit).unwrap_or_else(PoisonError::into_inner);
            queues = waited.0;
            if waited.1.timed_out() {
                return Next::Nothing;
            }
        }
    }
}

enum Next<T> {
    Work(T),
    Nothing,
    Stop,
}

/// One of those who work. Each does one thing after the other.
pub(super) struct Hand {
    pub(super) crew: Arc<Crew>,
    pub(super) works: Works,
    pub(super) archive: Arc<dyn Archive>,
    pub(super) mailbox: Arc<Mailbox>,
}

impl Hand {
    fn next<T>(&self, woken: &Condvar, take: impl Fn(&mut Queues) -> Option<T>) -> Next<T> {
        self.crew.next(woken, None, take)
    }

    fn stage_all(&self) {
        while let Next::Work(job) = self.next(&self.crew.hands.stage, |it| it.staging.pop_front()) {
            self.stage(job);
        }
    }

    pub(super) fn stage(&self, job: Job) {
        let ticket = job.ticket;
        match job.task {
            Task::Stage(order) => {
                let staged = stage(&self.works, &*self.archive, order);
                self.mailbox.done(Done::Staged { ticket, staged });
            }
            Task::Discard(parts) => {
                for (tool, marker) in &parts {
                    self.works.stage.discard(tool, marker);
                }
            }
            Task::Verify(..)
            | Task::Rehearse(..)
            | Task::Switch(_)
            | Task::Settle(_)
            | Task::Sweep(..)
            | Task::Stop(_)
            | Task::Release(_)
            | Task::OnDrift { .. }
            | Task::After(_)
            | Task::Replay(_) => (),
        }
    }

    fn verify_all(&self) {
        while let Next::Work(work) =
            self.next(&self.crew.hands.verify, |it| it.verifying.pop_front())
        {
            self.judge(work);
        }
    }

    fn examine_all(&self) {
        while let Next::Work(work) =
            self.next(&self.crew.hands.examine, |it| it.examining.pop_front())
        {
            self.judge(work);
        }
    }

    fn replay_all(&self) {
        while let Next::Work(work) =
            self.next(&self.crew.hands.replay, |it| it.replaying.pop_front())
        {
            self.judge(work);
        }
    }

    pub(super) fn judge(&self, work: Verifying) {
        let Verifying { job: Job { ticket, task }, about, baselines, flag } = work;
        match task {
            Task::Verify(deploy, exam) => {
                if let Some(about) = about {
                    let (proposal, markers) = (&about.proposal, &about.markers);
                    let checks = self.verify(proposal, markers, &baselines, &flag);
                    let examined = self.examine(proposal, &exam, &checks, &flag);
                    remember(&self.works, proposal, &examined);
                    self.mailbox.done(Done::Verified { deploy, checks, examined });
                }
                self.crew.lock().stops.remove(&deploy);
            }
            Task::Rehearse(proposal, markers, exam) => {
                let checks = self.verify(&proposal, &markers, &baselines, &flag);
                let examined = self.examine(&proposal, &exam, &checks, &flag);
                let done = Done::Rehearsed { ticket, proposal, markers, checks, examined };
                self.mailbox.done(done);
            }
            Task::Replay(order) => {
                let replayed = replay(&self.works, &*self.archive, &order, &flag);
                self.mailbox.done(Done::Replayed(order, replayed));
            }
            Task::Stage(_)
            | Task::Discard(_)
            | Task::Switch(_)
            | Task::Settle(_)
            | Task::Sweep(..)
            | Task::Stop(_)
            | Task::Release(_)
            | Task::OnDrift { .. }
            | Task::After(_) => (),
        }
    }

    fn follow_all(&self) {
        while let Next::Work(deploy) =
            self.next(&self.crew.hands.follow, |it| it.confirmed.pop_front())
        {
            let ending = Arc::clone(&self.crew.lock().ending);
            self.works.after.run(&deploy, &ending);
        }
    }

    fn verify(
        &self,
        proposal: &Proposal,
        markers: &[Marker],
        baselines: &BTreeMap<ToolId, Digest>,
        flag: &StopFlag,
    ) -> Vec<CheckRun> {
        // A baseline that cannot be read is none: the command decides what it can do without.
        let bytes = |it: &ToolId| self.archive.content(baselines.get(it)?).ok().flatten();
        let orders = check_orders(&self.works, proposal, markers, bytes);
        orders.iter().flat_map(|it| self.works.checks.verify(it, flag)).collect()
    }

    /// What verification stopped is not run.
    fn examine(
        &self,
        proposal: &Proposal,
        exam: &Exam,
        checks: &[CheckRun],
        flag: &StopFlag,
    ) -> Vec<Examined> {
        let failed = |it: &CheckRun| matches!(it.outcome, CheckOutcome::Failed(_));
        if exam.shadow.is_empty() || checks.iter().any(failed) {
            return exam.examined.clone();
        }
        examine(&self.works, &*self.archive, proposal, exam, flag)
    }

    fn compare_all(&self) {
        while let Next::Work(pair) = self.next(&self.crew.hands.compare, |it| it.comparing.take()) {
            if let Some(compared) = pair.compared(&*self.archive, &self.works.classes) {
                self.mailbox.done(Done::Compared(Box::new(compared)));
            }
        }
    }

    fn switch_all(&self) {
        let mut told: BTreeSet<String> = BTreeSet::new();
        loop {
            let limit = self.works.stage.holds_displaced().then_some(LATE_EVERY);
            let take = |it: &mut Queues| {
                Some(std::mem::take(&mut it.switching)).filter(|it| !it.is_empty())
            };
            match self.crew.next(&self.crew.hands.switch, limit, take) {
                Next::Work(tasks) => self.switch(tasks, &mut told),
                Next::Nothing => (),
                Next::Stop => return,
            }
            self.tell_late(&mut told);
        }
    }

    pub(super) fn tell_late(&self, told: &mut BTreeSet<String>) {
        for late in self.works.stage.late() {
            if told.insert(late.name.clone()) {
                self.mailbox.done(Done::Late(late));
            }
        }
    }

    pub(super) fn switch(&self, tasks: Vec<Task>, told: &mut BTreeSet<String>) {
        let mut orders: Vec<SwitchOrder> = Vec::new();
        for task in tasks {
            match task {
                Task::Switch(order) => orders.push(order),
                Task::Settle(order) => {
                    let outcome = self.works.stage.settle(&order);
                    self.mailbox.done(Done::Switched { deploy: order.deploy, outcome });
                }
                Task::Sweep(root, keep) => self.works.stage.sweep(&root, &keep),
                Task::Release(late) => {
                    self.works.stage.release(&late);
                    told.remove(&late.name);
                }
                Task::Stage(_)
                | Task::Verify(..)
                | Task::Rehearse(..)
                | Task::Discard(_)
                | Task::Stop(_)
                | Task::OnDrift { .. }
                | Task::After(_)
                | Task::Replay(_) => (),
            }
        }
        if !orders.is_empty() {
            let outcomes = self.works.stage.switch(&orders);
            for (order, outcome) in orders.iter().zip(outcomes) {
                self.mailbox.done(Done::Switched { deploy: order.deploy, outcome });
            }
        }
    }
}
