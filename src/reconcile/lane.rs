//! The look lane: one thread, so that looks are ordered and an older one never overwrites a younger;
//! parallel inside, where the tree sees to it. A walk goes on in small steps between fresh hints, and an audit
//! leaves the machine to others most of the time.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use super::mailbox::Mailbox;
use crate::{
    model::{Glance, Origin, RootName, Seen, Seq, Sight, ToolId},
    ports::{Tree, Walk},
    roots::WatchedRoot,
};

/// A look that somebody wants.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) glance: Glance,
    pub(super) origin: Origin,
    /// Which question it answers.
    pub(super) ticket: u64,
}

/// A walk through a root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WalkOrder {
    pub(super) number: u64,
    pub(super) root: RootName,
    pub(super) origin: Origin,
    /// Reads every file, whatever its stat says.
    pub(super) rehash: bool,
    /// An audit: rests nine times as long as it works.
    pub(super) gentle: bool,
}

/// What comes back.
pub(super) enum Found {
    /// `away`: roots whose directory was not there just then, so that what is gone in them is not gone.
    /// `as_of`: they were begun when this fact was true and shown.
    Looked {
        as_of: Seq,
        looks: Vec<Look>,
        away: BTreeSet<RootName>,
    },
    Walked(Walked),
}

pub(super) struct Look {
    pub(super) seen: Seen,
    pub(super) origin: Origin,
    /// `None`: found by a walk, nobody asked.
    pub(super) ticket: Option<u64>,
}

pub(super) struct Walked {
    pub(super) order: WalkOrder,
    pub(super) present: BTreeSet<ToolId>,
    pub(super) end: End,
    /// Whether the kernel tells of writers there.
    pub(super) knows_writers: bool,
    /// Time spent, rests left out.
    pub(super) took: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Whole,
    /// The root was not there, or went away meanwhile: what was not found is not gone.
    RootLost,
    /// The roots were set anew: where it still is one, it is walked from the beginning.
    Overtaken,
}

/// Looks taken at once. The tree spreads them over its threads; a fresh hint waits for one such step at most.
const STEP: usize = 512;

#[derive(Default)]
pub(super) struct Lane {
    wanted: Mutex<Wanted>,
    changed: Condvar,
}

/// What waits to be done, each path once.
#[derive(Default)]
pub(super) struct Wanted {
    looks: BTreeMap<ToolId, Order>,
    pub(super) walks: VecDeque<WalkOrder>,
    roots: Option<Vec<WatchedRoot>>,
    pulses: Vec<oneshot::Sender<()>>,
    stop: bool,
}

/// What the loop shows to those who look.
pub(super) trait Shown: Send {
    /// Whether a path is a tool already.
    fn is_known(&self, id: &ToolId) -> bool;
    fn head(&self) -> Seq;
}

impl Lane {
    fn lock(&self) -> MutexGuard<'_, Wanted> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A wish for a path that waits already takes its place: one look answers both.
    pub(super) fn look(&self, orders: Vec<Order>) {
        self.lock().look(orders);
        self.changed.notify_one();
    }

    pub(super) fn walk(&self, order: WalkOrder) {
        self.lock().walks.push_back(order);
        self.changed.notify_one();
    }

    /// These are answered between two steps.
    pub(super) fn pulse(&self, replies: Vec<oneshot::Sender<()>>) {
        if !replies.is_empty() {
            self.lock().pulses.extend(replies);
            self.changed.notify_one();
        }
    }

    /// How many looks and walks wait.
    pub(super) fn length(&self) -> usize {
        let wanted = self.lock();
        wanted.looks.len() + wanted.walks.len()
    }

    pub(super) fn set_roots(&self, roots: Vec<WatchedRoot>) {
        self.lock().set_roots(roots);
        self.changed.notify_one();
    }

    pub(super) fn stop(&self) {
        self.lock().stop = true;
        self.changed.notify_one();
    }

    /// The thread's body.
    pub(super) fn run(&self, tree: Box<dyn Tree>, shown: Box<dyn Shown>, mailbox: &Mailbox) {
        let mut worker = Worker::new(tree, shown);
        while let Some(work) = self.next(&worker) {
            if let Some(found) = worker.step(work) {
                let walked = matches!(found, Found::Walked(_));
                mailbox.found(found);
                // Nobody waits for what is remembered.
                if walked {
                    worker.tree.rest();
                }
            }
        }
        worker.tree.rest();
    }

    /// Waits for something to do.
    fn next(&self, worker: &Worker) -> Option<Work> {
        let mut wanted = self.lock();
        loop {
            match wanted.pick(worker.rest()) {
                Pick::Work(work) => return Some(work),
                Pick::Stop => return None,
                Pick::Rest(rest) => {
                    wanted = self
                        .changed
                        .wait_timeout(wanted, rest)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0;
                }
                Pick::Idle => {
                    wanted = self.changed.wait(wanted).unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }
}

impl Wanted {
    /// What comes first: new roots, then fresh hints, then the walk in progress, then the next one. `rest`: how long
    /// the walk in progress still rests, where there is one.
    pub(super) fn pick(&mut self, rest: Option<Duration>) -> Pick {
        if self.stop {
            return Pick::Stop;
        }
        if !self.pulses.is_empty() {
            return Pick::Work(Work::Pulses(std::mem::take(&mut self.pulses)));
        }
        if let Some(roots) = self.roots.take() {
            return Pick::Work(Work::Roots(roots));
        }
        if !self.looks.is_empty() {
            return Pick::Work(Work::Looks(self.take_looks()));
        }
        match rest {
            Some(Duration::ZERO) => Pick::Work(Work::GoOn),
            Some(rest) => Pick::Rest(rest),
            None => self.walks.pop_front().map_or(Pick::Idle, |it| Pick::Work(Work::Walk(it))),
        }
    }

    fn take_looks(&mut self) -> Vec<Order> {
        let mut all = std::mem::take(&mut self.looks).into_values();
        let some = all.by_ref().take(STEP).collect();
        self.looks.extend(all.map(|it| (it.glance.tool.clone(), it)));
        some
    }

    pub(super) fn set_roots(&mut self, roots: Vec<WatchedRoot>) {
        self.roots = Some(roots);
    }

    pub(super) fn look(&mut self, orders: Vec<Order>) {
        self.looks.extend(orders.into_iter().map(|it| (it.glance.tool.clone(), it)));
    }
}

pub(super) enum Pick {
    Work(Work),
    Rest(Duration),
    Idle,
    Stop,
}

pub(super) enum Work {
    Pulses(Vec<oneshot::Sender<()>>),
    Roots(Vec<WatchedRoot>),
    Looks(Vec<Order>),
    Walk(WalkOrder),
    GoOn,
}

/// Does one piece of work at a time and says what it found.
pub(super) struct Worker {
    tree: Box<dyn Tree>,
    shown: Box<dyn Shown>,
    walk: Option<Walking>,
}

struct Walking {
    walk: Box<dyn Walk>,
    order: WalkOrder,
    present: BTreeSet<ToolId>,
    took: Duration,
    resumes: Instant,
}

impl Worker {
    pub(super) fn new(tree: Box<dyn Tree>, shown: Box<dyn Shown>) -> Self {
        Self { tree, shown, walk: None }
    }

    /// How long the walk in progress still rests.
    pub(super) fn rest(&self) -> Option<Duration> {
        self.walk.as_ref().map(|it| it.resumes.saturating_duration_since(Instant::now()))
    }

    pub(super) fn step(&mut self, work: Work) -> Option<Found> {
        match work {
            Work::Pulses(replies) => {
                for reply in replies {
                    // Who asked may have gone.
                    reply.send(()).unwrap_or(());
                }
                None
            }
            Work::Roots(roots) => self.set_roots(&roots),
            Work::Looks(orders) => Some(self.look(&orders)),
            Work::Walk(order) => self.begin(order),
            Work::GoOn => self.go_on(),
        }
    }

    /// A walk through roots that are others now is worth nothing.
    fn set_roots(&mut self, roots: &[WatchedRoot]) -> Option<Found> {
        self.tree.set_roots(roots);
        let walking = self.walk.take()?;
        Some(self.end(walking, End::Overtaken))
    }

    fn look(&mut self, orders: &[Order]) -> Found {
        let glances: Vec<Glance> = orders.iter().map(|it| it.glance.clone()).collect();
        let as_of = self.shown.head();
        let seen = self.see(&glances);
        let mut looks: Vec<Look> = seen
            .into_iter()
            .zip(orders)
            .map(|(seen, it)| Look { seen, origin: it.origin, ticket: Some(it.ticket) })
            .collect();
        looks.extend(self.other_names(&looks));
        self.looked(as_of, looks)
    }

    fn see(&mut self, glances: &[Glance]) -> Vec<Seen> {
        let shown = &self.shown;
        self.tree.look(glances, &|it| shown.is_known(it))
    }

    fn looked(&self, as_of: Seq, looks: Vec<Look>) -> Found {
        let gone = looks.iter().filter(|it| it.seen.sight == Sight::Gone);
        let roots: BTreeSet<RootName> = gone.map(|it| it.seen.tool.root()).collect();
        let away = roots.into_iter().filter(|it| !self.tree.root_is_there(it)).collect();
        Found::Looked { as_of, looks, away }
    }

    /// Hard links: an event names one of them, the content changed under all.
    fn other_names(&mut self, looks: &[Look]) -> Vec<Look> {
        let asked: BTreeSet<&ToolId> = looks.iter().map(|it| &it.seen.tool).collect();
        let others: BTreeSet<ToolId> = looks
            .iter()
            .filter(|it| it.seen.has_links())
            .flat_map(|it| self.tree.siblings(&it.seen.tool))
            .filter(|it| !asked.contains(it))
            .collect();
        let glances: Vec<Glance> =
            others.into_iter().map(|tool| Glance { tool, firm: false, fresh: false }).collect();
        let seen = if glances.is_empty() { Vec::new() } else { self.see(&glances) };
        seen.into_iter().map(|seen| Look { seen, origin: Origin::Watch, ticket: None }).collect()
    }

    fn begin(&mut self, order: WalkOrder) -> Option<Found> {
        let (present, took) = (BTreeSet::new(), Duration::ZERO);
        let Ok(walk) = self.tree.walk(&order.root) else {
            let (end, knows_writers) = (End::RootLost, false);
            return Some(Found::Walked(Walked { order, present, end, knows_writers, took }));
        };
        self.walk = Some(Walking { walk, order, present, took, resumes: Instant::now() });
        None
    }

    fn go_on(&mut self) -> Option<Found> {
        let mut walking = self.walk.take()?;
        let began = Instant::now();
        let Some(paths) = some_paths(&mut *walking.walk) else {
            let end = if walking.walk.root_lost() { End::RootLost } else { End::Whole };
            return Some(self.end(walking, end));
        };
        let (origin, fresh) = (walking.order.origin, walking.order.rehash);
        let glances: Vec<Glance> =
            paths.iter().map(|tool| Glance { tool: tool.clone(), firm: false, fresh }).collect();
        let as_of = self.shown.head();
        let seen = self.see(&glances);
        let worked = began.elapsed();
        walking.took += worked;
        walking.present.extend(paths);
        walking.resumes =
            Instant::now() + if walking.order.gentle { worked * 9 } else { Duration::ZERO };
        self.walk = Some(walking);
        let looks = seen.into_iter().map(|seen| Look { seen, origin, ticket: None }).collect();
        Some(self.looked(as_of, looks))
    }

    fn end(&self, walking: Walking, end: End) -> Found {
        let Walking { order, present, took, .. } = walking;
        let knows_writers = self.tree.knows_writers(&order.root);
        Found::Walked(Walked { order, present, end, knows_writers, took })
    }
}

/// As many paths as one step takes. `None`: there are no more.
fn some_paths(walk: &mut dyn Walk) -> Option<Vec<ToolId>> {
    let mut paths = walk.next_paths()?;
    while paths.len() < STEP
        && let Some(more) = walk.next_paths()
    {
        // None for now: descriptors are short, and waiting for them is not worth it here.
        if more.is_empty() {
            break;
        }
        paths.extend(more);
    }
    Some(paths)
}

impl Lane {
    pub(super) fn shared() -> Arc<Self> {
        Arc::new(Self::default())
    }
}
