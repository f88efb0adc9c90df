//! Walks through whole roots: at the start, after an overflow, because somebody asked, and now and then because
//! not every change makes an event. A walk is over when all that it found has been answered for.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use tokio::sync::oneshot;

use super::{
    Moment,
    barrier::Waiters,
    handle::{Rescanned, Unavailable},
    lane::{End, WalkOrder, Walked},
    mailbox::Rescan,
    reconciler::Reconciler,
    round::Round,
    view::RootView,
};
use crate::{
    decide::{Input, Rules},
    model::{Origin, RootName, Seq, ToolId},
};

/// How often to look without a reason.
#[derive(Clone, Copy, Debug)]
pub struct Audit {
    /// The least time between two stat walks; it grows to 1,000 × the walk's own time.
    pub walk: Duration,
    /// Between two walks that read every file.
    pub rehash: Duration,
}

/// A walk that is over.
pub(super) struct ScanDone {
    pub(super) order: WalkOrder,
    pub(super) files: usize,
    pub(super) took: Duration,
    pub(super) end: End,
}

pub(super) struct Walks {
    audit: Audit,
    last_number: u64,
    active: BTreeMap<u64, WalkOrder>,
    waiting: Waiters<ScanDone>,
    next_walk: BTreeMap<RootName, Moment>,
    next_rehash: BTreeMap<RootName, Moment>,
    rescans: Vec<Asked>,
}

/// Somebody waits for walks to end.
struct Asked {
    open: BTreeSet<u64>,
    so_far: Rescanned,
    reply: RescanReply,
}

pub(super) type RescanReply = oneshot::Sender<Result<Rescanned, Unavailable>>;

impl Walks {
    pub(super) fn new(audit: Audit) -> Self {
        Self {
            audit,
            last_number: 0,
            active: BTreeMap::new(),
            waiting: Waiters::default(),
            next_walk: BTreeMap::new(),
            next_rehash: BTreeMap::new(),
            rescans: Vec::new(),
        }
    }

    /// From now on so often; what was planned for later comes sooner.
    pub(super) fn set_audit(&mut self, audit: Audit, now: Moment) {
        self.audit = audit;
        for (planned, every) in
            [(&mut self.next_walk, audit.walk), (&mut self.next_rehash, audit.rehash)]
        {
            for it in planned.values_mut() {
                *it = (*it).min(now + every);
            }
        }
    }

    pub(super) fn next(&self) -> Option<Moment> {
        let audits = self.next_walk.values().chain(self.next_rehash.values()).min().copied();
        [audits, self.waiting.next()].into_iter().flatten().min()
    }

    pub(super) fn order(&mut self, root: RootName, origin: Origin, rehash: bool) -> WalkOrder {
        self.put(root, origin, rehash, false)
    }

    fn put(&mut self, root: RootName, origin: Origin, rehash: bool, gentle: bool) -> WalkOrder {
        self.last_number += 1;
        let order = WalkOrder { number: self.last_number, root, origin, rehash, gentle };
        self.active.insert(order.number, order.clone());
        order
    }

    /// The same walk from its beginning; who asked for the first waits for this one.
    fn again(&mut self, order: &WalkOrder) -> WalkOrder {
        let again = self.put(order.root.clone(), order.origin, order.rehash, order.gentle);
        for asked in self.rescans.iter_mut().filter(|it| it.open.contains(&order.number)) {
            asked.open.insert(again.number);
        }
        again
    }

    /// Walks that a barrier has to wait for: whatever made them necessary came before it.
    pub(super) fn awaited(&self) -> BTreeSet<u64> {
        self.active.values().filter(|it| it.origin == Origin::Scan).map(|it| it.number).collect()
    }

    pub(super) fn forget_roots(&mut self, rules: &Rules) {
        self.next_walk.retain(|it, _| rules.roots.contains_key(it));
        self.next_rehash.retain(|it, _| rules.roots.contains_key(it));
    }

    /// Audits whose time has come. One that finds its root being walked already waits for its next turn.
    pub(super) fn due(&mut self, rules: &Rules, now: Moment) -> Vec<WalkOrder> {
        let mut orders = Vec::new();
        for root in rules.roots.keys() {
            let rehash = self.next_rehash.get(root).is_some_and(|it| *it <= now);
            let walk = self.next_walk.get(root).is_some_and(|it| *it <= now);
            if !walk && !rehash {
                continue;
            }
            self.next_walk.insert(root.clone(), now + self.audit.walk);
            if rehash {
                self.next_rehash.insert(root.clone(), now + self.audit.rehash);
            }
            if !self.active.values().any(|it| it.root == *root) {
                orders.push(self.put(root.clone(), Origin::Audit, rehash, true));
            }
        }
        orders
    }

    fn plan_next(&mut self, root: &RootName, took: Duration, now: Moment) {
        self.next_walk.insert(root.clone(), now + self.audit.walk.max(took * 1000));
        self.next_rehash.entry(root.clone()).or_insert(now + self.audit.rehash);
    }

    fn ended(&mut self, done: &ScanDone) {
        self.active.remove(&done.order.number);
        for asked in &mut self.rescans {
            if asked.open.remove(&done.order.number) {
                asked.so_far.files += u64::try_from(done.files).unwrap_or(u64::MAX);
                asked.so_far.took_ms += u64::try_from(done.took.as_millis()).unwrap_or(u64::MAX);
            }
        }
    }

    /// Changes that no event had told, found while somebody waits for a full look.
    pub(super) fn missed(&mut self, tools: &[ToolId]) {
        for asked in &mut self.rescans {
            asked.so_far.missed.extend(tools.iter().cloned());
        }
    }

    /// Who waits for a full look does not wait for free disk space as well.
    pub(super) fn give_up(&mut self) -> impl Iterator<Item = RescanReply> {
        self.rescans.drain(..).map(|it| it.reply)
    }

    /// Full looks that are over, with what they found.
    pub(super) fn rescanned(&mut self, as_of: Seq) -> Vec<(RescanReply, Rescanned)> {
        let over = self.rescans.extract_if(.., |it| it.open.is_empty());
        over.map(|it| (it.reply, Rescanned { as_of, ..it.so_far })).collect()
    }
}

impl Reconciler {
    pub(super) fn rescans(&mut self, wanted: Vec<Rescan>, round: &mut Round) {
        for Rescan { roots, rehash, reply } in wanted {
            let all = self.rules.roots.keys().filter(|it| roots.is_empty() || roots.contains(it));
            let orders: Vec<WalkOrder> =
                all.map(|it| self.walks.order(it.clone(), Origin::Audit, rehash)).collect();
            let open = orders.iter().map(|it| it.number).collect();
            self.walks.rescans.push(Asked { open, so_far: Rescanned::default(), reply });
            round.walks.extend(orders);
        }
    }

    /// The end of the listing: what it did not find is asked about, and the walk waits for its answers.
    pub(super) fn walked(&mut self, walked: Walked, round: &mut Round) {
        let Walked { order, present, end, knows_writers, took } = walked;
        let root = order.root.clone();
        let files = present.len();
        let open = match end {
            // The root was thought to be away, and what was seen of it was not believed: walk again.
            End::Whole if self.state.is_root_missing(&root) => {
                let first = round.walks.len();
                self.decide(Input::RootBack(root), Origin::Scan, round);
                for again in round.walks.iter().skip(first) {
                    self.barriers.walk_again(order.number, again.number);
                }
                BTreeMap::new()
            }
            End::Whole => {
                self.roots.entry(root.clone()).or_insert_with(RootView::unknown).knows_writers =
                    knows_writers;
                let input = Input::Walked { root: root.clone(), present };
                self.decide(input, order.origin, round);
                self.pending.open_questions(Some(&root))
            }
            End::RootLost => {
                self.decide(Input::RootGone(root), Origin::Scan, round);
                BTreeMap::new()
            }
            End::Overtaken => {
                if self.rules.roots.contains_key(&root) {
                    let again = self.walks.again(&order);
                    self.barriers.walk_again(order.number, again.number);
                    round.walks.push(again);
                }
                BTreeMap::new()
            }
        };
        self.walks.waiting.add(open, BTreeSet::new(), None, ScanDone { order, files, took, end });
    }

    /// Walks all of whose findings are answered for: the root is known from end to end.
    pub(super) fn scanned(&mut self, round: &mut Round) {
        for ended in self.walks.waiting.take_ended(&self.pending, &round.answers, round.now) {
            if ended.then.end == End::Whole {
                self.decide(Input::Scanned(ended.then.order.root.clone()), Origin::Scan, round);
            }
            round.scans.push(ended.then);
        }
    }

    /// What these walks and others found did not become durable: they are not over.
    pub(super) fn unfinish(&mut self, scans: Vec<ScanDone>, questions: &BTreeMap<ToolId, u64>) {
        for done in scans {
            self.walks.waiting.add(BTreeMap::new(), BTreeSet::new(), None, done);
        }
        self.wait_also(questions);
    }

    /// Whoever waits, waits for answers to these too.
    pub(super) fn wait_also(&mut self, questions: &BTreeMap<ToolId, u64>) {
        self.walks.waiting.also(questions);
        self.barriers.also(questions);
    }

    /// After the group is durable: the walks are told to be over.
    pub(super) fn end_walks(&mut self, scans: &[ScanDone], now: Moment) {
        let time = self.wall_clock();
        for done in scans {
            let root = &done.order.root;
            self.walks.ended(done);
            self.barriers.walk_ended(done.order.number);
            self.walks.plan_next(root, done.took, now);
            if done.end == End::Whole {
                let view = self.roots.entry(root.clone()).or_insert_with(RootView::unknown);
                view.last_scan = Some(time);
            }
        }
    }
}
