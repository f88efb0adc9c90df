//! Those who work for deploys: some stage, some verify, one switches. Staging and verifying go on side by side, so that a
//! deploy whose verification takes long holds up no other; switches are one at a time, and all that wait go together.
//! Decides nothing: every answer goes to the mailbox.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::Duration,
};

use super::mailbox::Mailbox;
use crate::{
    decide::{Prepared, StageOrder, Staged, Task},
    model::{
        Change, CheckRun, Deploy, DeployNo, Digest, Late, Marker, Proposal, Refusal, SwitchOrder,
        Switched, ToolId,
    },
    ports::{Archive, CheckOrder, CheckPart, Checks, Pack, Packed, Stage, StageFailure, StopFlag},
};

/// What a deploy needs of the world. Cheap to clone.
#[derive(Clone)]
pub struct Works {
    pub stage: Arc<dyn Stage>,
    pub checks: Arc<dyn Checks>,
    pub pack: Arc<dyn Pack>,
    pub after: Arc<dyn Fn(&Deploy) + Send + Sync>,
}

/// Waiting for a disk's sync is what staging does most of the time, and syncs that wait together are one.
const STAGERS: usize = 8;
const VERIFIERS: usize = 4;
/// How often displaced files are asked after, while there are any.
const LATE_EVERY: Duration = Duration::from_millis(500);

/// A task, and the question that it answers where somebody waits.
pub(super) struct Job {
    pub(super) ticket: Option<u64>,
    pub(super) task: Task,
}

/// What came of a job.
pub(super) enum Done {
    Staged {
        ticket: Option<u64>,
        staged: Staged,
    },
    Verified {
        deploy: DeployNo,
        checks: Vec<CheckRun>,
    },
    Rehearsed {
        ticket: Option<u64>,
        proposal: Arc<Proposal>,
        markers: Vec<Marker>,
        checks: Vec<CheckRun>,
    },
    Switched {
        deploy: DeployNo,
        outcome: Switched,
    },
    Late(Late),
}

#[derive(Default)]
pub(super) struct Crew {
    queues: Mutex<Queues>,
    changed: Condvar,
}

#[derive(Default)]
struct Queues {
    staging: VecDeque<Job>,
    verifying: VecDeque<Verifying>,
    switching: Vec<Task>,
    stops: BTreeMap<DeployNo, Arc<StopFlag>>,
    stop: bool,
}

/// With what the verification is about: the deploy may be gone from the state when its turn comes.
struct Verifying {
    job: Job,
    about: Option<Arc<Deploy>>,
    flag: Arc<StopFlag>,
}

impl Crew {
    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `about` finds a deploy by its number.
    pub(super) fn take_on(&self, jobs: Vec<Job>, about: impl Fn(DeployNo) -> Option<Arc<Deploy>>) {
        if jobs.is_empty() {
            return;
        }
        let mut queues = self.lock();
        for job in jobs {
            queues.put(job, &about);
        }
        drop(queues);
        self.changed.notify_all();
    }

    pub(super) fn length(&self) -> usize {
        let queues = self.lock();
        queues.staging.len() + queues.verifying.len() + queues.switching.len()
    }

    /// What runs is told to end; what waits is not begun.
    pub(super) fn stop(&self) {
        let mut queues = self.lock();
        queues.stop = true;
        queues.stops.values().for_each(|it| it.set());
        drop(queues);
        self.changed.notify_all();
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
        let hand = worker();
        threads.push(named("switch").spawn(move || hand.switch_all())?);
        Ok(threads)
    }

    /// Waits for something of one kind, at most `limit`; `None`: the end, or nothing came.
    fn next<T>(&self, limit: Option<Duration>, take: impl Fn(&mut Queues) -> Option<T>) -> Next<T> {
        let mut queues = self.lock();
        loop {
            if queues.stop {
                return Next::Stop;
            }
            if let Some(it) = take(&mut queues) {
                return Next::Work(it);
            }
            let Some(limit) = limit else {
                queues = self.changed.wait(queues).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let waited =
                self.changed.wait_timeout(queues, limit).unwrap_or_else(PoisonError::into_inner);
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

impl Queues {
    fn put(&mut self, job: Job, about: &impl Fn(DeployNo) -> Option<Arc<Deploy>>) {
        match &job.task {
            Task::Stage(_) | Task::Discard(_) => self.staging.push_back(job),
            Task::Verify(deploy) => {
                let (about, flag) = (about(*deploy), Arc::new(StopFlag::default()));
                self.stops.insert(*deploy, Arc::clone(&flag));
                self.verifying.push_back(Verifying { job, about, flag });
            }
            Task::Rehearse(..) | Task::After(_) => {
                self.verifying.push_back(Verifying { job, about: None, flag: Arc::default() });
            }
            Task::Switch(_) | Task::Settle(_) | Task::Release(_) => self.switching.push(job.task),
            Task::Stop(deploy) => self.stops.get(deploy).into_iter().for_each(|it| it.set()),
        }
    }
}

struct Hand {
    crew: Arc<Crew>,
    works: Works,
    archive: Arc<dyn Archive>,
    mailbox: Arc<Mailbox>,
}

impl Hand {
    fn stage_all(&self) {
        while let Next::Work(job) = self.crew.next(None, |it| it.staging.pop_front()) {
            let ticket = job.ticket;
            match job.task {
                Task::Stage(order) => {
                    let staged = stage(&self.works, &*self.archive, order);
                    self.mailbox.done(Done::Staged { ticket, staged });
                }
                Task::Discard(parts) => {
                    parts.iter().for_each(|(tool, marker)| self.works.stage.discard(tool, marker));
                }
                Task::Verify(_)
                | Task::Rehearse(..)
                | Task::Switch(_)
                | Task::Settle(_)
                | Task::Stop(_)
                | Task::Release(_)
                | Task::After(_) => (),
            }
        }
    }

    fn verify_all(&self) {
        while let Next::Work(work) = self.crew.next(None, |it| it.verifying.pop_front()) {
            let Verifying { job: Job { ticket, task }, about, flag } = work;
            match task {
                Task::Verify(deploy) => {
                    if let Some(about) = about {
                        let order = check_order(
                            &self.works,
                            &*self.archive,
                            &about.proposal,
                            &about.markers,
                        );
                        let checks = self.works.checks.verify(&order, &flag);
                        self.mailbox.done(Done::Verified { deploy, checks });
                    }
                    self.crew.lock().stops.remove(&deploy);
                }
                Task::Rehearse(proposal, markers) => {
                    let order = check_order(&self.works, &*self.archive, &proposal, &markers);
                    let checks = self.works.checks.verify(&order, &flag);
                    self.mailbox.done(Done::Rehearsed { ticket, proposal, markers, checks });
                }
                Task::After(deploy) => (self.works.after)(&deploy),
                Task::Stage(_)
                | Task::Discard(_)
                | Task::Switch(_)
                | Task::Settle(_)
                | Task::Stop(_)
                | Task::Release(_) => (),
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
            match self.crew.next(limit, take) {
                Next::Work(tasks) => self.switch(tasks, &mut told),
                Next::Nothing => (),
                Next::Stop => return,
            }
            for late in self.works.stage.late() {
                if told.insert(late.name.clone()) {
                    self.mailbox.done(Done::Late(late));
                }
            }
        }
    }

    fn switch(&self, tasks: Vec<Task>, told: &mut BTreeSet<String>) {
        let mut orders: Vec<SwitchOrder> = Vec::new();
        for task in tasks {
            match task {
                Task::Switch(order) => orders.push(order),
                Task::Settle(order) => {
                    let outcome = self.works.stage.settle(&order);
                    self.mailbox.done(Done::Switched { deploy: order.deploy, outcome });
                }
                Task::Release(late) => {
                    self.works.stage.release(&late);
                    told.remove(&late.name);
                }
                Task::Stage(_)
                | Task::Verify(_)
                | Task::Rehearse(..)
                | Task::Discard(_)
                | Task::Stop(_)
                | Task::After(_) => (),
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

/// All of it beside the live files, or nothing of it.
pub(super) fn stage(works: &Works, archive: &dyn Archive, order: StageOrder) -> Staged {
    let mut markers = Vec::new();
    let mut contents = Vec::new();
    for change in &order.proposal.changes {
        match stage_one(works, archive, &order, change, &mut contents) {
            Ok(marker) => markers.push(marker),
            Err(refusal) => {
                let tools = order.proposal.changes.iter();
                tools.zip(&markers).for_each(|(it, marker)| works.stage.discard(&it.tool, marker));
                return Staged { order, outcome: Err(refusal) };
            }
        }
    }
    let check = check_order(works, archive, &order.proposal, &markers);
    let skipped = works.checks.nothing_to_run(&check);
    Staged { order, outcome: Ok(Prepared { markers, contents, skipped }) }
}

fn stage_one(
    works: &Works,
    archive: &dyn Archive,
    order: &StageOrder,
    change: &Change,
    packed: &mut Vec<Packed>,
) -> Result<Marker, Refusal> {
    let tool = &change.tool;
    let Some(to) = change.to else {
        return works.stage.stage(change, None).map_err(|it| refused(tool, it));
    };
    let brought = order.contents.iter().find(|it| it.0 == to.digest);
    if let Some((digest, bytes)) = brought {
        packed.push(works.pack.pack(*digest, bytes));
        return works.stage.stage(change, Some(bytes)).map_err(|it| refused(tool, it));
    }
    let bytes = content(archive, &to.digest).map_err(Refusal::Stage)?;
    works.stage.stage(change, Some(&bytes)).map_err(|it| refused(tool, it))
}

fn content(archive: &dyn Archive, digest: &Digest) -> Result<Vec<u8>, String> {
    match archive.content(digest) {
        Ok(Some(bytes)) => Ok(bytes),
        Ok(None) => Err(format!("the content {digest} is not in the log")),
        Err(error) => Err(error.to_string()),
    }
}

fn refused(tool: &ToolId, failure: StageFailure) -> Refusal {
    let said = failure.to_string();
    match failure {
        StageFailure::ReadOnly { tool, why } => Refusal::RootReadOnly { root: tool.root(), why },
        StageFailure::CannotKeepOwner { tool, .. } => Refusal::CannotKeepOwner { tool, why: said },
        StageFailure::Obstructed { tool, why } => Refusal::Obstructed { tool, why },
        StageFailure::DiskFull { why } => Refusal::StageFull(why),
        StageFailure::World { why } => Refusal::Stage(format!("{tool}: {why}")),
    }
}

fn check_order(
    works: &Works,
    _: &dyn Archive,
    proposal: &Proposal,
    markers: &[Marker],
) -> CheckOrder {
    let part = |(change, marker): (&Change, &Marker)| CheckPart {
        tool: change.tool.clone(),
        staged: change.to.and_then(|_| works.stage.staged(&change.tool, marker)),
        executable: marker.executable,
    };
    let parts = proposal.changes.iter().zip(markers).map(part).collect();
    CheckOrder { parts }
}
