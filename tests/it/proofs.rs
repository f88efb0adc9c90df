//! What the program promises of deploys, proved from outside by force: killed and lied to at every call that changes
//! something, its power cut, many at the same file, interpreters that keep what they compiled. Each proof has a short
//! form among the tests and a long one, which `sh tests/run long` runs.

mod caches;
mod cuts;
mod errors;
mod kills;
mod shapes;
mod trace;
mod writers;

use std::time::{Duration, Instant};

use crate::world::World;

/// Longer than anything takes that is cleared away beside everything else.
const CLEARED_WITHIN: Duration = Duration::from_secs(20);

/// All that lies in the stage's folders: what is staged, and what came out.
fn litter(world: &World) -> Vec<String> {
    let mut found = Vec::new();
    for folder in ["stage", "displaced"] {
        let Ok(entries) = std::fs::read_dir(world.path(".knowngood").join(folder)) else {
            continue;
        };
        found.extend(entries.map(|it| it.unwrap().path().display().to_string()));
    }
    found
}

/// Waits until nothing lies there, or `over` says that nothing will change any more.
fn wait_cleared(world: &World, over: impl Fn() -> bool) -> Vec<String> {
    let until = Instant::now() + CLEARED_WITHIN;
    loop {
        let found = litter(world);
        if found.is_empty() || over() || Instant::now() > until {
            return found;
        }
        std::thread::park_timeout(Duration::from_millis(2));
    }
}
