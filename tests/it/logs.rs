//! Log lines: one for each durable fact and for what else an operator wants to hear, each with its fields, in the
//! form that is asked for. The form of systemd's journal is looked at where there is one (`systemd`).

use std::{collections::BTreeSet, fs};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::world::World;

/// Event, level, fields beside these two and time and message. One with a `?` may be absent; an event that stands here
/// twice has two shapes.
const EVENTS: &[(&str, &str, &str)] = &[
    ("version.recorded", "info", "seq tool version deploy? author sha256 size origin reason"),
    ("tool.removed", "warn", "seq tool origin"),
    ("drift.detected", "warn", "seq tool version? expected? sync"),
    ("drift.cleared", "info", "seq tool version?"),
    ("baseline.moved", "info", "seq tool version? author reason"),
    ("baseline.moved", "info", "seq root tools reason"),
    ("runtime.loaded", "info", "seq runtime loaded failed"),
    ("runtime.stale", "warn", "seq runtime tool loaded expected"),
    ("runtime.failed", "warn", "seq runtime tool error"),
    ("runtime.expired", "info", "seq runtime asked"),
    ("class.changed", "warn", "seq tool version before class added removed"),
    ("class.changed", "info", "seq tool version before class added removed"),
    ("class.waived", "info", "seq tool author cap via reason withdrawn"),
    ("safety.stopped", "warn", "seq root cause"),
    ("safety.cleared", "info", "seq root accepted"),
    ("deploy.accepted", "info", "seq deploy tool? tools author kind reason message?"),
    ("deploy.no_op", "info", "seq deploy tool? tools author kind reason message?"),
    ("deploy.staged", "info", "seq deploy tool?"),
    ("deploy.verified", "info", "seq deploy tool?"),
    ("deploy.switching", "info", "seq deploy tool?"),
    ("deploy.activated", "info", "seq deploy tool?"),
    ("deploy.confirmed", "info", "seq deploy tool? why?"),
    ("deploy.rejected", "warn", "seq deploy tool? gate why"),
    ("deploy.awaiting_approval", "warn", "seq deploy tool? why"),
    ("deploy.conflicted", "warn", "seq deploy tool? why"),
    ("deploy.aborted", "warn", "seq deploy tool? why"),
    ("deploy.rolled_back", "warn", "seq deploy tool? why by"),
    ("deploy.superseded", "warn", "seq deploy tool? why by?"),
    ("deploy.abandoned", "warn", "seq deploy tool? why"),
    ("deploy.not_begun", "warn", "tool kind why"),
    ("content.quarantined", "warn", "seq tool sha256 deploy? author"),
    ("content.released", "info", "seq tool sha256 author"),
    ("after.done", "info", "deploy root took_ms"),
    ("after.failed", "warn", "deploy root error took_ms output"),
    ("after.dropped", "warn", ""),
    ("daemon.started", "info", "version pid socket"),
    ("daemon.stopping", "info", ""),
    ("scan.completed", "info", "root files drifted took_ms origin rehash"),
    ("audit.missed", "warn", "tool because_of"),
    ("config.reloaded", "info", "changed"),
    ("config.reloaded", "warn", "needs_restart"),
    ("config.rejected", "error", "errors"),
    ("watch.overflowed", "warn", ""),
    ("watch.degraded", "warn", "root why"),
    ("watch.restored", "info", "root"),
    ("log.head", "info", "seq hash"),
    ("log.damaged", "error", "file offset"),
    ("log.disk_full", "error", ""),
    ("log.writable", "info", ""),
];

/// Whether a line has what its event promises, and nothing else.
pub(crate) fn is_whole(line: &Value) {
    let there: BTreeSet<&str> = line.as_object().unwrap().keys().map(String::as_str).collect();
    let fits = |(event, level, fields): &(&str, &str, &str)| {
        let mut needed = fields.split_whitespace().filter(|it| !it.ends_with('?'));
        let known =
            |it: &str| fields.split_whitespace().any(|name| name.trim_end_matches('?') == it);
        let common = ["ts", "level", "event", "msg"];
        line["event"] == *event
            && line["level"] == *level
            && needed.all(|it| there.contains(it))
            && there.iter().all(|it| known(it) || common.contains(it))
    };
    assert!(EVENTS.iter().any(fits), "{line}");
}

/// Deploys of every end but that of a crash.
fn deploys(world: &World) {
    let to = |tool: &str, base: &str, content: &str, more: &[(&str, Value)]| {
        let mut request = json!({"changes": [{"tool": tool, "base": base, "content": content}]});
        for (name, value) in more {
            request[*name] = value.clone();
        }
        world.post("/v1/deploys", &request).json()["deploy"].clone()
    };
    let done = |number: &Value, word: &str| {
        world.post(&format!("/v1/deploys/{number}/{word}"), &json!({})).ok();
    };
    to("tools/d.py", "v1", "two = 2\n", &[("message", json!("better"))]);
    to("tools/d.py", "v2", "two = 2\n", &[]);
    to("tools/d.py", "v2", "two = (\n", &[]);
    done(&to("tools/d.py", "v2", "three = 3\n", &[("confirm_within", json!("1h"))]), "abort");
    let back = json!({"tools": [{"tool": "tools/d.py", "to": "v1"}], "quarantine": true});
    world.post("/v1/rollback", &back).ok();
    to("tools/d.py", "disk", "two = 2\n", &[("force", json!(true)), ("message", json!("sure"))]);
    let merge = ("on_conflict", json!("merge"));
    to("tools/d.py", "v1", "four = 4\n", std::slice::from_ref(&merge));
    done(&to("tools/d.py", "v1", "five = 5\n", &[merge]), "abort");
    done(&to("tools/t.ts", "v1", "two\n", &[("author", json!({"kind": "ai"}))]), "abort");
}

/// Makes every kind of fact come true, and some that are none. Ends the daemon, and gives its lines and its facts.
fn a_day(form: &str) -> (Vec<Value>, Vec<Value>) {
    let mut world = World::new();
    world.config = format!("[log]\nformat = {form:?}");
    let alias = world.ground.path.join("alias");
    for name in ["a.py", "b.py", "c.py", "d.py", "e.py", "t.ts", "it's = \"odd\".py"] {
        world.write(name, "one\n");
    }
    fs::hard_link(world.path("c.py"), &alias).unwrap();
    world.start();
    let one = world.versions("tools/a.py")[0]["sha256"].clone();
    let report =
        json!({"loaded": {"tools/a.py": one}, "failed": {"tools/b.py": "No\nsuch module"}});
    world.put("/v1/runtimes/planner", &report).ok();
    world.write("a.py", "two\n");
    world.write("it's = \"odd\".py", "two\n");
    world.sync();
    deploys(&world);
    world.accept(&["tools/a.py"]).ok();
    world.ask("DELETE", "/v1/runtimes/planner", b"");
    world.write("d.py", "import subprocess\nsubprocess.run(['ls'])\n");
    world.wait_kind(0, "class.changed");
    let waiver = json!({"cap": "exec", "detail": "subprocess.run", "reason": "it lists"});
    world.post("/v1/class/tools/d.py", &waiver).ok();
    fs::remove_file(world.path("b.py")).unwrap();
    world.sync();
    fs::write(&alias, "two\n").unwrap();
    world.post("/v1/rescan", &json!({})).ok();
    let away = world.root.with_file_name("away");
    fs::rename(&world.root, &away).unwrap();
    world.wait_kind(0, "safety.stopped");
    fs::rename(&away, &world.root).unwrap();
    world.wait_kind(0, "safety.cleared");
    world.sh("sha256sum [a-e].py > tools.sha256 2> /dev/null || true");
    "baseline = \"tools.sha256\"".clone_into(&mut world.root_keys);
    world.write_config();
    world.post("/v1/reload", &json!({})).ok();
    world.wait_event(0, |it| it["detail"]["manifest_sha256"].is_string());
    world.sync();
    let right = std::mem::replace(&mut world.config, "[log]\nlevel = \"loud\"".to_owned());
    world.write_config();
    assert_eq!(world.post("/v1/reload", &json!({})).status, 400);
    world.config = right;
    let facts = world.events();
    world.daemon().signal(Signal::TERM);
    (world.end_with_log(), facts)
}

fn every_fact_has_its_line(form: &str) {
    let (lines, facts) = a_day(form);
    lines.iter().for_each(is_whole);
    let told: BTreeSet<&str> = lines.iter().map(|it| it["event"].as_str().unwrap()).collect();
    // Those of the watcher's are looked at where the kernel's limits are, those of a log in trouble where it has some.
    let elsewhere = |it: &&str| {
        let others = [
            "log.damaged",
            "log.disk_full",
            "log.writable",
            "deploy.abandoned",
            "deploy.not_begun",
        ];
        it.starts_with("watch.") || it.starts_with("after.") || others.contains(it)
    };
    let expected = EVENTS.iter().map(|it| it.0).filter(|it| !elsewhere(it));
    assert_eq!(told, expected.collect());
    let text = |it: &Value| it.as_str().map_or_else(|| it.to_string(), str::to_owned);
    for fact in &facts {
        let of_fact =
            |it: &&Value| it["event"] == fact["event"] && text(&it["seq"]) == text(&fact["seq"]);
        let lines: Vec<_> = lines.iter().filter(of_fact).collect();
        let initial = fact["detail"]["reason"] == "initial";
        assert_eq!(lines.len(), usize::from(!initial), "{fact}");
        for (line, name) in lines.iter().flat_map(|it| ["tool", "version"].map(|name| (it, name))) {
            assert_eq!(text(&line[name]), text(&fact[name]), "{line} {fact}");
        }
    }
    let head = lines.iter().rfind(|it| it["event"] == "log.head").unwrap();
    assert_eq!(text(&head["seq"]), text(&facts.last().unwrap()["seq"]));
}

#[test]
fn in_json_every_fact_has_its_line() {
    every_fact_has_its_line("json");
}

#[test]
fn in_text_every_fact_has_its_line() {
    every_fact_has_its_line("text");
}
