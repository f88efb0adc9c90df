//! The history of a small editor of notes, with the kinds of edits that such tools really get, and what each is called.

use knowngood::shadow::{Input, Origin, Value, Verdict};

use super::world::{Site, best};

const FIRST: &str = r#"#!/usr/bin/env python3
import argparse
import sys
from pathlib import Path


def numbered(text, first=1):
    return "\n".join("%4d  %s" % (n, line) for n, line in enumerate(text.split("\n"), first))


def window(lines, first, last):
    return first, last


def show(path, lines):
    text = path.read_text().split("\n")
    if not lines:
        return numbered("\n".join(text))
    first, last = (int(it) for it in lines.split(":"))
    if first < 1 or last > len(text):
        sys.exit("no such lines")
    first, last = window(text, first, last)
    return numbered("\n".join(text[first - 1:last]), first)


def replace(path, old, new):
    text = path.read_text()
    if text.count(old) != 1:
        print("found %d times" % text.count(old))
        sys.exit(15)
    path.write_text(text.replace(old, new))
    return "replaced in " + path.name


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("command")
    parser.add_argument("path")
    parser.add_argument("--lines")
    parser.add_argument("--old")
    parser.add_argument("--new", default="")
    given = parser.parse_args()
    path = Path(given.path)
    if given.command == "show":
        print(show(path, given.lines))
    elif given.command == "replace":
        print(replace(path, given.old, given.new))
    else:
        sys.exit("no such command: " + given.command)


if __name__ == "__main__":
    main()
"#;

type Edit = (&'static str, &'static [(&'static str, &'static str)], Verdict);

/// What was done, as pairs of what was there and what came, and what it is called.
const EDITS: &[Edit] = &[
    ("a comment", &[("import argparse\n", "# Notes.\nimport argparse\n")], Verdict::Equivalent),
    (
        "another spelling",
        &[("\"%4d  %s\" % (n, line)", "f\"{n:4d}  {line}\"")],
        Verdict::Equivalent,
    ),
    ("an unused import", &[("import sys\n", "import re\nimport sys\n")], Verdict::Equivalent),
    (
        "what is the same is not replaced",
        &[(
            "    text = path.read_text()\n",
            "    if old == new:\n        print(\"nothing to do\")\n        sys.exit(16)\n    text = path.read_text()\n",
        )],
        Verdict::Changed,
    ),
    (
        "the window grows to whole paragraphs, and asserts what does not hold",
        &[(
            "    return first, last\n",
            "    while last < len(lines) and lines[last]:\n        last += 1\n    assert first < last, (first, last)\n    return first, last\n",
        )],
        Verdict::Regressed,
    ),
    (
        "the assertion is mended",
        &[("assert first < last", "assert first <= last")],
        Verdict::Improved,
    ),
    ("another message", &[("\"replaced in \"", "\"changed \"")], Verdict::Changed),
    (
        "files of any encoding",
        &[("path.read_text().split", "path.read_text(errors=\"replace\").split")],
        Verdict::Improved,
    ),
    ("another exit status", &[("sys.exit(15)", "sys.exit(17)")], Verdict::Changed),
    (
        "it tells home",
        &[(
            "    path = Path(given.path)\n",
            "    path = Path(given.path)\n    try:\n        import urllib.request\n        urllib.request.urlopen('http://192.0.2.1', timeout=1)\n    except OSError:\n        pass\n",
        )],
        Verdict::Unsafe,
    ),
];

fn inputs() -> Vec<Input> {
    let input = |argv: &[&str]| Input {
        args: Value::map([("argv", Value::List(argv.iter().map(|it| Value::text(*it)).collect()))]),
        origin: Origin::Given,
        fixture: Some("fixtures/notes".to_owned()),
        ..Input::default()
    };
    vec![
        input(&["show", "a.txt"]),
        input(&["show", "a.txt", "--lines", "2:3"]),
        input(&["show", "a.txt", "--lines", "1:2"]),
        input(&["show", "a.txt", "--lines", "7:7"]),
        input(&["show", "a.txt", "--lines", "0:3"]),
        input(&["show", "a.txt", "--lines", "2:99"]),
        input(&["show", "latin.txt"]),
        input(&["show", "none.txt"]),
        input(&["replace", "a.txt", "--old", "one", "--new", "ONE"]),
        input(&["replace", "a.txt", "--old", "t", "--new", "T"]),
        input(&["replace", "a.txt", "--old", "two", "--new", "two"]),
        input(&["replace", "a.txt", "--old", "nowhere"]),
        input(&["remove", "a.txt"]),
    ]
}

#[test]
fn every_edit_is_called_what_it_is() {
    let Some(rung) = best() else { return };
    let mut site = Site::new("notes");
    site.file("fixtures/notes/a.txt", "one\ntwo\nthree\n\nfive\n\nseven\n");
    std::fs::write(site.root().join("fixtures/notes/latin.txt"), b"caf\xe9\n").unwrap();
    site.order.inputs = inputs();
    let mut text = FIRST.to_owned();
    for (what, edits, verdict) in EDITS {
        let mut next = text.clone();
        for (old, new) in *edits {
            assert!(next.contains(old), "{what}: nothing to edit");
            next = next.replacen(old, new, 1);
        }
        site.versions(&text, &next);
        let report = site.shadow(rung);
        assert_eq!(report.verdict, *verdict, "{what}: {report:#?}");
        text = next;
    }
}
