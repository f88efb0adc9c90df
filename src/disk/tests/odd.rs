//! What is a tool, and what stands in a tool's place without being one.

use std::os::unix::{fs::symlink, net::UnixListener};

use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::*;
use crate::model::Cause;

fn make(path: &Path, kind: FileType) -> Result<(), rustix::io::Errno> {
    // A device is /dev/null's twin.
    mknodat(CWD, path, kind, Mode::from_raw_mode(0o666), rustix::fs::makedev(1, 3))
}

#[test]
fn what_is_not_a_regular_file_is_named_and_never_blocks() {
    let mut bench = Bench::new();
    bench.write("real.py", "x");
    make(&bench.path("fifo.py"), FileType::Fifo).unwrap();
    let _socket = UnixListener::bind(bench.path("socket.py")).unwrap();
    fs::create_dir(bench.path("directory.py")).unwrap();
    symlink("real.py", bench.path("link.py")).unwrap();
    symlink("nowhere", bench.path("dangling.py")).unwrap();
    symlink("loop.py", bench.path("loop.py")).unwrap();
    let mut expected = vec![
        ("fifo.py", Cause::Fifo),
        ("socket.py", Cause::Socket),
        ("directory.py", Cause::Directory),
        ("link.py", Cause::Symlink),
        ("dangling.py", Cause::Symlink),
        ("loop.py", Cause::Symlink),
    ];
    match make(&bench.path("device.py"), FileType::CharacterDevice) {
        Ok(()) => expected.push(("device.py", Cause::Device)),
        Err(error) => println!("without a device: {error}"),
    }
    for (path, cause) in expected {
        assert_eq!(bench.look(path), Sight::Unreadable(cause), "{path}");
    }
}

#[test]
fn an_odd_thing_is_a_tools_affair_by_its_name_or_if_it_is_known() {
    let mut bench = Bench::new();
    make(&bench.path("pipe"), FileType::Fifo).unwrap();
    fs::create_dir(bench.path("folder")).unwrap();
    symlink("/", bench.path("away")).unwrap();
    for path in ["pipe", "folder", "away", "away/bin"] {
        assert_eq!(bench.look(path), Sight::NotATool, "{path}");
        bench.know(path);
    }
    for (path, cause) in [
        ("pipe", Cause::Fifo),
        ("folder", Cause::Directory),
        ("away", Cause::Symlink),
        ("away/bin", Cause::Symlink),
    ] {
        assert_eq!(bench.look(path), Sight::Unreadable(cause), "{path}");
    }
}

#[test]
fn a_link_among_the_directories_is_not_followed() {
    let mut bench = Bench::new();
    bench.write("real/deep/a.py", "x");
    symlink("real", bench.path("link")).unwrap();
    symlink("nowhere", bench.path("dangling")).unwrap();
    let outside = bench.directory.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("a.py"), "secret").unwrap();
    symlink(&outside, bench.path("real/out")).unwrap();
    for path in ["link/deep/a.py", "link/a.py", "dangling/a.py", "real/out/a.py"] {
        assert_eq!(bench.look(path), Sight::Unreadable(Cause::Symlink), "{path}");
    }
    assert!(file(bench.look("real/deep/a.py")).is_some());
}

#[test]
fn nothing_there_is_gone() {
    let mut bench = Bench::new();
    bench.write("plain", "x");
    bench.know("plain/a.py");
    for path in ["a.py", "no/such/a.py", "plain/a.py", "plain/deep/a.py"] {
        assert_eq!(bench.look(path), Sight::Gone, "{path}");
    }
}

#[test]
fn the_limit_is_the_last_size_that_is_read() {
    let mut bench = Bench::new();
    let limit = usize::try_from(LIMIT).unwrap();
    bench.write("fits.py", vec![7; limit]);
    bench.write("over.py", vec![7; limit + 1]);
    let sparse = fs::File::create(bench.path("sparse.py")).unwrap();
    sparse.set_len(10 << 30).unwrap();
    assert_eq!(content(bench.look("fits.py")).unwrap().len(), limit);
    for path in ["over.py", "sparse.py"] {
        assert_eq!(bench.look(path), Sight::Unreadable(Cause::TooLarge), "{path}");
    }
}

#[test]
fn what_may_not_be_read_is_denied_not_gone() {
    let mut bench = Bench::new();
    bench.write("open.py", "x");
    for path in ["shut.py", "shut/a.py", "listless/a.py"] {
        bench.write(path, "x");
    }
    for (path, mode) in [("shut.py", 0), ("shut", 0), ("listless", 0o711)] {
        fs::set_permissions(bench.path(path), fs::Permissions::from_mode(mode)).unwrap();
    }
    let denied = Sight::Unreadable(Cause::Denied);
    as_nobody(|| {
        assert_eq!(bench.look("shut.py"), denied);
        assert_eq!(bench.look("shut/a.py"), denied);
        assert_eq!(bench.look("shut/run"), Sight::NotATool, "only its mode could tell");
        assert!(file(bench.look("listless/a.py")).is_some(), "searching is enough");
        assert!(file(bench.look("open.py")).is_some());
        let mut walk = bench.disk.walk(&name()).unwrap();
        while walk.next_paths().is_some() {}
        assert_eq!(walk.closed_directories(), [id("shut"), id("listless")].into());
        assert!(!walk.root_lost());
    });
    for path in ["shut", "listless"] {
        fs::set_permissions(bench.path(path), fs::Permissions::from_mode(0o755)).unwrap();
    }
}

#[test]
fn without_the_right_to_ask_the_kernel_a_file_is_read_and_it_is_said() {
    let mut bench = Bench::new();
    bench.write("a.py", "x");
    assert!(bench.disk.knows_writers(&name()));
    if rustix::process::geteuid().is_root() {
        // Without CAP_LEASE, and the file is another's.
        assert_eq!(content(as_nobody(|| bench.look("a.py"))).unwrap(), b"x");
        assert!(!bench.disk.knows_writers(&name()));
    }
}

#[test]
fn any_name_is_a_name() {
    let mut bench = Bench::new();
    let long = format!("{}.py", "n".repeat(252));
    for path in [&b"\xff\xfe.py"[..], b"a\nb.py", b" .py", b"100%.py", b"-rf.py", long.as_bytes()] {
        bench.write(path, path);
        assert_eq!(content(bench.look(path)).unwrap(), path);
        assert!(bench.walk().contains(&id(path)));
    }
}

#[test]
fn the_globs_and_the_mode_say_what_is_a_tool_until_it_is_known() {
    let mut bench = Bench::new();
    for path in ["a.py", "run", "notes.md", ".hidden.py", "venv/b.py"] {
        bench.write(path, "x");
    }
    fs::set_permissions(bench.path("run"), fs::Permissions::from_mode(0o700)).unwrap();
    assert!(!file(bench.look("a.py")).unwrap().executable);
    assert!(file(bench.look("run")).unwrap().executable);
    for path in ["notes.md", ".hidden.py", "venv/b.py"] {
        assert_eq!(bench.look(path), Sight::NotATool, "{path}");
        bench.know(path);
        assert!(file(bench.look(path)).is_some(), "{path}");
    }
    fs::set_permissions(bench.path("run"), fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(bench.look("run"), Sight::NotATool);
    bench.know("run");
    assert!(!file(bench.look("run")).unwrap().executable);
}

#[test]
fn answers_come_in_the_order_asked_and_carry_the_question() {
    let mut bench = Bench::new();
    let wanted: Vec<_> = (0..100)
        .map(|it| Glance {
            tool: id(format!("d{}/{it}.py", it % 7)),
            firm: it % 3 == 0,
            fresh: false,
        })
        .collect();
    for it in wanted.iter().step_by(2) {
        bench.write(it.tool.path().as_bytes(), it.tool.as_str());
    }
    let seen = bench.disk.look(&wanted, &|_| false);
    assert_eq!(seen.len(), wanted.len());
    for (number, (seen, wanted)) in seen.iter().zip(&wanted).enumerate() {
        assert_eq!((&seen.tool, seen.firm), (&wanted.tool, wanted.firm));
        let expected = (number % 2 == 0).then(|| digest(wanted.tool.as_str()));
        assert_eq!(file(seen.sight.clone()).map(|it| it.digest), expected);
    }
}
