//! The world around one loop: what a step of the dice does to it.

#![expect(clippy::too_many_lines, reason = "one arm for each thing that happens")]

pub(super) mod dice;
mod works;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{
        Arc, Mutex, RwLock,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use tokio::sync::oneshot;

use self::dice::Dice;
use super::{
    check,
    crew::FakeCrew,
    deployers::Asked,
    disk::{Content, FakeDisk, FakeTree, digest},
};
use crate::{
    decide::{Accept, Command, OnDrift, RootRules, Rules, State},
    model::{
        Author, AuthorKind, ChainHash, Digest, Record, RootName, RuntimeName, Seq, Timestamp,
        ToolId,
    },
    ports::{Archive, Batch, Clock, Log, Notice as _, StoreError},
    reconcile::{
        Answer, Manifest, Setup, Synced,
        handle::Granted,
        lane::{Found, Pick, Shown, Wanted, Worker},
        mailbox::{Barrier, Mail, Mailbox, Request},
        reconciler::Reconciler,
        round::Outcome,
        run::{Audit, bring_up},
        walks::Walks,
    },
    roots::{Globs, WatchedRoot},
    store::{Opened, memory::MemoryStore},
};

pub(super) const AUDIT_EVERY: Duration = Duration::from_mins(1);

#[expect(clippy::struct_excessive_bools, reason = "a history has or lacks each by itself")]
pub(super) struct Sim {
    pub(super) seed: u64,
    loud: bool,
    /// Hints arrive before anything else happens: then short absences and empty moments must stay unseen.
    pub(super) prompt: bool,
    pub(super) now: Duration,
    pub(super) disk: Arc<Mutex<FakeDisk>>,
    pub(super) store: MemoryStore,
    pub(super) archive: Arc<dyn Archive>,
    full: Arc<AtomicBool>,
    pub(super) reconciler: Reconciler,
    pub(super) known: Arc<RwLock<State>>,
    wanted: Wanted,
    worker: Worker,
    results: VecDeque<Found>,
    /// Paths that the kernel has told of and the watcher has not yet read.
    kernel: VecDeque<ToolId>,
    mail: Mailbox,
    found: Vec<Found>,
    requests: Vec<Request>,
    barriers: Vec<Barrier>,
    pub(super) published: Vec<Arc<Record>>,
    answers: Vec<(Command, oneshot::Receiver<Answer>)>,
    synced: Vec<(BTreeMap<ToolId, u64>, oneshot::Receiver<Synced>)>,
    unbrought: BTreeSet<u64>,
    last_barrier: u64,
    contents: u32,
    /// Paths that changed without any event, and were not walked over since.
    pub(super) silent: BTreeSet<ToolId>,
    pub(super) ever_silent: bool,
    /// Audits passed while hints were late.
    pub(super) overtaken: bool,
    /// How often each path had changed when the process began.
    pub(super) at_start: BTreeMap<ToolId, u64>,
    /// Until when each runtime's report holds.
    pub(super) leases: BTreeMap<RuntimeName, Duration>,
    /// The root's, where it has one.
    pub(super) manifest: Option<Manifest>,
    pub(super) globs: Arc<Globs>,
    /// Somebody deploys in this history.
    pub(super) deploys: bool,
    pub(super) crew: FakeCrew,
    pub(super) wall: Arc<AtomicI64>,
    /// Each time that the wall clock was set: how far the log was then, and what the clock had shown.
    pub(super) clock_was: Vec<(Seq, Timestamp)>,
    pub(super) asked: Asked,
    /// The root's wish for deploys to be provisional.
    policy: Option<u64>,
    /// What it wants done about edits.
    on_drift: OnDrift,
    /// What no seed of the history's own dice decides.
    inner_dice: Dice,
    /// What the crew has told of, for the next round.
    done: Vec<crate::reconcile::job::Done>,
    /// Whether a switch could not say how far it came: the process ends.
    ended: bool,
    pub(super) crashed: bool,
}

struct FaultyLog {
    inner: Box<dyn Log>,
    full: Arc<AtomicBool>,
}

impl Log for FaultyLog {
    fn head(&self) -> (Seq, ChainHash) {
        self.inner.head()
    }

    fn append(&mut self, batch: &Batch) -> Result<(), StoreError> {
        if self.full.load(Ordering::Relaxed) {
            return Err(StoreError::Full { path: "memory".into(), free: Some(1), needed: 2 });
        }
        self.inner.append(batch)
    }

    fn checkpoint(&mut self) -> Result<(), StoreError> {
        self.inner.checkpoint()
    }
}

/// What people's clocks show.
struct WallClock(Arc<AtomicI64>);

impl Clock for WallClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed))
    }
}

pub(super) fn root() -> RootName {
    RootName::new("t").unwrap()
}

fn tools() -> Vec<ToolId> {
    ["t/a", "t/b", "t/c", "t/d", "t/d/e", "t/d/f", "t/g"]
        .iter()
        .map(|it| it.parse().unwrap())
        .collect()
}

pub(super) fn any_tool(dice: &mut Dice) -> ToolId {
    // `t/d` is a directory: no file stands there.
    let files: Vec<ToolId> = tools().into_iter().filter(|it| it.as_str() != "t/d").collect();
    dice.pick(&files).clone()
}

fn globs(include: &str, exclude: &str, executables: bool) -> Arc<Globs> {
    let one = |it: &str| -> Vec<String> {
        Some(it.to_owned()).filter(|it| !it.is_empty()).into_iter().collect()
    };
    Arc::new(Globs::new(&one(include), &one(exclude), executables).unwrap())
}

fn any_globs(dice: &mut Dice) -> Arc<Globs> {
    let include = *dice.pick(&["**", "**", "{a,b}", "{c,d/*}"]);
    let exclude = *dice.pick(&["", "", "a", "d", "{b,g}"]);
    globs(include, exclude, dice.roll(2) == 0)
}

/// Names some tools, each with a content that was there, will be or never is.
fn manifest(dice: &mut Dice) -> Manifest {
    let named = (0..dice.roll(5)).map(|_| {
        let number = u32::try_from(dice.roll(12)).unwrap();
        (any_tool(dice), digest(Content::Whole(number)))
    });
    let entries: BTreeMap<ToolId, Digest> = named.collect();
    let number = u32::try_from(dice.roll(1 << 30)).unwrap();
    Manifest { root: root(), digest: digest(Content::Part(number)), entries }
}

impl Sim {
    pub(super) fn new(seed: u64, loud: bool) -> Self {
        let disk = Arc::new(Mutex::new(FakeDisk::new()));
        let store = MemoryStore::default();
        let full = Arc::new(AtomicBool::new(false));
        let wall = Arc::new(AtomicI64::new(1_700_000_000_000_000));
        let (reconciler, archive) = open(store.reopen(), &full, &wall);
        let deploys = seed % 5 < 3;
        let prompt = seed.is_multiple_of(3);
        let mut inner_dice = Dice::new(seed ^ 0xde91);
        let crew = FakeCrew::new(seed, &disk, &archive, &mut inner_dice, prompt);
        let known = Arc::new(RwLock::new(State::default()));
        let worker = worker(&disk, &known);
        let mut sim = Self {
            seed,
            loud,
            prompt,
            now: Duration::ZERO,
            disk,
            store,
            archive,
            full,
            reconciler,
            known,
            wanted: Wanted::default(),
            worker,
            results: VecDeque::new(),
            kernel: VecDeque::new(),
            mail: Mailbox::default(),
            found: Vec::new(),
            requests: Vec::new(),
            barriers: Vec::new(),
            published: Vec::new(),
            answers: Vec::new(),
            synced: Vec::new(),
            unbrought: BTreeSet::new(),
            last_barrier: 0,
            contents: 0,
            silent: BTreeSet::new(),
            ever_silent: false,
            overtaken: false,
            at_start: BTreeMap::new(),
            leases: BTreeMap::new(),
            manifest: None,
            globs: globs("**", "", true),
            deploys,
            crew,
            wall,
            clock_was: Vec::new(),
            asked: Asked::default(),
            policy: None,
            on_drift: OnDrift::Flag,
            inner_dice,
            done: Vec::new(),
            ended: false,
            crashed: false,
        };
        let mut dice = Dice::new(seed ^ 0x5eed);
        sim.manifest = (dice.roll(5) == 0).then(|| manifest(&mut dice));
        for _ in 0..dice.roll(6) {
            let content = sim.content();
            sim.disk.lock().unwrap().put(
                &any_tool(&mut dice),
                content,
                false,
                false,
                Duration::ZERO,
            );
        }
        sim
    }

    /// What `app` does: the roots are told, the watcher arms and asks for a scan.
    pub(super) fn start(&mut self) {
        self.configure();
        self.mail.dirty(crate::model::Dirty::root(root()), Vec::new());
        self.at_start = self.disk.lock().unwrap().changes.clone();
        let runtimes = self.reconciler.state.runtimes();
        let leases = runtimes.map(|it| (it.0.clone(), Duration::from_millis(it.1.ttl_ms)));
        self.leases = leases.collect();
        let there = self.disk.lock().unwrap().there;
        self.mail.root_changed(&root(), there);
    }

    fn configure(&mut self) {
        let edits_by = Author { kind: AuthorKind::Human, name: Some("ana".to_owned()) };
        let has_manifest = self.manifest.is_some();
        let globs = Arc::clone(&self.globs);
        let rules = RootRules {
            edits_by,
            has_manifest,
            confirm_within_ms: self.policy,
            on_drift: self.on_drift,
            ..RootRules::new(Arc::clone(&globs))
        };
        let rules = Rules { roots: [(root(), rules)].into(), ..Rules::default() };
        let roots =
            vec![WatchedRoot { name: root(), path: "/t".into(), globs, file_size: 1 << 20 }];
        let manifests = self.manifest.iter().cloned().collect();
        self.mail.configure(Setup { rules, roots, manifests, audit: None });
    }

    /// The same root again, maybe with another manifest, maybe with other globs, which make the watcher ask for a scan.
    pub(super) fn reload(&mut self, dice: &mut Dice) {
        if self.manifest.is_some() && dice.roll(2) == 0 {
            self.manifest = Some(manifest(dice));
        }
        if self.deploys {
            self.policy = *dice.pick(&[None, None, Some(30), Some(50_000)]);
            let flag = OnDrift::Flag;
            self.on_drift = *dice.pick(&[flag, flag, OnDrift::Accept, OnDrift::Restore]);
        }
        let others = dice.roll(3) > 0;
        if others {
            self.globs = any_globs(dice);
            self.disk.lock().unwrap().all_change();
            // The scan finds silent changes as well, whenever it passes.
            self.ever_silent |= !self.silent.is_empty();
            self.tell(|| format!("globs {:?}", self.globs));
        }
        self.configure();
        if others {
            self.mail.dirty(crate::model::Dirty::root(root()), Vec::new());
        }
    }

    pub(super) fn content(&mut self) -> Content {
        self.contents += 1;
        // Now and then a content that was there before.
        Content::Whole(if self.contents.is_multiple_of(5) {
            self.contents / 2
        } else {
            self.contents
        })
    }

    pub(super) fn round(&mut self) {
        if self.prompt {
            self.notice_all();
        }
        let outcome = self.one_round();
        self.hand_out(outcome);
        self.begin_again_where_it_ended();
    }

    fn one_round(&mut self) -> Outcome {
        let mut mail: Mail = self.mail.take(Some(Duration::ZERO));
        mail.found.append(&mut self.found);
        mail.requests.append(&mut self.requests);
        mail.expected.append(&mut self.barriers);
        mail.done.append(&mut self.done);
        for request in &mail.requests {
            if let Command::Report { runtime, ttl_ms, .. } = &request.command {
                self.leases.insert(runtime.clone(), self.now + Duration::from_millis(*ttl_ms));
            }
        }
        self.tell(|| {
            format!("mail roots {:?} raised {:?} {:?}", mail.roots, mail.raised, mail.dirty)
        });
        for found in &mail.found {
            self.tell(|| match found {
                Found::Looked { looks, away, .. } => {
                    let sights = looks
                        .iter()
                        .map(|it| (&it.seen.tool, it.ticket, it.seen.firm, &it.seen.sight));
                    format!("looked, away {away:?}: {:?}", sights.collect::<Vec<_>>())
                }
                Found::Walked(walked) => format!("walked {:?} {:?}", walked.order, walked.end),
            });
        }
        match self.reconciler.round(mail, self.now) {
            Ok(outcome) => outcome,
            Err(StoreError::Poisoned(why)) if self.deploys => {
                self.tell(|| format!("the process ends: {why}"));
                self.ended = true;
                Outcome::default()
            }
            Err(error) => panic!("seed {}: {error}", self.seed),
        }
    }

    fn hand_out(&mut self, outcome: Outcome) {
        for record in &outcome.records {
            self.tell(|| format!("record {:?}", record.fact));
        }
        *self.known.write().unwrap() = self.reconciler.state.clone();
        check::published_is_durable(self, &outcome.records);
        check::adopted(self, &outcome.records);
        self.published.extend(outcome.records);
        if let Some(roots) = outcome.roots {
            self.wanted.set_roots(roots);
        }
        self.wanted.look(outcome.looks);
        self.wanted.walks.extend(outcome.walks);
        self.crew.take_on(outcome.jobs, &self.reconciler.state);
        for (reply, answer) in outcome.answers {
            drop(reply.send(answer));
        }
        for (reply, synced) in outcome.synced {
            drop(reply.send(synced));
        }
        self.read_answers();
    }

    fn read_answers(&mut self) {
        let answers = std::mem::take(&mut self.answers);
        for (command, mut answer) in answers {
            match answer.try_recv() {
                Ok(Ok(Ok(granted))) => self.granted(&command, &granted),
                Err(oneshot::error::TryRecvError::Empty) => self.answers.push((command, answer)),
                Ok(_) | Err(oneshot::error::TryRecvError::Closed) => (),
            }
        }
        let synced = std::mem::take(&mut self.synced);
        for (asked_of, mut answer) in synced {
            match answer.try_recv() {
                Ok(synced) => check::barrier(self, &asked_of, &synced),
                Err(oneshot::error::TryRecvError::Empty) => self.synced.push((asked_of, answer)),
                Err(oneshot::error::TryRecvError::Closed) => (),
            }
        }
    }

    fn granted(&self, command: &Command, granted: &Granted) {
        for record in &granted.records {
            let kept = self.archive.records(Seq(record.seq.0 - 1), 1).unwrap();
            assert_eq!(
                kept.first(),
                Some(record),
                "seed {}: granted, and not in the log",
                self.seed
            );
        }
        if let Command::Accept { what: Accept::Tools(tools), .. } = command {
            check::accepted(self, tools, granted);
        }
    }

    /// One piece of the lane's work; whether there was one.
    pub(super) fn look(&mut self) -> bool {
        match self.wanted.pick(self.worker.rest().map(|_| Duration::ZERO)) {
            Pick::Work(work) => {
                self.results.extend(self.worker.step(work));
                true
            }
            Pick::Rest(_) | Pick::Idle | Pick::Stop => false,
        }
    }

    /// One answer of the lane arrives, in order.
    pub(super) fn deliver(&mut self) {
        self.found.extend(self.results.pop_front());
    }

    /// The watcher reads some of what the kernel told.
    pub(super) fn notice(&mut self, dice: &mut Dice) {
        for _ in 0..=dice.roll(3) {
            if let Some(tool) = self.kernel.pop_front() {
                self.mail.dirty(crate::model::Dirty::path(tool), Vec::new());
            }
        }
    }

    fn notice_all(&mut self) {
        while let Some(tool) = self.kernel.pop_front() {
            self.mail.dirty(crate::model::Dirty::path(tool), Vec::new());
        }
    }

    pub(super) fn pass(&mut self, time: Duration) {
        if self.prompt {
            // Nobody is slow here: what is due happens in time.
            self.quiet();
        }
        self.be_at(self.now + time);
    }

    fn be_at(&mut self, now: Duration) {
        let passed = i64::try_from(now.saturating_sub(self.now).as_micros()).unwrap();
        self.wall.fetch_add(passed, Ordering::Relaxed);
        self.now = now;
        self.disk.lock().unwrap().now = now;
    }

    /// Long enough for audits and for leases.
    pub(super) fn leap(&mut self, time: Duration) {
        // An audit may then find what a hint, which is on its way since, will tell of.
        self.overtaken |= !self.prompt;
        self.pass(time);
    }

    pub(super) fn edit(&mut self, dice: &mut Dice) {
        let tool = any_tool(dice);
        let now = self.now;
        let content = self.content();
        let before = self.disk.lock().unwrap().files.get(&tool).copied();
        let executable = before.is_some_and(|it| it.executable);
        {
            let mut disk = self.disk.lock().unwrap();
            match (dice.roll(12), before) {
                (0, _) if self.deploys => disk.replace(&tool, content, executable, now),
                (1, Some(it)) if self.deploys && !it.writer => disk.open(&tool),
                (0..=2, _) => disk.put(&tool, content, executable, false, now),
                (3..=4, _) => disk.put(&tool, Content::Part(self.contents), executable, true, now),
                (5, _) => disk.put(&tool, Content::Empty, executable, false, now),
                (6, Some(it)) if !it.writer => {
                    disk.put(&tool, it.content, !it.executable, false, now);
                }
                (7, Some(_)) => disk.touch(&tool),
                (8..=9, Some(_)) => disk.remove(&tool, now),
                (10, _) => {
                    for below in tools().iter().filter(|it| it.as_str().starts_with("t/d/")) {
                        disk.remove(below, now);
                    }
                    drop(disk);
                    return self.told("t/d".parse().unwrap());
                }
                (11, _) => {
                    disk.put(&tool, content, executable, false, now);
                    self.silent.insert(tool);
                    self.ever_silent = true;
                    return;
                }
                _ => return,
            }
        }
        self.told(tool);
    }

    pub(super) fn tell(&self, what: impl FnOnce() -> String) {
        if self.loud {
            eprintln!("{:>8.3} {}", self.now.as_secs_f64(), what());
        }
    }

    fn told(&mut self, tool: ToolId) {
        self.tell(|| format!("told {tool} {:?}", self.disk.lock().unwrap().files.get(&tool)));
        self.kernel.push_back(tool);
        if self.prompt {
            self.quiet();
        }
    }

    pub(super) fn note_hints(&mut self) {
        let events = std::mem::take(&mut self.disk.lock().unwrap().events);
        self.kernel.extend(events);
    }

    pub(super) fn overflow(&mut self) {
        self.kernel.clear();
        self.mail.overflowed();
        self.mail.dirty(crate::model::Dirty::root(root()), Vec::new());
        // The walk that follows finds silent changes as well, whenever it passes.
        self.ever_silent |= !self.silent.is_empty();
    }

    pub(super) fn accept(&mut self, dice: &mut Dice) {
        let tool = any_tool(dice);
        let wanted: Option<Digest> = match dice.roll(3) {
            0 => None,
            1 => self.disk.lock().unwrap().files.get(&tool).map(|it| digest(it.content)),
            _ => Some(Digest([7; 32])),
        };
        let what =
            if dice.roll(6) == 0 { Accept::All } else { Accept::Tools(vec![(tool, wanted)]) };
        let author = Author { kind: AuthorKind::Human, name: None };
        self.ask(Command::Accept { what, author });
    }

    pub(super) fn report(&mut self, dice: &mut Dice) {
        let runtime =
            RuntimeName::new(["planner", "coder"][usize::try_from(dice.roll(2)).unwrap()]).unwrap();
        if dice.roll(5) == 0 {
            return self.ask(Command::Forget { runtime });
        }
        let tool = any_tool(dice);
        let loaded =
            self.disk.lock().unwrap().files.get(&tool).map(|it| (tool.clone(), digest(it.content)));
        let failed = if loaded.is_none() {
            [(tool, "no such file".to_owned())].into()
        } else {
            BTreeMap::new()
        };
        if self.deploys && dice.roll(2) == 0 {
            return self.report_all(runtime, dice);
        }
        let ttl_ms = 1000 + dice.roll(100_000);
        self.ask(Command::Report { runtime, loaded: loaded.into_iter().collect(), failed, ttl_ms });
    }

    pub(super) fn ask(&mut self, command: Command) {
        self.tell(|| format!("asks {command:?}"));
        let (reply, answer) = oneshot::channel();
        self.requests.push(Request { command: command.clone(), reply });
        self.answers.push((command, answer));
    }

    pub(super) fn ask_for_barrier(&mut self) {
        let (reply, answer) = oneshot::channel();
        self.last_barrier += 1;
        let number = self.last_barrier;
        self.barriers.push(Barrier { number, reply, limit: Duration::from_hours(1) });
        self.unbrought.insert(number);
        self.synced.push((self.disk.lock().unwrap().changes.clone(), answer));
    }

    /// The cookie comes out of the kernel's queue: everything before it came out as well.
    pub(super) fn bring_barriers(&mut self) {
        self.notice_all();
        let brought = std::mem::take(&mut self.unbrought).into_iter().collect();
        self.mail.dirty(crate::model::Dirty::default(), brought);
    }

    pub(super) fn fill_or_free(&mut self, dice: &mut Dice) {
        let full = !self.prompt && dice.roll(3) == 0;
        self.tell(|| format!("full {full}"));
        self.full.store(full, Ordering::Relaxed);
    }

    pub(super) fn root_goes_or_comes(&mut self, dice: &mut Dice) {
        if dice.roll(3) > 0 {
            return;
        }
        let there = {
            let mut disk = self.disk.lock().unwrap();
            disk.go_or_come()
        };
        if there {
            self.kernel.clear();
        }
        self.mail.root_changed(&root(), there);
        if there {
            self.mail.dirty(crate::model::Dirty::root(root()), Vec::new());
        }
    }

    /// The process dies, maybe between the log and its readers, and starts again on what is durable.
    pub(super) fn crash(&mut self, dice: &mut Dice) {
        if dice.roll(2) == 0 {
            drop(self.one_round());
        }
        let (without_rows, away) = (dice.roll(3) == 0, dice.roll(90));
        self.begin_again(without_rows, Duration::from_secs(away));
    }

    fn begin_again_where_it_ended(&mut self) -> bool {
        let ended = std::mem::take(&mut self.ended);
        if ended {
            let without_rows = self.inner_dice.roll(3) == 0;
            self.begin_again(without_rows, Duration::from_secs(2));
        }
        ended
    }

    fn begin_again(&mut self, without_rows: bool, away: Duration) {
        self.tell(|| "a new process".to_owned());
        (self.ended, self.crashed) = (false, true);
        self.full.store(false, Ordering::Relaxed);
        let opened =
            if without_rows { self.store.reopen_without_rows() } else { self.store.reopen() };
        (self.reconciler, self.archive) = open(opened, &self.full, &self.wall);
        self.new_crew(away);
        *self.known.write().unwrap() = self.reconciler.state.clone();
        self.worker = worker(&self.disk, &self.known);
        self.wanted = Wanted::default();
        self.results.clear();
        self.kernel.clear();
        self.mail = Mailbox::default();
        self.found.clear();
        self.requests.clear();
        self.barriers.clear();
        self.answers.clear();
        self.synced.clear();
        self.unbrought.clear();
        self.silent.clear();
        self.disk.lock().unwrap().restart_clock(self.now);
        self.now = Duration::ZERO;
        self.disk.lock().unwrap().now = Duration::ZERO;
        check::replay_is_live(self);
        self.start();
    }

    /// Editors finish, hints arrive, audits pass: the moment at which log and disk must agree.
    pub(super) fn settle(&mut self) {
        self.full.store(false, Ordering::Relaxed);
        self.finish_edits();
        self.bring_barriers();
        self.quiet();
        if self.ever_silent {
            let missed = check::unseen(self);
            self.be_at(self.now + AUDIT_EVERY * 2);
            self.quiet();
            if !self.deploys {
                check::told_as_missed(self, &missed);
            }
            self.silent.clear();
        }
        if self.deploys {
            self.keep_deadlines();
        }
    }

    fn finish_edits(&mut self) {
        self.close_all_late();
        let now = self.now;
        let open: Vec<ToolId> = {
            let disk = self.disk.lock().unwrap();
            disk.files.iter().filter(|it| it.1.writer).map(|it| it.0.clone()).collect()
        };
        for tool in open {
            let content = self.content();
            self.disk.lock().unwrap().put(&tool, content, false, false, now);
            self.kernel.push_back(tool);
        }
        if !self.disk.lock().unwrap().there {
            self.disk.lock().unwrap().go_or_come();
            self.mail.root_changed(&root(), true);
            self.mail.dirty(crate::model::Dirty::root(root()), Vec::new());
        }
    }

    /// Until nothing is left to do that is due within a second (a longer wait is an audit, or a lease).
    pub(super) fn quiet(&mut self) {
        for _ in 0..100_000 {
            self.notice_all();
            let outcome = self.one_round();
            let idle =
                outcome.looks.is_empty() && outcome.walks.is_empty() && outcome.records.is_empty();
            self.hand_out(outcome);
            // A new process has everything before it, and its first round knows of nothing to wait for.
            let idle = !self.begin_again_where_it_ended() && idle;
            let worked = self.work_all();
            let looked = self.look();
            let delivered = !self.results.is_empty();
            self.deliver();
            if !idle || looked || delivered || worked || !self.found.is_empty() {
                continue;
            }
            match self.reconciler.next() {
                Some(due) if due <= self.now + Duration::from_secs(1) && !self.is_stuck() => {
                    self.be_at(self.now.max(due));
                }
                _ => return,
            }
        }
        panic!("seed {}: it never comes to rest", self.seed);
    }

    /// What is open for writing is tried again for ever, and so is a full disk.
    fn is_stuck(&self) -> bool {
        if self.full.load(Ordering::Relaxed) {
            return true;
        }
        let disk = self.disk.lock().unwrap();
        let open = self.reconciler.pending.open_questions(None);
        !open.is_empty() && open.keys().all(|it| disk.files.get(it).is_some_and(|it| it.writer))
    }
}

fn open(
    opened: Opened,
    full: &Arc<AtomicBool>,
    wall: &Arc<AtomicI64>,
) -> (Reconciler, Arc<dyn Archive>) {
    let Opened { log, archive, .. } = opened;
    let (state, rows) = bring_up(&*archive).unwrap();
    let log = Box::new(FaultyLog { inner: log, full: Arc::clone(full) });
    let audit = Audit { walk: AUDIT_EVERY, rehash: Duration::from_hours(24) };
    let mut reconciler =
        Reconciler::new(state, log, Arc::new(WallClock(Arc::clone(wall))), Walks::new(audit));
    reconciler.save_rows(rows).unwrap();
    (reconciler, archive)
}

fn worker(disk: &Arc<Mutex<FakeDisk>>, known: &Arc<RwLock<State>>) -> Worker {
    let tree = Box::new(FakeTree::new(Arc::clone(disk)));
    Worker::new(tree, Box::new(Shop(Arc::clone(known))))
}

/// What was published last.
struct Shop(Arc<RwLock<State>>);

impl Shown for Shop {
    fn is_known(&self, id: &ToolId) -> bool {
        self.0.read().unwrap().is_listed(id)
    }

    fn head(&self) -> Seq {
        self.0.read().unwrap().head
    }
}
