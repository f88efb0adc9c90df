//! The daemon is killed while deploys go on: after its next start the file is a whole version, the log knows which, and
//! what was acknowledged is there.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{left_over, on_disk};
use crate::world::World;

const ROUNDS: u64 = 20;

/// One request after the other, until nobody answers. Gives the contents that were acknowledged.
fn stream(world: &World, round: u64, counted: &AtomicUsize) -> Vec<(u64, u64)> {
    let mut acknowledged = Vec::new();
    for number in 0.. {
        let content = |tool: &str| format!("{tool} {round} {number}\n");
        let request = json!({"changes": [
            {"tool": "tools/x.ts", "base": "disk", "content": content("x")},
            {"tool": "tools/y.ts", "base": "disk", "content": content("y")},
        ]});
        let Some(answer) = world.try_post("/v1/deploys", &request) else { break };
        match answer.status {
            201 => acknowledged.push((round, number)),
            // It was killed between head and body, or had not begun to listen again.
            _ if answer.body.is_empty() => break,
            _ => panic!("{}", answer.detail()),
        }
        counted.fetch_add(1, Ordering::Release);
    }
    acknowledged
}

/// Anything below `most`, the same in every run.
fn drawn(round: u64, most: u64) -> u64 {
    let mixed = (round + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 33) % most
}

fn standing(world: &World, tool: &str, path: &str) -> Value {
    let told = world.tool(tool);
    let number = told["disk"]["version"].clone();
    assert_eq!(world.content(tool, &number), on_disk(world, path), "{told}");
    told
}

#[test]
fn killed_at_any_moment() {
    let mut world = World::with(&[("x.ts", "x start\n"), ("y.ts", "y start\n")]);
    let mut acknowledged = Vec::new();
    for round in 0..ROUNDS {
        let counted = AtomicUsize::new(0);
        let done = std::thread::scope(|scope| {
            let (world, counted) = (&world, &counted);
            let asked = scope.spawn(move || stream(world, round, counted));
            // After so many deploys, and then somewhere within the next.
            let after = usize::try_from(drawn(round, 4)).unwrap();
            while counted.load(Ordering::Acquire) < after {
                std::thread::yield_now();
            }
            let until = Instant::now() + Duration::from_micros(drawn(round + 100, 12_000));
            while Instant::now() < until {
                std::thread::yield_now();
            }
            world.daemon().signal(rustix::process::Signal::KILL);
            asked.join().unwrap()
        });
        acknowledged.extend(done);
        world.kill();
        world.start();
        world.sync();
        let x = standing(&world, "tools/x.ts", "x.ts");
        let y = standing(&world, "tools/y.ts", "y.ts");
        assert_eq!(on_disk(&world, "x.ts")[1..], on_disk(&world, "y.ts")[1..], "round {round}");
        assert_eq!((&x["sync"], &y["sync"]), (&json!("in_sync"), &json!("in_sync")), "{x} {y}");
        assert_eq!(left_over(&world), [""; 0], "round {round}");
        let open = world.list("/v1/deploys").into_iter().filter(|it| {
            !["confirmed", "abandoned", "no_op"].contains(&it["state"].as_str().unwrap())
        });
        assert_eq!(open.collect::<Vec<_>>(), [json!(null); 0], "round {round}");
    }
    for tool in ["x", "y"] {
        let contents = world.contents(&format!("tools/{tool}.ts"));
        for (round, number) in &acknowledged {
            let wanted = format!("{tool} {round} {number}\n");
            assert!(contents.contains(&wanted), "{wanted:?} was acknowledged");
        }
    }
    assert!(acknowledged.len() > 10, "{}", acknowledged.len());
    world.verify();
}
