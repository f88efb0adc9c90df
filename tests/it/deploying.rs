//! Deploys, from outside: what is asked on the socket, what stands on disk and in the log afterwards. Tools in
//! TypeScript stand where verification is not the point: no checker is known for them, so that nothing is run.

mod conflicts;
mod crash;
mod crowd;
mod late;
mod policy;
mod provisional;
mod session;
mod sets;
mod undo;

use std::fs;

use serde_json::{Value, json};

use crate::world::{Answer, World, escaped};

/// A request with one change.
fn to(tool: &str, base: impl Into<Value>, content: &str) -> Value {
    json!({"changes": [{"tool": tool, "base": base.into(), "content": content}]})
}

/// A request with more members than it had.
fn with(mut request: Value, more: &Value) -> Value {
    for (name, value) in more.as_object().unwrap() {
        request[name] = value.clone();
    }
    request
}

fn send(world: &World, request: &Value) -> Answer {
    world.post("/v1/deploys", request)
}

/// One that is done, as far as it was asked.
fn made(world: &World, request: &Value) -> Value {
    let answer = send(world, request);
    assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
    answer.json()
}

fn deploy(world: &World, number: &Value) -> Value {
    world.get(&format!("/v1/deploys/{number}")).ok()
}

/// Waits for the fact that it came to this state.
fn wait_state(world: &World, number: &Value, state: &str) -> Value {
    let name = format!("deploy.{state}");
    world.wait_event(0, |it| it["event"] == *name && it["deploy"] == *number);
    let told = deploy(world, number);
    assert_eq!(told["state"], state, "{told}");
    told
}

fn on_disk(world: &World, path: &str) -> String {
    fs::read_to_string(world.path(path)).unwrap()
}

fn baseline(world: &World, tool: &str) -> Value {
    world.tool(tool)["baseline"].clone()
}

fn newest(world: &World, tool: &str) -> Value {
    world.versions(tool).pop().unwrap()
}

/// What is left in the stage once it had its time: it is cleared beside everything else, after the answer.
fn left_over(world: &World) -> Vec<String> {
    let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !litter(world).is_empty() && std::time::Instant::now() < end {
        std::thread::yield_now();
    }
    litter(world)
}

/// Nothing but what is there for good: no staged file, no displaced one that nobody holds open.
fn litter(world: &World) -> Vec<String> {
    fn below(dir: &std::path::Path, found: &mut Vec<String>) {
        let Ok(entries) = fs::read_dir(dir) else { return };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                below(&path, found);
            } else {
                found.push(path.to_str().unwrap().to_owned());
            }
        }
    }
    let mut found = Vec::new();
    below(&world.path(".knowngood/stage"), &mut found);
    found
}

fn content_url(tool: &str) -> String {
    format!("/v1/content/{}", escaped(tool))
}
