//! What the daemon tells of deploys.

use serde_json::{Value, json};

use super::answers::{refusal, true_to};
use crate::wire;

const NEW: &str = "sha256:5c1b31b1e019ab5a0e1c5c0a4d3f2b1a09f8e7d6c5b4a3928170f6e5d4c3b2a1";

fn check() -> Value {
    json!({"tool": "t/search.py", "check": "compile", "outcome": "passed", "sandbox": "bwrap", "took_ms": 85, "output_tail": ""})
}

fn steps(names: &[&str]) -> Vec<Value> {
    let step = |(place, name): (usize, &&str)| {
        let mut step =
            json!({"step": name, "at": format!("2026-01-01T23:59:{:02}.000Z", 10 + place)});
        if *name == "verified" {
            step["took_ms"] = 85.into();
            step["sandbox"] = "bwrap".into();
            step["output_tail"] = "".into();
            step["checks"] = json!([check()]);
        }
        step
    };
    names.iter().enumerate().map(step).collect()
}

const ALL: [&str; 5] = ["accepted", "staged", "verified", "switching", "confirmed"];

fn deployed(state: &str) -> Value {
    json!({"deploy": 17, "state": state, "as_of": 431, "steps": steps(&ALL),
        "changes": [{"tool": "t/search.py", "version": 4, "sha256": NEW, "displaced": 3}, {"tool": "t/old.py", "version": null, "sha256": null, "displaced": 9}]})
}

/// On trial since the file was switched.
fn trial() -> Value {
    let mut it = deployed("activated");
    it["deadline"] = "2026-01-02T00:09:13.000Z".into();
    it
}

/// A person has to look: it can do more, and answers otherwise on one input.
fn judgement() -> Value {
    let side = |value: &str| json!({"status": "ok", "value": value});
    let gate = |gate: &str, result: &str, why: &str| json!({"gate": gate, "tool": "t/search.py", "result": result, "why": why});
    let evidence = json!({"cap": "net_write", "via": "requests.post", "file": "search.py", "line": 12, "path": ["execute", "_send"]});
    let proof = json!({"kind": "changed", "origin": "recorded", "args": "{\"query\":\"\"}", "control": side("null"), "candidate": side("[]"),
        "differences": [{"path": "/value", "control": "null", "candidate": "[]"}]});
    json!({
        "decision": "pending",
        "gates": [
            {"gate": "verification", "tool": "t/search.py", "result": "passed"},
            gate("class", "waits", "it can do more than before: net_write (net_read → net_write): requests.post in search.py line 12"),
            gate("shadow", "warned", "changed on 30 of 30 inputs; changed on {\"query\":\"\"}"),
        ],
        "tools": [{"tool": "t/search.py", "class": "net_write", "class_before": "net_read", "added": ["net_write"], "removed": [], "evidence": [evidence],
            "shadow": {"verdict": "changed", "why": null, "sandbox": "bwrap", "inputs": 30, "compared": 30, "runs": 64, "took_ms": 900, "bound95": null, "findings": [proof]},
            "policy": "sha256:5555b1e019ab5a0e"}],
    })
}

fn deploy(number: u64, state: &str) -> Value {
    let mut it = json!({"deploy": number, "kind": "deploy", "state": state, "author": {"kind": "ai", "name": "improver"}, "claimed": null,
        "reason": "bug_fix", "message": "handle an empty query\n\nFixes 17", "metadata": {"issue": 17}, "steps": steps(&ALL), "why": null, "by": null,
        "confirm_within_ms": null, "deadline": null, "judgement": null, "as_of": 431,
        "changes": [{"tool": "t/search.py", "base": 3, "base_sha256": "sha256:3333b1e019ab5a0e", "version": 4, "sha256": NEW, "size": 2310, "executable": null, "displaced": 3}]});
    match state {
        "rejected" => {
            let mut failed = check();
            failed["outcome"] = "failed".into();
            failed["why"] = "exited with status 1".into();
            failed["exit_status"] = 1.into();
            failed["output_tail"] =
                "  File \"search.py\", line 12\n    retrun x\nSyntaxError: invalid syntax".into();
            failed["findings"] = json!([{"tool": "t/search.py", "line": 12, "column": 5, "message": "invalid syntax"}]);
            it["changes"][0]["version"] = Value::Null;
            it["changes"][0]["displaced"] = Value::Null;
            it["steps"] = steps(&["accepted", "staged", "rejected"]).into();
            it["steps"][2]["took_ms"] = 85.into();
            it["steps"][2]["sandbox"] = "bwrap".into();
            it["steps"][2]["checks"] = json!([failed]);
            it["why"] = "t/search.py does not compile".into();
        }
        "awaiting_approval" => {
            it["changes"][0]["version"] = Value::Null;
            it["changes"][0]["displaced"] = Value::Null;
            it["steps"] = steps(&["accepted", "staged", "verified", "awaiting_approval"]).into();
            it["judgement"] = judgement();
            it["deadline"] = "2026-01-03T00:00:00.000Z".into();
            it["why"] = "t/search.py: it can do more than before: net_write (net_read → net_write): requests.post in search.py line 12".into();
        }
        "rolled_back" => {
            it["kind"] = "rollback".into();
            it["author"] = json!({"kind": "unknown", "name": "bob"});
            it["claimed"] = json!({"kind": "human", "name": "bob"});
            it["why"] = "it was not confirmed in time".into();
            it["by"] = 20.into();
        }
        _ => (),
    }
    it
}

/// `None`: nothing that deploys are about.
pub(super) fn answered(path: &str) -> Option<Vec<u8>> {
    let shown = |it: Value| Some(true_to::<wire::Deploy>(&it.to_string()));
    let done = |it: Value| Some(true_to::<wire::Deployed>(&it.to_string()));
    match path {
        "POST /v1/deploys" | "POST /v1/deploys/17/confirm" | "POST /v1/deploys/17/approve" => {
            done(deployed("confirmed"))
        }
        "POST /v1/rollback" => done(trial()),
        "POST /v1/restore" => {
            let mut nothing = deployed("no_op");
            (nothing["deploy"], nothing["steps"]) = (Value::Null, json!([]));
            done(nothing)
        }
        "POST /v1/deploys/17/abort" => done(deployed("rolled_back")),
        "GET /v1/deploys" => {
            let items = [
                deploy(19, "awaiting_approval"),
                deploy(18, "rolled_back"),
                deploy(17, "rejected"),
                deploy(16, "confirmed"),
            ];
            let list = json!({"items": items, "next": null, "as_of": 431});
            Some(true_to::<wire::List<wire::Deploy>>(&list.to_string()))
        }
        "GET /v1/deploys/16" => shown(deploy(16, "confirmed")),
        "GET /v1/deploys/17" => shown(deploy(17, "rejected")),
        "GET /v1/deploys/18" => shown(deploy(18, "rolled_back")),
        "GET /v1/deploys/19" => shown(deploy(19, "awaiting_approval")),
        "GET /v1/deploys/99" => Some(refusal(404, NONE)),
        _ => None,
    }
}

const NONE: &str = r#"{"type":"urn:knowngood:problem:no_such_deploy","title":"There is no such deploy","status":404,"code":"no_such_deploy","detail":"the newest deploy is 19"}"#;

pub(super) const REJECTED: &str = r#"{"type":"urn:knowngood:problem:verification_failed","title":"Verification says no","status":422,"code":"verification_failed","detail":"t/search.py does not compile",
  "deploy":17,"exit_status":1,"output_tail":"SyntaxError: invalid syntax","findings":[{"tool":"t/search.py","line":12,"column":5,"message":"invalid syntax"}],
  "checks":[{"tool":"t/search.py","check":"compile","outcome":"failed","why":"exited with status 1","exit_status":1,"findings":[{"tool":"t/search.py","line":12,"column":5,"message":"invalid syntax"}],"sandbox":"bwrap","took_ms":85,"output_tail":"SyntaxError: invalid syntax"}]}"#;

pub(super) const CONFLICT: &str = r#"{"type":"urn:knowngood:problem:conflict","title":"The disk is not as the request says","status":409,"code":"conflict","detail":"on disk is not what the proposal started from: t/search.py","hint":"put both together, then POST /v1/deploys",
  "deploy":18,"conflicts":[{"tool":"t/search.py","base":{"version":2,"sha256":"sha256:2222b1e019ab"},"current":{"version":3,"sha256":"sha256:3333b1e019ab","author":{"kind":"human","name":"ana"},"time":"2026-01-01T23:58:00.000Z"},
  "diff_base_current":"--- a/t/search.py\t(v2)\n+++ b/t/search.py\t(v3)\n@@ -1,2 +1,2 @@\n def search(query):\n-    return index.lookup(query)\n+    return index.lookup(query, limit=10)\n","diff_base_proposed":null,
  "merge":{"clean":false,"conflicts":[{"base":{"line":2,"count":1,"text":"x"},"current":{"line":2,"count":1,"text":"y"},"proposed":{"line":2,"count":1,"text":"z"}}]},
  "resolution_options":["abort_and_refresh","overwrite_anyway","manual_merge"]}]}"#;
