//! Many files at once: git, copies of trees, directories that move while somebody writes in them.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::Command,
};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use serde_json::json;

use crate::world::{Kind, World, sh};

const FILES: usize = 500;

fn git(root: &Path, arguments: &[&str]) {
    let output = Command::new("git")
        .args([
            "-c",
            "user.name=ana",
            "-c",
            "user.email=ana@example.org",
            "-c",
            "commit.gpgsign=false",
        ])
        .args([
            "-c",
            "gc.auto=0",
            "-c",
            "init.defaultBranch=main",
            "-c",
            "core.hooksPath=/dev/null",
        ])
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .env("GIT_EDITOR", "true")
        .current_dir(root)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {arguments:?}: {told}");
}

fn fill(world: &World, text: &str) {
    for number in 0..FILES {
        world.write(&format!("d{}/t{number}.py", number % 20), &format!("{text} {number}\n"));
    }
}

fn commit(world: &World, message: &str) {
    git(&world.root, &["add", "-A"]);
    git(&world.root, &["commit", "-qm", message]);
}

/// Whatever was recorded of each file is one of these texts, no two equal ones in a row, and the last one is
/// what stands there. How many versions there are in all.
fn judge(world: &World, texts: &[&str]) -> usize {
    let mut all = 0;
    for number in 0..FILES {
        let path = format!("d{}/t{number}.py", number % 20);
        let contents = world.contents(&format!("tools/{path}"));
        let stands = fs::read_to_string(world.path(&path)).unwrap();
        assert_eq!(contents.last(), Some(&stands), "{path}");
        let whole: BTreeSet<_> = texts.iter().map(|it| format!("{it} {number}\n")).collect();
        assert!(contents.iter().all(|it| whole.contains(it)), "{path}: {contents:?}");
        assert!(contents.windows(2).all(|it| it[0] != it[1]), "{path}: {contents:?}");
        all += contents.len();
    }
    all
}

#[test]
fn git_checks_out_stashes_and_rebases() {
    let mut world = World::on(Kind::Disk);
    git(&world.root, &["init", "-q"]);
    fill(&world, "one");
    commit(&world, "one");
    git(&world.root, &["checkout", "-qb", "side"]);
    fill(&world, "two");
    commit(&world, "two");
    git(&world.root, &["checkout", "-q", "main"]);
    world.start();
    let before = world.head();
    git(&world.root, &["checkout", "-q", "side"]);
    world.sync();
    assert_eq!(judge(&world, &["one", "two"]), 2 * FILES, "each content once");
    assert_eq!(world.events_of("tool.removed", before), [json!(null); 0]);
    world.write("d0/t0.py", "three 0\n");
    world.sync();
    git(&world.root, &["stash", "-q"]);
    world.sync();
    git(&world.root, &["stash", "pop", "-q"]);
    world.sync();
    let contents = world.contents("tools/d0/t0.py");
    assert_eq!(contents, ["one 0\n", "two 0\n", "three 0\n", "two 0\n", "three 0\n"]);
    git(&world.root, &["checkout", "-q", "d0/t0.py"]);
    git(&world.root, &["checkout", "-q", "main"]);
    world.write("other.py", "other\n");
    commit(&world, "other");
    git(&world.root, &["checkout", "-q", "side"]);
    git(&world.root, &["rebase", "-q", "main"]);
    world.sync();
    judge(&world, &["one", "two", "three"]);
    assert_eq!(world.contents("tools/other.py").last().unwrap(), "other\n");
    assert_eq!(world.tools().len(), FILES + 1);
    world.verify();
    assert!(world.daemon().logged("audit.missed").is_empty());
}

#[test]
fn whole_trees_come_and_go() {
    let world = World::with(&[("x.py", "one\n")]);
    let made = world.home.join("made");
    for number in 0..200 {
        let directory = made.join(format!("d{}", number % 10));
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join(format!("t{number}.py")), format!("{number}\n")).unwrap();
    }
    world.sh("mkdir -p a/b/c/d/e/f/g/h/i/j && echo deep > a/b/c/d/e/f/g/h/i/j/x.py");
    sh(
        &format!("cp -r made {0}/copied && cp -r made {0}/again", world.root.display()),
        &world.home,
    );
    assert_eq!(world.summary()["orphaned"], 401);
    assert_eq!(world.contents("tools/a/b/c/d/e/f/g/h/i/j/x.py"), ["deep\n"]);
    world.sh("rm -r again && mkdir -p again/d7 && echo anew > again/d7/t7.py");
    assert_eq!(world.summary()["orphaned"], 202);
    assert_eq!(world.contents("tools/again/d7/t7.py"), ["7\n", "anew\n"]);
    world.sh("rm -r again; mv copied again; echo other > again/d7/t7.py");
    assert_eq!(world.summary()["orphaned"], 201, "another directory in its place");
    assert_eq!(world.contents("tools/again/d7/t7.py").last().unwrap(), "other\n");
    world.verify();
}

#[test]
fn directories_move_while_somebody_writes_in_them() {
    let world = World::with(&[("x.py", "one\n")]);
    let outside = world.home.join("outside");
    for round in 0..30 {
        // Made outside, moved in, written to, moved within, written to, moved out.
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("t.py"), format!("made {round}\n")).unwrap();
        fs::rename(&outside, world.path("in")).unwrap();
        world.write("in/t.py", &format!("in {round}\n"));
        fs::rename(world.path("in"), world.path("within")).unwrap();
        world.write("within/t.py", &format!("within {round}\n"));
        world.sync();
        assert_eq!(world.contents("tools/within/t.py").last(), Some(&format!("within {round}\n")));
        assert_eq!(world.tools(), ["tools/within/t.py", "tools/x.py"]);
        let mut open = File::options().append(true).open(world.path("within/t.py")).unwrap();
        fs::rename(world.path("within"), &outside).unwrap();
        open.write_all(b"outside\n").unwrap();
        drop(open);
        world.sync();
        assert_eq!(world.tools(), ["tools/x.py"]);
        fs::remove_dir_all(&outside).unwrap();
    }
    let within = world.contents("tools/within/t.py");
    assert!(within.iter().all(|it| !it.contains("outside")), "{within:?}");
}

#[test]
fn directories_that_are_exchanged_or_become_files() {
    let world = World::with(&[("a/t.py", "a\n"), ("b/t.py", "b\n"), ("tool.py", "file\n")]);
    for _ in 0..10 {
        renameat_with(CWD, world.path("a"), CWD, world.path("b"), RenameFlags::EXCHANGE).unwrap();
    }
    world.write("a/t.py", "a again\n");
    world.sync();
    assert_eq!(world.contents("tools/a/t.py").last().unwrap(), "a again\n");
    assert_eq!(world.contents("tools/b/t.py").last().unwrap(), "b\n");
    world.sh("rm tool.py && mkdir tool.py && echo in > tool.py/in.py");
    let status = world.sync();
    assert_eq!(status["summary"]["unreadable"], 1, "{status}");
    assert_eq!(world.tool("tools/tool.py")["cause"], "directory");
    assert_eq!(world.contents("tools/tool.py/in.py"), ["in\n"]);
    world.sh("rm -r tool.py && echo file > tool.py");
    world.sync();
    assert_eq!(world.tool("tools/tool.py")["sync"], "in_sync");
    assert_eq!(world.contents("tools/tool.py"), ["file\n"]);
}

/// A daemon that may not look everywhere, as one without the powers of root.
pub(crate) fn as_a_usual_user(world: &mut World) -> bool {
    if !rustix::process::geteuid().is_root() {
        return true;
    }
    let caps = "--bounding-set=-dac_override,-dac_read_search";
    world.wrapper = vec!["setpriv".into(), caps.into()];
    let works = Command::new("setpriv").args([caps, "true"]).status().is_ok_and(|it| it.success());
    if !works {
        println!("SKIPPED: setpriv is missing, and root may read everything");
    }
    works
}

#[test]
fn what_may_not_be_read_is_unreadable_until_it_may() {
    let mut world = World::new();
    if !as_a_usual_user(&mut world) {
        return;
    }
    world.write("closed/t.py", "one\n");
    world.write("x.py", "one\n");
    world.start();
    let mode = |path: &str, mode: u32| {
        fs::set_permissions(world.path(path), fs::Permissions::from_mode(mode)).unwrap();
    };
    mode("closed", 0o000);
    mode("x.py", 0o000);
    let status = world.sync();
    assert_eq!(status["summary"]["unreadable"], 2, "{status}");
    assert_eq!(world.tool("tools/x.py")["cause"], "permission_denied");
    assert_eq!(world.tool("tools/closed/t.py")["cause"], "permission_denied");
    mode("x.py", 0o644);
    mode("closed", 0o755);
    world.write("closed/t.py", "two\n");
    let summary = world.summary();
    assert_eq!((&summary["unreadable"], &summary["modified"]), (&json!(0), &json!(1)));
    assert_eq!(world.contents("tools/closed/t.py"), ["one\n", "two\n"]);
    assert_eq!(world.contents("tools/x.py"), ["one\n"]);
    assert!(world.events_of("tool.removed", 0).is_empty(), "unreadable is not gone");
}
