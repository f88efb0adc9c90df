//! A tool's real history, each revision against the one before it. It needs a clone that is kept elsewhere:
//!
//! ```text
//! KNOWNGOOD_SHADOW_CORPUS=/path/to/SWE-agent/.git cargo test --test it shadow::history -- --nocapture
//! ```
//!
//! Without the variable nothing is replayed, and the test says so; `editor` holds a small history of our own.

#![expect(
    clippy::similar_names,
    clippy::too_many_lines,
    reason = "begun and began, runs and rungs"
)]

use std::{path::PathBuf, process::Command};

use knowngood::shadow::{Input, Kind, Origin, Value, Verdict};

use super::world::{Site, best};

const TOOL: &str = "tools/edit_anthropic/bin/str_replace_editor";
const REGISTRY: &str = "tools/registry/lib/registry.py";

#[test]
fn a_real_history_gives_its_verdicts() {
    let (Some(corpus), Some(rung)) = (corpus(), best()) else {
        println!("SKIPPED: KNOWNGOOD_SHADOW_CORPUS names no clone of SWE-agent");
        return;
    };
    let git = |words: &[&str]| {
        let out = Command::new("git").arg("--git-dir").arg(&corpus).args(words).output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8_lossy(&out.stdout).into_owned()
    };
    let log = git(&[
        "log",
        "--reverse",
        "--no-merges",
        "--abbrev=8",
        "--format=%h %s",
        "--diff-filter=AM",
        "--",
        TOOL,
    ]);
    let mut site = Site::new("str_replace_editor");
    site.rules.import_root = Some(site.root().join("lib"));
    // It keeps its notes in the home of root, where nobody may write here.
    let moved = |text: String| text.replace("/root/.swe-agent-env", "/tmp/.swe-agent-env");
    site.file("lib/registry.py", &moved(git(&["show", &format!("HEAD:{REGISTRY}")])));
    fixture(&site);
    site.order.inputs = inputs();
    println!("{} inputs", site.order.inputs.len());
    let mut told: Vec<(String, Verdict)> = Vec::new();
    let mut before: Option<String> = None;
    let (mut runs, mut took) = (0, 0);
    for line in log.lines() {
        let commit = line.split(' ').next().unwrap();
        let text = moved(git(&["show", &format!("{commit}:{TOOL}")]));
        if let Some(before) = before.replace(text.clone()) {
            site.versions(&before, &text);
            let report = site.shadow(rung);
            told.push((commit.to_owned(), report.verdict));
            runs += report.runs;
            took += report.wall_ms;
            println!("{:12} {:5} ms  {line}", report.verdict.as_str(), report.wall_ms);
            let kinds = report.counts.kinds.iter().filter(|it| *it.0 != Kind::Same);
            println!("{:21}{:?} {:?}", "", kinds.collect::<Vec<_>>(), report.why);
            for it in report.findings.iter().filter(|it| it.kind != Kind::Same).take(6) {
                println!(
                    "{:21}{} {} {:?} {:?}",
                    "",
                    it.kind.as_str(),
                    it.args,
                    it.candidate.error,
                    it.new_effects
                );
            }
        }
    }
    println!("{} pairs, {runs} runs in {took} ms", told.len());
    // What the people who wrote it say: one revision broke something, and a later one mended it.
    let of = |verdict: Verdict| told.iter().filter(move |it| it.1 == verdict).map(|it| &*it.0);
    assert_eq!(of(Verdict::Regressed).collect::<Vec<_>>(), ["f347484e"]);
    assert!(of(Verdict::Improved).any(|it| it == "1d1f3673"));
    let count = |verdict| of(verdict).count();
    assert_eq!(
        (count(Verdict::Equivalent), count(Verdict::Improved), count(Verdict::Changed)),
        (16, 2, 5)
    );
}

#[expect(clippy::disallowed_methods, reason = "the test's own knob")]
fn corpus() -> Option<PathBuf> {
    std::env::var_os("KNOWNGOOD_SHADOW_CORPUS").map(PathBuf::from)
}

fn fixture(site: &Site) {
    let function = |n: usize| format!("def part_{n}(x):\n    y = x + {n}\n\n    return y\n\n\n");
    let long: String = (0..40).map(function).collect();
    site.file("fixture/long.py", &long);
    site.file(
        "fixture/small.py",
        "import os\n\n\ndef first():\n    return 1\n\n\ndef second():\n    return 2\n",
    );
    site.file("fixture/text.txt", "alpha\nbeta\ngamma\ndelta\nbeta\n");
    site.file("fixture/empty.txt", "");
    site.file("fixture/dir/a/b.txt", "x\n");
    site.file("fixture/unicode.txt", "größe 漢字\nzweite\n");
    site.file("fixture/tabs.txt", "\tone\n\t\ttwo\n");
    std::fs::write(site.root().join("fixture/latin.txt"), b"caf\xe9\nend\n").unwrap();
}

fn inputs() -> Vec<Input> {
    let cases: &[&[&str]] = &[
        &["view", "$WORK/small.py"],
        &["view", "$WORK/long.py"],
        &["view", "$WORK/text.txt", "--view_range", "[2, 4]"],
        &["view", "$WORK/long.py", "--view_range", "[50, 60]"],
        &["view", "$WORK/long.py", "--view_range", "[230, -1]"],
        &["view", "$WORK/text.txt", "--view_range", "[4, 2]"],
        &["view", "$WORK/text.txt", "--view_range", "[0, 99]"],
        &["view", "$WORK/dir"],
        &["view", "$WORK/none.txt"],
        &["view", "text.txt"],
        &["view", "$WORK/empty.txt"],
        &["view", "$WORK/unicode.txt"],
        &["view", "$WORK/latin.txt"],
        &["view", "$WORK/tabs.txt"],
        &["create", "$WORK/new.txt", "--file_text", "hello\nworld\n"],
        &["create", "$WORK/text.txt", "--file_text", "again"],
        &["create", "$WORK/nodir/new.txt", "--file_text", "x"],
        &["create", "$WORK/new.txt"],
        &["str_replace", "$WORK/long.py", "--old_str", "y = x + 20", "--new_str", "y = x + 200"],
        &["str_replace", "$WORK/text.txt", "--old_str", "alpha", "--new_str", "ALPHA"],
        &["str_replace", "$WORK/text.txt", "--old_str", "beta", "--new_str", "BETA"],
        &["str_replace", "$WORK/text.txt", "--old_str", "nowhere", "--new_str", "x"],
        &["str_replace", "$WORK/text.txt", "--old_str", "gamma", "--new_str", "gamma"],
        &["insert", "$WORK/text.txt", "--insert_line", "2", "--new_str", "inserted"],
        &["insert", "$WORK/text.txt", "--insert_line", "99", "--new_str", "x"],
        &["insert", "$WORK/text.txt", "--insert_line", "0", "--new_str", "top"],
        &["undo_edit", "$WORK/text.txt"],
    ];
    let input = |argv: &&[&str]| Input {
        args: Value::map([("argv", Value::List(argv.iter().map(|it| Value::text(*it)).collect()))]),
        origin: Origin::Given,
        fixture: Some("fixture".to_owned()),
        ..Input::default()
    };
    cases.iter().map(input).collect()
}
