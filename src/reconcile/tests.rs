//! What the dice of the simulation show too seldom to rely on them: a walk that a reload overtook, and other globs on a disk
//! that is full.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::sync::oneshot::{self, error::TryRecvError};

use super::{
    Audit, Moment, RootRules, Rules, Setup,
    lane::{End, Found, Look, WalkOrder, Walked},
    mailbox::{Barrier, Mail},
    reconciler::Reconciler,
    round::Outcome,
    walks::Walks,
};
use crate::{
    decide::State,
    model::{
        ChainHash, Digest, Dirty, FileSeen, Origin, Packed, RootName, Seen, Seq, Sight, Timestamp,
        ToolId,
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
