//! Walks: everything that may be a tool, nothing else, and an honest word about what was not seen.

use std::os::unix::fs::symlink;

use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};

use super::*;

#[test]
fn finds_what_may_be_a_tool_and_only_that() {
    let mut bench = Bench::new();
    for path in [
        "a.py",
        "deep/er/b.sh",
        "bin/run",
        "notes.md",
        ".git/hooks/x.py",
        "venv/c.py",
        "folder.py/d.py",
        ".knowngood/stage/e.py",
    ] {
        bench.write(path, "x");
    }
    fs::set_permissions(bench.path("bin/run"), fs::Permissions::from_mode(0o755)).unwrap();
    symlink("a.py", bench.path("link.py")).unwrap();
    symlink("deep", bench.path("linked")).unwrap();
    symlink("..", bench.path("deep/up")).unwrap();
    let found = bench.walk();
    let expected = ["a.py", "bin/run", "deep/er/b.sh", "folder.py", "folder.py/d.py", "link.py"];
    assert_eq!(found, expected.map(id).into());
}

#[test]
fn twenty_thousand_files_are_found_in_small_steps() {
    let mut bench = Bench::new();
    let mut expected = BTreeSet::new();
    for number in 0..20_000 {
        let path = format!("d{}/e{}/{number}.py", number % 40, number % 7);
        if number < 280 {
            bench.write(&path, "");
        } else {
            fs::File::create(bench.path(&path)).unwrap();
        }
        expected.insert(id(path));
    }
    assert_eq!(bench.walk(), expected);
}

#[test]
fn a_deep_tree_takes_neither_stack_nor_descriptors() {
    let mut bench = Bench::new();
    // Nearly as deep as an id may be long.
    let levels = 2_000;
    let mut here = openat(CWD, bench.root(), OFlags::DIRECTORY, Mode::empty()).unwrap();
    for _ in 0..levels {
        mkdirat(&here, "d", Mode::RWXU).unwrap();
        here = openat(&here, "d", OFlags::DIRECTORY, Mode::empty()).unwrap();
    }
    let flags = OFlags::CREATE | OFlags::WRONLY;
    drop(openat(&here, "a.py", flags, Mode::RWXU).unwrap());
    let path = format!("{}a.py", "d/".repeat(levels));
    assert_eq!(bench.walk(), [id(&path)].into());
    assert!(file(bench.look(&path)).is_some());
}

#[test]
fn a_root_lost_or_replaced_on_the_way_is_told() {
    for put_another in [false, true] {
        let mut bench = Bench::new();
        for number in 0..200 {
            bench.write(format!("d{}/{number}.py", number % 4), "x");
        }
        let mut walk = bench.disk.walk(&name()).unwrap();
        assert!(!walk.next_paths().unwrap().is_empty() && !walk.root_lost());
        fs::rename(bench.root(), bench.directory.path().join("aside")).unwrap();
        if put_another {
            fs::create_dir(bench.root()).unwrap();
        }
        while walk.next_paths().is_some() {}
        assert!(walk.root_lost(), "another: {put_another}");
        assert_eq!(walk.next_paths(), None);
    }
}

#[test]
fn a_directory_that_vanishes_on_the_way_is_not_closed() {
    let mut bench = Bench::new();
    for number in 0..400 {
        bench.write(format!("d{}/{number}.py", number % 8), "x");
    }
    let mut walk = bench.disk.walk(&name()).unwrap();
    let first = walk.next_paths().unwrap();
    let at = first.last().unwrap().path();
    let at = String::from_utf8(at.segments().next().unwrap().to_vec()).unwrap();
    for number in 0..8 {
        let directory = format!("d{number}");
        if directory != at {
            fs::remove_dir_all(bench.path(directory)).unwrap();
        }
    }
    while walk.next_paths().is_some() {}
    assert!(walk.closed_directories().is_empty() && !walk.root_lost());
}
