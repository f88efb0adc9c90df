//! Owner, group, mode, ACL, attributes and times of what becomes live.

use rustix::fs::{XattrFlags, getxattr, removexattr, setxattr};

use super::*;

fn xattr(path: &Path, name: &str) -> Option<Vec<u8>> {
    let mut value = Vec::with_capacity(1000);
    getxattr(path, name, rustix::buffer::spare_capacity(&mut value)).ok()?;
    Some(value)
}

/// `u::rw- u:12:rwx g::r-- m::rwx o::r--` as the kernel keeps it.
fn acl() -> Vec<u8> {
    let entry = |tag: u16, bits: u16, id: u32| {
        [&tag.to_le_bytes()[..], &bits.to_le_bytes(), &id.to_le_bytes()].concat()
    };
    let none = u32::MAX;
    let entries = [(1, 6, none), (2, 7, 12), (4, 4, none), (0x10, 7, none), (0x20, 4, none)];
    let mut acl = 2_u32.to_le_bytes().to_vec();
    for (tag, bits, id) in entries {
        acl.extend(entry(tag, bits, id));
    }
    acl
}

#[test]
fn the_file_keeps_what_it_was_given() {
    if !rustix::process::geteuid().is_root() {
        return println!("SKIPPED: only root may give files away");
    }
    for bench in both() {
        let path = bench.write("a.sh", "one");
        std::os::unix::fs::chown(&path, Some(1234), Some(2345)).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o4_754)).unwrap();
        setxattr(&path, "user.note", b"mine", XattrFlags::empty()).unwrap();
        setxattr(&path, "system.posix_acl_access", &acl(), XattrFlags::empty()).unwrap();
        // cap_net_raw, permitted and effective.
        let mut capability = 0x0200_0001_u32.to_le_bytes().to_vec();
        capability.extend([0, 0x20, 0, 0].into_iter().chain([0; 12]));
        setxattr(&path, "security.capability", &capability, XattrFlags::empty()).unwrap();
        let mode = fs::metadata(&path).unwrap().mode() & 0o777;

        let order = bench.order(&[("a.sh", Some("one"), Some("two"))]);
        let parts = live(bench.switch(&order));
        let stat = fs::metadata(&path).unwrap();
        assert_eq!((stat.uid(), stat.gid()), (1234, 2345));
        assert_eq!(stat.mode() & 0o7777, mode, "and no bit by which it would run as somebody else");
        assert!(parts[0].live.unwrap().executable);
        assert_eq!(xattr(&path, "user.note").as_deref(), Some(&b"mine"[..]));
        assert_eq!(xattr(&path, "system.posix_acl_access"), Some(acl()));
        assert_eq!(xattr(&path, "security.capability"), None);
        bench.ends_clean(&order);
    }
}

#[test]
fn what_the_folder_hands_down_is_not_the_files() {
    let bench = Bench::new(true);
    let path = bench.write("a.py", "one");
    removexattr(&path, "system.posix_acl_access").ok();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let stage = bench.path(".knowngood/stage");
    if setxattr(&stage, "system.posix_acl_default", &acl(), XattrFlags::empty()).is_err() {
        return println!("SKIPPED: this file system keeps no ACL");
    }
    let order = bench.order(&[("a.py", Some("one"), Some("two"))]);
    live(bench.switch(&order));
    assert_eq!(xattr(&path, "system.posix_acl_access"), None);
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o640);
}

#[test]
fn who_may_not_give_a_file_away_is_told() {
    if !rustix::process::geteuid().is_root() {
        return println!("SKIPPED: it takes a file of another user");
    }
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("root");
    fs::create_dir(&root).unwrap();
    fs::write(root.join("a.py"), "one").unwrap();
    for path in [directory.path(), &root] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
    }
    let answers = as_nobody(|| {
        let stage = DiskStage::new(Arc::new(Plain));
        stage.set_roots(&[watched(&root)]);
        assert_eq!(stage.ability(&name()), Ability::Exchange);
        let it = change("a.py", Some("one"), Some("two"));
        let refused = stage.stage(&it, Some(b"two"), None);
        let litter = fs::read_dir(root.join(".knowngood/stage")).unwrap().count()
            + fs::read_dir(root.join(".knowngood/displaced")).unwrap().count();
        (refused, litter)
    });
    let Err(StageFailure::CannotKeepOwner { tool, what, .. }) = &answers.0 else {
        panic!("{answers:?}")
    };
    assert_eq!((tool, *what, answers.1), (&id("a.py"), "owner", 0));
    fs::set_permissions(&root, fs::Permissions::from_mode(0o755)).unwrap();
    let refused = as_nobody(|| {
        let stage = DiskStage::new(Arc::new(Plain));
        stage.set_roots(&[watched(&root)]);
        stage.stage(&change("b.py", None, Some("two")), Some(b"two"), None)
    });
    assert!(matches!(refused, Err(StageFailure::ReadOnly { .. })), "{refused:?}");
}

#[test]
fn the_executable_bit_is_the_files_unless_it_is_said() {
    let bench = Bench::new(true);
    for (before, said, after) in [
        (0o640, None, 0o640),
        (0o750, None, 0o750),
        (0o640, Some(true), 0o750),
        (0o755, Some(false), 0o644),
        (0o744, Some(true), 0o744),
    ] {
        let path = bench.write("a.py", "one");
        fs::set_permissions(&path, fs::Permissions::from_mode(before)).unwrap();
        let mut order = bench.order(&[]);
        let mut it = change("a.py", Some("one"), Some("two"));
        it.to = it.to.map(|to| Target { executable: said, ..to });
        let marker = bench.stage.stage(&it, Some(b"two"), None).unwrap();
        order.parts.push((it, marker));
        let parts = live(bench.switch(&order));
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, after, "{before:o} {said:?}");
        assert_eq!(parts[0].live.unwrap().executable, after & 0o111 != 0);
        bench.ends_clean(&order);
    }
    let mut it = change("new.sh", None, Some("two"));
    it.to = it.to.map(|to| Target { executable: Some(true), ..to });
    let marker = bench.stage.stage(&it, Some(b"two"), None).unwrap();
    live(bench.switch(&SwitchOrder { deploy: DeployNo(1), parts: vec![(it, marker)] }));
    assert_eq!(fs::metadata(bench.path("new.sh")).unwrap().mode() & 0o7777, 0o755);
}

#[test]
fn a_new_file_is_of_the_group_that_its_directory_hands_down() {
    if !rustix::process::geteuid().is_root() {
        return println!("SKIPPED: only root may give directories away");
    }
    let bench = Bench::new(true);
    fs::create_dir(bench.path("team")).unwrap();
    std::os::unix::fs::chown(bench.path("team"), None, Some(2345)).unwrap();
    fs::set_permissions(bench.path("team"), fs::Permissions::from_mode(0o2_775)).unwrap();
    let order = bench.order(&[("team/new/a.py", None, Some("one"))]);
    live(bench.switch(&order));
    for path in ["team/new", "team/new/a.py"] {
        assert_eq!(fs::metadata(bench.path(path)).unwrap().gid(), 2345, "{path}");
    }
    assert_eq!(fs::metadata(bench.path("team/new")).unwrap().mode() & 0o7777, 0o2_755);
}

/// Somebody changed the bit after the file was staged, which took the old one over.
#[test]
fn a_bit_that_was_changed_meanwhile_is_an_edit() {
    let bench = Bench::new(true);
    let path = bench.write("a.py", "one");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let order = bench.order(&[("a.py", Some("one"), Some("two"))]);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let outcome = bench.switch(&order);
    assert!(matches!(outcome, Switched::Undone { why: Undone::Conflict(_), .. }), "{outcome:?}");
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o755);
}

/// Somebody closed the file to others after the new one was staged as open as it was.
#[test]
fn rights_that_were_changed_meanwhile_are_not_undone() {
    for bench in both() {
        let path = bench.write("a.py", "one");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let order = bench.order(&[("a.py", Some("one"), Some("two"))]);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let outcome = bench.switch(&order);
        assert!(matches!(outcome, Switched::Undone { why: Undone::Failed(_), .. }), "{outcome:?}");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(bench.read("a.py").as_deref(), Some("one"));
        bench.ends_clean(&order);
    }
}

#[test]
fn caches_that_go_by_the_second_see_another_one() {
    let bench = Bench::new(true);
    let path = bench.write("a.py", "one");
    let mut former = 0;
    let mut text = "one".to_owned();
    for round in 0..5 {
        let next = format!("{round:03}");
        let order = bench.order(&[("a.py", Some(&text), Some(&next))]);
        live(bench.switch(&order));
        let now = fs::metadata(&path).unwrap().mtime();
        assert!(now > former, "same size, and the same second");
        (former, text) = (now, next);
    }
    let far = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(5_000_000_000);
    fs::File::options().write(true).open(&path).unwrap().set_modified(far).unwrap();
    let order = bench.order(&[("a.py", Some(&text), Some("end"))]);
    live(bench.switch(&order));
    assert_eq!(fs::metadata(&path).unwrap().mtime(), 5_000_000_001);
}

/// On a thread that is another user.
fn as_nobody<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let it = scope.spawn(|| {
            let nobody = rustix::process::Uid::from_raw(65534);
            rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
            work()
        });
        it.join().unwrap()
    })
}
