//! Every way in which people and programs save a file, seen from outside: exactly the versions that stood there,
//! byte for byte, and no removal, no half of one, no temporary. On the file systems that tools lie on.

mod patterns;
mod special;
mod trees;

use std::{collections::BTreeMap, fs, path::PathBuf};

use crate::world::{Kind, World, private, sh};
use patterns::PATTERNS;

/// A way to save. It has a directory of its own, where these files stood when the daemon came.
struct Pattern {
    name: &'static str,
    before: &'static [(&'static str, &'static str)],
    save: Save,
    /// Every version of every file that is a tool now, oldest first. Any other tool is one too many.
    after: &'static [(&'static str, &'static [&'static str])],
    /// What is gone.
    removed: &'static [&'static str],
}

#[derive(Clone, Copy)]
enum Save {
    Sh(&'static str),
    Rust(fn(&Bench<'_>)),
}

/// Where a pattern is tried.
struct Bench<'a> {
    world: &'a World,
    directory: PathBuf,
    id: String,
}

impl Bench<'_> {
    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    fn id(&self, name: &str) -> String {
        format!("{}/{name}", self.id)
    }

    fn try_it(&self, pattern: &Pattern) -> Vec<String> {
        let before = self.world.head();
        match pattern.save {
            Save::Sh(script) => sh(script, &self.directory),
            Save::Rust(save) => save(self),
        }
        self.world.sync();
        self.wrong(pattern, before)
    }

    /// What is not as it should be.
    fn wrong(&self, pattern: &Pattern, before: u64) -> Vec<String> {
        let mut wrong = Vec::new();
        let listed = self.world.tools().into_iter();
        let here = format!("{}/", self.id);
        let mut tools: BTreeMap<String, Vec<String>> = listed
            .filter_map(|it| it.strip_prefix(&here).map(str::to_owned))
            .map(|it| (it.clone(), self.world.contents(&self.id(&it))))
            .collect();
        for (name, contents) in pattern.after {
            let found = tools.remove(*name).unwrap_or_default();
            if found != *contents {
                wrong.push(format!("{name} was {found:?}, not {contents:?}"));
            }
        }
        wrong.extend(tools.into_iter().map(|it| format!("one too many: {it:?}")));
        let gone = self.world.events_of("tool.removed", before).into_iter();
        let gone = gone.map(|it| it["tool"].as_str().unwrap().to_owned());
        let gone: Vec<_> = gone.filter(|it| it.starts_with(&here)).collect();
        let removed: Vec<_> = pattern.removed.iter().map(|it| self.id(it)).collect();
        if gone != removed {
            wrong.push(format!("removed: {gone:?}, not {removed:?}"));
        }
        wrong.iter().map(|it| format!("{}: {it}", pattern.name)).collect()
    }
}

/// One daemon for all of them, each in its directory.
fn all_patterns(kind: Kind) {
    let mut world = World::on(kind);
    for (number, pattern) in PATTERNS.iter().enumerate() {
        fs::create_dir(world.path(&format!("p{number:02}"))).unwrap();
        for (name, text) in pattern.before {
            world.write(&format!("p{number:02}/{name}"), text);
        }
    }
    world.start();
    let wrong = PATTERNS.iter().enumerate().flat_map(|(number, pattern)| {
        let name = format!("p{number:02}");
        let (directory, id) = (world.path(&name), format!("tools/{name}"));
        Bench { world: &world, directory, id }.try_it(pattern)
    });
    let wrong: Vec<String> = wrong.collect();
    assert!(wrong.is_empty(), "on {kind:?}:\n{}", wrong.join("\n"));
    world.verify();
    assert!(world.daemon().logged("audit.missed").is_empty(), "every change was heard of");
    world.stop();
}

#[test]
fn on_disk() {
    all_patterns(Kind::Disk);
}

#[test]
fn in_memory() {
    all_patterns(Kind::Memory);
}

#[test]
fn on_an_overlay() {
    private(|| all_patterns(Kind::Overlay));
}
