//! Switches from outside: on other file systems, over mounts, and killed at any call that changes something.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
};

use knowngood::{
    disk::{DiskStage, ignore_lease_signals},
    model::{Base, Change, DeployNo, Digest, Marker, Packed, RelPath, RootName, Target, ToolId},
    ports::{Ability, Pack, Stage as _, SwitchOrder, Switched, Undone},
    roots::{Globs, WatchedRoot},
};
use sha2::Digest as _;

use crate::world::{Ground, Kind, mount_memory, private, unmount};

struct Plain;

impl Pack for Plain {
    fn pack(&self, digest: Digest, bytes: &[u8]) -> Packed {
        Packed { digest, size: bytes.len() as u64, codec: 0, bytes: bytes.to_vec() }
    }
}

type Planned = (&'static str, Option<&'static str>, Option<&'static str>);

fn stage(root: &Path, exchanges: bool) -> DiskStage {
    ignore_lease_signals().unwrap();
    let made = if exchanges { DiskStage::new } else { DiskStage::without_exchange };
    let stage = made(Arc::new(Plain));
    stage.set_roots(&[WatchedRoot {
        name: name(),
        path: root.to_owned(),
        globs: Arc::new(Globs::standard().unwrap()),
        file_size: 1 << 20,
    }]);
    stage
}

fn name() -> RootName {
    RootName::new("tools").unwrap()
}

fn digest(content: &str) -> Digest {
    Digest(sha2::Sha256::digest(content).into())
}

fn change((path, base, to): Planned) -> Change {
    Change {
        tool: ToolId::new(&name(), &RelPath::new(path.as_bytes()).unwrap()),
        base: base.map(|it| Base { digest: digest(it), version: None }),
        to: to.map(|it| Target { digest: digest(it), executable: None }),
        parents: Vec::new(),
    }
}

fn order(stage: &DiskStage, planned: &[Planned]) -> SwitchOrder {
    let parts = planned.iter().map(|it| {
        let change = change(*it);
        let marker = stage.stage(&change, it.2.map(str::as_bytes), None).unwrap();
        (change, marker)
    });
    SwitchOrder { deploy: DeployNo(1), parts: parts.collect() }
}

fn switch(stage: &DiskStage, planned: &[Planned]) -> Switched {
    let order = order(stage, planned);
    stage.switch(&[order]).remove(0)
}

fn ends_clean(stage: &DiskStage, order: &SwitchOrder, root: &Path) {
    for late in stage.late() {
        stage.release(&late);
    }
    for (change, marker) in &order.parts {
        stage.discard(&change.tool, marker);
    }
    assert_eq!(held(root), BTreeSet::new());
}

fn held(root: &Path) -> BTreeSet<PathBuf> {
    let folders = ["stage", "displaced"].map(|it| root.join(".knowngood").join(it));
    folders.iter().flat_map(|it| fs::read_dir(it).unwrap()).map(|it| it.unwrap().path()).collect()
}

fn text(path: PathBuf) -> Option<String> {
    fs::read_to_string(path).ok()
}

// ------------------------------------------------------------------------------- other grounds

#[test]
fn on_every_file_system() {
    private(|| {
        for kind in [Kind::Disk, Kind::Memory, Kind::Overlay] {
            for exchanges in [true, false] {
                let ground = Ground::new(kind);
                let root = &ground.path;
                let (path, from) = match kind {
                    // A file of the layer below.
                    Kind::Overlay => ("below/x.py", "one\n"),
                    Kind::Disk | Kind::Memory => ("x.py", "one\n"),
                };
                if kind != Kind::Overlay {
                    fs::write(root.join(path), from).unwrap();
                }
                let stage = stage(root, exchanges);
                let is_exchange = stage.ability(&name()) == Ability::Exchange;
                assert_eq!(is_exchange, exchanges, "{kind:?}");
                let set = [(path, Some(from), Some("two")), ("new/y.py", None, Some("new"))];
                let order = order(&stage, &set);
                let outcome = stage.switch(std::slice::from_ref(&order)).remove(0);
                assert!(matches!(outcome, Switched::Live(_)), "{kind:?} {exchanges} {outcome:?}");
                assert_eq!(text(root.join(path)).as_deref(), Some("two"));
                assert_eq!(text(root.join("new/y.py")).as_deref(), Some("new"));
                ends_clean(&stage, &order, root);

                fs::write(root.join(path), "edited").unwrap();
                let outcome = switch(&stage, &[(path, Some("two"), Some("three"))]);
                assert!(matches!(outcome, Switched::Undone { why: Undone::Conflict(_), .. }));
                let gone = switch(&stage, &[(path, Some("edited"), None)]);
                assert!(matches!(gone, Switched::Live(_)), "{gone:?}");
                assert!(!root.join(path).exists());
            }
        }
    });
}

#[test]
fn a_mount_below_the_root_has_a_stage_of_its_own() {
    private(|| {
        for exchanges in [true, false] {
            let ground = Ground::new(Kind::Disk);
            let root = &ground.path;
            let mount = root.join("deep/mount");
            fs::create_dir_all(&mount).unwrap();
            mount_memory(&mount, "size=1m");
            fs::create_dir(mount.join("in")).unwrap();
            fs::write(mount.join("in/a.py"), "one").unwrap();
            let set: [Planned; 2] = [
                ("deep/mount/in/a.py", Some("one"), Some("two")),
                ("deep/mount/new/b.py", None, Some("new")),
            ];
            let staged = stage(root, exchanges);
            let order = order(&staged, &set);
            let path = staged.staged(&order.parts[0].0.tool, &order.parts[0].1).unwrap();
            assert!(path.starts_with(mount.join("in/.knowngood/stage")), "{}", path.display());
            let outcome = staged.switch(std::slice::from_ref(&order)).remove(0);
            assert!(matches!(outcome, Switched::Live(_)), "{outcome:?}");
            assert_eq!(text(mount.join("in/a.py")).as_deref(), Some("two"));
            assert_eq!(text(mount.join("new/b.py")).as_deref(), Some("new"));

            // A start finds what came out there.
            let stage = stage(root, exchanges);
            assert!(stage.holds_displaced());
            let late = stage.late();
            assert_eq!(late.len(), 1);
            assert_eq!(late[0].tool, order.parts[0].0.tool);
            stage.sweep(&name(), &[]);
            ends_clean(&stage, &order, &mount.join("in"));
            assert!(held(&mount).is_empty() && held(root).is_empty());
            unmount(&mount);
        }
    });
}

// ----------------------------------------------------------------------------------- the child

/// `<what to do> <directory>`
const ORDER: &str = "KNOWNGOOD_STAGE_CHILD";
const SET: [Planned; 3] = [
    ("a.py", Some("one"), Some("two")),
    ("new/deep/b.py", None, Some("three")),
    ("d.py", Some("four"), None),
];
/// All that changes something on disk.
const CHANGES: [&str; 7] =
    ["renameat2", "renameat", "linkat", "unlinkat", "mkdirat", "fchmod", "fsync"];
/// The rest of what a switch does.
const QUESTIONS: [&str; 8] =
    ["openat", "newfstatat", "fstat", "statx", "read", "fcntl", "close", "getdents64"];

#[test]
#[ignore = "the other tests here start it"]
#[expect(clippy::disallowed_methods, reason = "a test binary hands on no arguments")]
fn as_a_child() {
    let Ok(order) = env::var(ORDER) else { return };
    let (what, dir) = order.split_once(' ').unwrap();
    let (dir, exchanges) = (Path::new(dir), !what.ends_with("-replace"));
    let order = read_order(dir);
    let stage = stage(&dir.join("root"), exchanges);
    let outcome = if what.starts_with("switch") {
        stage.switch(&[order]).remove(0)
    } else {
        stage.settle(&order)
    };
    fs::write(dir.join("outcome"), format!("{outcome:?}")).unwrap();
}

/// The markers, as a log would have them.
fn write_order(dir: &Path, order: &SwitchOrder) {
    let lines = order.parts.iter().map(|(_, marker)| {
        let Marker { name, inode, executable, size } = marker;
        let (device, inode) = inode.unwrap_or_default();
        format!("{name} {device} {inode} {executable} {size}\n")
    });
    fs::write(dir.join("order"), lines.collect::<String>()).unwrap();
}

fn read_order(dir: &Path) -> SwitchOrder {
    let text = fs::read_to_string(dir.join("order")).unwrap();
    let parts = text.lines().zip(SET).map(|(line, planned)| {
        let [name, device, inode, executable, size] = line.split(' ').collect::<Vec<_>>()[..]
        else {
            panic!("{line}")
        };
        let inode: (u64, u64) = (device.parse().unwrap(), inode.parse().unwrap());
        let marker = Marker {
            name: name.to_owned(),
            inode: (inode != (0, 0)).then_some(inode),
            executable: executable == "true",
            size: size.parse().unwrap(),
        };
        (change(planned), marker)
    });
    SwitchOrder { deploy: DeployNo(1), parts: parts.collect() }
}

/// Runs the child with this done to its calls. `false`: it was killed.
fn child(what: &str, dir: &Path, calls: &str, injected: &str) -> bool {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={calls}"), "-e"]);
    strace.arg(format!("inject={calls}:{injected}"));
    strace.arg(env::current_exe().unwrap());
    strace.args(["--exact", "stage::as_a_child", "--ignored", "--nocapture"]);
    strace.env(ORDER, format!("{what} {}", dir.display()));
    strace.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success()
}

fn have_strace() -> bool {
    let have = Command::new("strace").arg("-V").output().is_ok_and(|it| it.status.success());
    if !have {
        println!("SKIPPED: strace is missing");
    }
    have
}

/// A root with the set staged, and nothing switched.
fn prepared(exchanges: bool) -> (tempfile::TempDir, SwitchOrder) {
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("root");
    fs::create_dir(&root).unwrap();
    fs::write(root.join("a.py"), "one").unwrap();
    fs::write(root.join("d.py"), "four").unwrap();
    let order = order(&stage(&root, exchanges), &SET);
    write_order(home.path(), &order);
    (home, order)
}

// --------------------------------------------------------------------------------------- kills

#[test]
fn a_kill_at_any_change_leaves_the_old_or_the_new() {
    if have_strace() {
        let kills = [("", true), ("-replace", false)].map(|it| killed(it.0, it.1, &CHANGES));
        println!("killed at {kills:?} calls");
        assert!(kills.iter().all(|it| *it > 15), "{kills:?}");
    }
}

#[test]
#[ignore = "takes minutes"]
fn a_kill_at_any_call_leaves_the_old_or_the_new() {
    if have_strace() {
        println!("killed at {} calls", killed("", true, &QUESTIONS));
    }
}

/// Kills a switch at each of these calls. How often it was killed.
fn killed(manner: &str, exchanges: bool, calls: &[&str]) -> usize {
    let (mut kills, mut ends) = (0, BTreeSet::new());
    for call in calls {
        for number in 1.. {
            let (home, order) = prepared(exchanges);
            let kill = format!("signal=KILL:when={number}");
            let through = child(&format!("switch{manner}"), home.path(), call, &kill);
            if !through {
                kills += 1;
                // The start after that is killed, too, somewhere.
                let call = CHANGES[(number * 5) % CHANGES.len()];
                let kill = format!("signal=KILL:when={}", 1 + number % 4);
                child(&format!("settle{manner}"), home.path(), call, &kill);
            }
            ends.insert(old_or_new(&home.path().join("root"), exchanges, &order));
            if through {
                break;
            }
        }
    }
    assert_eq!(ends.len(), 2, "it was killed before and after");
    kills
}

/// Settles it. Whether it is the new one.
fn old_or_new(root: &Path, exchanges: bool, order: &SwitchOrder) -> bool {
    let stage = stage(root, exchanges);
    let outcome = stage.settle(order);
    let is_new = match &outcome {
        Switched::Live(parts) => parts.len() == 3,
        Switched::Undone { why: Undone::Interrupted, seen } => !seen.is_empty(),
        Switched::Undone { .. } | Switched::Unknown { .. } => panic!("{outcome:?}"),
    };
    assert_eq!(stage.settle(order), outcome, "asked again");
    let stands = ["a.py", "new/deep/b.py", "d.py"].map(|it| text(root.join(it)));
    let expected =
        if is_new { [Some("two"), Some("three"), None] } else { [Some("one"), None, Some("four")] };
    assert_eq!(stands.each_ref().map(Option::as_deref), expected, "{outcome:?}");
    assert_eq!(root.join("new").exists(), is_new);
    stage.sweep(&name(), &[]);
    ends_clean(&stage, order, root);
    let entries = fs::read_dir(root.join(".knowngood")).unwrap().count();
    assert_eq!(entries, 3, "stage, displaced, .gitignore");
    is_new
}

/// Whether it would survive a power cut is not known then, and must not be told as done.
#[test]
fn a_failed_sync_is_no_success() {
    if !have_strace() {
        return;
    }
    for number in 1..=3 {
        let (home, _) = prepared(true);
        let failing = format!("error=EIO:when={number}");
        assert!(child("switch", home.path(), "fsync", &failing));
        let outcome = text(home.path().join("outcome")).unwrap();
        assert!(outcome.starts_with("Unknown"), "{number}: {outcome}");
    }
}

/// The disk says no in the middle of a set.
#[test]
fn a_refused_rename_changes_nothing() {
    if !have_strace() {
        return;
    }
    // The first one tries what the root can do; then come the change, the new file and the deletion.
    for number in 2..=4 {
        let (home, _) = prepared(true);
        let failing = format!("error=EPERM:when={number}");
        assert!(child("switch", home.path(), "renameat2", &failing));
        let outcome = text(home.path().join("outcome")).unwrap();
        assert!(outcome.contains("Failed"), "{number}: {outcome}");
        let root = home.path().join("root");
        let stands = ["a.py", "new/deep/b.py", "d.py"].map(|it| text(root.join(it)));
        assert_eq!(stands.each_ref().map(Option::as_deref), [Some("one"), None, Some("four")]);
        assert!(!root.join("new").exists());
    }
}
