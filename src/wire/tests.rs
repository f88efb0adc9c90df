//! What a request means, and which field of it is wrong.

use serde_json::{Value, json};

use super::*;
use crate::model::{self, VersionNo};

const LARGEST: usize = 100;

fn deploy(request: Value) -> Result<Proposed, Unfit> {
    serde_json::from_value::<DeployRequest>(request).unwrap().checked(LARGEST)
}

fn one(change: &Value) -> Result<Proposed, Unfit> {
    deploy(json!({ "changes": [change] }))
}

fn field(wrong: Unfit) -> String {
    match wrong {
        Unfit::Invalid(it) => it.field,
        Unfit::BaseRequired { field, .. } => format!("base of {field}"),
        Unfit::TooLarge { field, .. } => format!("size of {field}"),
    }
}

#[test]
fn a_deploy_is_taken_apart() {
    let asked = deploy(json!({
        "changes": [
            {"tool": "t/z.py", "base": null, "content": "eMO8AA==", "encoding": "base64", "executable": true},
            {"tool": "t/a.py", "base": "v9", "delete": true},
        ],
        "reason": "bug_fix", "message": "why\n\tso", "author": {"kind": "ai", "name": "bot"}, "metadata": {"issue": 17},
        "on_conflict": "merge", "confirm_within": "10m", "expect_changes": ["/a/0"],
    }));
    let asked = asked.unwrap();
    let [first, second] = &*asked.changes else { panic!() };
    assert_eq!((first.tool.as_str(), &*first.field), ("t/a.py", "changes[1]"));
    assert_eq!((first.base.as_deref(), &first.content), (Some("v9"), &None));
    assert_eq!((second.base.as_deref(), second.executable), (None, Some(true)));
    assert_eq!(second.content.as_deref(), Some("xü\0".as_bytes()));
    assert_eq!(asked.reason.as_str(), "bug_fix");
    assert_eq!(asked.metadata.as_deref(), Some(r#"{"issue":17}"#));
    assert_eq!((asked.on_conflict, asked.confirm_within_ms), (OnConflict::Merge, Some(600_000)));
    let usual = one(&json!({"tool": "t/a", "base": "disk", "content": ""})).unwrap();
    assert_eq!((usual.reason.as_str(), usual.on_conflict), ("edit", OnConflict::Abort));
    assert!(!usual.dry_run && !usual.force && usual.message.is_none() && usual.metadata.is_none());
}

#[test]
fn what_is_wrong_with_a_change_is_named() {
    let full = "x".repeat(LARGEST);
    assert!(one(&json!({"tool": "t/a", "base": "v1", "content": full})).is_ok());
    for (change, wrong) in [
        (json!({"tool": "t/a", "content": ""}), "base of changes[0].base"),
        (json!({"tool": "t/a", "delete": true}), "base of changes[0].base"),
        (json!({"tool": "a", "base": "v1", "content": ""}), "changes[0].tool"),
        (json!({"tool": "t/../a", "base": "v1", "content": ""}), "changes[0].tool"),
        (json!({"tool": "t/a", "base": "v1"}), "changes[0].content"),
        (json!({"tool": "t/a", "base": "v1", "content": "", "delete": true}), "changes[0].content"),
        (json!({"tool": "t/a", "base": null, "delete": true}), "changes[0].base"),
        (
            json!({"tool": "t/a", "base": "v1", "delete": true, "executable": true}),
            "changes[0].executable",
        ),
        (
            json!({"tool": "t/a", "base": "v1", "content": "x", "encoding": "base64"}),
            "changes[0].content",
        ),
        (
            json!({"tool": "t/a", "base": "v1", "content": format!("{full}x")}),
            "size of changes[0].content",
        ),
    ] {
        assert_eq!(one(&change).map_err(field).unwrap_err(), wrong, "{change}");
    }
}

#[test]
fn what_is_wrong_with_a_deploy_is_named() {
    let change = json!({"tool": "t/a", "base": "v1", "content": ""});
    let many: Vec<Value> = (0..257)
        .map(|it| json!({"tool": format!("t/{it}"), "base": "v1", "content": ""}))
        .collect();
    assert!(deploy(json!({ "changes": many[..256] })).is_ok());
    let long = "x".repeat(4097);
    for (more, wrong) in [
        (json!({"changes": []}), "changes"),
        (json!({"changes": null}), "changes"),
        (json!({"changes": many}), "changes"),
        (json!({"changes": [change, change]}), "changes[1].tool"),
        (json!({"reason": "Bug fix"}), "reason"),
        (json!({"message": long}), "message"),
        (json!({"message": "a\u{1b}[2J"}), "message"),
        (json!({"metadata": {"a": "x".repeat(16 << 10)}}), "metadata"),
        (json!({"confirm_within": "10"}), "confirm_within"),
        (json!({"confirm_within": "999ms"}), "confirm_within"),
        (json!({"confirm_within": "169h"}), "confirm_within"),
        (json!({"expect_changes": ["/a", "b"]}), "expect_changes[1]"),
        (json!({"expect_changes": vec!["/a"; 65]}), "expect_changes"),
    ] {
        let mut request = json!({ "changes": [change] });
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        assert_eq!(deploy(request).map_err(field).unwrap_err(), wrong, "{more}");
    }
    for unknown in [
        json!({"change": []}),
        json!({"changes": [["t/a", "v1"]]}),
        json!({"changes": [{"tool": "t/a", "bases": "v1"}]}),
    ] {
        assert!(serde_json::from_value::<DeployRequest>(unknown).is_err());
    }
}

#[test]
fn a_rollback_says_how_far() {
    let asked = |tools: Value| {
        serde_json::from_value::<RollbackRequest>(json!({"tools": tools, "quarantine": true}))
            .unwrap()
            .checked()
    };
    let undo =
        asked(json!([{"tool": "t/c", "only": "v7"}, {"tool": "t/b", "to": "v2"}, {"tool": "t/a"}]));
    let undo = undo.unwrap();
    let how: Vec<Back> = undo.tools.into_iter().map(|it| it.how).collect();
    assert_eq!(how, [Back::Usual, Back::To("v2".to_owned()), Back::Without(VersionNo(7))]);
    assert!(undo.quarantine && undo.reason.as_str() == "rollback");
    for (tools, wrong) in [
        (json!([]), "tools"),
        (json!([{"tool": "x"}]), "tools[0].tool"),
        (json!([{"tool": "t/a", "only": "7"}]), "tools[0].only"),
        (json!([{"tool": "t/a", "only": "v0"}]), "tools[0].only"),
        (json!([{"tool": "t/a", "only": "v7", "to": "v1"}]), "tools[0].only"),
        (json!([{"tool": "t/a"}, {"tool": "t/a"}]), "tools[1].tool"),
    ] {
        assert_eq!(asked(tools).unwrap_err().field, wrong);
    }
    let restore: RestoreRequest =
        serde_json::from_value(json!({"tools": [{"tool": "t/a"}]})).unwrap();
    assert_eq!(restore.checked().unwrap().reason.as_str(), "restore");
    assert!(
        serde_json::from_value::<RestoreRequest>(json!({"tools": [], "quarantine": true})).is_err()
    );
}

fn checks(tool: &model::ToolId) -> Vec<model::CheckRun> {
    let check = |outcome, sandbox: &str, output_tail: &str| model::CheckRun {
        tool: Some(tool.clone()),
        check: "compile".to_owned(),
        outcome,
        sandbox: sandbox.to_owned(),
        took_ms: 40,
        output_tail: output_tail.to_owned(),
    };
    let finding =
        model::Finding { line: Some(12), column: None, message: "invalid syntax".to_owned() };
    let failure = model::CheckFailure {
        why: "exited with status 1".to_owned(),
        exit_status: Some(1),
        findings: vec![finding],
        ..model::CheckFailure::default()
    };
    vec![
        check(model::CheckOutcome::Skipped("no checker".to_owned()), "none", ""),
        check(model::CheckOutcome::Failed(failure), "bwrap", "Traceback"),
    ]
}

fn half_done(tool: &model::ToolId, digest: model::Digest) -> model::Deploy {
    let checks = checks(tool);
    let time = |seconds: i64| model::Timestamp(seconds * 1_000_000);
    model::Deploy {
        number: model::DeployNo(17),
        proposal: model::Proposal {
            kind: model::DeployKind::Automatic(model::DeployNo(16)),
            changes: vec![model::Change {
                tool: tool.clone(),
                base: Some(model::Base { digest, version: Some(VersionNo(3)) }),
                to: Some(model::Target { digest, executable: None }),
                parents: Vec::new(),
            }],
            author: model::Author::unknown(),
            claimed: None,
            reason: model::Reason::edit(),
            message: None,
            metadata: Some(r#"{"issue":17}"#.to_owned()),
            confirm_within_ms: None,
            force: false,
            keeps_conflict: false,
            key: None,
            quarantines: Vec::new(),
            expect_changes: Vec::new(),
        },
        state: model::DeployState::Switching,
        markers: Vec::new(),
        checks,
        judgement: None,
        steps: vec![
            (model::DeployState::Accepted, time(1)),
            (model::DeployState::Staged, time(2)),
            (model::DeployState::Verified, time(3)),
        ],
        live: vec![model::LiveChange {
            tool: tool.clone(),
            version: Some(VersionNo(5)),
            displaced: Some(VersionNo(4)),
            returns: None,
        }],
        witnesses: Vec::new(),
        approved_by: None,
        deadline: None,
        why: None,
        by: None,
        as_of: model::Seq(9),
    }
}

#[test]
fn a_deploy_is_shown_step_by_step() {
    let tool: model::ToolId = "t/a.py".parse().unwrap();
    let digest = model::Digest([1; 32]);
    let deploy = half_done(&tool, digest);
    let answer = serde_json::to_value(Deployed::from(&deploy)).unwrap();
    assert_eq!((&answer["deploy"], &answer["state"]), (&json!(17), &json!("verified")));
    assert_eq!(
        answer["changes"],
        json!([{"tool": "t/a.py", "version": 5, "sha256": digest.to_string(), "displaced": 4}])
    );
    assert_eq!(answer["steps"][0], json!({"step": "accepted", "at": "1970-01-01T00:00:01.000Z"}));
    let step = &answer["steps"][2];
    assert_eq!(
        (&step["step"], &step["took_ms"], &step["sandbox"]),
        (&json!("verified"), &json!(80), &json!("bwrap"))
    );
    assert_eq!(
        (&step["output_tail"], &step["checks"][0]["outcome"]),
        (&json!("Traceback"), &json!("skipped"))
    );
    let shown = serde_json::to_value(Deploy::from(&deploy)).unwrap();
    assert_eq!((&shown["kind"], &shown["of"]), (&json!("automatic"), &json!(16)));
    assert_eq!(
        (&shown["metadata"]["issue"], &shown["changes"][0]["base"]),
        (&json!(17), &json!(3))
    );
    let rejection = Rejection::of(Some(deploy.number), &deploy.checks, None);
    assert_eq!((rejection.exit_status, &*rejection.output_tail), (Some(1), "Traceback"));
    assert_eq!((rejection.findings[0].line, rejection.checks.len()), (Some(12), 2));
}
