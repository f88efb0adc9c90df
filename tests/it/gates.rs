//! The gates, from outside: what an AI may do by itself, what waits for a person, what is stopped, and what a person may do
//! all the same. Where nothing isolates a run, an AI's deploys wait, and that is told.

use std::fs;

use serde_json::{Value, json};

use crate::world::{Answer, World, isolates, stderr, stdout};

const TOOL: &str = "tools/tool.py";
const LIVE: &str = "def tool(n):\n    return {'n': n, 'twice': n * 2}\n";

/// A running daemon over a tool whose last calls are known.
fn world(keys: &str, content: &str) -> World {
    let mut world = World::new();
    keys.clone_into(&mut world.root_keys);
    world.write("tool.py", content);
    world.start();
    let call = |n: u64| {
        json!({"tool": TOOL, "version": "v1", "call_id": format!("c{n}"), "status": "ok",
               "duration_ms": 3, "args": {"n": n}})
    };
    let calls: Vec<Value> = (0..8).map(call).collect();
    assert_eq!(world.post("/v1/outcomes", &json!({"outcomes": calls})).status, 202);
    world.wait_event(0, |it| it["event"] == "health.changed");
    world
}

fn asked(content: &str, more: &Value) -> Value {
    let mut request = json!({
        "changes": [{"tool": TOOL, "base": "disk", "content": content}],
        "author": {"kind": "ai", "name": "improver"}, "reason": "refactor",
    });
    for (name, value) in more.as_object().unwrap() {
        request[name] = value.clone();
    }
    request
}

fn by_ai(world: &World, content: &str, more: &Value) -> Answer {
    world.post("/v1/deploys", &asked(content, more))
}

/// How the gate answered, and why.
fn gate(of: &Value, name: &str) -> (String, String) {
    let gates = of["judgement"]["gates"].as_array().unwrap();
    let it = gates.iter().find(|it| it["gate"] == name).unwrap_or(&Value::Null);
    let text = |member: &str| it[member].as_str().unwrap_or_default().to_owned();
    (text("result"), text("why"))
}

fn live(world: &World) -> String {
    fs::read_to_string(world.path("tool.py")).unwrap()
}

#[test]
fn what_is_proven_as_good_goes_live_by_itself() {
    let world = world("", LIVE);
    if !isolates(&world) {
        return;
    }
    let same = "def tool(n):\n    twice = n + n\n    return {'n': n, 'twice': twice}\n";
    let rehearsed = by_ai(&world, same, &json!({"dry_run": true})).ok();
    assert_eq!((&rehearsed["state"], &rehearsed["deploy"]), (&json!("confirmed"), &Value::Null));
    assert_eq!(rehearsed["judgement"]["decision"], "activate");
    assert_eq!(live(&world), LIVE);
    let done = by_ai(&world, same, &json!({}));
    assert_eq!(done.status, 201, "{}", done.json());
    let done = done.json();
    assert_eq!(
        (&done["state"], &done["judgement"]["decision"]),
        (&json!("confirmed"), &json!("activate"))
    );
    let tool = &done["judgement"]["tools"][0];
    assert_eq!((&tool["class"], &tool["added"]), (&json!("pure"), &json!([])));
    let shadow = &tool["shadow"];
    assert_eq!((&shadow["verdict"], &shadow["findings"]), (&json!("equivalent"), &json!([])));
    assert!(shadow["compared"].as_u64() >= Some(8) && shadow["bound95"].is_number(), "{shadow}");
    assert_eq!(live(&world), same);
    assert_eq!(world.tool(TOOL)["health"], "baking", "it is watched from now on");
    // It is told again as it was, after a restart too.
    let mut world = world;
    let number = done["deploy"].clone();
    world.restart();
    let kept = world.get(&format!("/v1/deploys/{number}")).ok();
    assert_eq!(kept["judgement"], done["judgement"]);
    let event = world.wait_event(0, |it| it["event"] == "deploy.verified");
    assert_eq!(event["detail"]["judgement"]["tools"][0]["verdict"], "equivalent");
    world.verify();
}

#[test]
fn what_does_worse_is_stopped_and_told_why() {
    let world = world("", LIVE);
    if !isolates(&world) {
        return;
    }
    let worse = "def tool(n):\n    if n == 5:\n        raise KeyError('five')\n    return {'n': n, 'twice': n * 2}\n";
    let stopped = by_ai(&world, worse, &json!({}));
    let problem = stopped.json();
    assert_eq!(stopped.refusal(), (422, "policy_rejected".to_owned()), "{problem}");
    let finding = problem["findings"].as_array().unwrap().iter().find(|it| it["line"] == 3);
    let finding = finding.unwrap_or_else(|| panic!("no line: {problem}"));
    assert!(finding["message"].as_str().unwrap().contains("KeyError"), "{finding}");
    let proof = &problem["judgement"]["tools"][0]["shadow"]["findings"][0];
    assert_eq!((&proof["kind"], &proof["args"]), (&json!("broken"), &json!("{\"n\":5}")));
    assert_eq!(
        (&proof["candidate"]["type"], &proof["control"]["status"]),
        (&json!("KeyError"), &json!("ok"))
    );
    assert_eq!(gate(&problem, "shadow").0, "blocked");
    assert_eq!(live(&world), LIVE);
    let told = world.wait_event(0, |it| it["event"] == "deploy.rejected");
    assert_eq!(told["detail"]["judgement"]["decision"], "reject");
    // It cannot be forced by whoever made it; the command line ends with 7 and shows the line.
    let forced = json!({"force": true, "message": "trust me"});
    assert_eq!(by_ai(&world, worse, &forced).refusal().0, 403);
    let file = world.home.join("worse.py");
    fs::write(&file, worse).unwrap();
    let words =
        ["deploy", "tool", file.to_str().unwrap(), "--base", "v1", "--author", "ai:improver"];
    let output = world.cli(&words);
    assert_eq!(output.status.code(), Some(7), "{}", stderr(&output));
    assert!(stderr(&output).contains("tools/tool.py:3: broken on"), "{}", stderr(&output));
    let line = world.daemon().wait_log(0, "deploy.rejected");
    assert_eq!((&line["gate"], &line["level"]), (&json!("shadow"), &json!("warn")), "{line}");
}

#[test]
fn what_answers_otherwise_waits_for_a_person_or_is_declared() {
    let world = world("", LIVE);
    if !isolates(&world) {
        return;
    }
    let other = LIVE.replace("n * 2", "[n * 2]");
    let waits = by_ai(&world, &other, &json!({}));
    assert_eq!(waits.status, 202, "{}", waits.json());
    let waits = waits.json();
    assert_eq!((&waits["state"], live(&world).as_str()), (&json!("awaiting_approval"), LIVE));
    assert_eq!(gate(&waits, "shadow").0, "waits");
    assert!(waits["deadline"].is_string() && waits["why"].as_str().unwrap().contains("changed"));
    let number = &waits["deploy"];
    let path = format!("/v1/deploys/{number}/approve");
    let by_itself = json!({"author": {"kind": "ai", "name": "improver"}});
    assert_eq!(world.post(&path, &by_itself).refusal().0, 403);
    let as_of = world.get(&format!("/v1/deploys/{number}")).ok()["as_of"].as_u64().unwrap();
    let stale = world.post(&path, &json!({"as_of": as_of - 1}));
    assert_eq!(stale.refusal(), (409, "not_in_state".to_owned()));
    // As a person would: look, then say yes to exactly that.
    let shown = stdout(&world.cli(&["deploys", &number.to_string()]));
    assert!(
        shown.contains("waits") && shown.contains("/value/twice") || shown.contains("changed"),
        "{shown}"
    );
    let said = world.cli(&["approve", &number.to_string(), "--as-of", &as_of.to_string()]);
    assert_eq!(said.status.code(), Some(0), "{}", stderr(&said));
    assert_eq!(live(&world), other);
    // The same again, said beforehand.
    let declared = json!({"expect_changes": ["/value/twice"]});
    let third = LIVE.replace("n * 2", "(n, n)");
    let done = by_ai(&world, &third, &declared);
    assert_eq!(done.status, 201, "{}", done.json());
    let verdict = &done.json()["judgement"]["tools"][0]["shadow"]["verdict"];
    assert_eq!(verdict, "changed_as_declared");
    let elsewhere = json!({"expect_changes": ["/value/n"]});
    assert_eq!(
        by_ai(&world, LIVE, &elsewhere).json()["state"],
        "confirmed",
        "it is the known good"
    );
}

#[test]
fn what_can_do_more_waits_with_its_evidence() {
    let world = world("", LIVE);
    let wider = "import subprocess\ndef tool(n):\n    subprocess.run(['true'])\n    return {'n': n, 'twice': n * 2}\n";
    let waits = by_ai(&world, wider, &json!({}));
    let told = waits.json();
    assert_eq!(waits.status, 202, "{told}");
    let tool = &told["judgement"]["tools"][0];
    assert_eq!(
        (&tool["class"], &tool["class_before"], &tool["added"]),
        (&json!("exec"), &json!("pure"), &json!(["exec"]))
    );
    let evidence = &tool["evidence"][0];
    assert_eq!((&evidence["via"], &evidence["line"]), (&json!("subprocess.run"), &json!(3)));
    let (result, why) = gate(&told, "class");
    assert_eq!(result, "waits");
    assert!(why.contains("subprocess.run in tool.py line 3"), "{why}");
    assert_eq!(live(&world), LIVE);
    let number = told["deploy"].clone();
    world.post(&format!("/v1/deploys/{number}/abort"), &json!({})).ok();
    // A person only hears of it.
    let person = json!({"author": null, "message": "we need it"});
    let done = by_ai(&world, wider, &person);
    assert_eq!(done.status, 201, "{}", done.json());
    assert_eq!(gate(&done.json(), "class").0, "warned");
}

/// Its text shows that it gets at things while it runs, and not at what: that is seen when it does.
#[test]
fn what_does_more_than_its_text_shows_is_stopped_and_raises_an_alert() {
    let world = world("", LIVE);
    if !isolates(&world) {
        return;
    }
    let sly = "def tool(n):\n    all = ().__class__.__base__.__subclasses__()\n    it = [c for c in all if c.__name__ == '_wrap_close'][0]\n    it.__init__.__globals__['mkdir']('left')\n    return {'n': n, 'twice': n * 2}\n";
    let stopped = by_ai(&world, sly, &json!({}));
    assert_eq!(stopped.refusal(), (422, "policy_rejected".to_owned()), "{}", stopped.json());
    let told = stopped.json();
    assert_eq!(told["judgement"]["tools"][0]["shadow"]["verdict"], "unsafe", "{told}");
    let alert = world.wait_event(0, |it| it["event"] == "alert.raised");
    assert_eq!(alert["detail"]["kind"], "unsafe_candidate", "{alert}");
    assert_eq!(live(&world), LIVE);
}

#[test]
fn a_person_in_a_hurry_passes_and_is_watched() {
    let writer = "def tool(n):\n    with open('out.txt', 'w') as it:\n        it.write(str(n))\n    return n\n";
    let world = world("", writer);
    let worse = writer.replace("return n", "return n / (n - 5)");
    let person = |more: Value| {
        let mut more = more;
        more["author"] = Value::Null;
        by_ai(&world, &worse, &more)
    };
    if isolates(&world) {
        let stopped = person(json!({}));
        assert_eq!(stopped.refusal(), (422, "policy_rejected".to_owned()), "{}", stopped.json());
    }
    let silent = person(json!({"force": true}));
    assert_eq!(silent.refusal().0, 400, "force wants a message");
    let done = person(json!({"force": true, "message": "production is down"}));
    assert_eq!(done.status, 201, "{}", done.json());
    assert_eq!(gate(&done.json(), "shadow").0, "skipped");
    assert_eq!((live(&world), world.tool(TOOL)["health"].clone()), (worse, json!("baking")));
}

#[test]
fn what_goes_live_together_is_run_together() {
    let mut world = World::new();
    world.write("tool.py", "import part\ndef tool(n):\n    return part.double(n)\n");
    world.write("part.py", "def double(n):\n    return n * 2\n");
    // What is only imported has no inputs of its own: its exam is that of the tool.
    world.root_keys = "policy.ai.pure = \"shadow\"\npolicy.human.pure = \"shadow\"".to_owned();
    world.start();
    if !isolates(&world) {
        return;
    }
    let calls: Vec<Value> = (0..8)
        .map(|n| json!({"tool": TOOL, "version": "v1", "call_id": format!("c{n}"), "status": "ok", "duration_ms": 3, "args": {"n": n}}))
        .collect();
    world.post("/v1/outcomes", &json!({"outcomes": calls}));
    let both = json!({"changes": [
        {"tool": TOOL, "base": "disk", "content": "import part\ndef tool(n):\n    return part.twice(n)\n"},
        {"tool": "tools/part.py", "base": "disk", "content": "def twice(n):\n    return n + n\n"},
    ], "author": {"kind": "ai", "name": "improver"}});
    let waits = world.post("/v1/deploys", &both).json();
    let tools = waits["judgement"]["tools"].as_array().unwrap_or_else(|| panic!("{waits}"));
    let verdict = |id: &str| {
        let it = tools.iter().find(|it| it["tool"] == id).unwrap();
        it["shadow"]["verdict"].as_str().unwrap().to_owned()
    };
    assert_eq!(verdict(TOOL), "equivalent", "{waits}");
    assert_eq!(verdict("tools/part.py"), "inconclusive");
    assert_eq!(waits["state"], "awaiting_approval");
    // Alone, the tool breaks.
    let number = waits["deploy"].clone();
    world.post(&format!("/v1/deploys/{number}/abort"), &json!({})).ok();
    let mut alone = both;
    alone["changes"].as_array_mut().unwrap().pop();
    assert_eq!(world.post("/v1/deploys", &alone).refusal(), (422, "policy_rejected".to_owned()));
}

#[test]
fn who_waits_too_long_is_given_up_and_a_root_may_say_otherwise() {
    let keys = "policy.ai.pure = \"approve\"\npolicy.ai.deleted = \"verify\"\npolicy.approval_expires = \"1s\"";
    let world = world(keys, LIVE);
    let waits = by_ai(&world, "def tool(n):\n    return n\n", &json!({}));
    let told = waits.json();
    assert!(isolates(&world) || waits.status == 202, "{told}");
    assert_eq!(told["state"], "awaiting_approval", "{told}");
    let ended = world.wait_event(0, |it| it["event"] == "deploy.aborted");
    assert!(ended["detail"]["why"].as_str().unwrap().contains("approved"), "{ended}");
    let late = world.post(&format!("/v1/deploys/{}/approve", told["deploy"]), &json!({}));
    assert_eq!(late.refusal(), (409, "not_in_state".to_owned()));
    let gone = json!({"changes": [{"tool": TOOL, "base": "disk", "delete": true}], "author": {"kind": "ai"}});
    assert_eq!(world.post("/v1/deploys", &gone).status, 201);
}

#[test]
fn an_ai_deletes_creates_and_accepts_only_with_somebody() {
    let world = world("", LIVE);
    let mut states = Vec::new();
    for changes in [
        json!([{"tool": TOOL, "base": "disk", "delete": true}]),
        json!([{"tool": "tools/new.py", "base": null, "content": "def new(n):\n    return n\n"}]),
    ] {
        let answer =
            world.post("/v1/deploys", &json!({"changes": changes, "author": {"kind": "ai"}}));
        assert_eq!(answer.status, 202, "{}", answer.json());
        states.push(answer.json()["state"].clone());
        let number = answer.json()["deploy"].clone();
        world.post(&format!("/v1/deploys/{number}/abort"), &json!({})).ok();
    }
    assert_eq!(states, ["awaiting_approval", "awaiting_approval"]);
    // What it finds on disk is compared with the baseline, not with itself.
    world.write("tool.py", "import os\ndef tool(n):\n    return os.listdir('.')\n");
    world.sync();
    let accept = json!({"tools": [{"tool": TOOL}], "author": {"kind": "ai", "name": "improver"}});
    let answer = world.post("/v1/accept", &accept);
    assert_ne!(answer.status, 200, "{}", answer.json());
    assert_eq!(world.tool(TOOL)["baseline"], 1);
}

/// What stands on disk and was never accepted is no measure, and no way in.
#[test]
fn an_edit_that_nobody_accepted_is_laundered_by_no_deploy() {
    let world = world("", LIVE);
    let edit = "import subprocess\ndef tool(n):\n    subprocess.run(['true'])\n    return n\n";
    world.write("tool.py", edit);
    world.sync();
    for (content, executable) in [(edit.to_owned(), true), (format!("{edit}# note\n"), false)] {
        let change =
            json!({"tool": TOOL, "base": "disk", "content": content, "executable": executable});
        let request = json!({"changes": [change], "author": {"kind": "ai", "name": "improver"}});
        let answer = world.post("/v1/deploys", &request);
        assert_ne!(answer.status, 201, "{}", answer.json());
        if let Some(number) = answer.json()["deploy"].as_u64().filter(|_| answer.status == 202) {
            world.post(&format!("/v1/deploys/{number}/abort"), &json!({})).ok();
        }
        assert_eq!(world.tool(TOOL)["baseline"], 1);
    }
    // Its bit alone is not an AI's to turn either.
    world.write("tool.py", LIVE);
    world.sync();
    let change = json!({"tool": TOOL, "base": "disk", "content": LIVE, "executable": true});
    let request = json!({"changes": [change], "author": {"kind": "ai"}});
    let answer = world.post("/v1/deploys", &request);
    assert_eq!(answer.status, 202, "{}", answer.json());
    assert!(gate(&answer.json(), "class").1.contains("executable bit"), "{}", answer.json());
}

#[test]
fn what_waits_holds_up_no_person_and_no_policy() {
    let world = world("on_drift = \"restore\"\npolicy.ai.pure = \"approve\"", LIVE);
    let waits = by_ai(&world, &LIVE.replace("n * 2", "n + n"), &json!({}));
    assert_eq!(waits.status, 202, "{}", waits.json());
    let number = waits.json()["deploy"].clone();
    world.write("tool.py", "print('edited')\n");
    world.wait_event(0, |it| it["event"] == "drift.cleared");
    assert_eq!(live(&world), LIVE);
    let second = by_ai(&world, "def tool(n):\n    return n\n", &json!({}));
    assert_ne!(second.status, 201, "another AI waits its turn: {}", second.json());
    let person = json!({"author": null});
    let done = by_ai(&world, &LIVE.replace("n * 2", "2 * n"), &person);
    assert_eq!(done.status, 201, "{}", done.json());
    let ended = world.get(&format!("/v1/deploys/{number}")).ok();
    assert_eq!(ended["state"], "superseded", "{ended}");
}

#[test]
fn a_declared_change_wants_evidence_like_any_other() {
    let mut world = World::new();
    world.write("tool.py", LIVE);
    world.start();
    if !isolates(&world) {
        return;
    }
    let call = json!({"tool": TOOL, "version": "v1", "call_id": "c", "status": "ok", "duration_ms": 3, "args": {"n": 1}});
    world.post("/v1/outcomes", &json!({"outcomes": [call]}));
    let other = LIVE.replace("n * 2", "[n * 2]");
    for declared in ["/value/twice", "/value", ""] {
        let answer = by_ai(&world, &other, &json!({"expect_changes": [declared], "dry_run": true}));
        assert_eq!(answer.json()["state"], "awaiting_approval", "{declared}: {}", answer.json());
    }
}

/// What a run shows counts for the decision that it was made for, the same in a rehearsal.
#[test]
fn a_rehearsal_and_the_deploy_after_it_agree() {
    let world = world("", LIVE);
    if !isolates(&world) {
        return;
    }
    let reads = "import configparser\ndef tool(n):\n    configparser.ConfigParser().read('/etc/hostname')\n    return {'n': n, 'twice': [n * 2]}\n";
    let dry = json!({"dry_run": true});
    let [first, second, real] =
        [dry.clone(), dry, json!({})].map(|more| by_ai(&world, reads, &more).json());
    let told = |it: &Value| (it["state"].clone(), it["judgement"]["tools"][0]["class"].clone());
    assert_eq!((told(&first), told(&first)), (told(&second), told(&real)), "{first}\n{real}");
    if real["state"] == "awaiting_approval" {
        let approved = world.post(&format!("/v1/deploys/{}/approve", real["deploy"]), &json!({}));
        assert_eq!(approved.json()["state"], "confirmed", "{}", approved.json());
    }
}
