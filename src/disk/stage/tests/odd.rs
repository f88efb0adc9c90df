//! Links, FIFOs and directories in the tools' places and on the way to them.

use std::os::unix::fs::symlink;

use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::*;

fn refused(bench: &Bench, path: &str) -> String {
    let it = change(path, Some("one"), Some("two"));
    match bench.stage.stage(&it, Some(b"two"), None) {
        Err(StageFailure::Obstructed { why, .. }) => why,
        other => panic!("{path}: {other:?}"),
    }
}

fn fifo(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}

#[test]
fn what_is_no_file_is_neither_staged_for_nor_waited_for() {
    let bench = Bench::new(true);
    let outside = bench.directory.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("a.py"), "one").unwrap();
    symlink(outside.join("a.py"), bench.path("link.py")).unwrap();
    symlink(&outside, bench.path("way")).unwrap();
    fs::create_dir(bench.path("directory.py")).unwrap();
    fifo(&bench.path("fifo.py"));
    bench.write("file", "one");
    for (path, said) in [
        ("link.py", "symlink"),
        ("way/a.py", "symlink"),
        ("directory.py", "directory"),
        ("fifo.py", "fifo"),
        ("file/a.py", "no directory"),
    ] {
        let why = refused(&bench, path);
        assert!(why.contains(said), "{path}: {why}");
    }
    assert_eq!(bench.held(), BTreeSet::new());
    assert_eq!(fs::read_to_string(outside.join("a.py")).unwrap(), "one");
}

/// They come after the file was staged.
#[test]
fn what_is_no_file_at_the_switch_is_a_conflict() {
    let put: [fn(&Path, &Path); 4] = [
        |path, outside| symlink(outside.join("a.py"), path).unwrap(),
        |path, _| fifo(path),
        |path, _| fs::create_dir(path).unwrap(),
        |_, _| (),
    ];
    for put in put {
        for bench in both() {
            let outside = bench.directory.path().join("outside");
            fs::create_dir(&outside).unwrap();
            fs::write(outside.join("a.py"), "one").unwrap();
            for (base, to) in [(Some("one"), Some("two")), (Some("one"), None)] {
                let path = bench.write("a.py", "one");
                let order = bench.order(&[("a.py", base, to)]);
                fs::remove_file(&path).unwrap();
                put(&path, &outside);
                assert_eq!(conflict(bench.switch(&order), &["a.py"]), [""; 0]);
                bench.ends_clean(&order);
                assert_eq!(fs::read_to_string(outside.join("a.py")).unwrap(), "one");
                fs::remove_dir(&path).or_else(|_| fs::remove_file(&path)).ok();
            }
        }
    }
}

#[test]
fn a_link_that_comes_on_the_way_leads_nowhere() {
    for bench in both() {
        let outside = bench.directory.path().join("outside");
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("a.py"), "one").unwrap();
        bench.write("way/a.py", "one");
        let order = bench.order(&[("way/a.py", Some("one"), Some("two"))]);
        let create = bench.order(&[("way/new/b.py", None, Some("two"))]);
        fs::rename(bench.path("way"), bench.path("aside")).unwrap();
        symlink(&outside, bench.path("way")).unwrap();
        assert_eq!(conflict(bench.switch(&order), &["way/a.py"]), [""; 0]);
        assert_eq!(conflict(bench.switch(&create), &["way/new/b.py"]), [""; 0]);
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
        assert_eq!(fs::read_to_string(outside.join("a.py")).unwrap(), "one");
    }
}

#[test]
fn a_stage_that_others_may_write_to_is_not_used() {
    let bench = Bench::new(true);
    let stage = bench.path(".knowngood/stage");
    fs::set_permissions(&stage, fs::Permissions::from_mode(0o777)).unwrap();
    let it = change("a.py", None, Some("two"));
    let refused = bench.stage.stage(&it, Some(b"two"), None);
    assert!(matches!(refused, Err(StageFailure::ReadOnly { .. })), "{refused:?}");
    fs::remove_dir(&stage).unwrap();
    symlink(bench.directory.path(), &stage).unwrap();
    assert!(bench.stage.stage(&it, Some(b"two"), None).is_err());
}

#[test]
fn a_switch_leaves_no_descriptor_behind() {
    let bench = Bench::new(true);
    bench.write("a.py", "one");
    live(bench.switch(&bench.order(&[("a.py", Some("one"), Some("two"))])));
    bench.stage.late();
    let open = fs::read_dir("/proc/self/fd").unwrap().filter(|it| {
        let to = fs::read_link(it.as_ref().unwrap().path());
        to.is_ok_and(|it| it.starts_with(bench.root()))
    });
    assert_eq!(open.count(), 0, "a root must stay free to be unmounted");
}
