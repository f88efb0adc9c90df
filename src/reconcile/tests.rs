//! What the loop does with a walk that a reload overtook: too rare among the dice of the simulation to rely on them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use tokio::sync::oneshot::{self, error::TryRecvError};

use super::{
    Audit, Moment, RootRules, Rules, Setup,
    lane::{End, Found, WalkOrder, Walked},
    mailbox::{Barrier, Mail},
    reconciler::Reconciler,
    round::Outcome,
    walks::Walks,
};
use crate::{
    decide::State,
    model::{Author, Dirty, RootName, Timestamp},
    ports::Clock,
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

fn setup() -> Setup {
    let globs = Arc::new(Globs::standard().unwrap());
    let rules = RootRules {
        edits_by: Author::unknown(),
        has_manifest: false,
        globs,
        confirm_within_ms: None,
    };
    let rules = Rules { roots: BTreeMap::from([(root(), rules)]) };
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
    let mail = Mail { setup: Some(setup()), dirty: Dirty::root(root()), ..Mail::default() };
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
