//! Tools that are run and not imported: shell scripts, programs, Python scripts; and the workspaces they get.

use knowngood::shadow::{Input, Kind, Origin, Status, Value, Verdict};
use serde_json::json;

use super::world::{Site, best, isolating};

const COUNT: &str = r#"#!/bin/sh
. "$(dirname "$0")/lib.sh"
read -r line
case "$line" in
  *fail*) echo "cannot count" >&2; exit 3;;
  *crash*) kill -SEGV $$;;
esac
printf '{"count": %s, "where": "%s"}\n' "$(count "$line")" "$(basename "$0")"
"#;

fn site() -> Site {
    let mut site = Site::new("text/count.sh");
    site.file("text/lib.sh", "count() { printf %s \"$1\" | wc -c; }\n");
    site.versions(COUNT, COUNT);
    site.inputs(["a", "bb", "ccc", "fail", "crash"].map(|it| json!({ "text": it })));
    site
}

#[test]
fn a_shell_script_gets_json_and_finds_its_neighbours() {
    for rung in isolating() {
        let report = site().is(rung, Verdict::Equivalent);
        assert_eq!(report.counts.kind(Kind::Same), 5, "{report:#?}");
        let mut site = site();
        site.versions(COUNT, &COUNT.replace("exit 3", "exit 4").replace("wc -c", "wc -m"));
        let report = site.is(rung, Verdict::Changed);
        let finding = &report.findings[0];
        assert_eq!((finding.kind, finding.control.status), (Kind::ErrorChanged, "error"));
        let error = finding.candidate.error.as_ref().unwrap();
        assert_eq!((&*error.0, &*error.1), ("Exit4", "cannot count"));
        site.versions(COUNT, &COUNT.replace("*fail*", "*bb*"));
        let report = site.is(rung, Verdict::Changed);
        assert_eq!(report.counts.kind(Kind::NewError), 1, "{report:#?}");
        site.versions(COUNT, &COUNT.replace("*crash*", "*ccc*"));
        let report = site.is(rung, Verdict::Regressed);
        assert_eq!(report.findings[0].candidate.status, "crash", "{report:#?}");
    }
}

const NOTES: &str = r#"#!/usr/bin/env python3
import argparse, sys
if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("command")
    parser.add_argument("path")
    parser.add_argument("--text", default="")
    given = parser.parse_args()
    if given.command == "show":
        print(open(given.path).read().upper())
    elif given.command == "add":
        open(given.path, "a").write(given.text)
        print("added to", given.path)
    else:
        sys.exit("no such command")
"#;

fn notes() -> Site {
    let mut site = Site::new("notes");
    site.file("fixtures/two/a.txt", "first\n");
    site.file("fixtures/two/b/c.txt", "second\n");
    site.versions(NOTES, NOTES);
    let input = |argv: &[&str]| Input {
        args: Value::map([("argv", Value::List(argv.iter().map(|it| Value::text(*it)).collect()))]),
        origin: Origin::Given,
        fixture: Some("fixtures/two".to_owned()),
        ..Input::default()
    };
    site.order.inputs = vec![
        input(&["show", "a.txt"]),
        input(&["show", "$WORK/b/c.txt"]),
        input(&["show", "none.txt"]),
        input(&["add", "a.txt", "--text", "x"]),
        input(&["add", "new.txt", "--text", "y"]),
        input(&["other", "a.txt"]),
    ];
    site
}

#[test]
fn a_script_works_on_a_fresh_copy_and_what_it_leaves_is_compared() {
    for rung in isolating() {
        let mut site = notes();
        let report = site.is(rung, Verdict::Equivalent);
        assert_eq!(report.counts.kind(Kind::Same), 6, "{report:#?}");
        site.versions(NOTES, &NOTES.replace(".write(given.text)", ".write(given.text + '\\n')"));
        let report = site.is(rung, Verdict::Changed);
        assert_eq!(report.counts.kind(Kind::EffectChanged), 2, "{report:#?}");
        assert_eq!(report.findings[0].differences[0].0, "/effects/files/a.txt/sha256");
        site.versions(NOTES, &NOTES.replace(".upper()", ".uper()"));
        let report = site.is(rung, Verdict::Regressed);
        assert_eq!(report.counts.kind(Kind::Broken), 2, "{report:#?}");
        let source = std::fs::read(site.root().join("fixtures/two/a.txt")).unwrap();
        assert_eq!(source, b"first\n", "{rung:?}");
        assert!(!site.root().join("fixtures/two/new.txt").exists());
    }
}

#[test]
fn each_run_begins_anew() {
    let Some(rung) = best() else { return };
    let counter = "
seen = []
class Counter:
    async def execute(self, n):
        import os, pathlib, tempfile
        seen.append(n)
        notes = [pathlib.Path(it, 'note') for it in ('.', os.environ['HOME'], tempfile.gettempdir(), '/tmp')]
        there = [it.exists() for it in notes]
        for it in notes:
            it.write_text('x')
        print('noise on stdout')
        return {'seen': len(seen), 'there': there, 'hash': hash('a'), 'keys': sorted(os.environ)}
";
    let mut site = Site::new("counter.py");
    site.versions(counter, counter);
    site.inputs((0..6).map(|it| json!({ "n": it })));
    site.order.inputs[0].expect =
        Some(knowngood::ports::value_of(json!({"seen": 1, "there": [false, false, false, false]})));
    let report = site.shadow(rung);
    let finding = report.findings.first().unwrap();
    // Only what is in there beside what was expected.
    let told = finding.candidate.value.as_ref().unwrap();
    assert!(told.contains(r#""seen":1,"there":[false,false,false,false]"#), "{told}");
    assert!(!told.contains("KNOWNGOOD") && told.contains("\"HOME\""), "{told}");
    assert_eq!(report.counts.kind(Kind::Same), 6, "{report:#?}");
    assert_eq!(finding.control.status, Status::Ok.as_str());
}
