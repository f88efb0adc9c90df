//! Switches on real files, in a root of their own.

mod attributes;
mod crash;
mod late;
mod odd;
mod torture;

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use sha2::Digest as _;
use tempfile::TempDir;

use super::*;
use crate::{
    model::{Base, DeployNo, Digest, FileSeen, Packed, RelPath, Target},
    ports::LivePart,
    roots::Globs,
};

struct Plain;

impl Pack for Plain {
    fn pack(&self, digest: Digest, bytes: &[u8]) -> Packed {
        Packed { digest, size: bytes.len() as u64, codec: 0, bytes: bytes.to_vec() }
    }
}

/// A root in a directory of its own, and its stage.
struct Bench {
    directory: TempDir,
    stage: DiskStage,
}

/// With `RENAME_EXCHANGE`, and without.
fn both() -> [Bench; 2] {
    [Bench::new(true), Bench::new(false)]
}

impl Bench {
    fn new(exchanges: bool) -> Self {
        crate::disk::ignore_lease_signals().unwrap();
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("root")).unwrap();
        let mut bench = Self { directory, stage: DiskStage::with(Arc::new(Plain), exchanges) };
        bench.restart();
        bench
    }

    /// As after a start of the daemon: nothing is remembered but what is on disk.
    fn restart(&mut self) {
        let exchanges = self.stage.exchanges;
        self.stage = DiskStage::with(Arc::new(Plain), exchanges);
        self.stage.set_roots(&[watched(&self.root())]);
    }

    fn root(&self) -> PathBuf {
        self.directory.path().join("root")
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root().join(path)
    }

    fn write(&self, path: &str, content: &str) -> PathBuf {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    fn read(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.path(path)).ok()
    }

    /// Staged, each `(path, base, to)`.
    fn order(&self, changes: &[(&str, Option<&str>, Option<&str>)]) -> SwitchOrder {
        let parts = changes.iter().map(|(path, base, to)| {
            let change = change(path, *base, *to);
            let marker = self.stage.stage(&change, to.map(str::as_bytes), None).unwrap();
            (change, marker)
        });
        SwitchOrder { deploy: DeployNo(7), parts: parts.collect() }
    }

    fn switch(&self, order: &SwitchOrder) -> Switched {
        self.stage.switch(std::slice::from_ref(order)).remove(0)
    }

    /// What the stage's folders hold.
    fn held(&self) -> BTreeSet<String> {
        let mut held = BTreeSet::new();
        for folder in ["stage", "displaced"] {
            for entry in fs::read_dir(self.root().join(".knowngood").join(folder)).unwrap() {
                held.insert(format!("{folder}/{}", entry.unwrap().file_name().to_str().unwrap()));
            }
        }
        held
    }

    /// Everything that can be told late is told, and nothing is left.
    fn ends_clean(&self, order: &SwitchOrder) {
        for late in self.stage.late() {
            self.stage.release(&late);
        }
        for (change, marker) in &order.parts {
            self.stage.discard(&change.tool, marker);
        }
        assert_eq!(self.held(), BTreeSet::new());
        assert!(!self.stage.holds_displaced());
    }
}

fn name() -> RootName {
    RootName::new("tools").unwrap()
}

fn id(path: &str) -> ToolId {
    ToolId::new(&name(), &RelPath::new(path.as_bytes()).unwrap())
}

fn watched(path: &Path) -> WatchedRoot {
    let globs = Arc::new(Globs::standard().unwrap());
    WatchedRoot { name: name(), path: path.to_owned(), globs, file_size: 1 << 20 }
}

fn digest(content: &str) -> Digest {
    Digest(sha2::Sha256::digest(content).into())
}

fn change(path: &str, base: Option<&str>, to: Option<&str>) -> Change {
    Change {
        tool: id(path),
        base: base.map(|it| Base { digest: digest(it), version: None }),
        to: to.map(|it| Target { digest: digest(it), executable: None }),
        parents: Vec::new(),
    }
}

fn live(switched: Switched) -> Vec<LivePart> {
    match switched {
        Switched::Live(parts) => parts,
        Switched::Undone { .. } | Switched::Unknown { .. } => panic!("{switched:?}"),
    }
}

/// The contents that were met, of an order that conflicts at these tools.
fn conflict(switched: Switched, tools: &[&str]) -> Vec<String> {
    let Switched::Undone { why: Undone::Conflict(at), seen } = switched else {
        panic!("{switched:?}")
    };
    assert_eq!(at, tools.iter().map(|it| id(it)).collect::<Vec<_>>());
    seen.into_iter().map(|it| text(&it.file)).collect()
}

fn text(seen: &FileSeen) -> String {
    String::from_utf8(seen.content.clone().unwrap().bytes).unwrap()
}

#[test]
fn a_change_is_live_and_what_came_out_is_told() {
    for bench in both() {
        let path = bench.write("deep/a.py", "one");
        let order = bench.order(&[("deep/a.py", Some("one"), Some("two"))]);
        assert_eq!(fs::read_to_string(&path).unwrap(), "one", "nobody sees what is staged");
        let staged = bench.stage.staged(&id("deep/a.py"), &order.parts[0].1).unwrap();
        assert_eq!(fs::read_to_string(&staged).unwrap(), "two");
        assert_eq!(staged.extension().unwrap(), "py", "checkers go by it");

        let parts = live(bench.switch(&order));
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(parts[0].displaced, Some(digest("one")));
        let mtime = parts[0].live.unwrap().mtime.0;
        let stat = fs::metadata(&path).unwrap();
        assert_eq!(mtime, stat.mtime() * 1_000_000 + stat.mtime_nsec() / 1000);

        let late = bench.stage.late();
        assert_eq!(late.len(), 1);
        assert_eq!((&late[0].tool, late[0].deploy), (&id("deep/a.py"), DeployNo(7)));
        assert_eq!(late[0].displaced, Some(digest("one")));
        assert_eq!(text(late[0].now.as_ref().unwrap()), "one");
        bench.ends_clean(&order);
    }
}

#[test]
fn a_new_file_in_new_directories() {
    for bench in both() {
        let order = bench.order(&[("a/b/c.py", None, Some("one"))]);
        assert!(!bench.path("a").exists(), "not before the switch");
        let parts = live(bench.switch(&order));
        assert_eq!(bench.read("a/b/c.py").as_deref(), Some("one"));
        assert_eq!((parts[0].displaced, parts[0].live.unwrap().executable), (None, false));
        let mode =
            |path: &str| fs::metadata(bench.path(path)).unwrap().permissions().mode() & 0o7777;
        assert_eq!((mode("a/b/c.py"), mode("a/b"), mode("a")), (0o644, 0o755, 0o755));
        bench.ends_clean(&order);
    }
}

#[test]
fn a_file_goes() {
    for bench in both() {
        let path = bench.write("a.py", "one");
        let order = bench.order(&[("a.py", Some("one"), None)]);
        assert_eq!(bench.stage.staged(&id("a.py"), &order.parts[0].1), None);
        let parts = live(bench.switch(&order));
        assert!(!path.exists());
        assert_eq!((parts[0].displaced, parts[0].live), (Some(digest("one")), None));
        bench.ends_clean(&order);
    }
}

#[test]
fn all_of_a_set_or_nothing() {
    for bench in both() {
        bench.write("a.py", "one");
        bench.write("d.py", "four");
        let set: [(&str, Option<&str>, Option<&str>); 4] = [
            ("a.py", Some("one"), Some("two")),
            ("new/b.py", None, Some("three")),
            ("d.py", Some("four"), None),
            ("z.py", Some("zero"), Some("ten")),
        ];
        bench.write("z.py", "somebody else's");
        let order = bench.order(&set);
        assert_eq!(conflict(bench.switch(&order), &["z.py"]), ["somebody else's"]);
        let stands = |path| bench.read(path);
        assert_eq!(stands("a.py").as_deref(), Some("one"));
        assert_eq!(stands("d.py").as_deref(), Some("four"));
        assert!(!bench.path("new").exists(), "directories made for nothing go again");
        bench.ends_clean(&order);

        bench.write("z.py", "zero");
        let order = bench.order(&set);
        assert_eq!(live(bench.switch(&order)).len(), 4);
        assert_eq!(stands("a.py").as_deref(), Some("two"));
        assert_eq!(stands("new/b.py").as_deref(), Some("three"));
        assert_eq!(stands("d.py"), None);
        assert_eq!(stands("z.py").as_deref(), Some("ten"));
        bench.ends_clean(&order);
    }
}

#[test]
fn what_is_not_the_base_stays() {
    for bench in both() {
        bench.write("a.py", "one");
        let order = bench.order(&[("a.py", Some("one"), Some("two"))]);
        bench.write("a.py", "edited");
        assert_eq!(conflict(bench.switch(&order), &["a.py"]), ["edited"]);
        fs::remove_file(bench.path("a.py")).unwrap();
        assert_eq!(conflict(bench.switch(&order), &["a.py"]), [""; 0]);
        bench.ends_clean(&order);

        let order = bench.order(&[("a.py", None, Some("two"))]);
        bench.write("a.py", "first");
        assert_eq!(conflict(bench.switch(&order), &["a.py"]), ["first"]);
        assert_eq!(bench.read("a.py").as_deref(), Some("first"));
        bench.ends_clean(&order);

        let order = bench.order(&[("a.py", Some("first"), None)]);
        bench.write("a.py", "again");
        assert_eq!(conflict(bench.switch(&order), &["a.py"]), ["again"]);
        assert_eq!(bench.read("a.py").as_deref(), Some("again"));
        bench.ends_clean(&order);
    }
}

#[test]
fn what_was_verified_is_what_becomes_live() {
    let bench = Bench::new(true);
    bench.write("a.py", "one");
    let order = bench.order(&[("a.py", Some("one"), Some("two"))]);
    fs::write(bench.stage.staged(&id("a.py"), &order.parts[0].1).unwrap(), "evil").unwrap();
    let outcome = bench.switch(&order);
    assert!(matches!(outcome, Switched::Undone { why: Undone::Failed(_), .. }), "{outcome:?}");
    assert_eq!(bench.read("a.py").as_deref(), Some("one"));
    bench.ends_clean(&order);
}

#[test]
fn what_a_root_can_do_is_tried() {
    let [exchanges, replaces] = both();
    assert_eq!(exchanges.stage.ability(&name()), Ability::Exchange);
    assert!(matches!(replaces.stage.ability(&name()), Ability::Replace(_)));
    let nowhere = RootName::new("nowhere").unwrap();
    assert!(matches!(exchanges.stage.ability(&nowhere), Ability::ReadOnly(_)));
    assert_eq!(exchanges.held(), BTreeSet::new(), "the attempt leaves nothing");

    let gone = Bench::new(true);
    fs::rename(gone.root(), gone.directory.path().join("aside")).unwrap();
    gone.stage.set_roots(&[watched(&gone.root())]);
    assert!(matches!(gone.stage.ability(&name()), Ability::ReadOnly(_)));
    fs::rename(gone.directory.path().join("aside"), gone.root()).unwrap();
    assert_eq!(gone.stage.ability(&name()), Ability::Exchange, "it came back");
}

#[test]
fn many_orders_at_once_answer_in_their_order() {
    let bench = Bench::new(true);
    for path in ["a.py", "b.py", "c.py"] {
        bench.write(path, "one");
    }
    let orders: Vec<_> = ["a.py", "b.py", "c.py"]
        .map(|it| {
            bench.order(&[(it, Some(if it == "b.py" { "other" } else { "one" }), Some("two"))])
        })
        .into();
    let answers = bench.stage.switch(&orders);
    let is_live: Vec<_> = answers.iter().map(|it| matches!(it, Switched::Live(_))).collect();
    assert_eq!(is_live, [true, false, true]);
    assert_eq!(bench.read("b.py").as_deref(), Some("one"));
}
