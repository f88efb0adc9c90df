//! Files that came out while somebody had them open.

use std::{fs::File, io::Write as _};

use super::*;

fn hold(path: &Path) -> File {
    File::options().append(true).open(path).unwrap()
}

#[test]
fn what_is_written_after_the_switch_is_told_when_its_writer_closes() {
    for mut bench in both() {
        let path = bench.write("deep/a.py", "one");
        let mut writer = hold(&path);
        let order = bench.order(&[("deep/a.py", Some("one"), Some("two"))]);
        live(bench.switch(&order));
        assert_eq!(bench.stage.late(), [], "it is still open");
        assert!(bench.stage.holds_displaced());
        write!(writer, ", and more").unwrap();
        bench.restart();
        assert!(bench.stage.holds_displaced(), "a start finds it again");
        assert_eq!(bench.stage.late(), []);
        drop(writer);
        let late = bench.stage.late();
        assert_eq!((&late[0].tool, late[0].deploy), (&id("deep/a.py"), DeployNo(7)));
        assert_eq!(late[0].displaced, Some(digest("one")));
        assert_eq!(text(late[0].now.as_ref().unwrap()), "one, and more");
        assert_eq!(bench.stage.late(), late, "until it is released");
        assert_eq!(bench.read("deep/a.py").as_deref(), Some("two"));
        bench.ends_clean(&order);
    }
}

/// Our own file, live for a moment, and taken out again: an edit of it is not lost either.
#[test]
fn an_edit_of_a_file_that_was_live_for_a_moment_only() {
    let bench = Bench::new(true);
    bench.write("a.py", "one");
    let order = bench.order(&[("a.py", Some("one"), Some("two"))]);
    let mut writer = hold(&bench.stage.staged(&id("a.py"), &order.parts[0].1).unwrap());
    let root = watched(&bench.root());
    let (change, marker) = &order.parts[0];
    let terms = Terms { root: &root, pack: &Plain, deploy: order.deploy, exchanges: true };
    let mut spot = Spot::open(terms, change, marker).unwrap();
    switching::Names::exchange(&mut spot).unwrap();
    bench.write("b.py", "one too");
    // What came out is not its base any more: it is put back, and ours comes out with its writer.
    fs::write(bench.path(".knowngood/stage").join(&marker.name), "one, edited").unwrap();
    assert_eq!(conflict(bench.stage.settle(&order), &["a.py"]), ["one, edited"]);
    assert_eq!(bench.stage.late(), []);
    write!(writer, " and an edit").unwrap();
    drop(writer);
    let late = bench.stage.late();
    assert_eq!(late[0].displaced, Some(digest("two")));
    assert_eq!(text(late[0].now.as_ref().unwrap()), "two and an edit");
    bench.ends_clean(&order);
}

/// Nobody can tell who writes to another's file.
#[test]
fn where_writers_cannot_be_known_it_waits() {
    if !rustix::process::geteuid().is_root() {
        return println!("SKIPPED: it takes a file of another user");
    }
    let mut bench = Bench::new(true);
    bench.write("a.py", "one");
    let order = bench.order(&[("a.py", Some("one"), Some("two"))]);
    live(bench.switch(&order));
    let kept = bench.held().into_iter().find(|it| it.contains(&digest("one").hex())).unwrap();
    let kept = bench.path(".knowngood").join(kept);
    fs::set_permissions(&kept, fs::Permissions::from_mode(0o644)).unwrap();
    let owned = |uid| std::os::unix::fs::chown(&kept, Some(uid), None).unwrap();
    owned(1234);
    let nobody = 65534;
    for folder in ["", "stage", "displaced"] {
        let folder = bench.path(".knowngood").join(folder);
        std::os::unix::fs::chown(folder, Some(nobody), None).unwrap();
    }
    fs::set_permissions(bench.directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let mut told = |seconds| {
        bench.stage.patience = Patience { seconds };
        let stage = &bench.stage;
        std::thread::scope(|scope| {
            let it = scope.spawn(|| {
                let nobody = rustix::process::Uid::from_raw(nobody);
                rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
                stage.late().len()
            });
            it.join().unwrap()
        })
    };
    assert_eq!(told(24 * 60 * 60), 0);
    assert_eq!(told(0), 1);
}

#[test]
fn a_content_that_was_being_written_when_it_came_out_is_told_later() {
    let bench = Bench::new(true);
    let path = bench.write("a.py", "one");
    let order = bench.order(&[("a.py", Some("one"), None)]);
    let mut writer = hold(&path);
    write!(writer, " and").unwrap();
    let root = watched(&bench.root());
    let (change, marker) = &order.parts[0];
    let terms = Terms { root: &root, pack: &Plain, deploy: order.deploy, exchanges: true };
    let mut spot = Spot::open(terms, change, marker).unwrap();
    switching::Names::take(&mut spot).unwrap();
    bench.write("a.py", "new");
    assert_eq!(conflict(bench.stage.settle(&order), &["a.py"]), ["new"]);
    write!(writer, " more").unwrap();
    assert_eq!(bench.stage.late(), []);
    drop(writer);
    let late = bench.stage.late();
    assert_eq!(late[0].displaced, None);
    assert_eq!(text(late[0].now.as_ref().unwrap()), "one and more");
    bench.ends_clean(&order);
}
