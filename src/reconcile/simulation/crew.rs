//! Those who work for deploys, one job at a time and one step of a switch at a time: the real hands, without threads.
//! What verification says is thrown with dice.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use super::{
    disk::{Content, FakeDisk},
    stage::FakeStage,
    world::dice::Dice,
};
use crate::{
    decide::{State, Task},
    model::{
        Analysis, CheckFailure, CheckOutcome, CheckRun, Deploy, DeployNo, Digest, Parse, Replayed,
        RootName, ToolId, Verdict,
    },
    ports::{
        After, Analyzer, Archive, CheckOrder, Checks, NoInputs, NoShadow, ReplayOrder, RootFiles,
        ShadowOrder, ShadowProgress, ShadowReport, Shadows, Source, StopFlag,
    },
    reconcile::{
        Classes, Works,
        crew::{Crew, Hand},
        job::{Done, Job},
        mailbox::Mailbox,
        queues::Queues,
    },
};

pub(super) struct FakeCrew {
    crew: Arc<Crew>,
    hand: Hand,
    stage: Arc<FakeStage>,
    /// Whoever works puts its answer in here.
    pocket: Arc<Mailbox>,
    /// What is being switched, settled, swept and released now.
    shift: Option<Vec<Task>>,
    told: BTreeSet<String>,
    /// What is done and has not been told yet.
    pub(super) done: VecDeque<Done>,
    /// The deploys after which the root's command ran.
    pub(super) after: Arc<Mutex<Vec<DeployNo>>>,
}

impl FakeCrew {
    pub(super) fn new(
        seed: u64,
        disk: &Arc<Mutex<FakeDisk>>,
        archive: &Arc<dyn Archive>,
        dice: &mut Dice,
        is_sound: bool,
    ) -> Self {
        let fork = |dice: &mut Dice| Dice::new(dice.roll(u64::MAX));
        let stage = Arc::new(FakeStage::new(seed, Arc::clone(disk), fork(dice), is_sound));
        let checks = FakeChecks { disk: Arc::clone(disk), dice: Mutex::new(fork(dice)), is_sound };
        let after: Arc<Mutex<Vec<DeployNo>>> = Arc::default();
        let ran = Arc::clone(&after);
        let works = Works {
            stage: Arc::clone(&stage) as _,
            checks: Arc::new(checks),
            pack: crate::store::memory::open().pack,
            classes: Arc::new(Classes::new(Arc::new(Nobody), Arc::new(Nobody))),
            after: Arc::new(Ran(ran)),
            shadow: Arc::new(NoShadow),
            shadows: Arc::new(FakeShadows(Mutex::new(fork(dice)))),
            inputs: Arc::new(NoInputs),
        };
        let (crew, pocket): (Arc<Crew>, Arc<Mailbox>) = Default::default();
        let hand = Hand {
            crew: Arc::clone(&crew),
            works,
            archive: Arc::clone(archive),
            mailbox: Arc::clone(&pocket),
        };
        let (shift, told, done) = Default::default();
        Self { crew, hand, stage, pocket, shift, told, done, after }
    }

    pub(super) fn take_on(&self, jobs: Vec<Job>, state: &State) {
        self.crew.take_on(jobs, state);
        let confirmed = std::mem::take(&mut self.crew.lock().confirmed);
        for it in &confirmed {
            self.hand.works.after.run(it, &StopFlag::default());
        }
    }

    /// One content is staged, or what was staged for nothing removed. Any of those that wait: there are many hands.
    pub(super) fn stage_one(&mut self, dice: &mut Dice) -> bool {
        let mut queues = self.crew.lock();
        if queues.staging.is_empty() {
            return false;
        }
        let at = usize::try_from(dice.roll(queues.staging.len() as u64)).unwrap();
        let job = queues.staging.remove(at).unwrap();
        drop(queues);
        self.hand.stage(job);
        self.empty_pocket();
        true
    }

    pub(super) fn judge_one(&mut self, dice: &mut Dice) -> bool {
        let mut queues = self.crew.lock();
        let Queues { verifying, examining, replaying, .. } = &mut *queues;
        let waiting = [verifying, examining, replaying].into_iter().find(|it| !it.is_empty());
        let Some(waiting) = waiting else { return false };
        let at = usize::try_from(dice.roll(waiting.len() as u64)).unwrap();
        let work = waiting.remove(at).unwrap();
        drop(queues);
        self.hand.judge(work);
        self.empty_pocket();
        true
    }

    /// One call of whoever switches.
    pub(super) fn switch_on(&mut self) -> bool {
        if self.shift.is_none() {
            let tasks = std::mem::take(&mut self.crew.lock().switching);
            if tasks.is_empty() && !self.has_late() {
                return false;
            }
            self.stage.begin();
            self.shift = Some(tasks);
        }
        let mut told = self.told.clone();
        self.stage.rewind();
        self.hand.switch(self.shift.clone().unwrap_or_default(), &mut told);
        self.hand.tell_late(&mut told);
        if self.stage.is_cut() {
            self.pocket.take(Some(Duration::ZERO));
        } else {
            (self.shift, self.told) = (None, told);
            self.empty_pocket();
        }
        true
    }

    fn has_late(&self) -> bool {
        let disk = self.stage.disk.lock().unwrap();
        let is_free = |it: &String| !self.told.contains(it);
        disk.there && disk.displaced.iter().any(|it| !it.1.file.writer && is_free(it.0))
    }

    fn empty_pocket(&mut self) {
        self.done.extend(self.pocket.take(Some(Duration::ZERO)).done);
    }
}

/// Which deploys were followed.
struct Ran(Arc<Mutex<Vec<DeployNo>>>);

impl After for Ran {
    fn run(&self, deploy: &Deploy, _: &StopFlag) {
        self.0.lock().unwrap().push(deploy.number);
    }
}

struct FakeChecks {
    disk: Arc<Mutex<FakeDisk>>,
    dice: Mutex<Dice>,
    is_sound: bool,
}

impl FakeChecks {
    fn roll(&self, sides: u64) -> u64 {
        self.dice.lock().unwrap().roll(sides)
    }

    /// A check that writes where it should only read.
    fn tamper(&self, order: &CheckOrder) {
        let mut disk = self.disk.lock().unwrap();
        for name in order.parts.iter().filter_map(|it| it.staged.as_ref()?.to_str()) {
            if let Some(away) = disk.staged.get_mut(name) {
                away.file.content = Content::Whole(u32::MAX);
                away.tampered = true;
                // Nobody can tell it from what was written to it while it was live.
                let (tool, file) = (away.tool.clone(), away.file);
                disk.stood_there(&tool, file);
            }
        }
    }
}

fn run(outcome: CheckOutcome) -> CheckRun {
    let (check, sandbox) = ("command".to_owned(), "limits".to_owned());
    CheckRun { tool: None, check, outcome, sandbox, took_ms: 1, output_tail: String::new() }
}

impl Checks for FakeChecks {
    fn nothing_to_run(&self, order: &CheckOrder) -> Option<Vec<CheckRun>> {
        let skipped = || run(CheckOutcome::Skipped("nothing checks these".to_owned()));
        (self.roll(2) == 0).then(|| order.parts.iter().map(|_| skipped()).collect())
    }

    fn verify(&self, order: &CheckOrder, stop: &StopFlag) -> Vec<CheckRun> {
        if !self.is_sound && self.roll(40) == 0 {
            self.tamper(order);
        }
        let failed = || CheckOutcome::Failed(CheckFailure::default());
        let outcome = |_| match self.roll(12) {
            _ if stop.is_set() => failed(),
            0 if !self.is_sound => failed(),
            1 => CheckOutcome::Skipped("no checker is installed".to_owned()),
            _ => CheckOutcome::Passed,
        };
        order.parts.iter().map(|it| run(outcome(it))).collect()
    }

    fn sandbox(&self) -> Option<&'static str> {
        Some("limits")
    }
}

/// Two versions are alike, as a rule.
struct FakeShadows(Mutex<Dice>);

impl Shadows for FakeShadows {
    fn shadow(&self, _: &ShadowOrder, _: &dyn Fn(ShadowProgress), _: &StopFlag) -> ShadowReport {
        let verdict = match self.0.lock().unwrap().roll(12) {
            0 => Verdict::Regressed,
            1 => Verdict::Changed,
            2 => Verdict::Inconclusive,
            _ => Verdict::Equivalent,
        };
        ShadowReport::without_runs(verdict, "thrown")
    }

    fn has_examples(&self, _: &ToolId) -> bool {
        true
    }

    fn replay(&self, _: &ReplayOrder, _: &StopFlag) -> Replayed {
        Replayed::Cannot("nobody does".to_owned())
    }
}

/// What tools can do is no part of the game: nothing.
struct Nobody;

impl Analyzer for Nobody {
    fn name(&self) -> &'static str {
        "nobody"
    }

    fn table(&self) -> Digest {
        Digest([0; 32])
    }

    fn analyze(&self, source: &Source<'_>) -> Analysis {
        let mut harmless = Analysis::unanalyzed("nobody", Parse::Ok, source.path, "");
        harmless.inferred.clear();
        harmless
    }
}

impl RootFiles for Nobody {
    fn read(&self, _: &RootName, _: &str) -> Option<Vec<u8>> {
        None
    }

    fn digest(&self, _: &RootName, _: &str) -> Option<Digest> {
        None
    }

    fn import_root(&self, _: &RootName) -> String {
        String::new()
    }
}
