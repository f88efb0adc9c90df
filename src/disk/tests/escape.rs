//! Paths swapped under our feet.

use std::os::unix::fs::symlink;

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::*;
use crate::model::Cause;

/// Exchanges two names as fast as it can while `work` goes on.
fn while_swapping<T>(one: &Path, other: &Path, work: impl FnOnce() -> T) -> T {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).unwrap();
            }
        });
        let _ends = Ends(&over);
        work()
    })
}

/// Looks many times at a tool of which a component becomes a link to a secret and back.
fn swap(bench: &mut Bench, tool: &str, one: &Path, other: &Path) {
    let (mut inside, mut links) = (0, 0);
    while_swapping(one, other, || {
        for _ in 0..100_000 {
            match bench.glance(tool, true) {
                Sight::File(it) => {
                    assert_eq!(it.digest, digest("inside"), "it left the root");
                    inside += 1;
                }
                Sight::Unreadable(Cause::Symlink) => links += 1,
                Sight::Unsettled => (),
                Sight::Unreadable(_) | Sight::Gone | Sight::NotATool => panic!("never so"),
            }
        }
    });
    assert!(inside > 0 && links > 0, "both sides were seen: {inside}, {links}");
}

#[test]
fn a_directory_swapped_for_a_link_never_leads_out() {
    let mut bench = Bench::new();
    let secret = bench.directory.path().join("secret");
    fs::create_dir(&secret).unwrap();
    fs::write(secret.join("a.py"), "secret").unwrap();
    bench.write("mid/d/a.py", "inside");
    symlink(&secret, bench.path("link")).unwrap();
    let (one, other) = (bench.path("mid/d"), bench.path("link"));
    swap(&mut bench, "mid/d/a.py", &one, &other);
}

#[test]
fn a_file_swapped_for_a_link_never_leads_out() {
    let mut bench = Bench::new();
    let secret = bench.directory.path().join("secret.py");
    fs::write(&secret, "secret").unwrap();
    bench.write("a.py", "inside");
    symlink(&secret, bench.path("link")).unwrap();
    let (one, other) = (bench.path("a.py"), bench.path("link"));
    swap(&mut bench, "a.py", &one, &other);
}
