//! The same cases by `git merge-file`: what it calls a conflict is never merged here.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    thread,
};

use super::{cases::Case, *};

#[derive(Default)]
struct Tally {
    clean: usize,
    conflicts: usize,
    /// We are more careful than git: lines that stand there more than once could be paired off otherwise.
    careful: Vec<u64>,
    /// Git is more careful than we are.
    bold: Vec<u64>,
    /// Both merge, to something else.
    other: Vec<u64>,
}

/// `None`: git calls it a conflict.
fn by_git(case: &Case, place: &Path) -> Option<Vec<u8>> {
    let names = ["current", "base", "proposed"].map(|it| place.join(it));
    for (path, bytes) in names.iter().zip([&case.current, &case.base, &case.proposed]) {
        fs::write(path, bytes).unwrap();
    }
    let done = Command::new("git").args(["merge-file", "-p", "-q"]).args(&names).output().unwrap();
    assert!(done.status.code().is_some_and(|it| it < 128), "{done:?}");
    done.status.success().then_some(done.stdout)
}

fn tally(cases: impl Iterator<Item = u64>) -> Tally {
    let place = tempfile::tempdir().unwrap();
    let mut tally = Tally::default();
    for number in cases {
        let case = Case::numbered(number);
        let ours = merge(&case.base, &case.current, &case.proposed).content;
        match (by_git(&case, place.path()), ours) {
            (Some(git), Some(ours)) if git == ours => tally.clean += 1,
            (None, None) => tally.conflicts += 1,
            (Some(_), Some(_)) => tally.other.push(number),
            (Some(_), None) => tally.careful.push(number),
            (None, Some(_)) => tally.bold.push(number),
        }
    }
    tally
}

fn compared(count: u64) {
    let git = Command::new("git").arg("--version").stdout(Stdio::null()).status();
    if !git.is_ok_and(|it| it.success()) {
        return println!("skipped: there is no git here to compare with");
    }
    let halves = [0, 1].map(|it| thread::spawn(move || tally((it..count).step_by(2))));
    let mut all = Tally::default();
    for half in halves {
        let half = half.join().unwrap();
        all.clean += half.clean;
        all.conflicts += half.conflicts;
        all.careful.extend(half.careful);
        all.bold.extend(half.bold);
        all.other.extend(half.other);
    }
    println!(
        "{count} cases: {} merged alike, {} conflicts alike; only we call {} a conflict, only git {}; {} merged otherwise",
        all.clean,
        all.conflicts,
        all.careful.len(),
        all.bold.len(),
        all.other.len()
    );
    assert_eq!((&all.bold, &all.other), (&Vec::new(), &Vec::new()));
    assert!(all.careful.len() * 50 <= usize::try_from(count).unwrap(), "{:?}", all.careful);
}

#[test]
fn five_hundred_cases_as_git_merges_them() {
    compared(500);
}

#[test]
#[ignore = "takes half a minute"]
fn five_thousand_cases_as_git_merges_them() {
    compared(5000);
}
