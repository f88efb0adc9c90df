//! Roots that go, come back, are replaced, mounted over; and the limits of the kernel. What needs
//! its own mounts or limits runs itself again inside a namespace, and says so where it may not.

use std::{fs, path::Path, process::Command, time::Duration};

use knowngood::{ports::Watching, watch::WatchSettings};

use crate::watch_looker::Scene;

#[test]
fn a_root_removed_and_made_again() {
    let scene = Scene::new();
    for round in 0..20 {
        let before = scene.looker.log();
        scene.write("f.py", &format!("old {round}"));
        scene.barrier();
        fs::remove_dir_all(&scene.root).unwrap();
        fs::create_dir(&scene.root).unwrap();
        scene.write("f.py", &format!("new {round}"));
        scene.barrier();
        let log = scene.looker.log();
        assert_eq!(log.root_changes.last(), Some(&true), "round {round}");
        assert!(log.scans > before.scans, "round {round}");
        assert_eq!(scene.wrong(), [], "round {round}");
        hears(&scene, "later.py");
    }
}

#[test]
fn a_root_renamed_away_is_gone_and_its_files_are_not_deleted() {
    let scene = Scene::new();
    scene.write("f.py", "old");
    scene.wait_seen("f.py", "old");
    let away = scene.home.path().join("away");
    fs::rename(&scene.root, &away).unwrap();
    scene.looker.wait("it is gone", |it| it.root_changes == [false]);
    fs::write(away.join("f.py"), "not ours").unwrap();
    scene.barrier();
    assert_eq!(scene.seen("f.py").as_deref(), Some(&b"old"[..]));
    fs::rename(&away, &scene.root).unwrap();
    scene.looker.wait("it is back", |it| it.root_changes == [false, true]);
    scene.barrier();
    assert_eq!(scene.wrong(), []);
    hears(&scene, "later.py");
}

#[test]
fn a_root_renamed_away_and_replaced_at_once() {
    let scene = Scene::new();
    scene.write("f.py", "old");
    scene.wait_seen("f.py", "old");
    let away = scene.home.path().join("away");
    fs::rename(&scene.root, &away).unwrap();
    fs::create_dir(&scene.root).unwrap();
    scene.write("g.py", "new");
    scene.wait_seen("g.py", "new");
    fs::write(away.join("f.py"), "not ours").unwrap();
    scene.barrier();
    assert_eq!(scene.wrong(), []);
    hears(&scene, "later.py");
}

#[test]
fn something_else_in_the_place_of_a_root() {
    let scene = Scene::new();
    let away = scene.home.path().join("away");
    fs::rename(&scene.root, &away).unwrap();
    std::os::unix::fs::symlink(&away, &scene.root).unwrap();
    scene.looker.wait("a link is no root", |it| it.root_changes == [false]);
    fs::remove_file(&scene.root).unwrap();
    fs::write(&scene.root, "a file").unwrap();
    scene.barrier();
    assert_eq!(scene.looker.log().root_changes, [false]);
    fs::remove_file(&scene.root).unwrap();
    fs::create_dir(&scene.root).unwrap();
    scene.looker.wait("a directory is", |it| it.root_changes == [false, true]);
    hears(&scene, "later.py");
}

#[test]
fn a_directory_far_above_the_root_renamed_away_and_back() {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir_all(home.path().join("a/b/root")).unwrap();
    let inner =
        tempfile::Builder::new().disable_cleanup(true).tempdir_in(home.path().join("a/b")).unwrap();
    let above = inner.path().parent().unwrap().parent().unwrap().to_owned();
    let scene = Scene::at(inner, WatchSettings::default());
    scene.write("f.py", "old");
    scene.wait_seen("f.py", "old");
    let away = home.path().join("away");
    fs::rename(&above, &away).unwrap();
    scene.looker.wait("it is gone", |it| it.root_changes == [false]);
    fs::rename(&away, &above).unwrap();
    scene.looker.wait("it is back", |it| it.root_changes == [false, true]);
    hears(&scene, "later.py");
}

#[test]
fn a_root_that_is_absent_at_the_start_is_adopted_when_it_comes() {
    let scene = Scene::waiting(tempfile::tempdir().unwrap(), WatchSettings::default());
    scene.looker.wait("it is not there", |it| it.root_changes == [false]);
    fs::create_dir(&scene.root).unwrap();
    scene.write("f.py", "new");
    scene.wait_seen("f.py", "new");
    assert_eq!(scene.looker.log().root_changes, [false, true]);
    hears(&scene, "later.py");
}

#[test]
fn roots_set_anew() {
    let scene = Scene::new();
    fs::create_dir(scene.root.join("d")).unwrap();
    scene.barrier();
    let scans = scene.looker.log().scans;
    scene.watch.set_roots(vec![]);
    scene.write("f.py", "unwatched");
    scene.barrier();
    assert_eq!((scene.seen("f.py"), scene.looker.log().scans), (None, scans));
    scene.watch.set_roots(vec![scene.watched.clone()]);
    scene.wait_seen("f.py", "unwatched");
    hears(&scene, "d/later.py");
    scene.barrier();
    let scans = scene.looker.log().scans;
    scene.watch.set_roots(vec![scene.watched.clone()]);
    scene.barrier();
    assert_eq!(scene.looker.log().scans, scans, "what stays as it is keeps its watches");
    hears(&scene, "d/latest.py");
}

#[test]
fn a_file_system_mounted_over_the_root_and_below_it() {
    inside(&["-Urm"], "true", "mounts");
}

#[test]
#[ignore = "runs inside a mount namespace, started by the test above"]
fn inner_mounts() {
    let scene = Scene::new();
    fs::create_dir(scene.root.join("sub")).unwrap();
    scene.write("f.py", "below");
    scene.write("sub/g.py", "below");
    scene.wait_seen("sub/g.py", "below");
    for place in [scene.root.join("sub"), scene.root.clone()] {
        run("mount", &["-t", "tmpfs", "none"], &place);
        scene.barrier();
        assert_eq!(scene.wrong(), [], "mounted over {place:?}");
        let path = if place.ends_with("sub") { "sub/m.py" } else { "m.py" };
        hears(&scene, path);
        run("umount", &[], &place);
        scene.barrier();
        assert_eq!(scene.wrong(), [], "unmounted {place:?}");
        hears(&scene, path);
        hears(&scene, "sub/later.py");
    }
    assert_eq!(scene.looker.log().root_changes, [true, true]);
    println!("{DONE}");
}

#[test]
fn an_unmounted_file_system_is_a_root_that_is_gone() {
    inside(&["-Urm"], "true", "unmounted");
}

#[test]
#[ignore = "runs inside a mount namespace, started by the test above"]
fn inner_unmounted() {
    let home = tempfile::tempdir().unwrap();
    let mount = home.path().join("mount");
    fs::create_dir(&mount).unwrap();
    run("mount", &["-t", "tmpfs", "none"], &mount);
    fs::create_dir(mount.join("root")).unwrap();
    let inner = tempfile::Builder::new().disable_cleanup(true).tempdir_in(&mount).unwrap();
    let scene = Scene::at(inner, WatchSettings::default());
    scene.write("f.py", "old");
    scene.wait_seen("f.py", "old");
    run("umount", &["-l"], &mount);
    scene.looker.wait("it is gone", |it| it.root_changes == [false]);
    assert_eq!(scene.seen("f.py").as_deref(), Some(&b"old"[..]), "not deleted");
    println!("{DONE}");
}

const SOON: WatchSettings = WatchSettings {
    poll: Duration::from_millis(100),
    root_check: Duration::from_millis(100),
    git_limit: Duration::from_secs(2),
};

#[test]
fn the_watch_limit_at_the_start_and_later() {
    inside(&["-Ur"], "echo 12 > /proc/sys/user/max_inotify_watches", "watch_limit");
}

#[test]
#[ignore = "runs inside a user namespace, started by the test above"]
fn inner_watch_limit() {
    let limit = |it: &str| fs::write("/proc/sys/user/max_inotify_watches", it).unwrap();
    let home = tempfile::tempdir().unwrap();
    for at in 0..30 {
        fs::create_dir_all(home.path().join(format!("root/{at}/sub"))).unwrap();
    }
    let scene = Scene::at(home, SOON);
    let Some(Watching::Degraded { why }) = scene.looker.log().watching.pop() else { panic!() };
    assert!(why.contains("limit of 12 ") && why.contains("max_user_watches"), "{why}");
    for at in 0..30 {
        let path = format!("{at}/sub/f.py");
        scene.write(&path, "new");
        if at % 2 == 0 {
            scene.barrier();
        }
        scene.wait_seen(&path, "new");
    }
    limit("1000");
    scene.looker.wait("covered", |it| it.watching.last() == Some(&Watching::Events));
    (0..30).for_each(|at| hears(&scene, &format!("{at}/sub/g.py")));
    limit("1");
    fs::create_dir_all(scene.root.join("late/sub")).unwrap();
    scene
        .looker
        .wait("degraded", |it| matches!(it.watching.last(), Some(Watching::Degraded { .. })));
    hears(&scene, "late/sub/f.py");
    fs::remove_dir_all(scene.root.join("late")).unwrap();
    scene.looker.wait("covered", |it| it.watching.last() == Some(&Watching::Events));
    scene.barrier();
    assert_eq!(scene.wrong(), []);
    println!("{DONE}");
}

#[test]
fn no_inotify_instance() {
    inside(&["-Ur"], "echo 0 > /proc/sys/user/max_inotify_instances", "instance_limit");
}

#[test]
#[ignore = "runs inside a user namespace, started by the test above"]
fn inner_instance_limit() {
    let scene = Scene::at(tempfile::tempdir().unwrap(), SOON);
    let Some(Watching::Polling { why }) = scene.looker.log().watching.pop() else { panic!() };
    assert!(why.contains("the limit is 0") && why.contains("max_user_instances"), "{why}");
    scene.write("f.py", "new");
    scene.barrier();
    assert_eq!(scene.seen("f.py").as_deref(), Some(&b"new"[..]));
    scene.write("g.py", "new");
    scene.wait_seen("g.py", "new");
    fs::write("/proc/sys/user/max_inotify_instances", "10").unwrap();
    scene.looker.wait("events", |it| it.watching.last() == Some(&Watching::Events));
    scene.barrier();
    let scans = scene.looker.log().scans;
    hears(&scene, "h.py");
    assert_eq!(scene.looker.log().scans, scans, "no longer polled");
    println!("{DONE}");
}

const DONE: &str = "inside: done";

/// Runs an ignored test of this file again, after `setup`, inside namespaces of its own.
fn inside(namespaces: &[&str], setup: &str, test: &str) {
    let unshare = || {
        let mut command = Command::new("unshare");
        command.args(namespaces);
        command
    };
    if !unshare().arg("true").status().is_ok_and(|it| it.success()) {
        println!("skipped: `unshare {}` is not permitted here", namespaces.join(" "));
        return;
    }
    let script =
        format!("{setup}; exec \"$0\" --exact watch_roots::inner_{test} --ignored --nocapture");
    let out = unshare()
        .args(["sh", "-ec", &script])
        .arg(std::env::current_exe().unwrap())
        .output()
        .unwrap();
    let (said, errors) =
        (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success() && said.contains(DONE), "{said}{errors}");
}

fn run(program: &str, args: &[&str], place: &Path) {
    assert!(Command::new(program).args(args).arg(place).status().unwrap().success());
}

/// What is written now comes by itself.
fn hears(scene: &Scene, path: &str) {
    for content in ["first", "second"] {
        scene.write(path, content);
        scene.wait_seen(path, content);
    }
}
