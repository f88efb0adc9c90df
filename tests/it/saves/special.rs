//! Saves with a story: writers that stay, links, mounts, contents that come faster than anybody can look.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader, Write as _},
    os::unix::fs as unix,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::json;

use crate::world::{Kind, World, bind, mount_memory, private, unmount};

fn held_open(kind: Kind) {
    let mut world = World::on(kind);
    world.write("x.py", "one\n");
    world.start();
    let mut file = File::create(world.path("x.py")).unwrap();
    file.write_all(b"tw").unwrap();
    let status = world.sync();
    assert_eq!(status["unsettled"], json!(["tools/x.py"]), "{kind:?}");
    assert_eq!(status["summary"]["unsettled"], 1);
    assert_eq!(world.tool("tools/x.py")["unsettled"], true);
    let check = world.get("/v1/check/tools/x.py").ok();
    assert_eq!(check["changed"], "unknown", "{check}");
    assert_eq!(world.contents("tools/x.py"), ["one\n"]);
    file.write_all(b"o\n").unwrap();
    let before = world.head();
    drop(file);
    world.wait_event(before, |it| it["event"] == "version.recorded" && it["version"] == 2);
    assert_eq!(world.contents("tools/x.py"), ["one\n", "two\n"], "{kind:?}");
    assert_eq!(world.sync()["unsettled"], json!([]));
}

#[test]
fn a_writer_that_stays_is_told_of_and_its_last_word_counts() {
    held_open(Kind::Disk);
    held_open(Kind::Memory);
    private(|| held_open(Kind::Overlay));
}

const MAPPING: &str = "
import mmap, sys
with open('x.py', 'r+b') as f:
    f.write(b'o')
    f.flush()
    m = mmap.mmap(f.fileno(), 0)
print('open', flush=True)
for line in sys.stdin:
    m[0:4] = line.encode()
    print('stored', flush=True)
m.close()
print('closed', flush=True)
";

/// (On an overlay the mapping belongs to the file of the layer, and nobody sees it: the audit's work.)
#[test]
fn a_mapping_that_stays_counts_as_a_writer() {
    for kind in [Kind::Disk, Kind::Memory] {
        let mut world = World::on(kind);
        world.write("x.py", "one\n");
        world.start();
        let mut python = Command::new("python3")
            .args(["-c", MAPPING])
            .current_dir(&world.root)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut told = BufReader::new(python.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut store = python.stdin.take().unwrap();
        assert_eq!(told.next().unwrap(), "open");
        assert_eq!(world.sync()["unsettled"], json!(["tools/x.py"]), "{kind:?}");
        for text in ["tre\n", "two\n"] {
            store.write_all(text.as_bytes()).unwrap();
            assert_eq!(told.next().unwrap(), "stored");
        }
        assert_eq!(world.contents("tools/x.py"), ["one\n"]);
        let before = world.head();
        drop(store);
        assert_eq!(told.next().unwrap(), "closed");
        world.wait_kind(before, "version.recorded");
        assert_eq!(world.contents("tools/x.py"), ["one\n", "two\n"], "{kind:?}");
        python.wait().unwrap();
    }
}

/// An empty content counts once it has stood for 30 ms. Who is held up in between has let it stand.
#[test]
fn a_file_is_not_empty_because_a_save_begins_by_truncating_it() {
    let world = World::with(&[("x.py", "0\n")]);
    let mut expected = vec!["0\n".to_owned()];
    let mut may_be_empty = 0;
    for number in 1..=20 {
        let began = Instant::now();
        drop(File::create(world.path("x.py")).unwrap());
        fs::write(world.path("x.py"), format!("{number}\n")).unwrap();
        may_be_empty += usize::from(began.elapsed() > Duration::from_millis(20));
        world.sync();
        expected.push(format!("{number}\n"));
    }
    let mut contents = world.contents("tools/x.py");
    let all = contents.len();
    contents.retain(|it| !it.is_empty());
    assert_eq!(contents, expected);
    assert!(all - contents.len() <= may_be_empty, "{} empty ones", all - contents.len());
}

#[test]
fn what_is_rewritten_all_the_time_is_recorded_whole_or_not_at_all() {
    let world = World::with(&[("x.py", "0\n")]);
    let whole = |number: usize| format!("{number}\n").repeat(2000);
    for number in 0..300 {
        fs::write(world.path("x.py"), whole(number)).unwrap();
    }
    world.sync();
    let contents = world.contents("tools/x.py");
    let number = |it: &String| it.lines().next().and_then(|it| it.parse::<usize>().ok()).unwrap();
    let numbers: Vec<_> = contents[1..].iter().map(number).collect();
    for (content, number) in contents[1..].iter().zip(&numbers) {
        assert!(*content == whole(*number), "torn: {} bytes of {number}", content.len());
    }
    assert!(numbers.is_sorted_by(|a, b| a < b), "in order: {numbers:?}");
    assert_eq!(numbers.last(), Some(&299));
}

#[test]
fn two_writers_of_one_file_leave_no_mixture_behind() {
    let world = World::with(&[("x.py", "0\n")]);
    let (path, barrier) = (world.path("x.py"), std::sync::Barrier::new(2));
    let save = |who: char| {
        barrier.wait();
        let mut file = File::options().write(true).open(&path).unwrap();
        for piece in String::from(who).repeat(20_000).as_bytes().chunks(5_000) {
            file.write_all(piece).unwrap();
        }
    };
    std::thread::scope(|scope| {
        for who in ['a', 'b'] {
            let save = &save;
            scope.spawn(move || (0..60).for_each(|_| save(who)));
        }
    });
    world.sync();
    let contents = world.contents("tools/x.py");
    assert_eq!(contents.last().unwrap(), &fs::read_to_string(&path).unwrap());
    // Two that write at once do leave mixtures; each has to be one that nobody was writing any more.
    assert!(contents[1..].iter().all(|it| it.len() == 20_000), "cut off");
}

#[test]
fn a_link_is_named_and_never_followed() {
    let world = World::with(&[("x.py", "one\n")]);
    let outside = world.home.join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("far.py"), "far\n").unwrap();
    for (target, name) in
        [("nowhere", "dangling.py"), ("loop.py", "loop.py"), ("x.py", "near.py"), ("/", "root.py")]
    {
        unix::symlink(target, world.path(name)).unwrap();
    }
    unix::symlink(&outside, world.path("out")).unwrap();
    let status = world.sync();
    let unreadable = |name: &str| {
        let of = |it: &serde_json::Value| it["tool"] == format!("tools/{name}");
        let issue = status["issues"].as_array().unwrap().iter().find(|it| of(it)).unwrap();
        (issue["type"].clone(), issue["cause"].clone())
    };
    for name in ["dangling.py", "loop.py", "near.py", "root.py"] {
        assert_eq!(unreadable(name), (json!("unreadable_file"), json!("symlink")), "{name}");
        assert!(world.versions(&format!("tools/{name}")).is_empty(), "{name}");
    }
    assert_eq!(world.tools().len(), 5, "what lies behind a linked directory is no tool");
}

/// As a cluster mounts its configuration: files are links through `..data`, which is swapped.
#[test]
fn a_swap_behind_links_is_no_version_and_no_fault() {
    let mut world = World::new();
    world.write("..v1/x.py", "one\n");
    world.write("..v2/x.py", "two\n");
    unix::symlink("..v1", world.path("..data")).unwrap();
    unix::symlink("..data/x.py", world.path("x.py")).unwrap();
    world.start();
    let before = world.summary();
    assert_eq!((&before["unreadable"], &before["in_sync"]), (&json!(1), &json!(0)));
    unix::symlink("..v2", world.path("..data_tmp")).unwrap();
    fs::rename(world.path("..data_tmp"), world.path("..data")).unwrap();
    assert_eq!(world.summary(), before);
}

#[test]
fn a_file_of_a_lower_layer_is_appended_to_and_rewritten() {
    private(|| {
        let mut world = World::on(Kind::Overlay);
        world.root = world.ground.path.join("below");
        world.start();
        world.sh("echo two >> x.py; rm gone.py");
        assert_eq!(world.summary()["missing"], 1);
        assert_eq!(world.contents("tools/x.py"), ["one\n", "one\ntwo\n"]);
        world.sh("echo three > x.py; echo back > gone.py");
        assert_eq!(world.summary()["missing"], 0);
        assert_eq!(world.contents("tools/x.py"), ["one\n", "one\ntwo\n", "three\n"]);
        assert_eq!(world.contents("tools/gone.py"), ["gone\n", "back\n"]);
    });
}

#[test]
fn mounts_in_a_root_and_aliases_of_it() {
    private(|| {
        let mut world = World::new();
        world.write("x.py", "one\n");
        world.write("sub/y.py", "one\n");
        world.start();
        let alias = world.home.join("alias");
        fs::create_dir(&alias).unwrap();
        bind(&world.root, &alias);
        fs::write(alias.join("x.py"), "two\n").unwrap();
        world.sync();
        assert_eq!(world.contents("tools/x.py"), ["one\n", "two\n"], "written through the alias");
        mount_memory(&world.path("sub"), "size=1m");
        world.write("sub/new.py", "new\n");
        let over = world.summary();
        assert_eq!((&over["missing"], &over["orphaned"]), (&json!(1), &json!(1)), "mounted over");
        world.write("sub/new.py", "newer\n");
        world.sync();
        assert_eq!(world.contents("tools/sub/new.py"), ["new\n", "newer\n"], "it is watched");
        unmount(&world.path("sub"));
        let back = world.summary();
        assert_eq!((&back["missing"], &back["orphaned"]), (&json!(0), &json!(0)), "unmounted");
        assert_eq!(world.contents("tools/sub/y.py"), ["one\n"]);
        world.write("sub/y.py", "two\n");
        world.sync();
        assert_eq!(world.contents("tools/sub/y.py"), ["one\n", "two\n"]);
    });
}

/// The names are known from the first scan. (One that is made later is an event for the new name alone.)
#[test]
fn a_file_with_two_names_changes_under_both() {
    let mut world = World::new();
    world.write("x.py", "one\n");
    fs::hard_link(world.path("x.py"), world.path("y.py")).unwrap();
    world.start();
    world.write("y.py", "two\n");
    world.sync();
    for name in ["tools/x.py", "tools/y.py"] {
        assert_eq!(world.contents(name), ["one\n", "two\n"], "{name}");
    }
    assert!(world.daemon().logged("audit.missed").is_empty());
}
