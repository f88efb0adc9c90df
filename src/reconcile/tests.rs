//! What the dice of the simulation show too seldom to rely on them: a walk that a reload overtook, other globs on a disk
//! that is full, and a return that is asked for twice.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use tokio::sync::oneshot::{self, error::TryRecvError};

use super::{
    Audit, Moment, RootRules, Rules, Setup,
    job::{Done, Job},
    lane::{End, Found, Look, WalkOrder, Walked},
    mailbox::{Barrier, Mail, Request},
    prepare,
    reconciler::Reconciler,
    round::Outcome,
    walks::Walks,
};
use crate::{
    decide::{Command, Prepared, Purpose, StageOrder, Staged, State, Task},
    model::{
        Author, AuthorKind, ChainHash, Change, DeployKind, DeployNo, Digest, Dirty, FileSeen,
        LiveFile, LivePart, Marker, Origin, Packed, Proposal, Reason, Refusal, RootName,
        RuntimeName, SafetyCause, Seen, Seq, Sight, Switched, Target, Timestamp, ToolId,
    },
    ports::{Batch, Clock, Log, StoreError},
    roots::Globs,
    store::memory::MemoryStore,
};

struct NoClock;

impl Clock for NoClock {
    fn now(&self) -> Timestamp {
        Timestamp(0)
    }
}

fn root() -> RootName {
    RootName::new("t").unwrap()
}

fn setup(include: &str) -> Setup {
    let globs = Arc::new(Globs::new(&[include.to_owned()], &[], false).unwrap());
    let rules = RootRules::new(globs);
    let rules = Rules { roots: BTreeMap::from([(root(), rules)]), ..Rules::default() };
    Setup { rules, roots: Vec::new(), manifests: Vec::new(), audit: None }
}

fn round(reconciler: &mut Reconciler, mail: Mail) -> Outcome {
    reconciler.round(mail, Moment::ZERO).unwrap()
}

fn walked(order: WalkOrder, end: End) -> Mail {
    let (present, took) = (BTreeSet::new(), Duration::ZERO);
    let walked = Walked { order, present, end, knows_writers: true, took };
    Mail { found: vec![Found::Walked(walked)], ..Mail::default() }
}

#[test]
fn a_walk_that_a_reload_overtook_is_taken_again_and_waited_for() {
    let opened = MemoryStore::default().reopen();
    let day = Duration::from_hours(24);
    let walks = Walks::new(Audit { walk: day, rehash: day });
    let mut reconciler = Reconciler::new(State::default(), opened.log, Arc::new(NoClock), walks);
    let mail = Mail { setup: Some(setup("**")), dirty: Dirty::root(root()), ..Mail::default() };
    let first = round(&mut reconciler, mail).walks.remove(0);

    let (reply, mut answer) = oneshot::channel();
    let expected = vec![Barrier { number: 1, reply, limit: day }];
    let mail = Mail { expected, raised: BTreeSet::from([1]), ..Mail::default() };
    assert!(round(&mut reconciler, mail).synced.is_empty(), "the walk came before the question");

    let overtaken = round(&mut reconciler, walked(first.clone(), End::Overtaken));
    let [again] = &overtaken.walks[..] else { panic!("it is not taken again") };
    assert!(again.root == first.root && again.number != first.number);
    assert!(overtaken.synced.is_empty(), "nobody has looked yet");
    assert!(matches!(answer.try_recv(), Err(TryRecvError::Empty)));

    let whole = round(&mut reconciler, walked(again.clone(), End::Whole));
    assert_eq!(whole.synced.len(), 1);
    assert!(!whole.synced[0].1.timed_out);
}

/// Takes nothing once it is full.
struct Narrow(Box<dyn Log>, Arc<AtomicBool>);

impl Log for Narrow {
    fn head(&self) -> (Seq, ChainHash) {
        self.0.head()
    }

    fn append(&mut self, batch: &Batch) -> Result<(), StoreError> {
        if self.1.load(Ordering::Relaxed) {
            return Err(StoreError::Full { path: "here".into(), free: None, needed: 1 });
        }
        self.0.append(batch)
    }

    fn checkpoint(&mut self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[test]
fn globs_are_no_fact_that_a_full_disk_undoes() {
    let (opened, full) = (MemoryStore::default().reopen(), Arc::new(AtomicBool::new(false)));
    let day = Duration::from_hours(24);
    let walks = Walks::new(Audit { walk: day, rehash: day });
    let log = Box::new(Narrow(opened.log, Arc::clone(&full)));
    let mut reconciler = Reconciler::new(State::default(), log, Arc::new(NoClock), walks);
    round(&mut reconciler, Mail { setup: Some(setup("**")), ..Mail::default() });
    let tool: ToolId = "t/a.py".parse().unwrap();
    let looks = vec![Look { seen: file(&tool), origin: Origin::Watch, ticket: None }];
    let found = vec![Found::Looked { as_of: Seq(0), looks, away: BTreeSet::new() }];
    round(&mut reconciler, Mail { found, ..Mail::default() });
    assert!(reconciler.state.is_listed(&tool));

    round(&mut reconciler, Mail { setup: Some(setup("*.sh")), ..Mail::default() });
    assert!(reconciler.state.is_outside(&tool));
    full.store(true, Ordering::Relaxed);
    let mail = Mail { roots: BTreeMap::from([(root(), false)]), ..Mail::default() };
    assert!(round(&mut reconciler, mail).records.is_empty(), "it cannot be recorded");
    assert!(reconciler.state.is_outside(&tool));
}

fn file(tool: &ToolId) -> Seen {
    let (digest, size) = (Digest([7; 32]), 1);
    let content = Some(Packed { digest, size, codec: 0, bytes: vec![1] });
    let (executable, mtime, links) = (false, Timestamp(0), 1);
    let sight = Sight::File(FileSeen { digest, size, executable, mtime, content, links });
    Seen { tool: tool.clone(), firm: true, sight }
}

struct WallClock(Arc<AtomicI64>);

impl Clock for WallClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed))
    }
}

fn asks(command: Command) -> Mail {
    let (reply, _) = oneshot::channel();
    Mail { requests: vec![Request { command, reply }], ..Mail::default() }
}

fn staged(outcome: &Outcome, prepared: Result<Prepared, Refusal>) -> Mail {
    let stage = |it: &Job| {
        if let Task::Stage(order) = &it.task { Some((it.ticket, order.clone())) } else { None }
    };
    let (ticket, order): (_, StageOrder) = outcome.jobs.iter().find_map(stage).unwrap();
    let staged = Staged { order, outcome: prepared };
    Mail { done: vec![Done::Staged { ticket, staged }], ..Mail::default() }
}

fn proposal(tool: &ToolId) -> Proposal {
    let to = Some(Target { digest: Digest([7; 32]), executable: None });
    Proposal {
        kind: DeployKind::Deploy,
        changes: vec![Change { tool: tool.clone(), base: None, to, parents: Vec::new() }],
        author: Author { kind: AuthorKind::Human, name: None },
        claimed: None,
        reason: Reason::edit(),
        message: None,
        metadata: None,
        confirm_within_ms: Some(1000),
        force: false,
        keeps_conflict: false,
        key: None,
        quarantines: Vec::new(),
        expect_changes: Vec::new(),
    }
}

/// A loop with a deploy of `tool` that is live and has to be confirmed within a second.
fn provisional(tool: &ToolId, wall: &Arc<AtomicI64>, full: &Arc<AtomicBool>) -> Reconciler {
    let (opened, day) = (MemoryStore::default().reopen(), Duration::from_hours(24));
    let clock = Arc::new(WallClock(Arc::clone(wall)));
    let walks = Walks::new(Audit { walk: day, rehash: day });
    let log = Box::new(Narrow(opened.log, Arc::clone(full)));
    let mut reconciler = Reconciler::new(State::default(), log, clock, walks);
    round(&mut reconciler, Mail { setup: Some(setup("**")), ..Mail::default() });
    let (proposal, contents) = (Box::new(proposal(tool)), Vec::new());
    let asked =
        round(&mut reconciler, asks(Command::Propose { proposal, contents, rehearsal: false }));
    let marker = Marker { name: "n1".into(), inode: Some((1, 1)), executable: false, size: 1 };
    let content = Packed { digest: Digest([7; 32]), size: 1, codec: 0, bytes: vec![1] };
    let (markers, contents, skipped) = (vec![marker], vec![content], Some(Vec::new()));
    let mail = staged(&asked, Ok(Prepared { markers, contents, skipped, examined: Vec::new() }));
    round(&mut reconciler, mail);
    let file = Some(LiveFile { executable: false, mtime: Timestamp(0) });
    let part = LivePart { tool: tool.clone(), live: file, displaced: None };
    let (deploy, outcome) = (DeployNo(1), Switched::Live(vec![part]));
    let mail = Mail { done: vec![Done::Switched { deploy, outcome }], ..Mail::default() };
    round(&mut reconciler, mail);
    assert!(reconciler.state.deploy(deploy).unwrap().is_provisional());
    reconciler
}

/// How many returns of the deploy are to be staged.
fn returns(outcome: &Outcome) -> usize {
    let back = DeployKind::Automatic(DeployNo(1));
    let is_back = |it: &&Job| matches!(&it.task, Task::Stage(it) if it.proposal.kind == back);
    outcome.jobs.iter().filter(is_back).count()
}

fn cannot_load(tool: &ToolId, message: &str) -> Mail {
    asks(Command::Report {
        runtime: RuntimeName::new("planner").unwrap(),
        loaded: BTreeMap::new(),
        failed: [(tool.clone(), message.to_owned())].into(),
        ttl_ms: 1000,
    })
}

#[test]
fn a_return_that_could_not_begin_is_tried_again_though_it_was_asked_for_meanwhile() {
    let (tool, wall): (ToolId, _) = ("t/a.py".parse().unwrap(), Arc::default());
    let mut reconciler = provisional(&tool, &wall, &Arc::default());
    let refused = |it: &Outcome| {
        staged(it, Err(Refusal::SafetyStop { root: root(), cause: SafetyCause::RootMissing }))
    };
    wall.store(2_000_000, Ordering::Relaxed);
    let due = round(&mut reconciler, Mail::default());
    assert_eq!(returns(&due), 1, "its time is over");
    let early = round(&mut reconciler, cannot_load(&tool, "early"));
    assert_eq!(returns(&early), 0, "it is on its way");
    assert_eq!(returns(&round(&mut reconciler, refused(&due))), 0, "not at once again");
    let blamed = round(&mut reconciler, cannot_load(&tool, "late"));
    assert_eq!(returns(&blamed), 1, "somebody has another cause");
    round(&mut reconciler, refused(&blamed));
    let later = reconciler.round(Mail::default(), Duration::from_secs(11)).unwrap();
    assert_eq!(returns(&later), 1, "a deadline is obeyed, however often it could not be");
}

#[test]
fn nothing_is_taken_back_for_what_a_full_disk_did_not_record() {
    let (tool, full): (ToolId, Arc<AtomicBool>) = ("t/a.py".parse().unwrap(), Arc::default());
    let mut reconciler = provisional(&tool, &Arc::default(), &full);
    full.store(true, Ordering::Relaxed);
    let unheard = round(&mut reconciler, cannot_load(&tool, "SyntaxError"));
    assert!(unheard.records.is_empty() && returns(&unheard) == 0);
    full.store(false, Ordering::Relaxed);
    let heard = round(&mut reconciler, cannot_load(&tool, "SyntaxError"));
    assert!(!heard.records.is_empty() && returns(&heard) == 1, "said again, it is done");
}

#[test]
fn what_is_kept_as_a_conflict_is_there_for_whoever_decides_it() {
    let opened = crate::store::memory::open();
    let proposal = Arc::new(proposal(&"t/a.py".parse().unwrap()));
    let kept = |contents: Vec<(Digest, Vec<u8>)>| {
        let (proposal, contents) = (Arc::clone(&proposal), Arc::new(contents));
        let (against, purpose) = (vec![None], Purpose::Dispute);
        let order = StageOrder { proposal, against, contents, purpose };
        prepare::kept(&*opened.pack, &*opened.archive, &order)
    };
    assert_eq!(kept(vec![(Digest([7; 32]), vec![1])]).unwrap().contents.len(), 1);
    assert!(matches!(kept(Vec::new()), Err(Refusal::Stage(_))), "the log does not have it either");
}
