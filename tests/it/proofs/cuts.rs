//! The power is cut while deploys go on: what was acknowledged is there, file and log agree. Once with root and log on
//! one file system, whose journal keeps the order of everything; once with the log apart, which survives, so that what
//! it calls live must be live. Without the syncs both must fail, or these tests see nothing.

#![expect(
    clippy::maybe_infinite_iter,
    clippy::similar_names,
    reason = "some name is free; promises and what was promised"
)]

use std::{
    collections::BTreeMap,
    env, fs,
    io::Read as _,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use super::wait_cleared;
use crate::world::{World, cut_power};

/// `<what to do> <where the log is> <directory>`
const ORDER: &str = "KNOWNGOOD_CUT_CHILD";
const SYNCS: &str = "fsync,fdatasync,syncfs,sync_file_range";
/// Long enough for some deploys, on a busy machine.
const LONGEST: [&str; 2] = ["--longest-ms", "1500"];
/// Where the log is, and what the file system is.
const GROUNDS: [(&str, &str); 3] = [("together", "ext4"), ("apart", "ext4"), (GOES_ON, "xfs")];
/// Apart, and what it was told after the cut does not count: xfs says of a directory that it is synced when it is shut down
/// already, which no machine without power would.
const GOES_ON: &str = "apart-and-on";

#[test]
fn some_power_cuts_lose_nothing() {
    for ground in GROUNDS {
        cut(ground, 3, 2);
    }
}

#[test]
#[ignore = "takes minutes"]
fn a_hundred_power_cuts_under_deploys_lose_nothing() {
    for ground in GROUNDS {
        cut(ground, 100, 6);
    }
}

fn cut((log, kind): (&str, &str), rounds: u32, without: u32) {
    let options = [LONGEST, ["--kind", kind]].concat();
    let cut = |rounds, what| cut_power(rounds, &options, &line(what, log), &line("check", log));
    let Some((kept, text)) = cut(rounds, "deploy") else { return };
    println!("{kind}, log {log}, synced: {text}");
    assert!(kept, "{text}");
    if super::trace::is_there() {
        let (kept, text) = cut(without, "unsynced").unwrap();
        println!("{kind}, log {log}, not synced: {text}");
        assert!(!kept, "{text}");
    }
}

/// This test binary as a child, as one line of shell.
fn line(what: &str, log: &str) -> String {
    let exe = env::current_exe().unwrap();
    let exe = exe.display();
    format!(
        "env '{ORDER}={what} {log} {{dir}}' {exe} --exact proofs::cuts::as_a_child --ignored --nocapture"
    )
}

#[test]
#[ignore = "the other tests here start it"]
#[expect(clippy::disallowed_methods, reason = "a test binary hands on no arguments")]
fn as_a_child() {
    let Ok(order) = env::var(ORDER) else { return };
    let [what, log, dir] = order.splitn(3, ' ').collect::<Vec<_>>()[..] else { panic!("{order}") };
    let dir = Path::new(dir);
    let root = dir.join("tools");
    let is_new = !root.exists();
    fs::create_dir_all(dir).unwrap();
    let mut world = World::at(&root, &home(log, dir, is_new));
    // The harness has left its line open.
    println!();
    if is_new {
        for tool in STREAMS.iter().flat_map(|it| it.1) {
            world.write(&format!("{tool}.ts"), &content(tool, 0));
        }
        world.sh("sync -f .");
    }
    match what {
        "deploy" => deploy(&mut world),
        "unsynced" => {
            let strace = "strace -f -qq --seccomp-bpf -o /dev/null -e";
            world.wrapper = strace.split(' ').map(str::to_owned).collect();
            let filter =
                [format!("trace={SYNCS}"), "-e".into(), format!("inject={SYNCS}:retval=0")];
            world.wrapper.extend(filter);
            deploy(&mut world);
        }
        "check" => check(&mut world, log),
        other => panic!("{other}"),
    }
}

/// Configuration, log and socket. Apart: where no power is cut, one for each file system that the script makes.
fn home(log: &str, dir: &Path, is_new: bool) -> PathBuf {
    if log == "together" {
        return dir.join("home");
    }
    let outside = dir.ancestors().nth(2).unwrap();
    let logs = |it: &usize| outside.join(format!("log-{it}"));
    let next = (0..).find(|it| !logs(it).exists()).unwrap();
    logs(&if is_new { next } else { next - 1 })
}

/// A set, and a tool alone with a larger content.
const STREAMS: [(&str, &[&str]); 2] = [("set", &["x", "y"]), ("one", &["z"])];
/// Every third set makes a file, which the next one removes.
const EVERY: u64 = 3;

fn content(tool: &str, number: u64) -> String {
    let lines = if tool == "z" { 4000 } else { 3 };
    format!("{tool} {number}\n").repeat(lines)
}

fn made(number: u64) -> String {
    format!("made/n{number}.ts")
}

/// Deploys until nobody answers, and says what was acknowledged.
fn deploy(world: &mut World) {
    world.start();
    let world = &*world;
    std::thread::scope(|scope| {
        for (stream, tools) in STREAMS {
            scope.spawn(move || {
                let first = stands(world, tools[0]) + 1;
                for number in first.. {
                    let request = json!({"changes": changes(stream, tools, number)});
                    let answer = world.try_post("/v1/deploys", &request);
                    match answer {
                        Some(answer) if answer.status == 201 => println!("ACK {stream} {number}"),
                        // The disk is gone, or the daemon.
                        _ => return,
                    }
                }
            });
        }
    });
}

fn changes(stream: &str, tools: &[&str], number: u64) -> Vec<Value> {
    let change = |it: &&str| json!({"tool": format!("tools/{it}.ts"), "base": "disk", "content": content(it, number)});
    let mut changes: Vec<Value> = tools.iter().map(change).collect();
    let tool = |it: u64| format!("tools/{}", made(it));
    match number % EVERY {
        _ if stream != "set" => (),
        0 => changes
            .push(json!({"tool": tool(number), "base": null, "content": content("n", number)})),
        1 if number > 1 => {
            changes.push(json!({"tool": tool(number - 1), "base": "disk", "delete": true}));
        }
        _ => (),
    }
    changes
}

/// The number of the content on disk, which must be whole.
fn stands(world: &World, tool: &str) -> u64 {
    let text = fs::read_to_string(world.path(&format!("{tool}.ts"))).unwrap();
    let first = text.lines().next().unwrap_or_default();
    let number = first.split(' ').nth(1).and_then(|it| it.parse().ok());
    let number = number.unwrap_or_else(|| panic!("{tool}: {first:?}"));
    assert!(text == content(tool, number), "{tool}: torn");
    number
}

fn check(world: &mut World, log: &str) {
    let mut promises = String::new();
    std::io::stdin().read_to_string(&mut promises).unwrap();
    let mut promised: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for (stream, number) in promises.lines().filter_map(|it| it.split_once(' ')) {
        promised.entry(stream).or_default().push(number.parse().unwrap());
    }
    world.start();
    let summary = world.summary();
    for it in ["modified", "orphaned", "missing", "unreadable", "conflicted", "unsettled"] {
        assert!(log == GOES_ON || summary[it] == 0, "{it}: {summary}");
    }
    for (stream, tools) in STREAMS {
        let numbers = promised.remove(stream).unwrap_or_default();
        let live: Vec<u64> = tools.iter().map(|it| stands(world, it)).collect();
        assert!(live.iter().all(|it| *it == live[0]), "a mixture: {live:?}");
        let last = numbers.iter().max().copied().unwrap_or_default();
        assert!(live[0] >= last, "{stream} {last} was acknowledged, {} stands there", live[0]);
        if stream == "set" {
            let exists = |it: u64| world.path(&made(it)).exists();
            assert!(!live[0].is_multiple_of(EVERY) || live[0] == 0 || exists(live[0]));
            assert!(live[0] % EVERY != 1 || !exists(live[0] - 1), "{} was deleted", live[0] - 1);
        }
        for tool in tools {
            recorded(world, tool, &numbers);
        }
    }
    assert_eq!(wait_cleared(world, || false), [""; 0]);
    world.verify();
    world.stop();
}

fn recorded(world: &World, tool: &str, numbers: &[u64]) {
    let id = format!("tools/{tool}.ts");
    let contents = world.contents(&id);
    for number in numbers {
        assert!(contents.contains(&content(tool, *number)), "{tool} {number} is not in the log");
    }
    let disk = world.tool(&id)["disk"]["version"].clone();
    assert_eq!(world.content(&id, &disk), content(tool, stands(world, tool)), "{tool}");
}
