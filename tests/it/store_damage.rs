//! Damage: bits that flip, files that are cut, garbage, missing files, torn writes. Each time everything is there
//! again, or it is refused with file and offset. Nothing is ever missing without a word.

use std::{
    fs::{self, OpenOptions},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use knowngood::{
    ports::{Batch, StoreError},
    store::{self, Manner, Opened},
};

use crate::store_samples::{Dice, Teller, digest, tool};

/// Segments so short that a few hundred facts fill several.
fn open(dir: &Path) -> Result<Opened, StoreError> {
    store::open_with(dir, &|_| (), Manner { segment: 200_000, ..Manner::default() })
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else if entry.file_name() != "reserve" {
            fs::copy(&from, &to).unwrap();
        }
    }
}

/// A log of several segments that was opened more than once; with a checkpoint at its end, or well before.
fn sample(dir: &Path, seed: u64, checkpoint_last: bool) -> Teller {
    let mut teller = Teller::new(seed);
    for round in 0..3 {
        let mut store = open(dir).unwrap();
        for changes in [1, 20, 3, 40, 1, 9, 1, 1] {
            teller.tell(&mut store, changes).unwrap();
        }
        if round == 1 || checkpoint_last {
            store.log.checkpoint().unwrap();
        }
    }
    teller
}

fn segments(dir: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> =
        fs::read_dir(dir.join("log")).unwrap().map(|it| it.unwrap().path()).collect();
    found.sort();
    found
}

/// Bytes up to the last one that is not zero.
fn used(path: &Path) -> u64 {
    let bytes = fs::read(path).unwrap();
    bytes.iter().rposition(|it| *it != 0).map_or(0, |it| it as u64 + 1)
}

#[derive(Debug, Default, PartialEq, Eq, Clone, Copy)]
struct Outcomes {
    healed: u32,
    refused_at_open: u32,
    refused_at_read: u32,
}

/// What became of a damaged directory. Stops the test where something is missing without a word.
fn judge(dir: &Path, teller: &Teller, outcomes: &mut Outcomes, what: &str) {
    let refused = |it: StoreError| {
        let StoreError::Corrupt { path, .. } = it else { panic!("{what}: {it}") };
        assert!(path.starts_with(dir), "{what}: {}", path.display());
    };
    let mut store = match open(dir) {
        Ok(it) => it,
        Err(it) => {
            outcomes.refused_at_open += 1;
            return refused(it);
        }
    };
    if let Err(it) = teller.find_all(&*store.archive) {
        let verified = store.archive.verify().unwrap();
        assert!(!verified.problems.is_empty(), "{what}: verify does not see {it}");
        outcomes.refused_at_read += 1;
        return refused(it);
    }
    let mut teller = teller.clone();
    teller.tell(&mut store, 2).unwrap_or_else(|it| panic!("{what}: {it}"));
    drop(store);
    let store = open(dir).unwrap_or_else(|it| panic!("{what}, again: {it}"));
    teller.find_all(&*store.archive).unwrap();
    assert_eq!(store.archive.verify().unwrap().problems, Vec::<String>::new(), "{what}");
    outcomes.healed += 1;
}

/// Flips a bit, cuts the file, or overwrites 4 KiB with noise.
fn damage(path: &Path, dice: &mut Dice, within: u64) -> String {
    let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
    let at = dice.below(within.max(1));
    let how = match dice.below(3) {
        0 => {
            let mut byte = [0];
            if file.read_at(&mut byte, at).unwrap() == 1 {
                byte[0] ^= 1 << dice.below(8);
                file.write_all_at(&byte, at).unwrap();
            }
            "a flipped bit"
        }
        1 => {
            file.set_len(at).unwrap();
            "a cut"
        }
        _ => {
            let noise: Vec<u8> = std::iter::repeat_with(|| dice.roll() as u8).take(4096).collect();
            file.write_all_at(&noise, at).unwrap();
            "noise"
        }
    };
    format!("{how} at byte {at} of {}", path.display())
}

#[test]
fn three_hundred_damages_lose_nothing_without_a_word() {
    let home = tempfile::tempdir().unwrap();
    let samples = [false, true].map(|checkpoint_last| {
        let dir = home.path().join(format!("sample-{checkpoint_last}"));
        (sample(&dir, 42, checkpoint_last), dir)
    });
    let mut dice = Dice(7);
    let (mut journal, mut index, mut checkpoint) = <(Outcomes, Outcomes, Outcomes)>::default();
    for round in 0..300 {
        let (teller, from) = &samples[dice.below(2) as usize];
        let dir = home.path().join("damaged");
        copy(from, &dir);
        let (path, outcomes) = match dice.below(10) {
            0..5 => (dice.one_of(&segments(&dir)), &mut journal),
            5..9 => {
                let files = fs::read_dir(dir.join("index")).unwrap().map(|it| it.unwrap().path());
                let mut files: Vec<_> = files.filter(|it| it.is_file()).collect();
                files.sort();
                (dice.one_of(&files), &mut index)
            }
            _ => (dir.join("checkpoint"), &mut checkpoint),
        };
        let end = used(&path);
        // What is behind a segment's end is struck as well, now and then.
        let within = if path.extension().is_some_and(|it| it == "log") { end + 6000 } else { end };
        let what = format!("round {round}: {}", damage(&path, &mut dice, within));
        judge(&dir, teller, outcomes, &what);
        fs::remove_dir_all(&dir).unwrap();
    }
    println!("journal {journal:?}, index {index:?}, checkpoint {checkpoint:?}");
    for derived in [index, checkpoint] {
        assert_eq!(
            (derived.refused_at_open, derived.refused_at_read),
            (0, 0),
            "it can be made again"
        );
        assert!(derived.healed >= 20);
    }
    assert_eq!(journal.refused_at_read, 0, "whoever starts must know");
    assert!(journal.refused_at_open >= 100, "{journal:?}");
}

/// The log lost its end and looks whole: somebody else must know better.
#[test]
fn a_log_that_lost_its_end_is_refused() {
    let home = tempfile::tempdir().unwrap();
    for checkpoint_last in [true, false] {
        for (index_is_there, blanked) in
            [(true, true), (true, false), (false, true), (false, false)]
        {
            let dir = home.path().join(format!("{checkpoint_last}-{index_is_there}-{blanked}"));
            let teller = sample(&dir, 5, checkpoint_last);
            let last = segments(&dir).pop().unwrap();
            if blanked {
                let end = used(&last);
                let file = OpenOptions::new().write(true).open(&last).unwrap();
                let from = (end - 3000).next_multiple_of(512);
                file.write_all_at(&vec![0; (end - from) as usize], from).unwrap();
            } else {
                fs::remove_file(&last).unwrap();
            }
            if !index_is_there {
                fs::remove_dir_all(dir.join("index")).unwrap();
            }
            let known = checkpoint_last || index_is_there || !blanked;
            match open(&dir) {
                Err(StoreError::Corrupt { path, .. }) if known => assert_eq!(path, last),
                // The only loss that leaves no trace, as the header of `recovery` says. It is told all the same.
                Ok(store) if !known => assert!(
                    store.notes.iter().any(|it| it.contains("never acknowledged")),
                    "{:?} {}",
                    store.notes,
                    teller.seq()
                ),
                other => panic!("{dir:?}: {:?}", other.map(|it| it.notes)),
            }
        }
    }
}

#[test]
fn a_missing_piece_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("whole");
    sample(&dir, 6, true);
    let number = segments(&dir).len();
    assert!(number >= 3, "{number} segments");
    for missing in 0..=number {
        let dir = home.path().join(format!("without-{missing}"));
        copy(&home.path().join("whole"), &dir);
        let gone = segments(&dir).get(missing).cloned();
        match &gone {
            Some(it) => fs::remove_file(it).unwrap(),
            None => fs::remove_dir_all(dir.join("log")).unwrap(),
        }
        match open(&dir) {
            Err(StoreError::Corrupt { path, offset: 0, .. }) => {
                assert!(gone.is_none_or(|it| it == path));
            }
            other => panic!("{:?}", other.map(|it| it.notes)),
        }
    }
}

#[test]
fn the_index_is_made_again() {
    let home = tempfile::tempdir().unwrap();
    let teller = sample(home.path(), 8, true);
    fs::remove_dir_all(home.path().join("index")).unwrap();
    let store = open(home.path()).unwrap();
    teller.find_all(&*store.archive).unwrap();
    assert_eq!(store.archive.rows().unwrap().0.0, 0, "rows are for the caller to make again");
    assert_eq!(store.archive.verify().unwrap().problems, Vec::<String>::new());
    drop(store);
    let left = home.path().join("index/snap.0000000000000001.generating");
    fs::write(&left, b"half").unwrap();
    let store = open(home.path()).unwrap();
    assert_eq!(store.notes, Vec::<String>::new());
    assert!(!left.exists());
    teller.find_all(&*store.archive).unwrap();
}

/// Power fails in the middle of a write: any of its sectors are there, any are not.
#[test]
fn a_torn_write_is_there_whole_or_not_at_all() {
    const SECTOR: usize = 512;
    let home = tempfile::tempdir().unwrap();
    let mut dice = Dice(11);
    let (mut cut, mut kept) = (0, 0);
    for round in 0..150 {
        let (before, after) = (home.path().join("before"), home.path().join("after"));
        let mut teller = Teller::new(round);
        for changes in [2, 1] {
            teller.tell(&mut open(&before).unwrap(), changes).unwrap();
        }
        copy(&before, &after);
        let mut with_more = teller.clone();
        let changes = 1 + dice.below(4);
        with_more.tell(&mut open(&after).unwrap(), changes).unwrap();
        let (old, new) = (segments(&before).remove(0), segments(&after).remove(0));
        let (mut torn, new) = (fs::read(&old).unwrap(), fs::read(new).unwrap());
        let chance = dice.below(11);
        let mut missing = false;
        for (torn, new) in torn.chunks_mut(SECTOR).zip(new.chunks(SECTOR)) {
            if torn != new && dice.below(10) < chance {
                torn.copy_from_slice(new);
            }
            missing |= torn != new;
        }
        fs::write(&old, torn).unwrap();
        let store = open(&before).unwrap_or_else(|it| panic!("round {round}: {it}"));
        (if missing { &teller } else { &with_more }).find_all(&*store.archive).unwrap();
        let noted = store.notes.iter().any(|it| it.contains("never acknowledged"));
        assert!(!noted || missing);
        cut += u32::from(noted);
        kept += u32::from(!missing);
        drop(store);
        // What was cut is gone for good, and in nobody's way.
        let mut store = open(&before).unwrap();
        assert_eq!(store.notes, Vec::<String>::new());
        let mut teller = if missing { teller } else { with_more };
        teller.tell(&mut store, 3).unwrap();
        drop(store);
        teller.find_all(&*open(&before).unwrap().archive).unwrap();
        fs::remove_dir_all(&before).unwrap();
        fs::remove_dir_all(&after).unwrap();
    }
    assert!(cut > 50 && kept > 5, "{cut} cut, {kept} kept");
}

/// Appends a version with this content.
fn append(store: &mut Opened, teller: &mut Teller, bytes: &[u8]) {
    let mut batch = Batch::default();
    teller.clone().version(&mut batch, &tool("a.py"), bytes.to_vec(), &*store.pack);
    store.log.append(&batch).unwrap();
    teller.keep(&batch, &|_| bytes.to_vec());
}

/// Strikes the body of this content where it was stored first. Gives the segment, and a place in the frame's header.
fn spoil(dir: &Path, content: &[u8]) -> (PathBuf, usize) {
    let name = digest(content).0;
    for segment in segments(dir) {
        let bytes = fs::read(&segment).unwrap();
        if let Some(at) = bytes.windows(32).position(|it| it == name) {
            // Its body begins behind its name and two checksums.
            let file = OpenOptions::new().write(true).open(&segment).unwrap();
            file.write_all_at(b"?", at as u64 + 45).unwrap();
            return (segment, at);
        }
    }
    panic!("it is not stored")
}

/// In the last group, in the last segment, in one before it; with the index and without.
#[test]
fn a_damaged_content_refuses_the_start() {
    let home = tempfile::tempdir().unwrap();
    for behind in [0, 1, 200] {
        for index_is_there in [true, false] {
            let dir = home.path().join(format!("{behind}-{index_is_there}"));
            let mut store = open(&dir).unwrap();
            let mut teller = Teller::new(13);
            append(&mut store, &mut teller, &[b'x'; 3000]);
            for _ in 0..behind {
                teller.tell(&mut store, 1).unwrap();
            }
            drop(store);
            let (segment, at) = spoil(&dir, &[b'x'; 3000]);
            assert_eq!(segments(&dir).len() > 1, behind == 200);
            if !index_is_there {
                fs::remove_dir_all(dir.join("index")).unwrap();
            }
            for _ in 0..2 {
                match open(&dir).map(|it| it.notes) {
                    Err(StoreError::Corrupt { path, offset, .. }) => {
                        assert!(path == segment && offset < at as u64);
                    }
                    other => panic!("{behind}, {index_is_there}: {other:?}"),
                }
            }
        }
    }
}

/// Contents that were damaged are healed when they are seen again.
#[test]
fn a_damaged_content_is_stored_again() {
    let home = tempfile::tempdir().unwrap();
    let mut store = open(home.path()).unwrap();
    let mut teller = Teller::new(12);
    append(&mut store, &mut teller, &[b'x'; 3000]);
    let (segment, at) = spoil(home.path(), &[b'x'; 3000]);
    let content = digest(&[b'x'; 3000]);
    match store.archive.content(&content) {
        Err(StoreError::Corrupt { path, offset, .. }) => {
            assert!(path == segment && offset < at as u64);
        }
        other => panic!("{other:?}"),
    }
    append(&mut store, &mut teller, &[b'x'; 3000]);
    teller.find_all(&*store.archive).unwrap();
    drop(store);
    for index_is_there in [true, true, false] {
        if !index_is_there {
            fs::remove_dir_all(home.path().join("index")).unwrap();
        }
        let mut store = open(home.path()).unwrap();
        teller.find_all(&*store.archive).unwrap();
        // The damage is still there to be told of.
        assert!(store.notes.iter().any(|it| it.contains("was stored again")), "{:?}", store.notes);
        let problems = store.archive.verify().unwrap().problems;
        assert!(problems[0].contains("damaged at byte"));
        // The index knows more than the damaged log: nobody is told to remove it.
        let contents = problems.iter().find(|it| it.contains("the index has"));
        assert_eq!(contents.is_some(), index_is_there, "{problems:?}");
        assert!(
            contents.is_none_or(|it| it.contains("remove nothing") && !it.contains("made again"))
        );
        teller.tell(&mut store, 3).unwrap();
    }
}

#[test]
fn a_newer_format_is_refused_by_name() {
    let home = tempfile::tempdir().unwrap();
    sample(home.path(), 9, true);
    fs::remove_dir_all(home.path().join("index")).unwrap();
    let first = segments(home.path()).remove(0);
    let mut bytes = fs::read(&first).unwrap();
    bytes[4] = 9;
    let crc = crc32fast::hash(&bytes[..72]).to_be_bytes();
    bytes[72..76].copy_from_slice(&crc);
    fs::write(&first, bytes).unwrap();
    match open(home.path()) {
        Err(it @ StoreError::Newer { found: 9, known: 1, .. }) => {
            assert!(it.to_string().contains("use a newer knowngood"), "{it}");
        }
        other => panic!("{:?}", other.map(|it| it.notes)),
    }
}

/// `git clean`, an unmount, a restore under a running daemon: nothing is acknowledged into a file that is not there.
#[test]
fn a_log_that_was_taken_away_accepts_nothing() {
    let home = tempfile::tempdir().unwrap();
    for replaced in [false, true] {
        let dir = home.path().join(format!("replaced-{replaced}"));
        let mut teller = Teller::new(10);
        let mut store = open(&dir).unwrap();
        teller.tell(&mut store, 3).unwrap();
        let away = home.path().join(format!("away-{replaced}"));
        fs::rename(&dir, &away).unwrap();
        if replaced {
            copy(&away, &dir);
        }
        match teller.tell(&mut store, 1) {
            Err(StoreError::Unlinked { path }) => assert!(path.starts_with(&dir)),
            other => panic!("{other:?}"),
        }
        assert!(matches!(teller.tell(&mut store, 1), Err(StoreError::Poisoned(_))));
    }
}
