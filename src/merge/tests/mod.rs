//! What holds of every merge, by tables, by laws over random cases, and against git.

mod cases;
mod git;

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use self::cases::{Case, Dice};
use super::*;

fn text(base: &str, current: &str, proposed: &str) -> Result<String, Vec<Region>> {
    let merge = merge(base.as_bytes(), current.as_bytes(), proposed.as_bytes());
    assert_eq!(merge.clean, merge.content.is_some());
    assert_eq!(merge.clean, merge.conflicts.is_empty());
    merge.content.map(|it| String::from_utf8(it).unwrap()).ok_or(merge.conflicts)
}

#[test]
fn what_is_apart_is_merged() {
    for (base, current, proposed, merged) in [
        ("1\n2\n3\n", "one\n2\n3\n", "1\n2\nthree\n", "one\n2\nthree\n"),
        ("1\n2\n3\n", "0\n1\n2\n3\n", "1\n2\n3\n4\n", "0\n1\n2\n3\n4\n"),
        ("1\n2\n3\n", "2\n3\n", "1\n2\n", "2\n"),
        ("1\n2\n3\n", "1\nnew\n2\n3\n", "1\nnew\n2\n3\n4\n", "1\nnew\n2\n3\n4\n"),
        ("1\n2\n3", "one\n2\n3", "1\n2\n3\n4", "one\n2\n3\n4"),
        ("1\r\n2\r\n3\r\n", "one\r\n2\r\n3\r\n", "1\r\n2\r\n3", "one\r\n2\r\n3"),
        ("", "same\n", "same\n", "same\n"),
    ] {
        assert_eq!(text(base, current, proposed).as_deref(), Ok(merged), "{base:?}");
    }
}

#[test]
fn what_touches_is_a_conflict() {
    for (base, current, proposed) in [
        ("1\n2\n3\n", "1\ntwo\n3\n", "1\nzwei\n3\n"),
        ("1\n2\n3\n", "one\n2\n3\n", "1\ntwo\n3\n"),
        ("1\n2\n", "1\na\n2\n", "1\nb\n2\n"),
        ("1\n2\n", "1\na\n2\n", "one\n2\n"),
        ("1\n2\n", "1\n", "1\n2\n3\n"),
        ("", "a\n", "b\n"),
        ("1\n", "", "one\n"),
        ("1\n", "1", "1\r\n"),
    ] {
        assert!(text(base, current, proposed).is_err(), "{base:?} {current:?} {proposed:?}");
    }
}

#[test]
fn a_conflict_says_which_lines() {
    let base = "1\n2\n3\n4\n5\n6\n7\n8\n";
    let current = "0\n1\n2\nthree\n4\n5\n6\n7\n8\n";
    let proposed = "1\n2\ndrei\nvier\n5\n6\n7\n8\n9";
    let part = |line, text: &str| Part {
        line,
        count: text.lines().count(),
        bytes: text.as_bytes().to_vec(),
    };
    let region = Region {
        base: part(3, "3\n4\n"),
        current: part(4, "three\n4\n"),
        proposed: part(3, "drei\nvier\n"),
    };
    assert_eq!(text(base, current, proposed), Err(vec![region]));
    let region = Region { base: part(1, ""), current: part(1, "a\n"), proposed: part(1, "b") };
    assert_eq!(text("", "a\n", "b"), Err(vec![region]));
}

#[test]
fn bytes_are_kept_and_binary_is_not_merged() {
    let merged = merge(b"\xff\n2\n3\n", b"\xff\n2\n\xfe\n", b"\xfd\r\n2\n3\n");
    assert_eq!(merged.content.as_deref(), Some(&b"\xfd\r\n2\n\xfe\n"[..]));
    let (base, current, proposed) =
        (&b"1\n\0\n3\n"[..], &b"one\n\0\n3\n"[..], &b"1\n\0\nthree\n"[..]);
    let merged = merge(base, current, proposed);
    assert_eq!(merged.conflicts, [Region::whole([base, current, proposed])]);
    assert_eq!(merge(base, base, proposed).content.as_deref(), Some(proposed));
    assert_eq!(merge(base, current, current).content.as_deref(), Some(current));
}

#[test]
fn one_version_can_be_taken_out_again() {
    let (v6, v7, disk) = (b"1\n2\n3\n4\n", b"1\ntwo\n3\n4\n", b"1\ntwo\n3\nfour\n5\n");
    assert_eq!(without(v7, v6, disk).content.as_deref(), Some(&b"1\n2\n3\nfour\n5\n"[..]));
    let rewritten = b"1\nzwei\n3\nfour\n5\n";
    assert!(!without(v7, v6, rewritten).clean, "what v7 brought is not there any more");
}

#[test]
fn the_laws() {
    for number in 0..3000 {
        let Case { base, current, proposed } = Case::numbered(number);
        let clean = |it: Merge| it.content.unwrap();
        assert_eq!(clean(merge(&base, &base, &proposed)), proposed);
        assert_eq!(clean(merge(&base, &current, &base)), current);
        assert_eq!(clean(merge(&base, &current, &current)), current);
        let (there, back) = (merge(&base, &current, &proposed), merge(&base, &proposed, &current));
        assert_eq!((there.clean, &there.content), (back.clean, &back.content), "{number}");
        for it in &there.conflicts {
            assert_ne!(it.current.bytes, it.proposed.bytes, "{number}");
        }
        let Some(merged) = there.content else { continue };
        for side in [&current, &proposed] {
            assert!(keeps(&base, side, &merged), "{number}");
        }
    }
}

/// Every line that the base has not and the side has.
fn keeps(base: &[u8], side: &[u8], merged: &[u8]) -> bool {
    let lines = |text: &[u8]| -> BTreeSet<Vec<u8>> {
        text.split_inclusive(|it| *it == b'\n').map(<[u8]>::to_vec).collect()
    };
    lines(side).difference(&lines(base)).all(|it| lines(merged).contains(it))
}

#[test]
fn marks_can_be_read_and_found() {
    let labels = Labels { base: "v3", current: "disk v4", proposed: "mine" };
    let text = marked(b"1\n2\n3\n4\n", b"1\n2\n3\nfour", b"0\n1\n2\n3\nvier\n", labels).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert_eq!(
        text,
        "0\n1\n2\n3\n<<<<<<< disk v4\nfour\n||||||| v3\n4\n=======\nvier\n>>>>>>> mine\n"
    );
    assert_eq!(first_mark(text.as_bytes()), Some(5));
    for (text, found) in [
        ("a\n=======\nb\n", None),
        ("<<<<<<<<\n", None),
        (" <<<<<<< x\n", None),
        ("a\n>>>>>>>", Some(2)),
        ("a\n|||||||\r\n", Some(2)),
    ] {
        assert_eq!(first_mark(text.as_bytes()), found, "{text}");
    }
    assert_eq!(marked(b"", b"\0", b"1", labels), None);
}

/// Lines that only a long search would pair off.
#[test]
fn hostile_contents_end_soon() {
    let mut dice = Dice::new(7);
    let mut random = |kinds: usize, count: usize| -> Vec<u8> {
        (0..count).flat_map(|_| format!("{}\n", dice.below(kinds)).into_bytes()).collect()
    };
    let empty = "\n".repeat(MOST_LINES - 1);
    for (name, three) in [
        ("two kinds of lines", [random(2, 24_000), random(2, 24_000), random(2, 24_000)]),
        ("few kinds", [random(300, 24_000), random(300, 24_000), random(300, 24_000)]),
        ("unlike", [random(1 << 30, 24_000), random(1 << 30, 24_000), random(1 << 30, 24_000)]),
        (
            "most lines",
            [
                empty.clone().into_bytes(),
                format!("1{empty}").into_bytes(),
                format!("{empty}2").into_bytes(),
            ],
        ),
        ("too many lines", ["\n".repeat(MOST_LINES).into_bytes(), b"1".to_vec(), b"2".to_vec()]),
        ("too many bytes", [vec![b'x'; MOST_BYTES + 1], b"1".to_vec(), b"2".to_vec()]),
    ] {
        let began = Instant::now();
        let [base, current, proposed] = &three;
        let merged = merge(base, current, proposed);
        let took = began.elapsed();
        println!("{name}: {took:?}, clean {}", merged.clean);
        assert!(took < Duration::from_secs(30), "{name}: {took:?}");
    }
}
