//! Durable deploys a second, without verification: one client beside the same syncs done bare, many clients on as many
//! tools, one client while another tool is being verified; and for how long a reader sees a part of a set.

use std::{
    fs::{self, File},
    io::{Read as _, Write as _},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use serde_json::{Value, json};

use crate::{
    asker::Asker,
    daemon::{Daemon, Place},
    options::Options,
    sources,
    table::{Table, ms, quantile},
};

const CLIENTS: usize = 64;
const LENGTH: Duration = Duration::from_secs(5);
/// Deploys, and then as many times the bare syncs.
const IN_TURNS: usize = 20;
const SET: [&str; 3] = ["one.ts", "two.ts", "three.ts"];
/// What a deploy of 5 KB adds to the log until it is intended, and after it is live; measured.
const APPENDED: [usize; 2] = [3500, 1500];
/// The log's file is as long as this from the beginning.
const PREPARED: usize = 16 << 20;
const TO_BARE: f64 = 0.7;
const MANY_TO_ONE: f64 = 3.0;
const WHILE_VERIFIED: f64 = 1.2;

pub(crate) fn run(options: &Options, home: &Path) -> [Table; 2] {
    let root = home.join("deployed");
    let slow = home.join("slow");
    let text = sources::sample();
    for number in 0..CLIENTS {
        write(&root.join(name(number)), &text);
    }
    for it in SET {
        write(&root.join(it), "0\n");
    }
    write(&slow.join("slow.ts"), "0\n");
    let place = Place::configured(home, &config(&root, &slow));
    let (daemon, _) = place.start();
    let (alone, bare) = beside_bare(options, &daemon, home, &text);
    let many = many(daemon.socket(), &text);
    let verified = while_verified(&daemon, &text);
    let mixed = mixtures(options, &daemon, &root);
    daemon.stop();
    [rates(&alone, &bare, &many, &verified), of_sets(&mixed)]
}

fn config(root: &Path, slow: &Path) -> String {
    let (root, slow) = (root.to_str().unwrap(), slow.to_str().unwrap());
    format!(
        "[limits]\nconnections = 256\nconnections_per_peer = 256\n\
         [[root]]\nname = \"tools\"\npath = {root:?}\n\
         [[root]]\nname = \"slow\"\npath = {slow:?}\n\
         verify.command = [\"sleep\", \"30\"]\nverify.timeout = \"60s\"\n"
    )
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn name(number: usize) -> String {
    format!("group_{}/tool_{number}.ts", number % 8)
}

/// Times of each, and how many there were a second.
struct Rate {
    times: Vec<Duration>,
    a_second: f64,
}

impl Rate {
    /// One after the other.
    fn in_a_row(times: Vec<Duration>) -> Self {
        let a_second = times.len() as f64 / times.iter().sum::<Duration>().as_secs_f64();
        Self { times, a_second }
    }

    fn cells(&self) -> [String; 3] {
        let at = |share| ms(quantile(&self.times, share));
        [format!("{:.0}", self.a_second), at((1, 2)), at((99, 100))]
    }
}

fn deploy(asker: &mut Asker, tool: &str, text: &str, number: usize) -> Duration {
    let change = json!({"tool": tool, "base": "disk", "content": format!("// {number}\n{text}")});
    let request = json!({"changes": [change]}).to_string();
    let began = Instant::now();
    let status = asker.post("/v1/deploys", &request);
    assert_eq!(status, 201, "{tool} {number}");
    began.elapsed()
}

fn beside_bare(options: &Options, daemon: &Daemon, home: &Path, text: &str) -> (Rate, Rate) {
    let mut asker = Asker::connect(daemon.socket());
    let tool = format!("tools/{}", name(0));
    let mut bare = Bare::new(&home.join("bare-deploys"));
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    // The first one finds out how it can be verified.
    deploy(&mut asker, &tool, text, 0);
    while ours.len() < options.saves {
        let number = ours.len() + 1;
        ours.extend((number..number + IN_TURNS).map(|it| deploy(&mut asker, &tool, text, it)));
        theirs.extend((0..IN_TURNS).map(|_| bare.deploy(text)));
    }
    (Rate::in_a_row(ours), Rate::in_a_row(theirs))
}

/// The same four syncs with nothing around them.
struct Bare {
    live: PathBuf,
    staged: PathBuf,
    log: File,
    end: usize,
}

impl Bare {
    fn new(home: &Path) -> Self {
        let (live, stage) = (home.join("live"), home.join("stage"));
        for it in [&live, &stage] {
            fs::create_dir_all(it).unwrap();
        }
        let live_file = live.join("tool.ts");
        fs::write(&live_file, "0\n").unwrap();
        let log = File::create(home.join("log")).unwrap();
        // Written before, as the product's own log is: a sync writes the data then, and nothing else.
        log.write_all_at(&vec![0; PREPARED], 0).unwrap();
        log.sync_all().unwrap();
        Self { live: live_file, staged: stage.join("staged.ts"), log, end: 0 }
    }

    fn deploy(&mut self, text: &str) -> Duration {
        let began = Instant::now();
        let mut staged = File::create_new(&self.staged).unwrap();
        staged.write_all(text.as_bytes()).unwrap();
        staged.sync_all().unwrap();
        self.append(APPENDED[0]);
        renameat_with(CWD, &self.staged, CWD, &self.live, RenameFlags::EXCHANGE).unwrap();
        File::open(self.live.parent().unwrap()).unwrap().sync_all().unwrap();
        self.append(APPENDED[1]);
        let took = began.elapsed();
        fs::remove_file(&self.staged).unwrap();
        took
    }

    fn append(&mut self, bytes: usize) {
        self.log.write_all_at(&vec![1; bytes], self.end as u64).unwrap();
        self.end = (self.end + bytes) % (PREPARED - bytes);
        self.log.sync_data().unwrap();
    }
}

fn many(socket: &Path, text: &str) -> Rate {
    let began = Instant::now();
    let times: Vec<Duration> = thread::scope(|scope| {
        let clients = (0..CLIENTS).map(|client| {
            scope.spawn(move || {
                let mut asker = Asker::connect(socket);
                let tool = format!("tools/{}", name(client));
                let numbers = (1_000_000..).take_while(|_| began.elapsed() < LENGTH);
                numbers.map(|it| deploy(&mut asker, &tool, text, it)).collect::<Vec<_>>()
            })
        });
        let clients: Vec<_> = clients.collect();
        clients.into_iter().flat_map(|it| it.join().unwrap()).collect()
    });
    let a_second = times.len() as f64 / began.elapsed().as_secs_f64();
    Rate { times, a_second }
}

/// In turns with the same while nothing is verified.
struct Verified {
    before: Rate,
    meanwhile: Rate,
}

fn while_verified(daemon: &Daemon, text: &str) -> Verified {
    let mut asker = Asker::connect(daemon.socket());
    let tool = format!("tools/{}", name(1));
    let for_a_while = |asker: &mut Asker, first: usize| {
        let began = Instant::now();
        let numbers = (first..).take_while(|_| began.elapsed() < LENGTH);
        Rate::in_a_row(numbers.map(|it| deploy(asker, &tool, text, it)).collect())
    };
    let before = for_a_while(&mut asker, 2_000_000);
    let change = json!({"tool": "slow/slow.ts", "base": "disk", "content": "1\n"});
    let request = json!({"changes": [change]}).to_string();
    assert_eq!(asker.post("/v1/deploys?wait=0", &request), 202);
    let meanwhile = for_a_while(&mut asker, 3_000_000);
    let deploys = daemon.ask("/v1/deploys?tool=slow/slow.ts&limit=1");
    let slow = deploys.map_or(Value::Null, |it| it["items"][0].clone());
    let end = format!("/v1/deploys/{}/abort", slow["deploy"]);
    assert_eq!(asker.post(&end, "{}"), 200, "it was not verified for as long: {slow}");
    Verified { before, meanwhile }
}

/// From the last look that found all as it was to the first one that found all of it new.
fn mixtures(options: &Options, daemon: &Daemon, root: &Path) -> Vec<Duration> {
    let (over, wanted) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        let reader = scope.spawn(|| watch(root, &over, &wanted));
        let mut asker = Asker::connect(daemon.socket());
        for number in 1..=options.saves {
            let change = |it: &&str| json!({"tool": format!("tools/{it}"), "base": "disk", "content": format!("{number}\n")});
            let changes: Vec<Value> = SET.iter().map(change).collect();
            assert_eq!(asker.post("/v1/deploys", &json!({"changes": changes}).to_string()), 201);
            // The reader has seen it.
            while wanted.load(Ordering::Acquire) < number {
                thread::yield_now();
            }
        }
        over.store(true, Ordering::Release);
        reader.join().unwrap()
    })
}

fn watch(root: &Path, over: &AtomicBool, seen: &AtomicUsize) -> Vec<Duration> {
    let paths = SET.map(|it| root.join(it));
    let (mut mixed, mut old, mut last) = (Vec::new(), 0, Instant::now());
    while !over.load(Ordering::Acquire) {
        let began = Instant::now();
        let numbers = [&paths[0], &paths[1], &paths[2]].map(|it| number(it));
        if numbers.iter().all(|it| *it == old) {
            last = began;
        } else if numbers.iter().all(|it| *it == numbers[0]) {
            mixed.push(last.elapsed());
            (old, last) = (numbers[0], began);
            seen.store(old, Ordering::Release);
        }
    }
    mixed
}

fn number(path: &Path) -> usize {
    let (mut file, mut text) = (File::open(path).unwrap(), String::new());
    file.read_to_string(&mut text).unwrap();
    text.trim().parse().unwrap()
}

fn rates(alone: &Rate, bare: &Rate, many: &Rate, verified: &Verified) -> Table {
    let mut table = Table::new(
        "durable deploys of 5 KB, nothing to verify".to_owned(),
        ["", "a second", "p50", "p99", "rate to it"],
    );
    table.row("one client, one tool", alone.cells());
    let to_bare = alone.a_second / bare.a_second;
    let row = |it: &Rate, ratio: f64| it.cells().into_iter().chain([format!("{ratio:.2}")]);
    table.row("the same four syncs bare, in turns", row(bare, to_bare));
    let gain = many.a_second / alone.a_second;
    table.row(&format!("{CLIENTS} clients, {CLIENTS} tools"), row(many, gain));
    table.row("one client, another tool", verified.before.cells());
    let slower = quantile(&verified.meanwhile.times, (1, 2)).as_secs_f64()
        / quantile(&verified.before.times, (1, 2)).as_secs_f64();
    table.row("the same while a third one is verified", row(&verified.meanwhile, slower));
    table.wish(&format!("at least {TO_BARE} × the bare syncs"), to_bare >= TO_BARE);
    table.wish(&format!("{CLIENTS} clients at least {MANY_TO_ONE} × one"), gain >= MANY_TO_ONE);
    table.wish(&format!("p50 while verified at most {WHILE_VERIFIED} ×"), slower <= WHILE_VERIFIED);
    table
}

fn of_sets(mixed: &[Duration]) -> Table {
    let mut table = Table::new(
        format!("{} sets of three, and a reader that polls the files", mixed.len()),
        ["", "p50", "p99", "at most"],
    );
    let cells = [(1, 2), (99, 100), (1, 1)].map(|it| ms(quantile(mixed, it)));
    table.row("from all old to all new", cells);
    table.note("from the beginning of the last look that found all old to the end of the first that found all new".to_owned());
    table
}
