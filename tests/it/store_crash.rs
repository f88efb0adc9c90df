//! Ends that nobody planned: kill -9 at any moment, a full disk, a sync that fails, a power cut. The test starts
//! itself again as a child that writes, and then looks for everything that the child had acknowledged.

use std::{
    env, fs,
    io::{self, BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::Duration,
};

use knowngood::{
    model::{Author, Digest, Fact, Origin, Reason, Record, Seq, Timestamp, Version, VersionNo},
    ports::{Batch, Pack, StoreError},
    store::{self, Manner, Opened, Sync},
};

use crate::{
    store_samples::{Dice, content, digest, tool},
    world::cut_power,
};

// ------------------------------------------------------------------------ what the child writes

/// Every fact is a version, made from its seq alone: so anybody can say what fact 17 must be.
fn record(seq: Seq, longest: u32) -> (Record, Vec<u8>) {
    const TOOLS: u64 = 50;
    let mut dice = Dice(seq.0 * 7919);
    let bits = dice.below(u64::from(longest.ilog2()) + 1);
    let length = 1 + dice.below(1 << bits) as usize;
    let bytes = content(&mut dice, length);
    let time = Timestamp(seq.0 as i64);
    let version = Version {
        note: None,
        tool: tool(&format!("{}.py", seq.0 % TOOLS)),
        number: VersionNo((seq.0 / TOOLS) as u32 + 1),
        digest: digest(&bytes),
        size: length as u64,
        executable: false,
        parents: Vec::new(),
        author: Author::unknown(),
        reason: Reason::edit(),
        origin: Origin::Watch,
        mtime: time,
        time,
        seq,
    };
    (Record { seq, time, fact: Fact::VersionRecorded(version) }, bytes)
}

fn batch(after: Seq, longest: u32, pack: &dyn Pack) -> Batch {
    let mut batch = Batch::default();
    let mut seq = after;
    for _ in 0..=Dice(after.0).below(4) {
        seq = seq.next();
        let (record, bytes) = record(seq, longest);
        batch.contents.push(pack.pack(digest(&bytes), &bytes));
        batch.records.push(record);
    }
    batch
}

/// Everything up to the head is whole, and the head is not before `acknowledged`.
fn check(store: &Opened, acknowledged: u64, longest: u32) {
    let head = store.log.head().0;
    assert!(
        head.0 >= acknowledged,
        "lost: the log ends with {head}, {acknowledged} was acknowledged"
    );
    let mut at = Seq(0);
    while at < head {
        for found in store.archive.records(at, 500).unwrap() {
            at = at.next();
            let (expected, bytes) = record(at, longest);
            assert_eq!(found, expected);
            let Fact::VersionRecorded(it) = expected.fact else { unreachable!() };
            assert!(
                store.archive.content(&it.digest).unwrap() == Some(bytes),
                "lost: {}",
                it.digest
            );
            assert_eq!(store.archive.version(&it.tool, it.number).unwrap(), Some(it));
        }
    }
    assert_eq!(store.archive.verify().unwrap().problems, Vec::<String>::new());
}

// ------------------------------------------------------------------------------------ the child

/// How many bytes the contents in a test have, at most.
const SHORT: u32 = 8192;
const MEGABYTE: u32 = 1 << 20;

/// `<what to do> <longest content> <directory>`
const ORDER: &str = "KNOWNGOOD_STORE_CHILD";

fn child(order: &str, longest: u32, dir: &Path) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "store_crash::as_a_child", "--ignored", "--nocapture"]);
    command.env(ORDER, format!("{order} {longest} {}", dir.display()));
    command
}

/// The same as one line of shell.
fn child_line(order: &str, longest: u32) -> String {
    let exe = env::current_exe().unwrap();
    let exe = exe.display();
    format!(
        "env '{ORDER}={order} {longest} {{dir}}' {exe} --exact store_crash::as_a_child --ignored --nocapture"
    )
}

fn open(dir: &Path, sync: Sync) -> Opened {
    // Short segments: several in a second of writing.
    store::open_with(dir, &|_| (), Manner { sync, segment: 3 << 20 }).unwrap()
}

#[test]
#[ignore = "the other tests here start it"]
#[expect(clippy::disallowed_methods, reason = "a test binary hands on no arguments")]
fn as_a_child() {
    let Ok(order) = env::var(ORDER) else { return };
    let [what, longest, dir] = order.splitn(3, ' ').collect::<Vec<_>>()[..] else {
        panic!("{order}")
    };
    let (longest, dir) = (longest.parse().unwrap(), Path::new(dir));
    // The harness has left its line open.
    println!();
    match what {
        "open" => drop(open(dir, Sync::Data)),
        "write" => write_on(open(dir, Sync::Data), longest, u32::MAX),
        "write-30" => write_on(open(dir, Sync::Data), longest, 30),
        "write-unsynced" => write_on(open(dir, Sync::None), longest, u32::MAX),
        "check" => {
            let mut promises = String::new();
            io::stdin().read_to_string(&mut promises).unwrap();
            let last = promises.lines().map(|it| it.parse().unwrap()).max();
            check(&open(dir, Sync::Data), last.unwrap_or(0), longest);
        }
        other => panic!("{other}"),
    }
}

/// Tries again what a full disk refused; any other error is the last.
fn write_on(mut store: Opened, longest: u32, batches: u32) {
    for number in 0..batches {
        let batch = batch(store.log.head().0, longest, &*store.pack);
        match store.log.append(&batch) {
            Ok(()) => println!("ACK {}", store.log.head().0),
            Err(StoreError::Full { .. }) => println!("FULL"),
            Err(it) => {
                println!("FAILED {it}");
                let again = store.log.append(&batch);
                assert!(matches!(again, Err(StoreError::Poisoned(_))), "{again:?}");
                return;
            }
        }
        if number % 16 == 15 {
            store.log.checkpoint().unwrap();
        }
    }
}

// ------------------------------------------------------------------------------------ kill -9

/// Kills the child after this many acknowledgements and this long; gives the last acknowledged fact.
fn kill(mut child: Child, acks: u64, then: Duration) -> u64 {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (tell, told) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        let (mut last, mut left) = (0, acks);
        for line in lines.map_while(Result::ok) {
            if let Some(ack) = line.strip_prefix("ACK ") {
                last = ack.parse().unwrap();
                left = left.saturating_sub(1);
            }
            if left == 0 {
                let _: Result<(), _> = tell.send(());
                left = u64::MAX;
            }
        }
        last
    });
    if acks > 0 {
        told.recv().unwrap();
    }
    // Nothing to wait for: it is to be hit wherever it happens to be.
    let _: Result<(), _> = told.recv_timeout(then);
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap()
}

#[test]
fn a_hundred_kills_lose_nothing() {
    let home = tempfile::tempdir().unwrap();
    let mut dice = Dice(3);
    let (mut acknowledged, mut last) = (0, 0);
    for round in 0..100 {
        let dir = home.path().join((round / 10).to_string());
        if round % 10 == 0 {
            last = 0;
        }
        let child = child("write", SHORT, &dir).stdout(Stdio::piped()).spawn().unwrap();
        let acks = dice.below(4) * dice.below(12);
        let then = Duration::from_micros(dice.below(if acks == 0 { 60_000 } else { 4000 }));
        let acked = kill(child, acks, then).max(last);
        acknowledged += acked - last;
        let store = open(&dir, Sync::Data);
        check(&store, acked, SHORT);
        last = store.log.head().0.0;
    }
    println!("100 kills, {acknowledged} facts acknowledged, 0 lost");
    assert!(acknowledged > 500);
}

/// Whether a program is there; says so if it is not.
fn have(program: &str) -> bool {
    let found =
        Command::new(program).arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if found.is_err() {
        println!("skipped: {program} is not here");
    }
    found.is_ok()
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").args(["-a", "--"]).args([from, to]).status().unwrap().success());
}

/// What changes a file system, or makes a change durable. The child is killed before it does it, so a kill
/// between two of these, or at an `open` that makes a file, makes no difference.
const CHANGES: [&str; 14] = [
    "write",
    "pwrite64",
    "ftruncate",
    "fallocate",
    "rename",
    "renameat2",
    "unlink",
    "unlinkat",
    "mkdir",
    "mkdirat",
    "rmdir",
    "fsync",
    "fdatasync",
    "sync_file_range",
];

#[test]
fn a_kill_at_any_call_while_opening_loses_nothing() {
    if !have("strace") {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let sample = |name: &str, spoil: &dyn Fn(&Path)| {
        let dir = home.path().join(name);
        let mut store = open(&dir, Sync::Data);
        for _ in 0..20 {
            let batch = batch(store.log.head().0, SHORT, &*store.pack);
            store.log.append(&batch).unwrap();
        }
        let head = store.log.head().0.0;
        drop(store);
        spoil(&dir);
        (dir, head)
    };
    let torn = |dir: &Path| {
        let path = dir.join("log/0000000001.log");
        let mut bytes = fs::read(&path).unwrap();
        let end = bytes.iter().rposition(|it| *it != 0).unwrap();
        bytes[end + 600..end + 9000].fill(b'x');
        fs::write(path, bytes).unwrap();
    };
    let states = [
        (home.path().join("nothing"), 0),
        sample("whole", &|_| ()),
        sample("torn", &torn),
        sample("without-index", &|it| fs::remove_dir_all(it.join("index")).unwrap()),
        sample("without-checkpoint", &|it| fs::remove_file(it.join("checkpoint")).unwrap()),
        sample("bad-index", &|it| fs::write(it.join("index/db"), vec![7; 600_000]).unwrap()),
    ];
    for (state, acknowledged) in states {
        let dir = home.path().join("killed");
        let mut kills = 0;
        for call in CHANGES {
            let mut number = 0;
            loop {
                number += 1;
                if state.exists() {
                    copy(&state, &dir);
                }
                let was_killed = killed_at(call, number, &dir);
                if was_killed {
                    kills += 1;
                    // And killed at the same call of the start after that.
                    killed_at(call, number, &dir);
                }
                check(&open(&dir, Sync::Data), acknowledged, SHORT);
                fs::remove_dir_all(&dir).unwrap();
                if !was_killed {
                    break;
                }
            }
        }
        println!("{}: killed at {kills} calls", state.display());
        assert!(kills > 10);
    }
}

/// Opens in a child that is killed at the nth time it makes this call. `false`: it was through before.
fn killed_at(call: &str, number: u32, dir: &Path) -> bool {
    let opening = child("open", SHORT, dir);
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}"), "-e"]);
    strace.arg(format!("inject={call}:signal=SIGKILL:when={number}"));
    strace.arg(opening.get_program()).args(opening.get_args());
    strace.envs(opening.get_envs().filter_map(|it| Some((it.0, it.1?))));
    let status = strace.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    // Killed like the child, or told that it was.
    if !status.success() {
        use std::os::unix::process::ExitStatusExt as _;
        assert!(
            status.signal() == Some(9) || status.code() == Some(137),
            "{call} {number}: {status}"
        );
    }
    !status.success()
}

// ------------------------------------------------------------------------- errors of the disk

/// Runs the child with a call on the log's file failing, and gives what it printed.
fn with_failing(call: &str, error: &str, when: &str, dir: &Path) -> Vec<String> {
    let writing = child("write-30", SHORT, dir);
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-o", "/dev/null", "-P"]).arg(dir.join("log/0000000001.log"));
    strace.args(["-e", &format!("trace={call}"), "-e"]);
    strace.arg(format!("inject={call}:error={error}:when={when}"));
    strace.arg(writing.get_program()).args(writing.get_args());
    strace.envs(writing.get_envs().filter_map(|it| Some((it.0, it.1?))));
    let out = strace.output().unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    assert!(out.status.success(), "{text}");
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_write_for_which_there_was_no_space_is_tried_again() {
    if !have("strace") {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    drop(open(home.path(), Sync::Data));
    let lines = with_failing("pwrite64", "ENOSPC", "3+4", home.path());
    let full = lines.iter().filter(|it| *it == "FULL").count();
    let acks: Vec<u64> =
        lines.iter().filter_map(|it| it.strip_prefix("ACK ")?.parse().ok()).collect();
    assert!(full >= 3 && full + acks.len() == 30, "{lines:?}");
    check(&open(home.path(), Sync::Data), *acks.last().unwrap(), SHORT);
}

#[test]
fn nothing_is_accepted_after_a_failed_sync() {
    if !have("strace") {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    for (call, error) in [("fdatasync", "EIO"), ("fdatasync", "ENOSPC"), ("pwrite64", "EIO")] {
        let dir = home.path().join(format!("{call}-{error}"));
        drop(open(&dir, Sync::Data));
        let lines = with_failing(call, error, "4", &dir);
        assert!(lines.iter().any(|it| it.starts_with("FAILED")), "{lines:?}");
        let acks: Vec<u64> =
            lines.iter().filter_map(|it| it.strip_prefix("ACK ")?.parse().ok()).collect();
        check(&open(&dir, Sync::Data), *acks.last().unwrap(), SHORT);
    }
}

/// A small file system of our own, unmounted at the end.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path) -> Option<Self> {
        fs::create_dir_all(at).unwrap();
        let mount =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=64m", "none"]).arg(at).output();
        if mount.is_ok_and(|it| it.status.success()) {
            return Some(Self(at.to_owned()));
        }
        println!("skipped: no tmpfs can be mounted here");
        None
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

fn fill(path: &Path) {
    let mut file = fs::File::create(path).unwrap();
    assert!(io::copy(&mut io::repeat(b'x'), &mut file).is_err());
}

#[test]
fn a_full_disk_refuses_and_loses_nothing() {
    let home = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(&home.path().join("disk")) else { return };
    let (dir, filler) = (disk.0.join("state"), disk.0.join("filler"));
    let mut store = open(&dir, Sync::Data);
    let append = |store: &mut Opened| {
        let batch = batch(store.log.head().0, SHORT, &*store.pack);
        store.log.append(&batch)
    };
    for _ in 0..100 {
        append(&mut store).unwrap();
    }
    let head = store.log.head().0.0;
    fill(&filler);
    for _ in 0..3 {
        let refused = append(&mut store).unwrap_err();
        assert!(
            matches!(refused, StoreError::Full { free: Some(free), needed, .. } if free < needed)
        );
        assert!(refused.to_string().contains(" bytes) free there to record anything"), "{refused}");
    }
    check(&store, head, SHORT);
    assert!(matches!(store.log.checkpoint(), Err(StoreError::Full { .. })));
    assert!(matches!(store.memory.save(&[], &[tool("a.py")]), Err(StoreError::Full { .. })));
    // It goes on where it stopped, as soon as there is space.
    fs::remove_file(&filler).unwrap();
    append(&mut store).unwrap();
    store.log.checkpoint().unwrap();
    let head = store.log.head().0.0;
    fill(&filler);
    drop(store);
    // The reserve lets it open and read; a second time there may be none left, and it says so.
    let mut store = open(&dir, Sync::Data);
    check(&store, head, SHORT);
    assert!(matches!(append(&mut store), Err(StoreError::Full { .. })));
    drop(store);
    fill(&disk.0.join("more"));
    for _ in 0..3 {
        match store::open(&dir, &|_| ()) {
            Ok(store) => check(&store, head, SHORT),
            Err(StoreError::Full { .. }) => (),
            Err(it) => panic!("{it}"),
        }
    }
    fs::remove_file(&filler).unwrap();
    let mut store = open(&dir, Sync::Data);
    check(&store, head, SHORT);
    append(&mut store).unwrap();
}

#[test]
fn a_disk_that_is_full_from_the_start_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(&home.path().join("disk")) else { return };
    let (dir, filler) = (disk.0.join("state"), disk.0.join("filler"));
    fill(&filler);
    for _ in 0..2 {
        let refused = store::open(&dir, &|_| ()).map(|it| it.notes);
        assert!(matches!(refused, Err(StoreError::Full { .. })), "{refused:?}");
    }
    fs::remove_file(&filler).unwrap();
    let store = open(&dir, Sync::Data);
    assert_eq!(store.archive.content(&Digest([0; 32])).unwrap(), None);
}

// --------------------------------------------------------------------------------- power cuts

fn power_cuts(rounds: u32, writer: &str) -> Option<(bool, String)> {
    cut_power(rounds, &[], &child_line(writer, MEGABYTE), &child_line("check", MEGABYTE))
}

fn cut_and_compare(rounds: u32) {
    let Some((kept, text)) = power_cuts(rounds, "write") else { return };
    println!("synced: {text}");
    assert!(kept, "{text}");
    let Some((kept, text)) = power_cuts(3.max(rounds / 10), "write-unsynced") else { return };
    println!("not synced: {text}");
    assert!(
        !kept,
        "a log that does not sync must lose something, or this test sees nothing: {text}"
    );
}

#[test]
fn power_cuts_lose_nothing() {
    cut_and_compare(10);
}

#[test]
#[ignore = "takes minutes"]
fn a_hundred_power_cuts_lose_nothing() {
    cut_and_compare(100);
}
