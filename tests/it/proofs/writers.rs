//! Eight writers on one tool, without a pause: two editors that write in place, two that save by a rename, four who
//! deploy, two of them from what stands there and two from something older. Nothing may be missing in the log but
//! what an editor itself wrote over before it had settled.
//!
//! Editors take turns among themselves, so that each knows what it writes over: who writes in place reads it first, and
//! who saves by a rename exchanges the names and looks at what came out. Deploys come between as they like.

#![expect(clippy::needless_pass_by_value, reason = "it is over with it")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{Read as _, Seek as _, Write as _},
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use serde_json::{Value, json};

use super::wait_cleared;
use crate::world::World;

const TOOL: &str = "tools/x.ts";
const FILE: &str = "x.ts";
const LINES: usize = 200;
/// An editor waits now and then until what it saved has settled.
const SETTLES_EVERY: usize = 12;
const LONGEST_PAUSE_MS: u64 = 150;

#[test]
fn eight_writers_lose_nothing() {
    storm(Duration::from_secs(8));
}

#[test]
#[ignore = "takes a minute"]
fn eight_writers_lose_nothing_in_the_long_run() {
    storm(Duration::from_mins(1));
}

/// What the writers know to have done.
#[derive(Default)]
struct Tally {
    saved: BTreeSet<String>,
    /// Stood there when nobody wrote and the daemon said that it had looked.
    settled: BTreeSet<String>,
    /// By an editor.
    written_over: BTreeSet<String>,
    acknowledged: BTreeSet<String>,
    answers: BTreeMap<u16, usize>,
}

struct Storm<'a> {
    world: &'a World,
    over: &'a AtomicBool,
    editing: &'a Mutex<()>,
    tally: &'a Mutex<Tally>,
}

#[derive(Clone, Copy, Debug)]
enum Base {
    /// What stands there when it is asked.
    Right,
    /// The first version.
    Stale,
    /// The same, whatever stands there.
    Whatever,
}

fn storm(length: Duration) {
    let world = World::with(&[(FILE, &content("start", 0))]);
    let (over, editing, tally) = (AtomicBool::new(false), Mutex::default(), Mutex::default());
    let storm = Storm { world: &world, over: &over, editing: &editing, tally: &tally };
    std::thread::scope(|scope| {
        let storm = &storm;
        for name in ["i", "j"] {
            scope.spawn(move || storm.edit(name, |text| storm.in_place(text)));
        }
        for name in ["r", "s"] {
            scope.spawn(move || storm.edit(name, |text| storm.by_rename(name, text)));
        }
        let bases =
            [("d", Base::Right), ("e", Base::Right), ("f", Base::Stale), ("g", Base::Whatever)];
        for (name, base) in bases {
            scope.spawn(move || storm.deploy(name, base));
        }
        let until = Instant::now() + length;
        while Instant::now() < until {
            std::thread::park_timeout(Duration::from_millis(10));
        }
        over.store(true, Ordering::Release);
    });
    world.sync();
    assert_eq!(wait_cleared(&world, || false), [""; 0]);
    judge(&world, tally.into_inner().unwrap());
}

/// The same in every run.
fn drawn(name: &str, number: usize) -> u64 {
    let seed = name.bytes().fold(number as u64 + 1, |it, byte| it * 257 + u64::from(byte));
    seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33
}

fn content(name: &str, number: usize) -> String {
    format!("{name} {number}\n").repeat(LINES)
}

impl Storm<'_> {
    fn goes_on(&self) -> bool {
        !self.over.load(Ordering::Acquire)
    }

    fn note(&self, note: impl FnOnce(&mut Tally)) {
        note(&mut self.tally.lock().unwrap());
    }

    /// `save` gives what it wrote over.
    fn edit(&self, name: &str, save: impl Fn(&str) -> String) {
        for number in 1.. {
            // A person at work is never as fast; without it no deploy would ever come through.
            std::thread::park_timeout(Duration::from_millis(
                drawn(name, number) % LONGEST_PAUSE_MS,
            ));
            let _turn = self.editing.lock().unwrap();
            if !self.goes_on() {
                return;
            }
            let text = content(name, number);
            let former = save(&text);
            self.note(|it| {
                it.saved.insert(text.clone());
                it.written_over.insert(former);
            });
            if number % SETTLES_EVERY == 0 {
                self.world.sync();
                self.note(|it| it.settled.extend([text]));
            }
        }
    }

    /// Into whatever file it has open, wherever a deploy has put that meanwhile.
    fn in_place(&self, text: &str) -> String {
        let mut file = File::options().read(true).write(true).open(self.world.path(FILE)).unwrap();
        let mut former = String::new();
        file.read_to_string(&mut former).unwrap();
        file.set_len(0).unwrap();
        file.rewind().unwrap();
        for part in text.as_bytes().chunks(text.len() / 3) {
            file.write_all(part).unwrap();
        }
        former
    }

    fn by_rename(&self, name: &str, text: &str) -> String {
        let (temporary, file) = (self.world.path(&format!("{name}.tmp")), self.world.path(FILE));
        fs::write(&temporary, text).unwrap();
        renameat_with(CWD, &temporary, CWD, &file, RenameFlags::EXCHANGE).unwrap();
        let former = fs::read_to_string(&temporary).unwrap();
        fs::remove_file(&temporary).unwrap();
        former
    }

    fn deploy(&self, name: &str, base: Base) {
        for number in 1.. {
            if !self.goes_on() {
                return;
            }
            let text = content(name, number);
            let (base, more) = match base {
                Base::Right => (json!("disk"), json!("abort")),
                Base::Stale => (json!("v1"), json!("abort")),
                Base::Whatever => (json!("v1"), json!("overwrite")),
            };
            let change = json!({"tool": TOOL, "base": base, "content": text});
            let request = json!({"changes": [change], "on_conflict": more});
            let answer = self.world.post("/v1/deploys", &request);
            assert!([201, 409].contains(&answer.status), "{}", answer.detail());
            self.note(|it| {
                *it.answers.entry(answer.status).or_default() += 1;
                if answer.status == 201 {
                    it.acknowledged.insert(text);
                }
            });
        }
    }
}

fn judge(world: &World, tally: Tally) {
    let recorded: BTreeSet<String> = world.contents(TOOL).into_iter().collect();
    let known = |it: &String| recorded.contains(it);
    for text in &recorded {
        let mut lines = text.lines();
        let first = lines.next().unwrap_or_default();
        assert!(text.lines().count() == LINES && lines.all(|it| it == first), "torn: {first:?}");
    }
    let lost =
        |of: &BTreeSet<String>| of.iter().filter(|it| !known(it)).cloned().collect::<Vec<_>>();
    assert_eq!(first_lines(&lost(&tally.acknowledged)), [""; 0], "acknowledged");
    assert_eq!(first_lines(&lost(&tally.settled)), [""; 0], "settled");
    let missing = lost(&tally.saved);
    let to_a_deploy: Vec<_> =
        missing.iter().filter(|it| !tally.written_over.contains(*it)).cloned().collect();
    assert_eq!(first_lines(&to_a_deploy), [""; 0], "lost to a deploy");
    let stands = fs::read_to_string(world.path(FILE)).unwrap();
    let disk = world.tool(TOOL)["disk"]["version"].clone();
    assert!(known(&stands) && world.content(TOOL, &disk) == stands);
    let conflicts = states(world, "conflicted");
    println!(
        "{} saves ({} waited for), {} written over by an editor before they settled, 0 lost to a deploy; deploys by \
         answer {:?}, {conflicts} met an edit in the switch; {} versions, none torn",
        tally.saved.len(),
        tally.settled.len(),
        missing.len(),
        tally.answers,
        recorded.len()
    );
    assert!(tally.acknowledged.len() > 10 && tally.settled.len() > 4);
    world.verify();
}

fn first_lines(texts: &[String]) -> Vec<&str> {
    texts.iter().map(|it| it.lines().next().unwrap_or_default()).collect()
}

fn states(world: &World, state: &str) -> usize {
    let deploys: Vec<Value> = world.list("/v1/deploys");
    deploys.iter().filter(|it| it["state"] == *state).count()
}
