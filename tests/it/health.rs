//! Outcomes and what follows from them, from outside: a worse version goes back by itself, an outage takes nothing back, and
//! a restart forgets nothing.

use std::fs;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::world::{World, isolates, stdout};

const TOOL: &str = "tools/x.sh";

fn world(config: &str) -> World {
    let mut world = World::new();
    world.config = format!("[log]\nlevel = \"debug\"\n{config}\n");
    // No shadow run stands before a deploy: what outcomes show is what is seen here.
    "policy.ai.pure = \"verify\"".clone_into(&mut world.root_keys);
    world.write("x.sh", "echo one\n");
    world.start();
    world
}

/// So many calls of a version; those that failed have a kind of error.
fn calls(version: u64, from: u64, count: u64, error: Option<&str>) -> Value {
    let call = |number: u64| {
        let mut call = json!({
            "tool": TOOL, "version": format!("v{version}"), "call_id": format!("c{number}"), "status": "ok",
            "duration_ms": 12, "args": {"query": number, "api_key": "hidden"},
        });
        if let Some(kind) = error {
            call["status"] = json!("error");
            call["error"] = json!({"type": kind, "message": "went wrong"});
        }
        call
    };
    json!({"outcomes": (from..from + count).map(call).collect::<Vec<_>>()})
}

fn report(world: &World, calls: &Value) -> Value {
    let answer = world.post("/v1/outcomes", calls);
    assert_eq!(answer.status, 202, "{}", String::from_utf8_lossy(&answer.body));
    answer.json()
}

fn health(world: &World) -> Value {
    world.get(&format!("/v1/health/{TOOL}")).ok()
}

fn by_ai(content: &str) -> Value {
    json!({
        "changes": [{"tool": TOOL, "base": "disk", "content": content}],
        "author": {"kind": "ai", "name": "improver"}, "reason": "performance",
    })
}

fn wait_health(world: &World, state: &str) -> Value {
    world.wait_event(0, |it| it["event"] == "health.changed" && it["detail"]["to"] == state)
}

#[test]
fn a_worse_version_of_an_ai_goes_back_to_the_known_good() {
    let mut world = world("");
    assert_eq!(
        (&health(&world)["state"], &health(&world)["known_good"]),
        (&json!("unknown"), &json!(1))
    );
    let taken = report(&world, &calls(1, 0, 20, None));
    assert_eq!(
        taken,
        json!({"accepted": 20, "duplicates": 0, "refused": [], "durable_within_ms": 1000})
    );
    wait_health(&world, "healthy");
    let done = world.post("/v1/deploys", &by_ai("echo two\n"));
    assert_eq!(done.status, 201, "{}", String::from_utf8_lossy(&done.body));
    let tool = world.tool(TOOL);
    assert_eq!(
        (&tool["health"], &tool["known_good"], &tool["baseline"]),
        (&json!("baking"), &json!(1), &json!(2))
    );
    report(&world, &calls(2, 100, 3, Some("KeyError")));
    wait_health(&world, "suspect");
    // In the middle of it.
    let before = health(&world);
    assert_eq!((&before["calls"], &before["score"]), (&json!(3), &json!(18)), "{before}");
    world.restart();
    let after = health(&world);
    let kept = |it: &Value| {
        ["calls", "failures", "score", "w", "L", "H", "baseline", "blamed", "state", "versions"]
            .map(|member| it[member].clone())
    };
    assert_eq!(kept(&after), kept(&before));
    let again = report(&world, &calls(2, 100, 4, Some("KeyError")));
    assert_eq!((&again["accepted"], &again["duplicates"]), (&json!(1), &json!(3)));
    let regressed = wait_health(&world, "regressed");
    assert_eq!(
        (&regressed["detail"]["rule"], &regressed["detail"]["rollback"]),
        // Run again on both versions, where something isolates a run.
        (&json!(if isolates(&world) { "replay" } else { "failure_rate" }), &json!(true))
    );
    let confirmed = world
        .wait_event(regressed["seq"].as_u64().unwrap(), |it| it["event"] == "deploy.confirmed");
    let deploy = world.get(&format!("/v1/deploys/{}", confirmed["deploy"])).ok();
    assert_eq!(
        (&deploy["kind"], &deploy["author"]["name"], &deploy["reason"]),
        (&json!("automatic"), &json!("knowngood"), &json!("rollback"))
    );
    let evidence = &deploy["metadata"];
    assert_eq!(evidence["failing"], json!(["c100", "c101", "c102", "c103"]), "{deploy}");
    // What was reported does not fail when it is run again: at this score that does not save it.
    let replay = &evidence["replay"];
    assert!(!isolates(&world) || replay["m"].as_u64() > Some(0), "{deploy}");
    assert!(isolates(&world) || replay["cannot"].is_string(), "{deploy}");
    assert_eq!(fs::read_to_string(world.path("x.sh")).unwrap(), "echo one\n");
    is_known_good_again(&world);
    world.daemon().signal(Signal::TERM);
    let log = world.end_with_log();
    let line = |event: &str| log.iter().filter(|it| it["event"] == event).count();
    assert!(line("outcomes.recorded") >= 1 && line("health.changed") >= 1, "{log:?}");
}

fn is_known_good_again(world: &World) {
    let tool = world.tool(TOOL);
    assert_eq!(
        (&tool["known_good"], &tool["baseline"], &tool["health"]),
        (&json!(3), &json!(3), &json!("unknown"))
    );
    world.wait_kind(0, "content.quarantined");
    let refused = world.post("/v1/deploys", &by_ai("echo two\n"));
    assert_eq!(refused.refusal(), (409, "quarantined".to_owned()));
    assert_eq!(health(world)["rollbacks"], 1);
    let metrics = String::from_utf8(world.get("/metrics").body).unwrap();
    for line in [
        "knowngood_outcomes_total{status=\"error\",blame=\"tool\"} 1",
        "knowngood_automatic_rollbacks_total 1",
        "knowngood_tool_health{state=\"unknown\"} 1",
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
    world.verify();
}

#[test]
fn an_outage_takes_nothing_back() {
    let world = world("");
    report(&world, &calls(1, 0, 20, None));
    world.post("/v1/deploys", &by_ai("echo two\n"));
    report(&world, &calls(2, 100, 60, Some("requests.exceptions.ConnectionError")));
    let alert = world.wait_kind(0, "alert.raised");
    assert_eq!((&alert["detail"]["kind"], &alert["tool"]), (&json!("environment"), &json!(TOOL)));
    let told = health(&world);
    assert_eq!(
        (&told["state"], &told["blamed"]["env"], &told["blamed"]["tool"], &told["failures"]),
        (&json!("baking"), &json!(60), &json!(0), &json!(0)),
        "{told}"
    );
    assert_eq!(fs::read_to_string(world.path("x.sh")).unwrap(), "echo two\n");
    assert_eq!(world.get("/v1/status").ok()["health"]["baking"], 1);
}

#[test]
fn a_version_that_does_well_becomes_the_known_good() {
    let world = world("[health]\nbake_calls = 5\nbake_min_time = \"1ms\"");
    world.post("/v1/deploys", &by_ai("echo two\n"));
    assert_eq!(world.get(&format!("/v1/content/{TOOL}?at=known_good")).body, b"echo one\n");
    report(&world, &calls(2, 0, 5, None));
    let proven = wait_health(&world, "healthy");
    assert_eq!((&proven["detail"]["rule"], &proven["version"]), (&json!("proven"), &json!(2)));
    assert_eq!(world.tool(TOOL)["known_good"], 2);
    assert_eq!(world.get(&format!("/v1/content/{TOOL}?at=known_good")).body, b"echo two\n");
}

#[test]
fn each_call_is_judged_by_itself() {
    let world = world("");
    let hash = world.tool(TOOL)["disk"]["sha256"].clone();
    let call = |more: &Value| {
        let mut call = json!({
            "tool": TOOL, "version": hash, "call_id": "a", "status": "ok", "duration_ms": 1,
            "ts": "2026-01-01T00:00:00Z", "agent": "planner",
        });
        for (name, value) in more.as_object().unwrap() {
            call[name] = value.clone();
        }
        call
    };
    let never = format!("sha256:{}", "0".repeat(64));
    let calls = [
        call(&json!({})),
        call(&json!({})),
        call(&json!({"call_id": "b", "version": never})),
        call(&json!({"call_id": "c", "tool": "tools/never.sh"})),
        call(&json!({"call_id": "d", "version": "head"})),
        call(&json!({"call_id": ""})),
        call(&json!({"call_id": "e", "error": {"type": "KeyError"}})),
    ];
    let taken = report(&world, &json!({"outcomes": calls}));
    assert_eq!((&taken["accepted"], &taken["duplicates"]), (&json!(1), &json!(1)));
    let refused: Vec<_> = taken["refused"].as_array().unwrap().iter().collect();
    let codes: Vec<_> =
        refused.iter().map(|it| (it["index"].clone(), it["code"].clone())).collect();
    assert_eq!(
        codes,
        [
            (json!(2), json!("no_such_version")),
            (json!(3), json!("no_such_tool")),
            (json!(4), json!("invalid_request")),
            (json!(5), json!("invalid_request")),
            (json!(6), json!("invalid_request")),
        ],
        "{taken}"
    );
    let unknown = json!({"outcomes": [{"tool": TOOL, "mood": "fine"}]});
    assert_eq!(world.post("/v1/outcomes", &unknown).status, 400);
    let kept = world.state().join("inputs");
    assert!(!kept.exists(), "there were no arguments");
}

#[test]
fn inputs_are_kept_without_secrets_where_the_root_allows_it() {
    for (keys, kept) in [("", true), ("record_args = \"hash\"", false)] {
        let mut world = World::new();
        world.root_keys = keys.to_owned();
        world.write("x.sh", "echo one\n");
        world.start();
        report(&world, &calls(1, 7, 1, Some("KeyError")));
        let files = fs::read_dir(world.state().join("inputs")).into_iter().flatten();
        let text: String =
            files.map(|it| fs::read_to_string(it.unwrap().path()).unwrap()).collect();
        assert_eq!(text.contains("query"), kept, "{text}");
        assert!(!text.contains("hidden"), "{text}");
    }
}

#[test]
fn by_hand() {
    let world = world("");
    let run = |words: &[&str]| {
        let output = world.cli(words);
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        stdout(&output)
    };
    let told = run(&["outcome", "x.sh", "--version", "v1", "--status", "ok", "--duration-ms", "5"]);
    assert_eq!(told, "1 taken in\n");
    wait_health(&world, "healthy");
    assert!(run(&["health"]).contains("tools/x.sh  healthy"));
    assert!(run(&["health", "x"]).contains("1, 0 failed"));
}

#[test]
fn what_could_not_be_loaded_goes_back() {
    let world = world("");
    world.post("/v1/deploys", &by_ai("echo two\n"));
    let report = json!({"failed": {TOOL: "SyntaxError: invalid syntax"}, "ttl": "1h"});
    world.put("/v1/runtimes/planner", &report).ok();
    let regressed = wait_health(&world, "regressed");
    assert_eq!(regressed["detail"]["rule"], "load");
    let from = regressed["seq"].as_u64().unwrap();
    world.wait_event(from, |it| it["event"] == "deploy.confirmed");
    assert_eq!(fs::read_to_string(world.path("x.sh")).unwrap(), "echo one\n");
}
