//! The root itself: replaced, removed, absent, configured anew.

use std::os::unix::fs::symlink;

use super::*;

#[test]
fn a_root_in_another_directorys_place_waits_for_a_walk() {
    let mut bench = Bench::new();
    bench.write("a.py", "one");
    bench.remember("a.py");
    assert!(bench.disk.root_is_there(&name()));
    fs::rename(bench.root(), bench.directory.path().join("aside")).unwrap();
    assert!(!bench.disk.root_is_there(&name()));
    assert_eq!(bench.look("a.py"), Sight::Gone);
    assert!(bench.disk.walk(&name()).is_err());

    fs::create_dir(bench.root()).unwrap();
    assert!(!bench.disk.root_is_there(&name()));
    assert_eq!(
        bench.glance("a.py", false),
        Sight::Unsettled,
        "nobody has said that this is the root"
    );
    assert!(bench.walk().is_empty());
    assert!(bench.disk.root_is_there(&name()));
    assert_eq!(bench.look("a.py"), Sight::Gone);
}

#[test]
fn a_root_made_again_under_the_same_inode_number_is_another() {
    let bench = Bench::new();
    for round in 0..50 {
        let former = open::root(&bench.root()).unwrap().1;
        fs::remove_dir(bench.root()).unwrap();
        // Directories born in the same tick of the clock are alike; a root lives longer.
        let Some((seconds, nanos)) = former.born else {
            return println!("this file system keeps no time of birth");
        };
        let born = seconds * 1_000_000_000 + i64::from(nanos);
        wait_for(|| (stat::stamping_clock() > born).then_some(()));
        fs::create_dir(bench.root()).unwrap();
        assert_ne!(open::root(&bench.root()).unwrap().1, former, "round {round}");
    }
}

#[test]
fn a_link_in_the_roots_place_is_no_root() {
    let mut bench = Bench::new();
    bench.write("a.py", "one");
    let aside = bench.directory.path().join("aside");
    fs::rename(bench.root(), &aside).unwrap();
    symlink(&aside, bench.root()).unwrap();
    assert!(!bench.disk.root_is_there(&name()));
    assert_eq!(bench.look("a.py"), Sight::Gone);
    assert!(bench.disk.walk(&name()).is_err());
}

#[test]
fn an_absent_root_is_taken_when_it_comes() {
    let mut bench = Bench::new();
    fs::remove_dir(bench.root()).unwrap();
    bench.restart();
    assert!(!bench.disk.root_is_there(&name()));
    let missing = bench.disk.walk(&name()).err().unwrap();
    assert!(missing.why.contains("root") && missing.why.contains("create or mount"), "{missing:?}");
    bench.write("a.py", "one");
    assert_eq!(bench.walk(), [id("a.py")].into());
    assert!(bench.disk.root_is_there(&name()));
}

#[test]
fn a_root_that_leaves_the_configuration_is_forgotten_and_the_others_stay() {
    let mut bench = Bench::new();
    let other = WatchedRoot {
        name: RootName::new("other").unwrap(),
        ..watched(&bench.directory.path().join("other"))
    };
    fs::create_dir(&other.path).unwrap();
    fs::write(other.path.join("b.py"), "two").unwrap();
    let there = ToolId::new(&other.name, &RelPath::new(b"b.py").unwrap());
    bench.write("a.py", "one");
    bench.disk.set_roots(&[watched(&bench.root()), other.clone()]);
    bench.remember("a.py");
    let glance = [Glance { tool: there, firm: false, fresh: false }];
    wait_for(|| {
        let seen = bench.disk.look(&glance, &|_| false).remove(0);
        file(seen.sight).filter(|it| it.content.is_none())
    });
    bench.disk.rest();

    bench.disk.set_roots(&[watched(&bench.root())]);
    assert_eq!(file(bench.look("a.py")).unwrap().content, None);
    assert_eq!(bench.disk.look(&glance, &|_| true)[0].sight, Sight::NotATool);
    assert!(bench.disk.walk(&other.name).is_err() && !bench.disk.root_is_there(&other.name));
    bench.disk.rest();
    assert_eq!(bench.memory.saved.lock().unwrap().last(), Some(&(0, 1)));
}

#[test]
fn a_look_leaves_no_descriptor_behind() {
    let mut bench = Bench::new();
    bench.write("deep/er/a.py", "one");
    let below = |root: &Path| {
        let open = fs::read_dir("/proc/self/fd").unwrap();
        open.filter(|it| {
            let to = fs::read_link(it.as_ref().unwrap().path());
            to.is_ok_and(|it| it.starts_with(root))
        })
        .count()
    };
    bench.look("deep/er/a.py");
    bench.walk();
    assert_eq!(below(&bench.root()), 0, "a root must stay free to be unmounted");
}
