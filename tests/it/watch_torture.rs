//! Races between directories and what is written into them, again and again. The rule is always
//! the same: after a barrier, what was seen last at each path is what stands there; and it was
//! seen because of hints, never because a whole root was looked at.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use notify::{
    EventKind, RecommendedWatcher, RecursiveMode, Watcher as _,
    event::{AccessKind, AccessMode},
};
use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::watch_looker::{Scene, id};

/// Trials of each kind in an ordinary run; the long form does `LONG`.
const SHORT: u64 = 120;
const LONG: u64 = 1_000;

/// Gets a directory of its own and leaves its final content in the file that it names.
type Workload = fn(&Path, &mut Dice) -> PathBuf;

const WORKLOADS: &[(&str, Workload)] = &[
    ("mkdir d; write d/f", |home, _| {
        let dir = home.join("d");
        fs::create_dir(&dir).unwrap();
        write(dir.join("f.py"), "final")
    }),
    ("mkdir -p d/s0/s1; write", |home, _| {
        let dir = home.join("d/s0/s1");
        fs::create_dir_all(&dir).unwrap();
        write(dir.join("f.py"), "final")
    }),
    ("mkdir d; v1; 0-400 us; v2", |home, dice| {
        let dir = home.join("d");
        fs::create_dir(&dir).unwrap();
        write(dir.join("f.py"), "v1");
        dice.pause(400);
        write(dir.join("f.py"), "final")
    }),
    ("mkdir -p; v1; 0-400 us; v2", |home, dice| {
        let dir = home.join("d/s0/s1/s2/s3");
        fs::create_dir_all(&dir).unwrap();
        write(dir.join("f.py"), "v1");
        dice.pause(400);
        write(dir.join("f.py"), "final")
    }),
    ("mv p q; 0-300 us; write q/x/f", |home, dice| {
        fs::create_dir_all(home.join("p/x")).unwrap();
        write(home.join("p/x/f.py"), "v1");
        dice.pause(300);
        fs::rename(home.join("p"), home.join("q")).unwrap();
        dice.pause(300);
        write(home.join("q/x/f.py"), "final")
    }),
    ("mv into a fresh directory; write", |home, dice| {
        fs::create_dir_all(home.join("p/x")).unwrap();
        write(home.join("p/x/f.py"), "v1");
        dice.pause(300);
        fs::create_dir(home.join("n")).unwrap();
        fs::rename(home.join("p"), home.join("n/q")).unwrap();
        dice.pause(300);
        write(home.join("n/q/x/f.py"), "final")
    }),
    ("rm -r; made anew; write", |home, dice| {
        let dir = home.join("d/e");
        fs::create_dir_all(&dir).unwrap();
        write(dir.join("f.py"), "v1");
        dice.pause(300);
        fs::remove_dir_all(home.join("d")).unwrap();
        fs::create_dir_all(&dir).unwrap();
        dice.pause(300);
        write(dir.join("f.py"), "final")
    }),
    ("rm -r; another one moved there; write", |home, dice| {
        fs::create_dir_all(home.join("d/e")).unwrap();
        fs::create_dir_all(home.join("o/e")).unwrap();
        write(home.join("d/e/f.py"), "v1");
        dice.pause(300);
        fs::remove_dir_all(home.join("d")).unwrap();
        fs::rename(home.join("o"), home.join("d")).unwrap();
        dice.pause(300);
        write(home.join("d/e/f.py"), "final")
    }),
    ("exchange a b; 0-300 us; write a/f", |home, dice| {
        for dir in ["a/x", "b/x"] {
            fs::create_dir_all(home.join(dir)).unwrap();
            write(home.join(dir).join("f.py"), dir);
        }
        dice.pause(300);
        exchange(&home.join("a"), &home.join("b"));
        dice.pause(300);
        write(home.join("a/x/f.py"), "final")
    }),
    ("mv out and back; write", |home, dice| {
        let outside = home.parent().unwrap().parent().unwrap().join("outside");
        fs::create_dir_all(home.join("d/x")).unwrap();
        write(home.join("d/x/f.py"), "v1");
        dice.pause(300);
        fs::rename(home.join("d"), &outside).unwrap();
        write(outside.join("x/f.py"), "v2");
        dice.pause(300);
        fs::rename(&outside, home.join("d")).unwrap();
        dice.pause(300);
        write(home.join("d/x/f.py"), "final")
    }),
    ("mv p q and back; write", |home, dice| {
        fs::create_dir_all(home.join("p/x")).unwrap();
        dice.pause(300);
        fs::rename(home.join("p"), home.join("q")).unwrap();
        dice.pause(100);
        fs::rename(home.join("q"), home.join("p")).unwrap();
        dice.pause(300);
        write(home.join("p/x/f.py"), "final")
    }),
    ("a tree moved in whole", |home, _| {
        let outside = home.parent().unwrap().parent().unwrap().join("outside");
        fs::create_dir_all(outside.join("x/y")).unwrap();
        write(outside.join("x/y/f.py"), "final");
        fs::rename(&outside, home.join("d")).unwrap();
        home.join("d/x/y/f.py")
    }),
];

#[test]
fn nothing_is_lost_with_a_barrier_after_each() {
    each_with_a_barrier(SHORT);
}

#[test]
fn nothing_is_lost_in_a_storm() {
    in_a_storm(SHORT);
}

#[test]
#[ignore = "minutes; the long form of the two above"]
fn nothing_is_lost_in_the_long_run() {
    each_with_a_barrier(LONG);
    in_a_storm(LONG);
}

fn each_with_a_barrier(trials: u64) {
    for (name, workload) in WORKLOADS {
        let (scene, mut dice) = (Scene::new(), Dice(1));
        let mut lost = 0;
        for trial in 0..trials {
            let home = scene.root.join(trial.to_string());
            fs::create_dir(&home).unwrap();
            dice.pause(200);
            let file = workload(&home, &mut dice);
            scene.barrier();
            let path = file.strip_prefix(&scene.root).unwrap().to_str().unwrap();
            lost += u64::from(scene.seen(path).as_deref() != Some(b"final"));
        }
        println!("{name}: {lost} of {trials} lost");
        assert_eq!((lost, scene.looker.log().scans), (0, 1), "{name}");
    }
}

/// Without a pause between the trials, and one barrier at the end.
fn in_a_storm(trials: u64) {
    for (name, workload) in WORKLOADS {
        let (scene, mut dice) = (Scene::new(), Dice(2));
        for trial in 0..trials {
            let home = scene.root.join(trial.to_string());
            fs::create_dir(&home).unwrap();
            workload(&home, &mut dice);
        }
        scene.barrier();
        let wrong = scene.wrong();
        println!("{name}: {} of {trials} wrong", wrong.len());
        assert_eq!((wrong, scene.looker.log().scans), (vec![], 1), "{name}");
    }
}

/// What one gets from notify used the ordinary way, for comparison.
#[test]
#[ignore = "a measurement of notify, printed"]
fn plain_recursive_notify() {
    for (name, workload) in WORKLOADS {
        let home = tempfile::tempdir().unwrap();
        let root = home.path().canonicalize().unwrap().join("root");
        fs::create_dir(&root).unwrap();
        let seen: Arc<Mutex<std::collections::BTreeMap<PathBuf, Vec<u8>>>> = Arc::default();
        let looking = Arc::clone(&seen);
        let mut watcher = RecommendedWatcher::new(
            move |event: notify::Result<notify::Event>| {
                // Reading makes events of its own: who heeds them never comes to an end.
                let Some(event) = event.ok().filter(|it| !is_our_own(it.kind)) else { return };
                for path in event.paths {
                    if let Ok(bytes) = fs::read(&path) {
                        looking.lock().unwrap().insert(path, bytes);
                    }
                }
            },
            notify::Config::default(),
        )
        .unwrap();
        watcher.watch(&root, RecursiveMode::Recursive).unwrap();
        let (mut dice, mut files) = (Dice(1), Vec::new());
        for trial in 0..400 {
            let home = root.join(trial.to_string());
            fs::create_dir(&home).unwrap();
            dice.pause(2_000);
            files.push(workload(&home, &mut dice));
            dice.pause(10_000);
        }
        dice.pause(500_000);
        let seen = seen.lock().unwrap();
        let final_seen = |it: &&PathBuf| seen.get(*it).is_some_and(|it| it == b"final");
        let lost = files.len() - files.iter().filter(final_seen).count();
        println!("plain recursive notify: {name}: {lost} of {} lost", files.len());
    }
}

fn is_our_own(kind: EventKind) -> bool {
    matches!(kind, EventKind::Access(AccessKind::Open(_) | AccessKind::Close(AccessMode::Read)))
}

#[test]
fn whatever_two_writers_do_to_a_few_names() {
    anything_goes(0..6, 400);
}

#[test]
#[ignore = "minutes; the long form of the one above"]
fn whatever_two_writers_do_in_the_long_run() {
    anything_goes(100..250, 1_000);
}

/// Two writers make, move, exchange and remove directories and files of few names, so that they
/// meet all the time; then the last sights are compared with the disk.
fn anything_goes(seeds: std::ops::Range<u64>, steps: u32) {
    for seed in seeds {
        let scene = Scene::new();
        let outside = scene.home.path().join("outside");
        fs::create_dir(&outside).unwrap();
        std::thread::scope(|scope| {
            for writer in 0..2 {
                let (root, outside) = (&scene.root, &outside);
                let mut dice = Dice(seed * 2 + writer);
                scope.spawn(move || {
                    // Most of what is tried cannot be done at that moment; that is as it should be.
                    (0..steps).filter(|it| any_step(root, outside, *it, &mut dice).is_ok()).count()
                });
            }
        });
        scene.barrier();
        assert_eq!((scene.wrong(), scene.looker.log().scans), (vec![], 1), "seed {seed}");
        // And whatever is there now is still listened to.
        let dirs = directories(&scene.root);
        for dir in &dirs {
            write(dir.join("last.py"), "last");
        }
        scene.barrier();
        assert_eq!((scene.wrong(), scene.looker.log().scans), (vec![], 1), "seed {seed}, deaf");
    }
}

fn any_step(root: &Path, outside: &Path, step: u32, dice: &mut Dice) -> io::Result<()> {
    let (one, other) = (dice.directory(root), dice.directory(root));
    let file = one.join(dice.pick(&["f.py", "g.py"]));
    match dice.below(14) {
        0..=2 => fs::write(file, step.to_string()),
        3 => fs::write(one.join("made.tmp"), step.to_string())
            .and_then(|()| fs::rename(one.join("made.tmp"), file)),
        4 | 5 => fs::create_dir_all(&one),
        6 => fs::create_dir_all(&one).and_then(|()| fs::write(file, step.to_string())),
        7 | 8 => fs::rename(one, other),
        9 => renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).map_err(Into::into),
        10 => fs::remove_dir_all(one),
        11 => fs::remove_file(file),
        12 => fs::rename(one, outside.join(dice.pick(&["x", "y"]))),
        13 => fs::rename(outside.join(dice.pick(&["x", "y"])), other),
        _ => {
            dice.pause(300);
            Ok(())
        }
    }
}

#[test]
fn a_barrier_reflects_every_write_before_it() {
    let (scene, mut dice) = (Scene::new(), Dice(7));
    for dir in ["a", "b"] {
        fs::create_dir(scene.root.join(dir)).unwrap();
    }
    for trial in 0..2_500_u32 {
        let (from, to) = (format!("a/{}.py", trial % 50), format!("b/{}.py", trial % 50));
        let content = trial.to_string();
        match dice.below(4) {
            0 | 1 => scene.write(&to, &content),
            2 => {
                scene.write(&from, &content);
                fs::rename(scene.root.join(&from), scene.root.join(&to)).unwrap();
            }
            _ => {
                scene.write(&to, &content);
                fs::remove_file(scene.root.join(&to)).unwrap();
                scene.barrier();
                assert_eq!(scene.seen(&to), None, "trial {trial}");
                continue;
            }
        }
        let batches = scene.looker.log().batches.len().saturating_sub(1);
        scene.barrier();
        assert_eq!(scene.seen(&to).as_deref(), Some(content.as_bytes()), "trial {trial}");
        let log = scene.looker.log();
        assert!(
            log.batches[batches.saturating_sub(4)..].iter().any(|it| it.paths.contains(&id(&to)))
        );
    }
    assert_eq!(scene.looker.log().scans, 1);
}

#[test]
fn barriers_from_many_threads_all_come_back() {
    let scene = Scene::new();
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let scene = &scene;
            scope.spawn(move || {
                for trial in 0..60 {
                    let (path, content) = (format!("{writer}.py"), format!("{writer} {trial}"));
                    scene.write(&path, &content);
                    scene.barrier();
                    assert_eq!(scene.seen(&path), Some(content.into_bytes()));
                }
            });
        }
    });
}

fn directories(root: &Path) -> Vec<PathBuf> {
    let mut out = vec![root.to_owned()];
    let mut at = 0;
    while let Some(dir) = out.get(at).cloned() {
        let entries = fs::read_dir(dir).unwrap().filter_map(Result::ok);
        out.extend(entries.map(|it| it.path()).filter(|it| it.is_dir()));
        at += 1;
    }
    out
}

fn write(path: PathBuf, content: &str) -> PathBuf {
    fs::write(&path, content).unwrap();
    path
}

fn exchange(one: &Path, other: &Path) {
    renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).unwrap();
}

/// A seeded generator (xorshift), and pauses too short for a clock to wait for.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut it = self.0;
        it = (it ^ (it >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        it = (it ^ (it >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (it ^ (it >> 31)) % end
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[usize::try_from(self.below(from.len() as u64)).unwrap()]
    }

    /// One of a few, one to three deep.
    fn directory(&mut self, root: &Path) -> PathBuf {
        let depth = 1 + self.below(3);
        (0..depth).fold(root.to_owned(), |it, _| it.join(self.pick(&["p", "q", "r"])))
    }

    /// Busy, for up to so many microseconds.
    fn pause(&mut self, at_most: u64) {
        let end = Instant::now() + Duration::from_micros(self.below(at_most));
        while Instant::now() < end {
            std::hint::spin_loop();
        }
    }
}
