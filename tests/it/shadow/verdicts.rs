//! What each kind of edit is called.

use knowngood::{
    checks::sandbox::Rung,
    ports::{Replayed, value_of},
    shadow::{Kind, Verdict},
};
use serde_json::json;

use super::world::{Site, best, content, isolating};

const SEARCH: &str = r#"
class SearchTool:
    def execute(self, q: str, most: int = 3):
        if not q:
            raise ValueError("no query")
        found = [{"title": q.upper(), "rank": n} for n in range(most)]
        return {"found": found, "count": len(found)}
"#;

fn site(candidate: &str) -> Site {
    let mut site = Site::new("search_tool.py");
    site.versions(SEARCH, candidate);
    site.inputs(["a", "b", "größe", "long word", "x y"].map(|it| json!({ "q": it })));
    site
}

#[test]
fn the_same_in_other_words_is_equivalent() {
    for rung in isolating() {
        let candidate = SEARCH.replace("q.upper()", "str.upper(q)");
        let report = site(&candidate).is(rung, Verdict::Equivalent);
        assert_eq!((report.counts.kind(Kind::Same), report.runs), (5, 10), "{report:#?}");
        assert!((report.bound95.unwrap() - 0.4507).abs() < 1e-3, "{report:#?}");
        assert!(report.findings.is_empty() && report.latency.is_some());
    }
}

#[test]
fn what_is_mended_is_improved() {
    let Some(rung) = best() else { return };
    let mut site =
        site(&SEARCH.replace(r#"raise ValueError("no query")"#, r#"return {"found": []}"#));
    site.inputs(["", "b", "c", "d", "e"].map(|it| json!({ "q": it })));
    let report = site.is(rung, Verdict::Improved);
    assert_eq!(report.counts.kind(Kind::Fixed), 1);
    let finding = &report.findings[0];
    assert_eq!((finding.kind, finding.repro, finding.runs), (Kind::Fixed, 3, 3));
    assert_eq!(finding.control.error.as_ref().unwrap().0, "ValueError");
}

#[test]
fn another_answer_is_changed_unless_it_was_declared() {
    let Some(rung) = best() else { return };
    let mut site = site(&SEARCH.replace("q.upper()", "q.title()"));
    let report = site.is(rung, Verdict::Changed);
    assert_eq!(report.bound95, None);
    let (path, old, new) = &report.findings[0].differences[0];
    assert!(path.starts_with("/value/found/0/title"), "{path}");
    assert!(old.is_some() && new.is_some());
    site.order.expect_changes = vec!["/value/found/*/title".parse().unwrap()];
    site.is(rung, Verdict::ChangedAsDeclared);
    site.order.expect_changes = vec!["/value/count".parse().unwrap()];
    site.is(rung, Verdict::Changed);
}

#[test]
fn a_crash_is_regressed_and_told_with_its_place() {
    for rung in isolating() {
        let mut site = site(&SEARCH.replace("q.upper()", "q.uper() if ' ' in q else q.upper()"));
        let report = site.is(rung, Verdict::Regressed);
        assert_eq!(report.counts.kind(Kind::Broken), 2, "{report:#?}");
        let finding = &report.findings[0];
        assert_eq!((finding.kind, finding.repro), (Kind::Broken, 3));
        assert_eq!(finding.control.status, "ok");
        let (kind, message) = finding.candidate.error.as_ref().unwrap();
        assert_eq!((&**kind, message.contains("uper")), ("AttributeError", true));
        assert_eq!(finding.candidate.frames.last().unwrap(), "search_tool.py:6 in <listcomp>");
        // A declaration excuses no crash.
        site.order.expect_changes = vec!["".parse().unwrap()];
        site.is(rung, Verdict::Regressed);
    }
}

#[test]
fn three_broken_ones_are_enough() {
    let Some(rung) = best() else { return };
    let mut site = site("class SearchTool:\n    def execute(self, q):\n        return undefined\n");
    site.inputs((0..20).map(|it| json!({ "q": it.to_string() })));
    let report = site.is(rung, Verdict::Regressed);
    assert_eq!((report.counts.total, report.left_out), (3, 17), "{report:#?}");
}

#[test]
fn an_answer_that_is_an_error_is_told_apart_from_a_crash() {
    let Some(rung) = best() else { return };
    let candidate = SEARCH.replace(
        "        found =",
        "        if ' ' in q:\n            return {'error': 'one word only'}\n        found =",
    );
    let report = site(&candidate).is(rung, Verdict::Changed);
    assert_eq!((report.counts.kind(Kind::NewError), report.counts.kind(Kind::Broken)), (2, 0));
}

#[test]
fn what_does_not_load_is_regressed() {
    let Some(rung) = best() else { return };
    for (candidate, said) in [
        ("class SearchTool\n", "SyntaxError"),
        ("import nowhere_at_all\n", "ModuleNotFoundError"),
        ("def other(): pass\n", "NoEntry"),
        ("import os\nos._exit(3)\n", "Crash"),
    ] {
        let report = site(candidate).is(rung, Verdict::Regressed);
        assert!(report.why.as_ref().unwrap().contains(said), "{candidate}: {report:#?}");
        assert_eq!((report.findings[0].origin, report.runs), ("load", 0));
    }
    let mut site = site(SEARCH);
    site.versions("import nowhere_at_all\n", SEARCH);
    site.is(rung, Verdict::Error);
}

#[test]
fn an_effect_that_was_not_there_is_unsafe() {
    let added = [
        ("import urllib.request; urllib.request.urlopen('http://192.0.2.1/x')", "net_read"),
        ("import socket; socket.create_connection(('192.0.2.1', 80), 1)", "net_read"),
        ("import subprocess; subprocess.run(['true'])", "exec"),
        ("import os; os.system('true')", "exec"),
        ("open('out.txt', 'w').write('x')", "fs_write"),
        ("open('/etc/passwd').read()", "fs_read"),
        ("import os; os.environ['A'] = 'b'", "env_write"),
        ("eval('1 + 1')", "code_exec"),
    ];
    for rung in isolating() {
        for (line, capability) in added {
            let effect = format!(
                "        try:\n            {line}\n        except Exception:\n            pass\n"
            );
            let candidate = SEARCH.replace("        found =", &format!("{effect}        found ="));
            let report = site(&candidate).is(rung, Verdict::Unsafe);
            let told = &report.findings[0].new_effects;
            assert!(told.iter().any(|it| it.starts_with(capability)), "{line}: {told:?}");
            assert!(report.observed.iter().any(|it| it.capability == capability), "{line}");
        }
    }
    let Some(rung) = best() else { return };
    let mut accepted =
        site(&SEARCH.replace("        found =", "        open('o', 'w')\n        found ="));
    accepted.order.accepted = ["fs_write".to_owned()].into();
    let report = accepted.is(rung, Verdict::Changed);
    assert_eq!(report.counts.kind(Kind::EffectChanged), 5, "{report:#?}");
    assert_eq!(report.findings[0].differences[0].0, "/effects/files/o");
    let at_load = format!("import os\nos.system('true')\n{SEARCH}");
    let report = site(&at_load).is(rung, Verdict::Unsafe);
    assert_eq!(report.findings[0].origin, "load");
}

#[test]
fn noise_is_no_change_and_is_named() {
    let Some(rung) = best() else { return };
    let timed = SEARCH.replace(
        r#""count": len(found)"#,
        r#""count": len(found), "took": __import__("time").perf_counter_ns()"#,
    );
    let mut site = site("");
    site.versions(&timed, &timed.replace("q.upper()", "str.upper(q)"));
    let report = site.is(rung, Verdict::Equivalent);
    assert_eq!(report.noisy_paths, ["/value/took"], "{report:#?}");
    assert_eq!((report.counts.kind(Kind::Noise), report.runs), (5, 30));
    // The noise of one place hides no change in another.
    site.versions(&timed, &timed.replace("q.upper()", "q.title()"));
    site.is(rung, Verdict::Changed);
    site.file("search_tool.toml", "[shadow]\nignore = [\"/value/took\"]\n");
    site.versions(&timed, &timed);
    let report = site.is(rung, Verdict::Equivalent);
    assert_eq!((report.ignored, report.runs), (5, 10), "{report:#?}");
}

#[test]
fn a_candidate_that_disagrees_with_itself_is_flaky() {
    let Some(rung) = best() else { return };
    let candidate = SEARCH
        .replace(r#""count": len(found)"#, r#""count": __import__("time").perf_counter_ns()"#);
    let report = site(&candidate).is(rung, Verdict::Changed);
    assert_eq!(report.counts.kind(Kind::Flaky), 5, "{report:#?}");
}

#[test]
fn what_needs_a_network_is_skipped_and_too_little_is_no_pass() {
    let Some(rung) = best() else { return };
    let online =
        "import urllib.request\ndef search_tool(q):\n    return urllib.request.urlopen(q).read()\n";
    let mut site = site("");
    site.versions(online, &format!("{online}\n"));
    site.inputs((0..5).map(|it| json!({ "q": format!("http://192.0.2.1/{it}") })));
    let report = site.is(rung, Verdict::Inconclusive);
    assert_eq!(report.counts.kind(Kind::Skipped), 5, "{report:#?}");
    assert!(report.findings[0].why.as_ref().unwrap().contains("network"), "{report:#?}");
    let few = site_of_one();
    let report = few.is(rung, Verdict::Inconclusive);
    assert!(report.why.as_ref().unwrap().starts_with("few_inputs"), "{report:#?}");
}

fn site_of_one() -> Site {
    let mut site = site(SEARCH);
    site.inputs([json!({ "q": "a" })]);
    site
}

#[test]
fn nothing_is_run_where_nothing_isolates_it() {
    let marker = "import pathlib\npathlib.Path('/tmp/knowngood-shadow-ran').write_text('x')\n";
    let site = site(marker);
    let report = site.is(Rung::Limits, Verdict::Inconclusive);
    assert!(report.why.unwrap().starts_with("no_sandbox"));
    assert!(!std::path::Path::new("/tmp/knowngood-shadow-ran").exists());
    assert!(matches!(
        site.replay(Rung::Limits, vec![value_of(json!({"q": "a"}))]),
        Replayed::Cannot(why) if why.starts_with("no_sandbox")
    ));
}

#[test]
fn an_example_that_expects_something_is_held_to_it() {
    let Some(rung) = best() else { return };
    let site = site(&SEARCH.replace("most: int = 3", "most: int = 2"));
    site.file(
        "search_tool.toml",
        "[[shadow.examples]]\nargs = { q = \"z\" }\nexpect = { count = 3, found = [] }\n",
    );
    let report = site.is(rung, Verdict::Regressed);
    assert_eq!(report.counts.expect_failed, 1, "{report:#?}");
    assert!(report.findings[0].expected.as_ref().unwrap().contains("\"count\":3"));
    site.file("search_tool.toml", "[shadow]\nnonsense = 1\n");
    let report = site.is(rung, Verdict::Error);
    assert!(report.why.unwrap().contains("nonsense"));
}

#[test]
fn made_up_inputs_show_crashes_and_prove_nothing() {
    let Some(rung) = best() else { return };
    let mut site = site(&SEARCH.replace("range(most)", "range(6 // most)"));
    site.inputs([]);
    site.order.class = "pure".to_owned();
    let report = site.is(rung, Verdict::Regressed);
    assert!(report.origins["synthetic"] > 3, "{report:#?}");
    assert_eq!(report.findings[0].candidate.error.as_ref().unwrap().0, "ZeroDivisionError");
    site.order.candidate = content(SEARCH);
    let report = site.is(rung, Verdict::Inconclusive);
    assert_eq!(report.counts.comparable, 0, "{report:#?}");
}

#[test]
fn a_failing_input_is_replayed_on_both() {
    let table =
        |runs, new_failures, old_failures| Replayed::Table { runs, new_failures, old_failures };
    for rung in isolating() {
        let site = site(&SEARCH.replace("q.upper()", "q.uper()"));
        let inputs = ["a", "b"].map(|it| value_of(json!({ "q": it }))).to_vec();
        assert_eq!(site.replay(rung, inputs), table(4, 4, 0), "{rung:?}");
        let both = vec![value_of(json!({ "q": "" }))];
        assert_eq!(site.replay(rung, both), table(2, 2, 2), "{rung:?}");
        assert!(matches!(site.replay(rung, Vec::new()), Replayed::Cannot(_)));
    }
}
