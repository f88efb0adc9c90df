//! What is said of contents: of Python, of scripts, by commands, and of what cannot be checked.

use std::{
    os::unix::fs::PermissionsExt as _,
    time::{Duration, Instant},
};

use knowngood::{
    checks::sandbox::Rung,
    model::{CheckOutcome, Digest, Finding},
    ports::{Checks as _, StopFlag},
};

use super::world::{Site, nobody_is_left, rungs, somebody};

fn finding(line: u32, column: Option<u32>, message: &str) -> Vec<Finding> {
    vec![Finding { line: Some(line), column, message: message.into() }]
}

#[test]
fn python_has_to_compile() {
    for rung in rungs() {
        let mut site = Site::new();
        site.stage("a.py", "import nowhere\nprint('not executed')\n");
        assert_eq!(site.outcome(rung), CheckOutcome::Passed, "{rung:?}");
        site.stage("a.py", "def f():\n    return (1\n");
        let failure = site.refused(rung);
        assert_eq!(failure.findings, finding(2, Some(12), "'(' was never closed"), "{rung:?}");
        assert_eq!(failure.why, "line 2: '(' was never closed");
        site.stage("a.py", "x = 1\0\n");
        assert!(site.refused(rung).why.contains("null bytes"), "{rung:?}");
        site.stage("a.py", "# -*- coding: latin-1 -*-\nx = '\u{e9}'\n");
        assert_eq!(site.outcome(rung), CheckOutcome::Passed, "{rung:?}");
        site.stage("a.py", &"(".repeat(100_000));
        assert!(!site.refused(rung).why.is_empty(), "{rung:?}");
    }
}

#[test]
fn scripts_have_to_be_well_formed() {
    for rung in rungs() {
        let mut site = Site::new();
        site.stage("run.sh", "#!/bin/sh\necho one\nif true; then\n");
        let failure = site.refused(rung);
        assert_eq!(failure.exit_status, Some(2), "{rung:?}: {failure:?}");
        assert!(failure.findings[0].line.is_some_and(|it| it >= 3), "{rung:?}: {failure:?}");
        site.stage("run.sh", "a=(1 2)\necho ${a[0]}\n");
        assert_eq!(site.outcome(rung), CheckOutcome::Passed, "{rung:?}: bash, as nothing is said");
        site.stage("run.sh", "#!/bin/dash\nrm -rf / # is not run\n");
        assert_eq!(site.outcome(rung), CheckOutcome::Passed, "{rung:?}");
        if std::path::Path::new("/usr/bin/node").exists() {
            site.remove("run.sh");
            site.stage("a.js", "let x = 1;\nif (\n");
            let failure = site.refused(rung);
            assert!(failure.why.contains("SyntaxError"), "{rung:?}: {failure:?}");
            site.live("package.json", "{\"type\": \"module\"}");
            site.stage("a.js", "import fs from 'fs';\nawait 1;\n");
            assert_eq!(site.outcome(rung), CheckOutcome::Passed, "{rung:?}: a module");
        }
    }
}

/// `perl -c` runs what stands in BEGIN.
#[test]
fn what_runs_code_to_check_it_does_so_where_it_is_isolated() {
    for rung in rungs() {
        let mut site = Site::new();
        site.stage("a.pl", "BEGIN { print \"ran\\n\" }\nif (1) {\n");
        match (site.outcome(rung), rung.isolates()) {
            (CheckOutcome::Failed(it), true) => assert_eq!(it.exit_status, Some(255), "{it:?}"),
            (CheckOutcome::Skipped(why), false) => assert!(why.contains("isolate"), "{why}"),
            (other, _) => panic!("{rung:?}: {other:?}"),
        }
    }
}

#[test]
fn a_command_is_asked_with_what_is_staged() {
    for rung in rungs() {
        let mut site = Site::new();
        site.stage("deep/a.py", "no python at all (").baseline = Some(b"before".to_vec());
        let script = "echo {tool}; echo $1; cat {path} {baseline}; test -z \"$(ls -A)\"";
        site.rules.command = ["sh", "-c", script, "sh", "--file={path}"].map(Into::into).into();
        let runs = site.verify(rung);
        assert_eq!((runs.len(), &*runs[0].check), (1, "command"), "{runs:?}");
        assert_eq!(runs[0].outcome, CheckOutcome::Passed, "{rung:?}: {runs:?}");
        let said = &runs[0].output_tail;
        assert!(said.starts_with("tools/deep/a.py\n--file=/"), "{rung:?}: {said}");
        assert!(said.contains("/a.py\nno python at all (before"), "{rung:?}: {said}");
        site.rules.command = ["sh", "-c", "echo because; exit 3"].map(Into::into).into();
        let failure = site.refused(rung);
        assert_eq!((&*failure.why, failure.exit_status), ("exited with status 3", Some(3)));
        site.rules.command = ["sleep", "100"].map(Into::into).into();
        site.rules.timeout = Duration::from_millis(300);
        let failure = site.refused(rung);
        assert!(failure.timed_out && failure.why == "did not end within 300ms", "{failure:?}");
        site.rules.command = ["sh", "-c", "kill -9 $$"].map(Into::into).into();
        let failure = site.refused(rung);
        assert_eq!((&*failure.why, failure.signal), ("was ended by signal 9 (SIGKILL)", Some(9)));
    }
}

#[test]
fn a_tool_may_check_itself() {
    for rung in rungs() {
        let mut site = Site::new();
        site.stage("tool", "#!/bin/sh\necho $1\n").executable = true;
        site.rules.command = ["{path}", "--self-test"].map(Into::into).into();
        let runs = site.verify(rung);
        assert_eq!(runs[0].outcome, CheckOutcome::Passed, "{rung:?}: {runs:?}");
        assert_eq!(runs[0].output_tail, "--self-test\n");
    }
}

#[test]
fn what_is_configured_and_missing_is_a_failure() {
    let mut site = Site::new();
    site.stage("a.py", "x = 1\n");
    for program in ["no-such-program", "/nowhere/check", "bin/check"] {
        site.rules.command = vec![program.into(), "{path}".into()];
        let failure = site.refused(Rung::Limits);
        assert!(failure.why.contains("there is no program"), "{failure:?}");
    }
    site.rules.command.clear();
    site.rules.python = Some("/nowhere/python".into());
    let failure = site.refused(Rung::Limits);
    assert!(failure.why.contains("there is no program /nowhere/python"), "{failure:?}");
}

#[test]
fn what_cannot_be_checked_is_known_without_running_anything() {
    let mut site = Site::new();
    let checker = site.checker(Rung::Limits);
    site.stage("a.ts", "let x: number = 1\n");
    let runs = checker.nothing_to_run(site.order()).unwrap();
    let why = "no checker is known for TypeScript".to_owned();
    assert_eq!((&runs[0].outcome, &*runs[0].sandbox), (&CheckOutcome::Skipped(why), "none"));
    site.stage("b.py", "x = 1\n");
    assert_eq!(checker.nothing_to_run(site.order()), None);
    let mut gone = Site::new();
    gone.remove("a.py");
    assert_eq!(checker.nothing_to_run(gone.order()), Some(Vec::new()));
}

#[test]
fn what_was_exchanged_in_the_stage_is_not_taken_for_it() {
    let mut site = Site::new();
    site.stage("a.py", "x = 1\n").digest = Some(Digest([7; 32]));
    let failure = site.refused(Rung::Limits);
    assert!(failure.why.contains("is not what was staged"), "{failure:?}");
    let missing = site.stage("a.py", "").staged.clone().unwrap();
    std::fs::remove_file(missing).unwrap();
    assert!(site.refused(Rung::Limits).why.contains("cannot read the staged file"));
}

#[test]
fn a_deploy_that_is_given_up_is_answered_at_once() {
    for (index, rung) in rungs().into_iter().enumerate() {
        let mut site = Site::new();
        let word = format!("{}", 70_000 + index);
        site.stage("a.py", "");
        site.rules.command = vec!["sleep".into(), word.clone()];
        let (checker, stop) = (site.checker(rung), StopFlag::default());
        let (runs, took) = std::thread::scope(|it| {
            let waiting = it.spawn(|| checker.verify(site.order(), &stop));
            while !somebody(&word) {
                std::thread::park_timeout(Duration::from_millis(5));
            }
            let began = Instant::now();
            stop.set();
            (waiting.join().unwrap(), began.elapsed())
        });
        let CheckOutcome::Failed(failure) = &runs[0].outcome else { panic!("{rung:?}: {runs:?}") };
        assert_eq!(failure.why, "was given up before it ended", "{rung:?}");
        assert!(took < Duration::from_secs(2), "{rung:?}: {took:?}");
        nobody_is_left(&word, &format!("{rung:?}"));
    }
}

/// A root's own interpreter, wherever it lies, without anything beside it being shown.
#[test]
fn the_roots_own_python_is_used() {
    for rung in rungs().into_iter().filter(|it| it.isolates()) {
        let mut site = Site::new();
        site.live("venv/bin/python", "#!/bin/sh\necho mine\nexec /usr/bin/python3 \"$@\"\n");
        site.live("venv/pyvenv.cfg", "home = /usr/bin\n");
        let python = site.root().join("venv/bin/python");
        std::fs::set_permissions(&python, std::fs::Permissions::from_mode(0o755)).unwrap();
        site.rules.python = Some(python);
        site.stage("a.py", "x = 1\n");
        let runs = site.verify(rung);
        assert_eq!(runs[0].outcome, CheckOutcome::Passed, "{rung:?}: {runs:?}");
        assert_eq!(runs[0].output_tail, "mine\n", "{rung:?}");
    }
}

#[test]
#[ignore = "a figure, not a fact"]
fn what_a_compile_check_costs() {
    for rung in rungs() {
        let mut site = Site::new();
        site.stage("a.py", "x = 1\n");
        let checker = site.checker(rung);
        let mut times: Vec<_> = (0..20)
            .map(|_| {
                let began = Instant::now();
                checker.verify(site.order(), &StopFlag::default());
                began.elapsed()
            })
            .collect();
        times.sort();
        println!("{rung:?}: p50 {:?}, most {:?}", times[10], times[19]);
    }
}
