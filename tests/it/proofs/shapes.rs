//! What is deployed, in four shapes, and what has to be so afterwards whatever happened meanwhile: all of it is old or
//! all of it is new, and the log knows which.

use serde_json::json;

use super::{
    trace::{Point, Trace},
    wait_cleared,
};
use crate::world::{Answer, World};

/// Which kinds of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) name: &'static str,
    creates: bool,
    changes: bool,
    deletes: bool,
}

pub(super) const SHAPES: [Shape; 4] = [
    Shape { name: "create", creates: true, changes: false, deletes: false },
    Shape { name: "change", creates: false, changes: true, deletes: false },
    Shape { name: "delete", creates: false, changes: false, deletes: true },
    Shape { name: "set of three", creates: true, changes: true, deletes: true },
];

const CHANGED: &str = "x.ts";

/// One deploy: never the same file or content again.
pub(super) struct Round {
    shape: Shape,
    number: usize,
    before: String,
}

impl Round {
    pub(super) fn prepare(world: &World, shape: Shape, number: usize) -> Self {
        let before = read(world, CHANGED).unwrap();
        let round = Self { shape, number, before };
        if shape.deletes {
            world.write(&round.deleted(), "gone\n");
            world.sync();
        }
        round
    }

    fn created(&self) -> String {
        format!("new{}/deep/n.ts", self.number)
    }

    fn deleted(&self) -> String {
        format!("d{}.ts", self.number)
    }

    fn content(&self) -> String {
        format!("{} of {}\n", self.number, self.shape.name)
    }

    /// `None`: nobody answered.
    pub(super) fn deploy(&self, world: &World) -> Option<Answer> {
        let tool = |path: &str| format!("tools/{path}");
        let mut changes = Vec::new();
        if self.shape.creates {
            let (tool, content) = (tool(&self.created()), self.content());
            changes.push(json!({"tool": tool, "base": null, "content": content}));
        }
        if self.shape.changes {
            let (tool, content) = (tool(CHANGED), self.content());
            changes.push(json!({"tool": tool, "base": "disk", "content": content}));
        }
        if self.shape.deletes {
            changes.push(json!({"tool": tool(&self.deleted()), "base": "disk", "delete": true}));
        }
        let request = json!({"changes": changes, "message": self.content().trim()});
        let answer = world.try_post("/v1/deploys", &request);
        // It may have been killed between head and body.
        answer.filter(|it| !it.body.is_empty())
    }

    /// Of each change, whether it is live. Ends the test if something else stands there.
    fn live(&self, world: &World) -> Vec<bool> {
        let mut live = Vec::new();
        if self.shape.creates {
            let stands = read(world, &self.created());
            assert!(stands.is_none() || stands == Some(self.content()), "{stands:?}");
            live.push(stands.is_some());
        }
        if self.shape.changes {
            let stands = read(world, CHANGED).unwrap();
            assert!(stands == self.content() || stands == self.before, "{stands}");
            live.push(stands == self.content());
        }
        if self.shape.deletes {
            let stands = read(world, &self.deleted());
            assert!(stands.is_none() || stands.as_deref() == Some("gone\n"), "{stands:?}");
            live.push(stands.is_none());
        }
        live
    }

    /// While it runs, whatever was prevented: a file is whole, though of a set only a part may be live.
    pub(super) fn is_whole(&self, world: &World) {
        self.live(world);
    }

    /// After a start. Whether it is live.
    pub(super) fn judge(&self, world: &World, acknowledged: bool) -> bool {
        world.sync();
        let live = self.live(world);
        let is_new = live[0];
        assert!(live.iter().all(|it| *it == is_new), "a mixture: {live:?}");
        assert!(is_new || !acknowledged, "acknowledged, and lost");
        assert_eq!(wait_cleared(world, || false), [""; 0], "litter");
        self.log_agrees(world, is_new);
        is_new
    }

    fn log_agrees(&self, world: &World, is_new: bool) {
        let summary = world.summary();
        let drifted = ["modified", "orphaned", "missing", "unreadable", "conflicted", "unsettled"];
        // What is to be deleted was never accepted.
        let orphans = summary["orphaned"].as_u64().unwrap();
        for it in drifted.into_iter().filter(|it| *it != "orphaned") {
            assert_eq!(summary[it], 0, "{it}: {summary}");
        }
        let last = world.get("/v1/deploys?limit=1").ok()["items"][0].clone();
        let mine = last["message"] == *self.content().trim();
        let state = last["state"].as_str().unwrap_or("none");
        if is_new {
            assert!(mine && state == "confirmed", "{last}");
        } else if mine {
            assert!(["abandoned", "aborted"].contains(&state), "{last}");
        }
        if self.shape.changes {
            let tool = world.tool("tools/x.ts");
            let version = tool["disk"]["version"].clone();
            assert_eq!(
                world.content("tools/x.ts", &version),
                read(world, CHANGED).unwrap(),
                "{tool}"
            );
            assert_eq!(tool["sync"], "in_sync", "{tool}");
        }
        if self.shape.deletes && !is_new {
            assert!(orphans > 0);
            std::fs::remove_file(world.path(&self.deleted())).unwrap();
            world.sync();
        }
        assert_eq!(world.summary()["orphaned"], 0);
    }
}

fn read(world: &World, path: &str) -> Option<String> {
    std::fs::read_to_string(world.path(path)).ok()
}

pub(super) fn world() -> World {
    World::with(&[(CHANGED, "start\n")])
}

/// All that one deploy of each shape does. `None`: it cannot be seen here.
pub(super) fn calls() -> Option<Vec<(Shape, Point)>> {
    let mut all = Vec::new();
    for (number, shape) in SHAPES.into_iter().enumerate() {
        let world = world();
        let round = Round::prepare(&world, shape, number);
        let trace = Trace::look(&world)?;
        assert_eq!(round.deploy(&world).unwrap().status, 201);
        wait_cleared(&world, || false);
        all.extend(trace.end().into_iter().map(|it| (shape, it)));
    }
    Some(all)
}

/// About so many of them, from everywhere.
pub(super) fn some<T: Clone>(all: &[T], count: usize) -> Vec<T> {
    (0..count.min(all.len())).map(|it| all[it * all.len() / count.min(all.len())].clone()).collect()
}
