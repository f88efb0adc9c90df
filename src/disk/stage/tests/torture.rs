//! Four writers against one switch after the other: nothing that was met is lost, and what is live is always whole.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use super::*;

const LASTS: Duration = Duration::from_secs(3);
const LENGTH: usize = 3000;

/// Whole contents are told from torn ones: one number, again and again, to a fixed length.
fn whole(number: u64) -> String {
    format!("{number:08}\n").repeat(LENGTH)
}

fn is_whole(text: &str) -> bool {
    let Some(first) = text.lines().next() else { return false };
    text.len() == LENGTH * 9 && text.lines().all(|it| it == first)
}

#[derive(Default)]
struct Shared {
    numbers: AtomicU64,
    over: AtomicBool,
}

impl Shared {
    fn next(&self) -> String {
        whole(self.numbers.fetch_add(1, Ordering::Relaxed))
    }

    fn runs(&self) -> bool {
        !self.over.load(Ordering::Relaxed)
    }
}

/// Every few milliseconds, so that switches come through, too.
fn pause(salt: u64) {
    thread::sleep(Duration::from_micros(500 + salt % 7 * 900));
}

fn saver(shared: &Shared, path: &Path, own: &Path) {
    let mut salt = 1;
    while shared.runs() {
        let text = shared.next();
        fs::write(own, &text).unwrap();
        fs::rename(own, path).unwrap();
        salt += 1;
        pause(salt);
    }
}

fn overwriter(shared: &Shared, path: &Path) {
    let mut salt = 3;
    while shared.runs() {
        if let Ok(mut file) = fs::File::options().write(true).open(path) {
            std::io::Write::write_all(&mut file, shared.next().as_bytes()).unwrap();
        }
        salt += 1;
        pause(salt);
    }
}

#[derive(Default, Debug)]
struct Tally {
    live: usize,
    conflicts: usize,
    seen: usize,
    late: usize,
}

fn rounds(bench: &Bench, shared: &Shared) -> Tally {
    let (path, start) = (bench.path("a.py"), Instant::now());
    let mut tally = Tally::default();
    while start.elapsed() < LASTS {
        let Ok(base) = fs::read_to_string(&path) else { continue };
        let text = shared.next();
        let order = bench.order(&[("a.py", Some(&base), Some(&text))]);
        match bench.switch(&order) {
            Switched::Live(parts) => {
                assert_eq!(parts[0].displaced, Some(digest(&base)));
                tally.live += 1;
            }
            Switched::Undone { why: Undone::Conflict(_), seen } => {
                tally.conflicts += 1;
                for it in seen {
                    assert!(it.file.content.is_some(), "it is handed out with its bytes");
                    tally.seen += 1;
                }
            }
            other @ (Switched::Undone { .. } | Switched::Unknown { .. }) => panic!("{other:?}"),
        }
        for late in bench.stage.late() {
            // Nothing else goes but what was staged: whatever came out is told before.
            assert!(late.now.as_ref().is_some_and(|it| it.content.is_some()));
            tally.late += usize::from(late.displaced != late.now.as_ref().map(|it| it.digest));
            bench.stage.release(&late);
        }
        bench.stage.discard(&order.parts[0].0.tool, &order.parts[0].1);
    }
    tally
}

/// Reads as anybody would: what was saved by rename, and what was switched, is never half there. (Who writes in place
/// tears the file by himself, so this runs with savers alone.)
fn reader(shared: &Shared, path: &Path) -> usize {
    let mut read = 0;
    while shared.runs() {
        let text = fs::read_to_string(path).unwrap();
        assert!(is_whole(&text), "torn: {:?} … of {}", text.get(..40), text.len());
        read += 1;
    }
    read
}

#[test]
fn savers_never_see_half_a_file_and_lose_nothing() {
    let bench = Bench::new(true);
    let shared = Shared::default();
    let path = bench.write("a.py", &shared.next());
    let (tally, read) = thread::scope(|scope| {
        let end = End(&shared.over);
        let (shared, path) = (&shared, &path);
        for own in ["w1", "w2"] {
            let own = bench.path(own);
            scope.spawn(move || saver(shared, path, &own));
        }
        let reads = scope.spawn(move || reader(shared, path));
        let tally = rounds(&bench, shared);
        drop(end);
        (tally, reads.join().unwrap())
    });
    println!("{tally:?}, {read} reads");
    assert!(tally.live > 0 && tally.conflicts > 0 && read > 0, "{tally:?}, {read} reads");
    assert_eq!(bench.stage.late(), []);
    assert!(!bench.stage.holds_displaced(), "nobody has anything open any more");
    assert_eq!(bench.held(), BTreeSet::new());
}

#[test]
fn four_writers_lose_nothing_that_a_switch_met() {
    let bench = Bench::new(true);
    let shared = Shared::default();
    let path = bench.write("a.py", &shared.next());
    let tally = thread::scope(|scope| {
        let _end = End(&shared.over);
        let (shared, path) = (&shared, &path);
        for own in ["w1", "w2"] {
            let own = bench.path(own);
            scope.spawn(move || saver(shared, path, &own));
            scope.spawn(move || overwriter(shared, path));
        }
        rounds(&bench, shared)
    });
    println!("{tally:?}");
    assert!(tally.live + tally.conflicts > 10 && tally.conflicts > 0, "{tally:?}");
    for late in bench.stage.late() {
        bench.stage.release(&late);
    }
    assert_eq!(bench.held(), BTreeSet::new());
}

struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
