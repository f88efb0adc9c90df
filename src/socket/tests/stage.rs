//! A stage in memory, over the same files that are looked at; and checks that say what the content tells them to.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use super::memory::{MemoryTree, Thing, digest};
use crate::{
    analyze::{Reader, Table},
    model::{
        Change, CheckFailure, CheckOutcome, CheckRun, Deploy, Digest, FileSeen, Late, LiveFile,
        LivePart, Marker, MetFile, Packed, RootName, SwitchOrder, Switched, Timestamp, ToolId,
        Undone,
    },
    ports::{
        Ability, After, CheckOrder, Checks, NoInputs, NoShadow, NoShadows, Pack, Stage,
        StageFailure, StopFlag,
    },
    reconcile::{Classes, Works},
};

pub(super) fn works(tree: &MemoryTree) -> Works {
    let stage = Arc::new(MemoryStage { tree: tree.clone(), staged: Mutex::default() });
    Works {
        checks: Arc::new(Told(Arc::clone(&stage))),
        stage,
        pack: Arc::new(Plain),
        classes: Arc::new(Classes::new(
            Arc::new(Reader::new(Table::shipped().unwrap())),
            Arc::new(tree.clone()),
        )),
        after: Arc::new(NoCommands),
        shadow: Arc::new(NoShadow),
        shadows: Arc::new(NoShadows),
        inputs: Arc::new(NoInputs),
    }
}

struct Plain;

impl Pack for Plain {
    fn pack(&self, digest: Digest, bytes: &[u8]) -> Packed {
        Packed { digest, size: bytes.len() as u64, codec: 0, bytes: bytes.to_vec() }
    }
}

struct MemoryStage {
    tree: MemoryTree,
    staged: Mutex<BTreeMap<String, (Vec<u8>, bool)>>,
}

impl Stage for MemoryStage {
    fn stage(
        &self,
        change: &Change,
        bytes: Option<&[u8]>,
        _: Option<Timestamp>,
    ) -> Result<Marker, StageFailure> {
        let mut staged = self.staged.lock().unwrap();
        let name = format!("s{}", staged.len());
        let there = self.tree.0.lock().unwrap().get(&change.tool).cloned();
        let was = matches!(there, Some(Thing::File { executable: true, .. }));
        let executable = change.to.and_then(|it| it.executable).unwrap_or(was);
        if let Some(bytes) = bytes {
            staged.insert(name.clone(), (bytes.to_vec(), executable));
        }
        let size = bytes.map_or(0, |it| it.len() as u64);
        Ok(Marker { name, inode: bytes.map(|_| (1, 1)), executable, size })
    }

    fn staged(&self, _: &ToolId, marker: &Marker) -> Option<PathBuf> {
        Some(PathBuf::from(&marker.name))
    }

    fn switch(&self, orders: &[SwitchOrder]) -> Vec<Switched> {
        orders.iter().map(|it| self.settle(it)).collect()
    }

    fn settle(&self, order: &SwitchOrder) -> Switched {
        let mut files = self.tree.0.lock().unwrap();
        let mut staged = self.staged.lock().unwrap();
        for (change, _) in &order.parts {
            let there = files.get(&change.tool).map(seen);
            if there.as_ref().map(|it| it.digest) != change.base.map(|it| it.digest) {
                let (tool, is_out) = (&change.tool, false);
                let met = |file| MetFile { tool: tool.clone(), file, is_out };
                let seen = there.into_iter().map(met).collect();
                return Switched::Undone { why: Undone::Conflict(vec![change.tool.clone()]), seen };
            }
        }
        let part = |(change, marker): &(Change, Marker)| {
            let displaced = change.base.map(|it| it.digest);
            let live = staged.remove(&marker.name).map(|(bytes, executable)| {
                files.insert(change.tool.clone(), Thing::File { bytes, executable });
                LiveFile { executable, mtime: Timestamp(1_700_000_000_000_000) }
            });
            if live.is_none() {
                files.remove(&change.tool);
            }
            LivePart { tool: change.tool.clone(), live, displaced }
        };
        Switched::Live(order.parts.iter().map(part).collect())
    }

    fn discard(&self, _: &ToolId, marker: &Marker) {
        self.staged.lock().unwrap().remove(&marker.name);
    }

    fn sweep(&self, _: &RootName, _: &[String]) {}

    fn late(&self) -> Vec<Late> {
        Vec::new()
    }

    fn holds_displaced(&self) -> bool {
        false
    }

    fn release(&self, _: &Late) {}

    fn ability(&self, _: &RootName) -> Ability {
        Ability::Exchange
    }
}

fn seen(thing: &Thing) -> FileSeen {
    let (bytes, executable) = match thing {
        Thing::File { bytes, executable } => (bytes.clone(), *executable),
        Thing::Odd(_) | Thing::BeingWritten => (Vec::new(), false),
    };
    let (digest, size) = (digest(&bytes), bytes.len() as u64);
    let content = Some(Packed { digest, size, codec: 0, bytes });
    FileSeen { digest, size, executable, mtime: Timestamp(0), content, links: 1 }
}

/// `# broken` fails, `# unchecked` is skipped, everything else passes.
struct Told(Arc<MemoryStage>);

impl Checks for Told {
    fn nothing_to_run(&self, _: &CheckOrder) -> Option<Vec<CheckRun>> {
        None
    }

    fn verify(&self, order: &CheckOrder, _: &StopFlag) -> Vec<CheckRun> {
        let staged = self.0.staged.lock().unwrap();
        let run = |it: &crate::ports::CheckPart| {
            let name = it.staged.as_ref()?.to_str()?.to_owned();
            let text = String::from_utf8_lossy(&staged.get(&name)?.0).into_owned();
            let why = || CheckFailure {
                why: "exited with status 1".to_owned(),
                exit_status: Some(1),
                ..CheckFailure::default()
            };
            let outcome = match text.as_str() {
                it if it.starts_with("# broken") => CheckOutcome::Failed(why()),
                it if it.starts_with("# unchecked") => {
                    CheckOutcome::Skipped("no checker".to_owned())
                }
                _ => CheckOutcome::Passed,
            };
            let (tool, check, sandbox) =
                (Some(it.tool.clone()), "compile".to_owned(), "none".to_owned());
            Some(CheckRun {
                tool,
                check,
                outcome,
                sandbox,
                took_ms: 1,
                output_tail: "said no".to_owned(),
            })
        };
        order.parts.iter().filter_map(run).collect()
    }

    fn sandbox(&self) -> Option<&'static str> {
        Some("none")
    }
}

struct NoCommands;

impl After for NoCommands {
    fn run(&self, _: &Deploy, _: &StopFlag) {}
}
