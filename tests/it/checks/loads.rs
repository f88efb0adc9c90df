//! The load probe: an import of what will stand, with everything that goes live at the same time in its place.

use knowngood::{
    checks::sandbox::Rung,
    model::{CheckOutcome, CheckRun},
};

use super::world::{Site, rungs};

fn site() -> Site {
    let mut site = Site::new();
    site.rules.load_probe = true;
    site
}

/// What came of the import of this tool.
fn load(site: &Site, rung: Rung, tool: &str) -> CheckRun {
    let all = site.verify(rung);
    let is_it = |it: &&CheckRun| it.check == "load" && it.tool.as_ref().unwrap().as_str() == tool;
    all.iter().find(is_it).unwrap_or_else(|| panic!("{rung:?}: {all:?}")).clone()
}

fn isolating() -> Vec<Rung> {
    rungs().into_iter().filter(|it| it.isolates()).collect()
}

#[test]
fn a_file_is_imported_as_it_will_stand() {
    for rung in isolating() {
        let mut site = site();
        site.live("a.py", "import web.lib\n");
        site.live("web/lib.py", "X = 1\n");
        site.stage("a.py", "import web.lib, web.fresh\nprint(web.lib.X, web.fresh.Y, __file__)\n");
        site.stage("web/lib.py", "X = 2\n");
        site.stage("web/fresh.py", "Y = 3\n");
        let run = load(&site, rung, "tools/a.py");
        assert_eq!(run.outcome, CheckOutcome::Passed, "{rung:?}: {run:?}");
        let said = format!("2 3 {}/a.py\n", site.root().display());
        assert_eq!(run.output_tail, said, "{rung:?}");
    }
}

#[test]
fn what_the_live_file_passes_must_be_passed() {
    for rung in isolating() {
        let mut site = site();
        site.live("a.py", "X = 1\n");
        site.stage("a.py", "X = 1\nimport nowhere_at_all\n");
        let run = load(&site, rung, "tools/a.py");
        let CheckOutcome::Failed(failure) = &run.outcome else { panic!("{rung:?}: {run:?}") };
        assert_eq!(failure.why, "line 2: ModuleNotFoundError: No module named 'nowhere_at_all'");
        assert!(run.output_tail.contains("Traceback"), "{run:?}");
        site.stage("a.py", "import os\nos._exit(0)\n");
        let run = load(&site, rung, "tools/a.py");
        let CheckOutcome::Failed(failure) = &run.outcome else { panic!("{rung:?}: {run:?}") };
        assert_eq!(failure.why, "ended before it was loaded", "{rung:?}");
        site.live("a.py", "import lib\n");
        site.live("lib.py", "");
        site.stage("a.py", "import lib\n\n");
        site.remove("lib.py");
        let run = load(&site, rung, "tools/a.py");
        assert!(matches!(run.outcome, CheckOutcome::Failed(_)), "{rung:?}: {run:?}");
    }
}

#[test]
fn what_the_live_file_fails_may_be_failed() {
    for rung in isolating() {
        let mut site = site();
        site.live("a.py", "import nowhere_at_all\n");
        site.stage("a.py", "import nowhere_at_all\nX = 2\n");
        assert_eq!(load(&site, rung, "tools/a.py").outcome, CheckOutcome::Passed, "{rung:?}");
        site.stage("new.py", "import nowhere_at_all\n");
        let run = load(&site, rung, "tools/new.py");
        let CheckOutcome::Skipped(why) = &run.outcome else { panic!("{rung:?}: {run:?}") };
        assert!(why.contains("there is no live version to compare it with"), "{why}");
        site.stage("new.py", "X = 1\n");
        assert_eq!(load(&site, rung, "tools/new.py").outcome, CheckOutcome::Passed, "{rung:?}");
    }
}

#[test]
fn an_import_changes_nothing() {
    for rung in isolating() {
        let mut site = site();
        site.live("a.py", "X = 1\n");
        site.live("b.py", "X = 1\n");
        site.stage(
            "a.py",
            "import b\nopen(b.__file__.replace('b.py', 'c.py'), 'w').write('bad')\n",
        );
        let run = load(&site, rung, "tools/a.py");
        assert!(matches!(run.outcome, CheckOutcome::Failed(_)), "{rung:?}: {run:?}");
        let mut names: Vec<_> =
            site.root().read_dir().unwrap().map(|it| it.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["a.py", "b.py"], "{rung:?}: no bytecode either");
    }
}

#[test]
fn nothing_is_imported_where_nothing_isolates_it() {
    let mut site = site();
    site.live("a.py", "");
    site.stage("a.py", "raise SystemExit(1)\n");
    let run = load(&site, Rung::Limits, "tools/a.py");
    assert!(matches!(&run.outcome, CheckOutcome::Skipped(_)) && run.sandbox == "none", "{run:?}");
}

#[test]
fn what_does_not_compile_is_not_loaded() {
    let mut site = site();
    site.stage("a.py", "x = (\n");
    let runs = site.verify(Rung::Limits);
    assert_eq!(runs.iter().map(|it| &*it.check).collect::<Vec<_>>(), ["compile"], "{runs:?}");
}
