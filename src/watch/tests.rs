//! The thread's rounds with a source that does what the test says, and a real overflow.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex},
    time::{Duration, Instant},
};

use super::{
    Watch, WatchSettings,
    barrier::COOKIE_LIMIT,
    hints::{ArmError, Hint, Hints, OpenError, Shape, Source, Urgency},
    inbox::{Ear, Inbox, Taken},
    notified::Notified,
    run::Runner,
};
use crate::{
    model::{Dirty, RootName, ToolId},
    ports::{BarrierNo, Notice, Watching},
    roots::{Globs, WatchedRoot},
};

#[derive(Debug, Default)]
struct Recorder {
    told: Mutex<Vec<Told>>,
    bell: Condvar,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Told {
    Dirty(Dirty, Vec<BarrierNo>),
    Watching(Watching),
    Overflowed,
    Root(bool),
}

impl Recorder {
    fn put(&self, told: Told) {
        self.told.lock().unwrap().push(told);
        self.bell.notify_all();
    }

    fn take(&self) -> Vec<Told> {
        std::mem::take(&mut self.told.lock().unwrap())
    }

    fn wait(&self, what: &str, holds: impl Fn(&Told) -> bool) {
        let start = Instant::now();
        let mut told = self.told.lock().unwrap();
        while !told.iter().any(&holds) {
            assert!(start.elapsed() < Duration::from_secs(30), "never came: {what}");
            told = self.bell.wait_timeout(told, Duration::from_secs(1)).unwrap().0;
        }
    }
}

impl Notice for Recorder {
    fn dirty(&self, dirty: Dirty, barriers: Vec<BarrierNo>) {
        self.put(Told::Dirty(dirty, barriers));
    }
    fn watching(&self, _: &RootName, state: Watching) {
        self.put(Told::Watching(state));
    }
    fn overflowed(&self) {
        self.put(Told::Overflowed);
    }
    fn root_changed(&self, _: &RootName, there: bool) {
        self.put(Told::Root(there));
    }
}

/// What a fake source does and what was asked of it.
#[derive(Debug, Default)]
struct World {
    asked: Vec<String>,
    refuse: BTreeMap<PathBuf, ArmError>,
    opens: usize,
    /// How many of the next attempts to open fail.
    refuse_opens: usize,
    /// Written at the moment in which the directory is armed.
    write_on_arm: Option<PathBuf>,
}

#[derive(Clone, Debug, Default)]
struct Fake(Arc<Mutex<World>>);

impl Source for Fake {
    fn open(&self, _: Ear) -> Result<Box<dyn Hints>, OpenError> {
        let mut world = self.0.lock().unwrap();
        if world.refuse_opens > 0 {
            world.refuse_opens -= 1;
            return Err(OpenError("none left".to_owned()));
        }
        world.opens += 1;
        Ok(Box::new(self.clone()))
    }
}

impl Hints for Fake {
    fn arm(&mut self, dir: &Path) -> Result<(), ArmError> {
        let mut world = self.0.lock().unwrap();
        if let Some(error) = world.refuse.get(dir) {
            return Err(error.clone());
        }
        world.asked.push(format!("arm {}", dir.file_name().unwrap().display()));
        match world.write_on_arm.take_if(|it| it.parent() == Some(dir)) {
            Some(path) => fs::write(path, "x").map_err(|_| ArmError::Gone),
            None => Ok(()),
        }
    }

    fn disarm(&mut self, dir: &Path) {
        let asked = format!("disarm {}", dir.file_name().unwrap().display());
        self.0.lock().unwrap().asked.push(asked);
    }
}

struct Bench {
    home: tempfile::TempDir,
    root: PathBuf,
    world: Arc<Mutex<World>>,
    recorder: Arc<Recorder>,
    runner: Runner,
    now: Instant,
}

fn watched(path: &Path) -> WatchedRoot {
    let globs = Arc::new(Globs::standard().unwrap());
    WatchedRoot {
        name: RootName::new("t").unwrap(),
        path: path.to_owned(),
        globs,
        file_size: 1 << 24,
    }
}

impl Bench {
    /// A root with `d/` in it, not yet taken in.
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().canonicalize().unwrap();
        let root = path.join("root");
        fs::create_dir_all(root.join("d")).unwrap();
        let (fake, recorder) = (Fake::default(), Arc::new(Recorder::default()));
        let inbox = Arc::new(Inbox::new(path.join("cookies")));
        let notice: Arc<dyn Notice> = recorder.clone();
        let world = Arc::clone(&fake.0);
        let runner = Runner::new(inbox, Box::new(fake), notice, WatchSettings::default());
        Self { home, root, world, recorder, runner, now: Instant::now() }
    }

    fn started() -> Self {
        let mut bench = Self::new();
        let told = bench.start();
        assert_eq!(told, [Told::Watching(Watching::Events), whole(&[])]);
        bench.world.lock().unwrap().asked.clear();
        bench
    }

    fn start(&mut self) -> Vec<Told> {
        drop(self.runner.open());
        let roots = Some(vec![watched(&self.root)]);
        self.turn(Taken { roots, ..Taken::default() })
    }

    fn turn(&mut self, taken: Taken) -> Vec<Told> {
        self.runner.turn(taken, self.now);
        self.recorder.take()
    }

    fn after(&mut self, pause: Duration) -> Vec<Told> {
        self.now += pause;
        self.turn(Taken::default())
    }

    fn hint(&mut self, path: &str, urgency: Urgency, shape: Shape) -> Vec<Told> {
        let hints = [(self.root.join(path), Hint { urgency, shape })].into();
        self.turn(Taken { hints, ..Taken::default() })
    }

    fn refuse(&self, path: &str, error: ArmError) {
        self.world.lock().unwrap().refuse.insert(self.root.join(path), error);
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.world.lock().unwrap().asked)
    }
}

fn whole(barriers: &[BarrierNo]) -> Told {
    Told::Dirty(Dirty::root(RootName::new("t").unwrap()), barriers.to_vec())
}

fn paths(paths: &[&str]) -> Told {
    let paths = paths.iter().map(|it| id(it)).collect();
    Told::Dirty(Dirty { paths, ..Dirty::default() }, Vec::new())
}

fn id(path: &str) -> ToolId {
    format!("t/{path}").parse().unwrap()
}

const QUIET: Duration = super::marks::QUIET;

#[test]
fn at_the_start_all_is_armed_and_then_the_root_is_dirty() {
    let mut bench = Bench::new();
    fs::create_dir_all(bench.root.join(".git/objects")).unwrap();
    assert_eq!(bench.start(), [Told::Watching(Watching::Events), whole(&[])]);
    let above = bench.home.path().file_name().unwrap().display().to_string();
    let armed = ["arm cookies".to_owned(), format!("arm {above}")];
    assert_eq!(bench.asked(), [armed[0].as_str(), &armed[1], "arm root", "arm d"]);
    assert_eq!(bench.after(QUIET), []);
}

#[test]
fn a_fresh_directory_is_armed_before_it_is_listed() {
    let mut bench = Bench::started();
    fs::create_dir_all(bench.root.join("new/er")).unwrap();
    bench.world.lock().unwrap().write_on_arm = Some(bench.root.join("new/er/late.py"));
    assert_eq!(bench.hint("new", Urgency::Quiet, Shape::Names), []);
    assert_eq!(bench.asked(), ["arm new", "arm er"]);
    assert_eq!(bench.after(QUIET), [paths(&["new", "new/er/late.py"])]);
}

#[test]
fn a_moved_directory_is_freed_of_its_old_path_first() {
    let mut bench = Bench::started();
    fs::rename(bench.root.join("d"), bench.root.join("e")).unwrap();
    // The hint for the new name came alone: the one for the old name is still on its way.
    bench.hint("e", Urgency::Now, Shape::Names);
    assert_eq!(bench.asked(), ["disarm d", "arm e"]);
    assert_eq!(bench.hint("d", Urgency::Now, Shape::Names), [paths(&["d"])]);
    assert_eq!(bench.asked(), Vec::<String>::new(), "what is armed as e stays armed");
}

#[test]
fn a_batch_forgets_all_before_it_arms_any() {
    let mut bench = Bench::started();
    fs::create_dir(bench.root.join("c")).unwrap();
    let hint = Hint { urgency: Urgency::Now, shape: Shape::Names };
    let hints = ["c", "d"].map(|it| (bench.root.join(it), hint));
    bench.turn(Taken { hints: hints.into(), ..Taken::default() });
    assert_eq!(bench.asked(), ["disarm d", "arm c", "arm d"]);
}

#[test]
fn times_of_a_directory_concern_nobody_but_its_mode_does() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut bench = Bench::started();
    fs::write(bench.root.join("d/f.py"), "x").unwrap();
    assert_eq!(bench.hint("d", Urgency::Quiet, Shape::Attributes), []);
    assert_eq!(bench.after(QUIET), []);
    fs::set_permissions(bench.root.join("d"), fs::Permissions::from_mode(0o700)).unwrap();
    bench.hint("d", Urgency::Quiet, Shape::Attributes);
    assert_eq!(bench.after(QUIET), [paths(&["d", "d/f.py"])]);
}

#[test]
fn only_what_can_be_a_tool_is_marked() {
    let mut bench = Bench::started();
    for file in ["a.py", "notes.md", "b.py~"] {
        fs::write(bench.root.join(file), "x").unwrap();
    }
    assert_eq!(bench.hint("a.py", Urgency::Now, Shape::Content), [paths(&["a.py"])]);
    // It may have an executable bit: the look decides.
    assert_eq!(bench.hint("notes.md", Urgency::Now, Shape::Content), [paths(&["notes.md"])]);
    assert_eq!(bench.hint("b.py~", Urgency::Now, Shape::Names), []);
    assert_eq!(bench.hint("gone/x", Urgency::Now, Shape::Names), [paths(&["gone/x"])]);
    let strict = Globs::new(&["*.py".to_owned()], &[], false).unwrap();
    let root = WatchedRoot { globs: Arc::new(strict), ..watched(&bench.root) };
    bench.turn(Taken { roots: Some(vec![root]), ..Taken::default() });
    assert_eq!(bench.hint("notes.md", Urgency::Now, Shape::Names), []);
    let gone = bench.hint("gone", Urgency::Now, Shape::Names);
    assert_eq!(gone, [paths(&["gone"])], "it may have been a directory");
}

#[test]
fn a_barrier_brings_what_waits_as_soon_as_its_cookie_is_heard() {
    let mut bench = Bench::started();
    fs::write(bench.root.join("a.py"), "x").unwrap();
    assert_eq!(bench.hint("a.py", Urgency::Quiet, Shape::Content), []);
    let barriers = vec![7, 8];
    assert_eq!(bench.turn(Taken { barriers, ..Taken::default() }), []);
    let dirty = Dirty::path(id("a.py"));
    let told = bench.turn(Taken { cookie: 1, ..Taken::default() });
    assert_eq!(told, [Told::Dirty(dirty, vec![7, 8])]);
}

#[test]
fn a_cookie_that_comes_with_a_loss_does_not_count() {
    let mut bench = Bench::started();
    assert_eq!(bench.turn(Taken { barriers: vec![7], ..Taken::default() }), []);
    let told = bench.turn(Taken { cookie: 1, lost: true, ..Taken::default() });
    assert_eq!(told, [Told::Overflowed, whole(&[])]);
    assert_eq!(bench.turn(Taken { cookie: 1, ..Taken::default() }), []);
    let told = bench.turn(Taken { cookie: 2, ..Taken::default() });
    assert_eq!(told, [Told::Dirty(Dirty::default(), vec![7])]);
}

#[test]
fn a_cookie_that_never_comes_is_answered_by_looking_at_everything() {
    let mut bench = Bench::started();
    bench.turn(Taken { barriers: vec![7], ..Taken::default() });
    assert_eq!(bench.after(COOKIE_LIMIT / 2), []);
    assert_eq!(bench.after(COOKIE_LIMIT / 2), [whole(&[7])]);
}

#[test]
fn a_cookie_that_cannot_be_made_too() {
    let mut bench = Bench::started();
    fs::remove_dir(bench.home.path().join("cookies")).unwrap();
    fs::write(bench.home.path().join("cookies"), "in the way").unwrap();
    assert_eq!(bench.turn(Taken { barriers: vec![7], ..Taken::default() }), [whole(&[7])]);
}

#[test]
fn a_removed_cookie_directory_is_made_and_armed_again() {
    let mut bench = Bench::started();
    fs::remove_dir(bench.home.path().join("cookies")).unwrap();
    assert_eq!(bench.turn(Taken { barriers: vec![7], ..Taken::default() }), []);
    assert_eq!(bench.asked(), ["disarm cookies", "arm cookies"]);
}

#[test]
fn after_a_loss_a_second_source_is_armed_and_repeated_losses_wait_longer_and_longer() {
    let mut bench = Bench::started();
    let lost = || Taken { lost: true, ..Taken::default() };
    assert_eq!(bench.turn(lost()), [Told::Overflowed, whole(&[])]);
    assert_eq!(bench.asked()[2..], ["arm root", "arm d"]);
    for pause in [50, 100, 200, 400, 800, 1600, 3200, 5000, 5000] {
        assert_eq!(bench.turn(lost()), [Told::Overflowed]);
        assert_eq!(bench.after(Duration::from_millis(pause - 1)), [], "{pause}");
        assert_eq!(bench.after(Duration::from_millis(1)), [whole(&[])], "{pause}");
    }
    assert_eq!(bench.world.lock().unwrap().opens, 1 + 10);
    bench.now += Duration::from_mins(1);
    assert_eq!(bench.turn(lost()), [Told::Overflowed, whole(&[])], "all was calm since");
}

#[test]
fn a_dead_source_is_replaced() {
    let mut bench = Bench::started();
    bench.refuse("new", ArmError::Dead);
    fs::create_dir(bench.root.join("new")).unwrap();
    let told = bench.hint("new", Urgency::Quiet, Shape::Names);
    assert_eq!(told[0], Told::Overflowed);
    assert_eq!(bench.world.lock().unwrap().opens, 2);
}

#[test]
fn where_only_one_source_can_be_had_the_former_one_goes_first() {
    let mut bench = Bench::started();
    bench.world.lock().unwrap().refuse_opens = 1;
    let told = bench.turn(Taken { lost: true, ..Taken::default() });
    assert_eq!(told, [Told::Overflowed, whole(&[])]);
    assert_eq!(bench.world.lock().unwrap().opens, 2);
}

#[test]
fn without_a_source_the_root_is_polled_until_there_is_one() {
    let mut bench = Bench::new();
    bench.world.lock().unwrap().refuse_opens = 6;
    let why = "none left".to_owned();
    assert_eq!(bench.start(), [Told::Watching(Watching::Polling { why }), whole(&[])]);
    let poll = WatchSettings::default().poll;
    assert_eq!(bench.after(poll), [whole(&[])]);
    assert_eq!(bench.turn(Taken { barriers: vec![7], ..Taken::default() }), [whole(&[7])]);
    assert_eq!(bench.after(poll), [Told::Watching(Watching::Events), whole(&[])]);
    assert_eq!(bench.after(poll), []);
}

#[test]
fn directories_over_the_limit_are_listed_at_every_poll_until_they_can_be_armed() {
    let mut bench = Bench::new();
    fs::create_dir(bench.root.join("d/sub")).unwrap();
    fs::write(bench.root.join("d/sub/f.py"), "x").unwrap();
    let why = "the limit of 3".to_owned();
    bench.refuse("d", ArmError::Uncovered(why.clone()));
    let degraded = Told::Watching(Watching::Degraded { why });
    assert_eq!(bench.start(), [degraded, whole(&[])]);
    let poll = WatchSettings::default().poll;
    assert_eq!(bench.after(poll), []);
    assert_eq!(bench.after(QUIET), [paths(&["d", "d/sub/f.py"])]);
    bench.world.lock().unwrap().refuse.clear();
    assert_eq!(bench.after(poll), [Told::Watching(Watching::Events)]);
    assert_eq!(bench.after(QUIET), [paths(&["d", "d/sub/f.py"])], "written before it was armed");
    assert_eq!(bench.after(poll), []);
    assert_eq!(bench.after(QUIET), []);
}

#[test]
fn a_directory_that_may_not_be_read_is_no_failure_of_the_root() {
    let mut bench = Bench::new();
    bench.refuse("d", ArmError::Denied);
    assert_eq!(bench.start(), [Told::Watching(Watching::Events), whole(&[])]);
    let mut bench = Bench::new();
    bench.refuse("", ArmError::Denied);
    let told = bench.start();
    assert!(matches!(&told[0], Told::Watching(Watching::Polling { why }) if why.contains("read")));
}

#[test]
fn what_git_touches_comes_as_one_batch_when_it_is_done_or_takes_too_long() {
    let mut bench = Bench::new();
    fs::create_dir(bench.root.join(".git")).unwrap();
    bench.start();
    let lock = bench.root.join(".git/index.lock");
    for done in [true, false] {
        fs::write(&lock, "").unwrap();
        for path in ["a.py", "b.py", "c.py"] {
            assert_eq!(bench.hint(path, Urgency::Now, Shape::Content), []);
            assert_eq!(bench.after(QUIET), []);
        }
        if done {
            fs::remove_file(&lock).unwrap();
            assert_eq!(bench.after(QUIET), [paths(&["a.py", "b.py", "c.py"])]);
        } else {
            let limit = WatchSettings::default().git_limit;
            assert_eq!(bench.after(limit), [paths(&["a.py", "b.py", "c.py"])]);
        }
    }
    let told = bench.hint("d.py", Urgency::Now, Shape::Content);
    assert_eq!(told, [paths(&["d.py"])], "a lock left behind has had its time");
}

#[test]
fn a_root_that_goes_takes_its_marks_along() {
    let mut bench = Bench::started();
    fs::write(bench.root.join("a.py"), "x").unwrap();
    assert_eq!(bench.hint("a.py", Urgency::Quiet, Shape::Content), []);
    fs::rename(&bench.root, bench.home.path().join("away")).unwrap();
    assert_eq!(bench.after(QUIET), [Told::Root(false)], "its files are not deleted");
    fs::create_dir(&bench.root).unwrap();
    let check = WatchSettings::default().root_check;
    let told = bench.after(check);
    assert_eq!(told, [Told::Root(true), Told::Watching(Watching::Events), whole(&[])]);
}

#[test]
fn an_idle_watcher_wakes_for_the_root_check_alone() {
    let bench = Bench::started();
    let next = bench.runner.next_wake();
    assert!(next > bench.now + WatchSettings::default().root_check / 2);
}

/// Every event is kept from being read until the kernel's queue has run over, with directories
/// made meanwhile; afterwards all is armed again and answers are true.
#[test]
fn a_real_overflow_is_repaired() {
    let queue = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
    let queue: usize = queue.trim().parse().unwrap();
    let home = tempfile::tempdir().unwrap();
    let root = home.path().canonicalize().unwrap().join("root");
    fs::create_dir(&root).unwrap();
    let recorder = Arc::new(Recorder::default());
    let notice: Arc<dyn Notice> = recorder.clone();
    let cookies = home.path().canonicalize().unwrap().join("cookies");
    let settings = WatchSettings::default();
    let roots = vec![watched(&root)];
    let watch = Watch::start_with(Box::new(Notified), roots, &cookies, notice, settings).unwrap();
    let scan = |it: &Told| matches!(it, Told::Dirty(dirty, _) if !dirty.roots.is_empty());
    recorder.wait("the start", scan);
    for round in 0..3 {
        recorder.take();
        {
            let _stalled = watch.inbox.stall();
            // At least three events for each.
            for at in 0..=queue / 2 {
                fs::write(root.join(format!("{at}.py")), "x").unwrap();
            }
            fs::create_dir_all(root.join(format!("n{round}/deep"))).unwrap();
        }
        recorder.wait("the overflow", |it| *it == Told::Overflowed);
        recorder.wait("the scan", scan);
        watch.barrier(round);
        let answered = |it: &Told| matches!(it, Told::Dirty(_, nos) if nos.contains(&round));
        recorder.wait("the barrier", answered);
        let told = recorder.take();
        let at = |holds: &dyn Fn(&Told) -> bool| told.iter().position(holds).unwrap();
        assert!(at(&|it| *it == Told::Overflowed) < at(&scan) && at(&scan) <= at(&answered));
        let late = format!("n{round}/deep/late.py");
        fs::write(root.join(&late), "x").unwrap();
        let heard =
            |it: &Told| matches!(it, Told::Dirty(dirty, _) if dirty.paths.contains(&id(&late)));
        recorder.wait("a directory made meanwhile is armed", heard);
    }
}
