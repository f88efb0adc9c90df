//! What the disk remembers between looks: which stat goes with which content, and which tools are one file. Only a
//! shortcut: without it everything is read again and nothing is wrong.

use std::collections::{BTreeSet, HashMap};

use crate::{
    model::{Digest, RootName, ToolId},
    ports::{Memory, Remembered, StatKey, StoreError},
};

/// (device, inode)
pub(super) type Inode = (u64, u64);

#[derive(Default)]
pub(super) struct Cache {
    known: HashMap<ToolId, (StatKey, Digest)>,
    /// What differs from what was saved.
    touched: BTreeSet<ToolId>,
    linked: HashMap<ToolId, Inode>,
    names: HashMap<Inode, BTreeSet<ToolId>>,
}

/// Saved at once: in the order of their names, so that neighbours are written together.
const PORTION: usize = 1024;

impl Cache {
    pub(super) fn load(memory: &dyn Memory) -> Result<Self, StoreError> {
        let known = memory.load()?.into_iter().map(|it| (it.tool, (it.key, it.digest))).collect();
        Ok(Self { known, ..Self::default() })
    }

    /// The content that a file with this stat has, if it is the one remembered.
    pub(super) fn digest(&self, tool: &ToolId, key: &StatKey) -> Option<Digest> {
        self.known.get(tool).filter(|it| it.0 == *key).map(|it| it.1)
    }

    /// Takes in what a look found: the stat to trust (`None`: none, read it next time) and the file, if it has more names.
    pub(super) fn learn(
        &mut self,
        tool: &ToolId,
        trusted: Option<(StatKey, Digest)>,
        linked: Option<Inode>,
    ) {
        if self.known.get(tool) != trusted.as_ref() {
            self.touched.insert(tool.clone());
            match trusted {
                Some(it) => drop(self.known.insert(tool.clone(), it)),
                None => drop(self.known.remove(tool)),
            }
        }
        if self.linked.get(tool) != linked.as_ref() {
            self.unlink(tool);
            if let Some(inode) = linked {
                self.linked.insert(tool.clone(), inode);
                self.names.entry(inode).or_default().insert(tool.clone());
            }
        }
    }

    pub(super) fn forget_root(&mut self, root: &RootName) {
        let known = self.known.keys().chain(self.linked.keys());
        let gone: Vec<_> = known.filter(|it| it.is_in(root)).cloned().collect();
        for tool in gone {
            self.learn(&tool, None, None);
        }
    }

    pub(super) fn roots(&self) -> BTreeSet<RootName> {
        let mut roots = BTreeSet::new();
        for tool in self.known.keys() {
            if !roots.iter().any(|it| tool.is_in(it)) {
                roots.insert(tool.root());
            }
        }
        roots
    }

    pub(super) fn siblings(&self, tool: &ToolId) -> Vec<ToolId> {
        let names = self.linked.get(tool).and_then(|it| self.names.get(it));
        names.into_iter().flatten().filter(|it| *it != tool).cloned().collect()
    }

    /// Saves what changed since the last time; kept for the next time if that fails.
    pub(super) fn save(&mut self, memory: &dyn Memory) -> Result<(), StoreError> {
        while !self.touched.is_empty() {
            let portion: Vec<ToolId> = self.touched.iter().take(PORTION).cloned().collect();
            let (mut known, mut gone) = (Vec::new(), Vec::new());
            for tool in &portion {
                match self.known.get(tool) {
                    Some((key, digest)) => {
                        known.push(Remembered { tool: tool.clone(), key: *key, digest: *digest });
                    }
                    None => gone.push(tool.clone()),
                }
            }
            memory.save(&known, &gone)?;
            for tool in &portion {
                self.touched.remove(tool);
            }
        }
        Ok(())
    }

    fn unlink(&mut self, tool: &ToolId) {
        let Some(inode) = self.linked.remove(tool) else { return };
        if let Some(names) = self.names.get_mut(&inode) {
            names.remove(tool);
            if names.is_empty() {
                self.names.remove(&inode);
            }
        }
    }
}
