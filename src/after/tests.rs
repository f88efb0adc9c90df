//! What a command is given, and how it ends.

use std::path::PathBuf;

use super::*;
use crate::model::{Author, AuthorKind, Change, DeployKind, DeployNo, Proposal, Reason, ToolId};

fn deploy(tools: &[&str], message: &str) -> Deploy {
    let change = |it: &&str| Change {
        tool: it.parse::<ToolId>().unwrap(),
        base: None,
        to: None,
        parents: Vec::new(),
    };
    let proposal = Proposal {
        kind: DeployKind::Rollback,
        changes: tools.iter().map(change).collect(),
        author: Author { kind: AuthorKind::Ai, name: Some("improver".to_owned()) },
        claimed: None,
        reason: Reason::rollback(),
        message: Some(message.to_owned()),
        metadata: None,
        confirm_within_ms: None,
        force: false,
        keeps_conflict: false,
        key: None,
        quarantines: Vec::new(),
        expect_changes: Vec::new(),
    };
    Deploy::new(DeployNo(7), proposal)
}

fn rules(path: PathBuf, words: &[&str]) -> AfterRules {
    let root = RootName::new("tools").unwrap();
    AfterRules { root, path, command: words.iter().map(|it| (*it).to_owned()).collect() }
}

fn ran(script: &str, deploy: &Deploy, stop: &StopFlag, time: Duration) -> (Ended, String) {
    let site = tempfile::tempdir().unwrap();
    let rules = rules(site.path().to_owned(), &["sh", "-c", script, "sh {deploy}", "{tools}"]);
    let ended = run(&order(deploy, &rules).unwrap(), time, stop);
    (ended, std::fs::read_to_string(site.path().join("out")).unwrap_or_default())
}

#[test]
fn a_command_is_told_what_happened_and_never_by_words_of_its_own() {
    let deploy = deploy(&["tools/-x.py", "other/b.py", "tools/a b/$(id).py"], "`id`\0;\n$(id)");
    let script = "{ echo \"$0\" \"$KNOWNGOOD_ROOT\" \"$KNOWNGOOD_DEPLOY\" \"$KNOWNGOOD_KIND\" \
                  \"$KNOWNGOOD_AUTHOR\" \"$KNOWNGOOD_REASON\"; printf '%s|' \"$KNOWNGOOD_MESSAGE\" \
                  \"$@\"; } > out; env | grep -c CARGO";
    let (ended, out) = ran(script, &deploy, &StopFlag::default(), TIME);
    assert_eq!(
        out,
        "sh 7 tools 7 rollback ai:improver rollback\n`id` ;\n$(id)|./-x.py|./a b/$(id).py|"
    );
    assert_eq!(ended.output, "0", "nothing of the daemon's own environment");
    assert_eq!(ended.failed.as_deref(), Some("exited with status 1"), "as grep does then");
}

#[test]
fn however_it_ends_it_ends() {
    let (deploy, no) = (deploy(&["tools/a.py"], ""), StopFlag::default());
    let end = |script: &str, time: Duration, stop: &StopFlag| {
        let (ended, _) = ran(script, &deploy, stop, time);
        (ended.failed, ended.output)
    };
    assert_eq!(end("echo fine", TIME, &no), (None, "fine".to_owned()));
    let (failed, output) = end("yes | head -c 3000000; echo; echo last; kill -9 $$", TIME, &no);
    assert_eq!(failed.as_deref(), Some("was ended by signal 9"));
    assert!(output.ends_with("last") && output.len() <= 2048);
    let never = "sleep 1000 & sleep 1000";
    let (failed, _) = end(never, Duration::from_millis(50), &no);
    assert_eq!(failed.as_deref(), Some("was ended after 60 s"));
    let stop = StopFlag::default();
    stop.set();
    assert_eq!(end(never, TIME, &stop).0.as_deref(), Some("was ended because the daemon stops"));
    let missing = rules("/".into(), &["/no/such/program"]);
    let ended = run(&super::order(&deploy, &missing).unwrap(), TIME, &no);
    assert!(ended.failed.unwrap().starts_with("/no/such/program could not be run: "));
}

#[test]
fn a_root_without_a_command_runs_none() {
    let deploy = deploy(&["tools/a.py"], "");
    assert!(order(&deploy, &rules("/".into(), &[])).is_none());
}
