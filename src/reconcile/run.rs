//! The loop's thread and the lane's, from start to stop.

use std::{
    sync::{Arc, Mutex, PoisonError, RwLock},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use tokio::sync::broadcast;
use tracing::{error, info, warn};

pub use super::walks::Audit;
use super::{
    Moment, group,
    handle::{Handle, Shared},
    lane::{Lane, Shown},
    mailbox::{Mailbox, Setup},
    measures::Measures,
    publish,
    reconciler::Reconciler,
    round::Outcome,
    view::LogState,
    walks::Walks,
    works::Works,
};
use crate::{
    decide::State,
    model::{Seq, ToolId},
    ports::{Archive, BarrierNo, Clock, Log, Notice, Rows, StoreError, Tree},
};

/// Live events that a slow reader may be behind before it has to read on in the archive: 4,096 × about 300 B.
const LIVE_EVENTS: usize = 4096;
/// Records read at once while the state is brought up.
const REPLAY_PAGE: usize = 4096;
/// The log is checkpointed when this much time has passed since the last fact that is not in one.
const CHECKPOINT_AFTER: Duration = Duration::from_secs(30);
const HEAD_TOLD_EVERY: Duration = Duration::from_hours(1);

#[derive(Clone, Copy, Debug)]
pub struct Settings {
    pub audit: Audit,
}

/// The loop cannot go on: the log cannot be trusted to keep what it is told.
#[derive(Debug, thiserror::Error)]
pub enum Fatal {
    #[error(transparent)]
    Log(#[from] StoreError),
    #[error("the thread {0} ended by a panic")]
    Panicked(&'static str),
}

/// The world that the loop works on.
pub struct World {
    pub log: Box<dyn Log>,
    pub archive: Arc<dyn Archive>,
    pub tree: Box<dyn Tree>,
    pub clock: Arc<dyn Clock>,
    pub works: Works,
}

/// The two threads. Dropping it does not stop them; [`Running::stop`] does.
pub struct Running {
    mailbox: Arc<Mailbox>,
    looped: Mutex<Option<JoinHandle<Result<(), Fatal>>>>,
}

/// Brings the state up from the log, and starts. `raise` asks the watcher to bring a barrier round; `ended` is called
/// when the loop ends, for whatever reason.
pub fn start(
    world: World,
    settings: Settings,
    raise: impl Fn(BarrierNo) + Send + Sync + 'static,
    ended: impl FnOnce() + Send + 'static,
) -> Result<(Handle, Running, Arc<dyn Notice>), Fatal> {
    let World { log, archive, tree, clock, works } = world;
    let (state, rows) = bring_up(&*archive)?;
    let mut reconciler = Reconciler::new(state, log, clock, Walks::new(settings.audit));
    match reconciler.save_rows(rows) {
        // The next start replays once more.
        Ok(()) | Err(StoreError::Full { .. }) => (),
        Err(error) => return Err(error.into()),
    }
    let mailbox = Arc::new(Mailbox::default());
    let shared = Arc::new(Shared {
        view: RwLock::new(Arc::new(reconciler.view())),
        archive,
        inputs: Arc::clone(&works.inputs),
        records: broadcast::Sender::new(LIVE_EVENTS),
        mailbox: Arc::clone(&mailbox),
        raise: Box::new(raise),
        lane: Lane::shared(),
        crew: Arc::default(),
        works: works.clone(),
        measures: Measures::default(),
    });
    let handle = Handle { shared };
    let lane = Arc::clone(&handle.shared.lane);
    let looping =
        Looping { reconciler, handle: handle.clone(), lane, works, began: Instant::now() };
    let looped = thread("reconcile", move || {
        let result = looping.run(tree);
        ended();
        result
    })?;
    Ok((
        handle,
        Running { mailbox: Arc::clone(&mailbox), looped: Mutex::new(Some(looped)) },
        mailbox,
    ))
}

/// Rows as they were saved, and every record after them.
pub(super) fn bring_up(archive: &dyn Archive) -> Result<(State, Rows), StoreError> {
    let (mut as_of, rows) = archive.rows()?;
    let runtimes = rows.runtimes.into_iter().filter_map(|(name, it)| Some((name, it?))).collect();
    let mut state = State::restore(as_of, rows.tools, rows.roots, runtimes, rows.deploys)
        .with_health(rows.health);
    let mut changed = Rows::default();
    loop {
        let records = archive.records(as_of, REPLAY_PAGE)?;
        let Some(last) = records.last() else { return Ok((state, changed)) };
        as_of = last.seq;
        for record in &records {
            state.apply(record);
        }
        let rows = group::rows(&state, &records);
        changed.tools.extend(rows.tools);
        changed.roots.extend(rows.roots);
        changed.runtimes.extend(rows.runtimes);
        changed.deploys.extend(rows.deploys);
        changed.health.extend(rows.health);
        state.forget_old_deploys();
    }
}

fn not_started(source: std::io::Error) -> StoreError {
    let (doing, path) = ("starting the threads", "deploys".into());
    StoreError::Io { doing, path, source }
}

fn thread<T: Send + 'static>(
    name: &'static str,
    body: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, StoreError> {
    std::thread::Builder::new().name(name.to_owned()).spawn(body).map_err(|source| StoreError::Io {
        doing: "starting the thread",
        path: name.into(),
        source,
    })
}

impl Running {
    pub fn configure(&self, setup: Setup) {
        self.mailbox.configure(setup);
    }

    /// Ends the loop after the round in progress, and the lane; closes the log.
    pub fn stop(&self) -> Result<(), Fatal> {
        self.mailbox.stop();
        let looped = self.looped.lock().unwrap_or_else(PoisonError::into_inner).take();
        looped.map_or(Ok(()), |it| it.join().map_err(|_| Fatal::Panicked("reconcile"))?)
    }
}

struct Looping {
    reconciler: Reconciler,
    handle: Handle,
    lane: Arc<Lane>,
    works: Works,
    began: Instant,
}

/// What was published is what is shown.
impl Shown for Handle {
    fn is_known(&self, id: &ToolId) -> bool {
        self.view().state.is_listed(id)
    }

    fn head(&self) -> Seq {
        self.view().state.head
    }
}

impl Looping {
    fn run(mut self, tree: Box<dyn Tree>) -> Result<(), Fatal> {
        let mailbox = Arc::clone(&self.handle.shared.mailbox);
        let lane = Arc::clone(&self.lane);
        let shown = Box::new(self.handle.clone());
        let lane_thread = {
            let mailbox = Arc::clone(&mailbox);
            thread("look", move || lane.run(tree, shown, &mailbox))?
        };
        let Shared { crew, archive, .. } = &*self.handle.shared;
        let crew = Arc::clone(crew);
        let hands = crew.start(&self.works, archive, &mailbox).map_err(not_started)?;
        let result = self.rounds(&mailbox);
        if let Err(error) = &result {
            self.reconciler.log_state = LogState::Broken(error.to_string());
            self.show();
            error!(event = "log.broken", %error, "nothing is acknowledged any more");
        }
        // Who waits for an answer is told that there will be none, before anything that takes time.
        mailbox.close();
        self.lane.stop();
        crew.stop();
        let joined = lane_thread.join();
        let worked = hands.into_iter().map(JoinHandle::join).fold(Ok(()), Result::and);
        if result.is_ok() {
            self.checkpoint()?;
            self.tell_head();
        }
        joined.map_err(|_| Fatal::Panicked("look"))?;
        worked.map_err(|_| Fatal::Panicked("deploys"))?;
        result
    }

    fn rounds(&mut self, mailbox: &Mailbox) -> Result<(), Fatal> {
        let mut upkeep = Upkeep::default();
        loop {
            let now = self.began.elapsed();
            let next = [self.reconciler.next(), upkeep.next()].into_iter().flatten().min();
            let mail = mailbox.take(next.map(|it| it.saturating_sub(now)));
            let stop = mail.stop;
            let now = self.began.elapsed();
            let outcome = self.reconciler.round(mail, now)?;
            let durable = self.began.elapsed();
            for heard in &outcome.heard {
                self.handle.shared.measures.lag(durable.saturating_sub(*heard));
            }
            if !outcome.records.is_empty() {
                upkeep.dirty(now);
            }
            self.hand_out(outcome);
            if upkeep.checkpoint_is_due(now) {
                self.checkpoint()?;
            }
            if upkeep.head_is_due(now) {
                self.tell_head();
            }
            if stop {
                return Ok(());
            }
        }
    }

    /// Publish first, then act: whoever acts on an order or an answer finds the facts it rests on.
    fn hand_out(&self, outcome: Outcome) {
        self.show();
        for record in &outcome.records {
            publish::tell(record);
            self.handle.shared.measures.fact(record);
            // Nobody listening is fine.
            drop(self.handle.shared.records.send(Arc::clone(record)));
        }
        for _ in 0..outcome.overflows {
            warn!(
                event = "watch.overflowed",
                "the kernel dropped events; everything is looked at again"
            );
        }
        for done in &outcome.scans {
            publish::tell_scan(done, self.reconciler.state.counts(&done.order.root));
        }
        if let Some(roots) = outcome.roots {
            self.lane.set_roots(roots);
        }
        self.lane.look(outcome.looks);
        outcome.walks.into_iter().for_each(|it| self.lane.walk(it));
        self.lane.pulse(outcome.pulses);
        let state = &self.reconciler.state;
        self.handle.shared.crew.take_on(outcome.jobs, state);
        self.handle.shared.crew.compare(&outcome.records);
        for (reply, answer) in outcome.answers {
            drop(reply.send(answer));
        }
        for (reply, taken) in outcome.taken {
            drop(reply.send(taken));
        }
        for (reply, synced) in outcome.synced {
            drop(reply.send(synced));
        }
        for (reply, rescanned) in outcome.rescanned {
            drop(reply.send(Ok(rescanned)));
        }
    }

    fn show(&self) {
        let mut view = self.handle.shared.view.write().unwrap_or_else(PoisonError::into_inner);
        *view = Arc::new(self.reconciler.view());
    }

    /// A checkpoint only spares the next start some work: a full disk may refuse it.
    fn checkpoint(&mut self) -> Result<(), StoreError> {
        match self.reconciler.checkpoint() {
            Err(StoreError::Full { .. }) => Ok(()),
            result => result,
        }
    }

    fn tell_head(&self) {
        let (Seq(seq), hash) = self.reconciler.log_head();
        info!(event = "log.head", seq, hash = %crate::model::Digest(hash.0));
    }
}

/// What the loop does for its log now and then.
#[derive(Default)]
struct Upkeep {
    unsaved_since: Option<Moment>,
    head_told: Moment,
}

impl Upkeep {
    fn dirty(&mut self, now: Moment) {
        self.unsaved_since.get_or_insert(now);
    }

    fn next(&self) -> Option<Moment> {
        let checkpoint = self.unsaved_since.map(|it| it + CHECKPOINT_AFTER);
        [checkpoint, Some(self.head_told + HEAD_TOLD_EVERY)].into_iter().flatten().min()
    }

    fn checkpoint_is_due(&mut self, now: Moment) -> bool {
        self.unsaved_since.take_if(|it| *it + CHECKPOINT_AFTER <= now).is_some()
    }

    fn head_is_due(&mut self, now: Moment) -> bool {
        let due = self.head_told + HEAD_TOLD_EVERY <= now;
        if due {
            self.head_told = now;
        }
        due
    }
}
