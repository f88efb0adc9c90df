//! Only what stood still is a content.

use std::{
    io::{Seek as _, SeekFrom, Write as _},
    os::fd::AsRawFd as _,
    process::Command,
    sync::atomic::AtomicU64,
};

use super::*;

#[test]
fn a_file_open_for_writing_waits_for_its_close() {
    let mut bench = Bench::new();
    let path = bench.write("a.py", "one");
    bench.remember("a.py");
    let mut writer = fs::File::options().append(true).open(&path).unwrap();
    assert_eq!(bench.glance("a.py", true), Sight::Unsettled, "opened");
    writer.write_all(b" two").unwrap();
    assert_eq!(bench.glance("a.py", false), Sight::Unsettled, "written, still open");
    drop(writer);
    assert_eq!(content(bench.look("a.py")).unwrap(), b"one two");
}

#[test]
fn what_was_unsettled_is_not_remembered() {
    let mut bench = Bench::new();
    let path = bench.write("a.py", "one");
    bench.remember("a.py");
    let writer = fs::File::options().write(true).open(&path).unwrap();
    assert_eq!(bench.glance("a.py", true), Sight::Unsettled);
    drop(writer);
    assert_eq!(content(bench.look("a.py")).unwrap(), b"one", "its stat did not change");
}

#[test]
fn a_writable_mapping_is_a_writer() {
    let mut bench = Bench::new();
    let path = bench.write("a.py", "one");
    if rustix::fs::statfs(&path).unwrap().f_type == OVERLAYFS {
        return println!("overlayfs hides mappings from us: the file is the layer's");
    }
    let mapping = Mapping::of(&path);
    assert_eq!(bench.glance("a.py", false), Sight::Unsettled, "mapped, its descriptor closed");
    mapping.store(b'X');
    assert_eq!(bench.glance("a.py", false), Sight::Unsettled);
    drop(mapping);
    assert_eq!(content(bench.look("a.py")).unwrap(), b"Xne");
}

const OVERLAYFS: i64 = 0x794C_7630;

/// The first page of a file, mapped shared and writable.
struct Mapping(*mut libc::c_void);

const PAGE: usize = 4096;

#[expect(unsafe_code, reason = "mapping a file is a foreign call")]
impl Mapping {
    fn of(path: &Path) -> Self {
        let file = fs::File::options().read(true).write(true).open(path).unwrap();
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping, of nobody else's memory.
        let at = unsafe {
            libc::mmap(std::ptr::null_mut(), PAGE, access, libc::MAP_SHARED, file.as_raw_fd(), 0)
        };
        assert_ne!(at, libc::MAP_FAILED);
        Self(at)
    }

    fn store(&self, byte: u8) {
        // SAFETY: the mapping lives as long as `self`, and the file has a first byte.
        unsafe { self.0.cast::<u8>().write_volatile(byte) }
    }
}

#[expect(unsafe_code, reason = "unmapping a file is a foreign call")]
impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: it was mapped with this length, and nothing points into it any more.
        unsafe { libc::munmap(self.0, PAGE) };
    }
}

/// One version: its number all over, longer or shorter than the one before.
fn version(number: u64) -> Vec<u8> {
    format!("{number:016}\n").into_bytes().repeat(64 + usize::try_from(number % 7).unwrap() * 100)
}

fn is_whole(content: &[u8]) -> bool {
    let number = content.get(..16).and_then(|it| std::str::from_utf8(it).ok()?.parse().ok());
    number.is_some_and(|it| version(it) == content)
}

/// Rewrites in place, truncating first, in eight writes, as fast as it can.
fn rewrite(path: &Path, over: &AtomicBool) {
    for number in 1.. {
        let content = version(number);
        let mut file = fs::File::create(path).unwrap();
        for part in content.chunks(content.len().div_ceil(8)) {
            file.write_all(part).unwrap();
        }
        if over.load(Ordering::Relaxed) {
            return;
        }
    }
}

#[test]
fn no_torn_content_is_ever_taken() {
    #[expect(clippy::disallowed_methods, reason = "how long to torture is the tester's wish")]
    let seconds = std::env::var("KNOWNGOOD_TORTURE_SECONDS").ok().and_then(|it| it.parse().ok());
    let time = Duration::from_secs(seconds.unwrap_or(2));
    let mut bench = Bench::new();
    let path = bench.write("a.py", version(0));
    let over = AtomicBool::new(false);
    let (mut whole, mut unsettled, mut torn, mut empty) = (0, 0, 0, 0);
    thread::scope(|scope| {
        scope.spawn(|| rewrite(&path, &over));
        let _ends = Ends(&over);
        let start = Instant::now();
        while start.elapsed() < time {
            match content(bench.glance("a.py", false)) {
                Some(it) if is_whole(&it) => whole += 1,
                Some(it) if it.is_empty() => empty += 1,
                Some(_) => torn += 1,
                None => unsettled += 1,
            }
        }
    });
    println!("{whole} whole, {unsettled} unsettled, {torn} torn, {empty} empty");
    assert_eq!((torn, empty), (0, 0));
    assert!(whole > 10 && unsettled > 10, "both were seen: {whole}, {unsettled}");
    assert_eq!(content(bench.fresh("a.py")).map(|it| is_whole(&it)), Some(true));
}

#[test]
fn a_file_that_keeps_growing_is_never_taken_in_part() {
    let mut bench = Bench::new();
    let path = bench.write("a.py", "");
    let (over, length) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut file = fs::File::options().append(true).open(&path).unwrap();
            while !over.load(Ordering::Relaxed) && length.load(Ordering::Relaxed) < LIMIT {
                file.write_all(&[b'x'; 100]).unwrap();
                length.store(file.seek(SeekFrom::End(0)).unwrap(), Ordering::Release);
            }
        });
        let _ends = Ends(&over);
        wait_for(|| (length.load(Ordering::Acquire) > 0).then_some(()));
        while length.load(Ordering::Acquire) < LIMIT / 2 {
            assert_eq!(bench.glance("a.py", false), Sight::Unsettled);
        }
    });
    let size = fs::metadata(&path).unwrap().len();
    assert_eq!(file(bench.look("a.py")).unwrap().size, size);
}

const NO_DESCRIPTORS: &str = "KNOWNGOOD_TEST_WITHOUT_DESCRIPTORS";

#[test]
fn out_of_descriptors_nothing_is_gone() {
    #[expect(clippy::disallowed_methods, reason = "a test that runs itself as a child")]
    if std::env::var_os(NO_DESCRIPTORS).is_some() {
        return without_descriptors();
    }
    // The limit is the whole process's, so it gets one of its own.
    let this = format!("{}::out_of_descriptors_nothing_is_gone", module_path!());
    let this = this.split_once("::").unwrap().1;
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", this, "--test-threads", "1", "--nocapture"])
        .env(NO_DESCRIPTORS, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

fn without_descriptors() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let mut bench = Bench::new();
    bench.write("d/a.py", "one");
    bench.look("d/a.py");
    let mut walk = bench.disk.walk(&name()).unwrap();
    setrlimit(Resource::Nofile, Rlimit { current: Some(64), maximum: Some(64) }).unwrap();
    let mut taken: Vec<_> = std::iter::from_fn(|| fs::File::open("/dev/null").ok()).collect();
    // With nothing left, with room for the root alone, for its directory too: never gone, never closed.
    for _ in 0..3 {
        assert_eq!(bench.glance("d/a.py", false), Sight::Unsettled);
        assert!(bench.disk.root_is_there(&name()));
        assert_eq!(walk.next_paths(), Some(Vec::new()));
        assert!(!walk.root_lost() && walk.closed_directories().is_empty());
        if taken.len() % 2 == 0 {
            taken.pop();
        }
    }
    drop(taken);
    assert_eq!(content(bench.look("d/a.py")).unwrap(), b"one");
    assert_eq!(wait_for(|| walk.next_paths().filter(|it| !it.is_empty())), [id("d/a.py")]);
}
