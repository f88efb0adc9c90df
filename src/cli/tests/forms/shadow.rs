//! What the daemon tells of shadow runs.

use serde_json::{Value, json};

use super::answers::world_with;
use crate::{cli::fake::Daemon, wire};

const CONTROL: &str = "sha256:3333b1e019ab5a0e1c5c0a4d3f2b1a09f8e7d6c5b4a3928170f6e5d4c3b2a133";
const CANDIDATE: &str = "sha256:5c1b31b1e019ab5a0e1c5c0a4d3f2b1a09f8e7d6c5b4a3928170f6e5d4c3b2a1";

/// A daemon that comes to this.
pub(super) fn telling(report: &Value) -> Daemon {
    serde_json::from_value::<wire::Shadow>(report.clone()).unwrap();
    let text = format!("{}\n{}\n", progress(), json!({ "report": report }));
    world_with("POST /v1/shadow", text)
}

fn progress() -> Value {
    json!({"progress": {"done": 0, "total": 5, "repeating": false}})
}

fn report(verdict: &str) -> Value {
    json!({"tool": "t/search.py", "control": CONTROL, "candidate": CANDIDATE, "class": "unknown", "verdict": verdict, "why": null,
        "bound95": null, "sandbox": "bwrap", "runs": 10, "wall_ms": 312, "counts": {"same": 5}, "noisy_paths": [], "ignored": 0, "findings": [],
        "inputs": {"total": 5, "given": 5, "recorded": 0, "examples": 0, "synthetic": 0, "compared": 5, "skipped": 0, "left_out": 0},
        "latency": {"control_p50_ms": 6.1, "candidate_p50_ms": 6.4, "ratio": 1.05, "mw_z": 0.4}, "observed": [], "seed": 7})
}

pub(super) fn equivalent() -> Value {
    let mut it = report("equivalent");
    it["bound95"] = 0.4507.into();
    it["noisy_paths"] = json!(["/value/took_ms"]);
    it["latency"] =
        json!({"control_p50_ms": 6.1, "candidate_p50_ms": 12.3, "ratio": 2.02, "mw_z": 4.81});
    it
}

pub(super) fn regressed() -> Value {
    let mut it = report("regressed");
    it["counts"] = json!({"same": 3, "broken": 1, "changed": 1});
    it["runs"] = 18.into();
    it["findings"] = json!([
        {"input": "i_4", "origin": "given", "kind": "broken", "args": {"q": "x y"}, "args_sha256": CONTROL, "repro": 3, "runs": 3,
         "control": {"status": "ok", "value": "{\"count\":3}"},
         "candidate": {"status": "error", "type": "AttributeError", "message": "'str' object has no attribute 'uper'", "frames": ["search.py:6 in execute"]},
         "differences": [{"path": "/error", "control": "null", "candidate": "{\"status\":\"error\"}"}]},
        {"input": "i_5", "origin": "example", "kind": "changed", "expect_failed": true, "expected": "{\"count\":3}", "args": {"q": "z"}, "args_sha256": CONTROL,
         "repro": 3, "runs": 3, "control": {"status": "ok", "value": "{\"count\":3}"}, "candidate": {"status": "ok", "value": "{\"count\":2}"},
         "differences": [{"path": "/value/count", "control": "3", "candidate": "2"}], "new_effects": ["fs_write $WORK"]},
    ]);
    it
}

pub(super) fn inconclusive() -> Value {
    let mut it = report("inconclusive");
    it["why"] = "skipped: 1 of 1 inputs".into();
    it["counts"] = json!({"skipped": 1});
    it["runs"] = 2.into();
    it["findings"] = json!([{"input": "i_1", "origin": "given", "kind": "skipped", "args": {"q": "a"}, "args_sha256": CONTROL, "repro": 1, "runs": 1,
        "control": {"status": "error"}, "candidate": {"status": "error"}, "differences": [], "why": "needs the network (network)"}]);
    it
}
