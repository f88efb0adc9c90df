//! What is remembered, and what is read again.

use std::{fs::FileTimes, os::unix::fs::MetadataExt as _};

use super::*;
use crate::model::Cause;

/// Puts a file's times back, as `cp -p`, `touch -d` and `rsync -t` do.
fn set_times_of(path: &Path, former: &fs::Metadata) {
    let times = FileTimes::new()
        .set_modified(former.modified().unwrap())
        .set_accessed(former.accessed().unwrap());
    fs::File::options().write(true).open(path).unwrap().set_times(times).unwrap();
}

#[test]
fn an_equal_stat_is_not_read_again_unless_asked() {
    let mut bench = Bench::new();
    bench.write("a.py", "one");
    assert_eq!(content(bench.look("a.py")).unwrap(), b"one", "too young to be trusted");
    let seen = bench.remember("a.py");
    assert_eq!((seen.digest, seen.size), (digest("one"), 3));
    assert_eq!(content(bench.fresh("a.py")).unwrap(), b"one");
}

#[test]
fn a_change_that_hides_its_time_is_found() {
    let mut bench = Bench::new();
    let path = bench.write("a.py", "one");
    bench.remember("a.py");
    let former = fs::metadata(&path).unwrap();
    fs::write(&path, "two").unwrap();
    set_times_of(&path, &former);
    assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), former.modified().unwrap());
    assert_eq!(content(bench.look("a.py")).unwrap(), b"two");

    bench.remember("a.py");
    let other = bench.write("other", "six");
    set_times_of(&other, &former);
    fs::rename(&other, &path).unwrap();
    assert_eq!(content(bench.look("a.py")).unwrap(), b"six", "another file with the same times");
}

#[test]
fn a_rewrite_within_the_clocks_step_is_found() {
    let mut bench = Bench::new();
    let path = bench.write("a.py", "0000");
    for round in 1..2_000 {
        let text = format!("{round:04}");
        fs::write(&path, &text).unwrap();
        assert_eq!(content(bench.look("a.py")).unwrap(), text.as_bytes());
    }
}

#[test]
fn a_changed_mode_is_seen_and_the_content_stays() {
    let mut bench = Bench::new();
    let path = bench.write("a.py", "one");
    assert!(!bench.remember("a.py").executable);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let seen = bench.remember("a.py");
    assert!(seen.executable && seen.digest == digest("one"));
}

#[test]
fn the_time_told_is_the_files() {
    let mut bench = Bench::new();
    let path = bench.write("a.py", "one");
    let data = fs::metadata(&path).unwrap();
    let micros = data.mtime() * 1_000_000 + data.mtime_nsec() / 1_000;
    assert_eq!(file(bench.look("a.py")).unwrap().mtime.0, micros);
}

#[test]
fn a_lower_limit_binds_what_is_remembered() {
    let mut bench = Bench::new();
    bench.write("a.py", "four");
    bench.remember("a.py");
    let mut root = watched(&bench.root());
    root.file_size = 3;
    bench.disk.set_roots(&[root]);
    assert_eq!(bench.look("a.py"), Sight::Unreadable(Cause::TooLarge));
}

#[test]
fn a_restart_reads_nothing_that_did_not_change() {
    let mut bench = Bench::new();
    for path in ["a.py", "b.py", "c.py"] {
        bench.write(path, path);
        bench.remember(path);
    }
    bench.disk.rest();
    fs::remove_file(bench.path("b.py")).unwrap();
    assert_eq!(bench.look("b.py"), Sight::Gone);
    bench.disk.rest();
    bench.disk.rest();
    assert_eq!(*bench.memory.saved.lock().unwrap(), [(3, 0), (0, 1)], "only what changed is saved");
    bench.write("c.py", "new");
    bench.restart();
    assert_eq!(file(bench.look("a.py")).unwrap().content, None);
    assert_eq!(content(bench.look("c.py")).unwrap(), b"new");
    assert_eq!(bench.memory.entries.lock().unwrap().len(), 2);
}

#[test]
fn a_file_too_young_to_trust_is_not_saved() {
    let mut bench = Bench::new();
    let path = bench.path("a.py");
    // As if it were written just now, whenever that is: no clock shows this time.
    bench.write("a.py", "one");
    bench.remember("a.py");
    fs::write(&path, "two").unwrap();
    assert!(content(bench.look("a.py")).is_some());
    bench.disk.rest();
    assert!(bench.memory.entries.lock().unwrap().is_empty());
}

#[test]
fn names_of_one_file_know_each_other() {
    let mut bench = Bench::new();
    let path = bench.write("a.py", "one");
    bench.write("alone.py", "one");
    fs::hard_link(&path, bench.path("b.py")).unwrap();
    fs::hard_link(&path, bench.directory.path().join("outside.py")).unwrap();
    for path in ["a.py", "b.py", "alone.py"] {
        bench.remember(path);
    }
    assert_eq!(file(bench.look("a.py")).unwrap().links, 3);
    assert_eq!(bench.disk.siblings(&id("a.py")), [id("b.py")]);
    assert_eq!(bench.disk.siblings(&id("b.py")), [id("a.py")]);
    assert!(bench.disk.siblings(&id("alone.py")).is_empty());

    fs::write(bench.path("b.py"), "two").unwrap();
    assert_eq!(content(bench.look("a.py")).unwrap(), b"two");
    fs::remove_file(bench.path("b.py")).unwrap();
    bench.write("b.py", "its own");
    bench.look("b.py");
    assert!(bench.disk.siblings(&id("a.py")).is_empty());
}
