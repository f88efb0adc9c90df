//! What is true, as of one fact of the log. `apply` is the only place where it changes; live operation
//! and replay share it. Cloning is cheap (persistent maps), so that whoever reads keeps one moment.

use std::{collections::BTreeMap, ops::Bound, sync::Arc};

use imbl::{OrdMap, OrdSet};

use super::{HealthRules, Rules, counts::Counts, deploys::Deploys, scope::Scope};
use crate::model::{
    Baseline, Deploy, Digest, Disk, Fact, Head, Health, Origin, Record, Root, RootName, Runtime,
    RuntimeName, SafetyCause, Seq, Sync, Timestamp, Tool, ToolId, Version, Waiver,
};

#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// Everything up to and with this fact is in here.
    pub head: Seq,
    /// Shared with the moments that readers hold; small nodes keep the map small as well.
    tools: OrdMap<ToolId, Arc<Tool>>,
    /// Tools whose disk is not as expected (while their root is there).
    drifted: OrdSet<ToolId>,
    roots: OrdMap<RootName, Root>,
    counts: OrdMap<RootName, Counts>,
    runtimes: OrdMap<RuntimeName, Runtime>,
    pub(super) deploys: Deploys,
    /// How tools do on which somebody reports, or that were deployed.
    pub(super) health: OrdMap<ToolId, Arc<Health>>,
    /// How they are measured, as the configuration says; nothing durable.
    pub(super) care: HealthRules,
    /// Which files are tools, as the configuration says; nothing durable.
    scope: Scope,
    /// Known, and no tools by these globs: in no list, no count and no drift. What is known of them waits.
    outside: OrdSet<ToolId>,
}

impl State {
    /// Rows that were derived from the log earlier. Records after `as_of` are to be applied on top.
    pub fn restore(
        as_of: Seq,
        tools: Vec<(ToolId, Tool)>,
        roots: Vec<(RootName, Root)>,
        runtimes: Vec<(RuntimeName, Runtime)>,
        deploys: Vec<Deploy>,
    ) -> Self {
        let mut state = Self { head: as_of, ..Self::default() };
        state.tools.extend(tools.into_iter().map(|(id, tool)| (id, Arc::new(tool))));
        state.roots.extend(roots);
        state.runtimes.extend(runtimes);
        state.deploys = Deploys::restore(deploys);
        state.judge();
        state
    }

    /// Other globs: what they name no longer leaves every list, what they name again is there as it was. No fact says so.
    pub fn set_rules(&mut self, rules: &Rules) {
        self.care.clone_from(&rules.health);
        let scope = Scope::of(rules);
        if scope != self.scope {
            self.scope = scope;
            self.judge();
        }
    }

    /// One pass over all tools: which of them count.
    fn judge(&mut self) {
        let mut counts: BTreeMap<RootName, Counts> = BTreeMap::new();
        (self.outside, self.drifted) = Default::default();
        for (id, tool) in &self.tools {
            let counts = counts.entry(id.root()).or_default();
            if !self.scope.holds(id, tool) {
                self.outside.insert(id.clone());
                continue;
            }
            counts.add(tool);
            if tool.sync() != Sync::InSync {
                self.drifted.insert(id.clone());
            }
        }
        self.counts = counts.into();
    }

    /// Makes one recorded fact true. Replaying a fact that a row already knows changes nothing.
    #[expect(clippy::too_many_lines, reason = "one arm for each fact")]
    pub fn apply(&mut self, record: &Record) {
        self.head = self.head.max(record.seq);
        match &record.fact {
            Fact::VersionRecorded(version) => {
                self.change(&version.tool, record, |tool| stand(tool, version));
            }
            Fact::ToolRemoved { tool, .. } => {
                self.change(tool, record, |tool| tool.disk = Disk::Absent);
            }
            Fact::DriftDetected { tool, disk, .. } => self.change(tool, record, |tool| {
                found(tool, *disk);
                tool.drift_since.get_or_insert(record.time);
            }),
            Fact::DriftCleared { tool, disk } => self.change(tool, record, |tool| {
                found(tool, *disk);
                tool.drift_since = None;
            }),
            Fact::BaselineMoved { tool, to, .. } => {
                let proven = to.as_ref().is_some_and(|to| self.is_proven(tool, &to.digest));
                self.change(tool, record, |tool| {
                    move_baseline(tool, to.as_ref());
                    if proven {
                        tool.change_rare(|it| it.proven = None);
                    }
                });
            }
            Fact::BaselineAdopted { root, manifest, .. } => {
                self.change_root(root, record, |root| match manifest {
                    Some(digest) => root.manifest = Some(*digest),
                    None => root.adopted = true,
                });
            }
            Fact::RuntimeLoaded { runtime, loaded, failed, ttl_ms } => {
                let report = Runtime {
                    loaded: loaded.clone(),
                    failed: failed.clone(),
                    ttl_ms: *ttl_ms,
                    reported: record.time,
                    as_of: record.seq,
                };
                if self.runtimes.get(runtime).is_none_or(|it| it.as_of < record.seq) {
                    self.runtimes.insert(runtime.clone(), report);
                }
            }
            Fact::RuntimeExpired { runtime, .. } => {
                if self.runtimes.get(runtime).is_some_and(|it| it.as_of < record.seq) {
                    self.runtimes.remove(runtime);
                }
            }
            Fact::SafetyStopped { root, cause } => {
                self.change_root(root, record, |root| root.safety = Some(*cause));
            }
            Fact::SafetyCleared { root, .. } => {
                self.change_root(root, record, |root| root.safety = None);
            }
            Fact::DeployMoved { deploy, step, .. } => self.deploy_moved(record, *deploy, step),
            Fact::ContentQuarantined { .. } | Fact::ContentReleased { .. } => {
                self.quarantine(record, &record.fact);
            }
            Fact::ClassWaived { tool, waiver, withdrawn } => self.change(tool, record, |tool| {
                let waiver = Waiver { time: record.time, ..waiver.clone() };
                tool.waive(waiver, *withdrawn);
            }),
            // Told for those who listen; they follow from what is known already.
            Fact::RuntimeStale { .. }
            | Fact::RuntimeFailed { .. }
            | Fact::ClassChanged { .. }
            // Of health alone.
            | Fact::OutcomesRecorded { .. }
            | Fact::HealthChanged { .. }
            | Fact::AlertRaised { .. } => (),
        }
        self.health_told(record);
    }

    pub(super) fn change(&mut self, id: &ToolId, record: &Record, make: impl FnOnce(&mut Tool)) {
        let mut tool = self.tool(id).cloned().unwrap_or_default();
        if tool.as_of < record.seq {
            make(&mut tool);
            tool.by_mode |= tool.head.as_ref().is_none_or(|it| it.executable);
            tool.as_of = record.seq;
            self.put(id, tool);
        }
    }

    fn put(&mut self, id: &ToolId, tool: Tool) {
        let mut counts = self.counts.get(&id.root()).copied().unwrap_or_default();
        if let Some(before) = self.tools.get(id).filter(|_| !self.outside.contains(id)) {
            counts.take(before);
        }
        let is_tool = self.is_tool(id, &tool);
        if is_tool {
            counts.add(&tool);
            self.outside.remove(id);
        } else {
            self.outside.insert(id.clone());
        }
        self.counts.insert(id.root(), counts);
        if is_tool && tool.sync() != Sync::InSync {
            self.drifted.insert(id.clone());
        } else {
            self.drifted.remove(id);
        }
        self.tools.insert(id.clone(), Arc::new(tool));
    }

    fn change_root(&mut self, name: &RootName, record: &Record, make: impl FnOnce(&mut Root)) {
        let mut root = self.roots.get(name).cloned().unwrap_or_default();
        if root.as_of < record.seq {
            make(&mut root);
            root.as_of = record.seq;
            self.roots.insert(name.clone(), root);
        }
    }

    pub fn tool(&self, id: &ToolId) -> Option<&Tool> {
        self.tools.get(id).map(|it| &**it)
    }

    /// Whether the id is one that lists show: it has a baseline or stands on disk, and the globs name it.
    pub fn is_listed(&self, id: &ToolId) -> bool {
        self.tool(id).is_some_and(Tool::is_listed) && !self.is_outside(id)
    }

    /// Whether the globs take the tool for one no more. Of the disk nothing is known then.
    pub fn is_outside(&self, id: &ToolId) -> bool {
        self.outside.contains(id)
    }

    /// Whether the globs take this for a tool.
    pub(super) fn is_tool(&self, id: &ToolId, tool: &Tool) -> bool {
        self.scope.holds(id, tool)
    }

    /// Whether a runtime that has loaded this content of a tool has another one than expected. Of a tool of which nothing
    /// is expected every content is another one.
    pub fn is_stale(&self, id: &ToolId, loaded: &Digest) -> bool {
        let known = self.tool(id).filter(|_| !self.is_outside(id));
        known.is_some_and(|it| it.expected().is_none_or(|it| it.digest != *loaded))
    }

    /// In order of their ids, beginning after `after`; unlisted ones too.
    pub fn tools_after(
        &self,
        after: Option<&ToolId>,
    ) -> impl Iterator<Item = (&ToolId, &Tool)> + use<'_> {
        let from = after.map_or(Bound::Unbounded, |it| Bound::Excluded(it.as_str()));
        self.tools.range::<_, str>((from, Bound::Unbounded)).map(|(id, tool)| (id, &**tool))
    }

    /// Every tool below the path, by whole segments.
    pub fn below(&self, id: &ToolId) -> Vec<ToolId> {
        let below = self.beginning_with(&format!("{id}/")).map(|it| it.0);
        below.filter(|it| !self.is_outside(it)).cloned().collect()
    }

    /// Unlisted ones too, and those that the globs no longer name.
    pub fn in_root(&self, root: &RootName) -> impl Iterator<Item = (&ToolId, &Tool)> {
        self.beginning_with(&ToolId::root_prefix(root))
    }

    fn beginning_with(&self, prefix: &str) -> impl Iterator<Item = (&ToolId, &Tool)> + use<'_> {
        let prefix = prefix.to_owned();
        let from = (Bound::Included(prefix.as_str()), Bound::Unbounded);
        self.tools
            .range::<_, str>(from)
            .take_while(move |it| it.0.as_str().starts_with(&prefix))
            .map(|(id, tool)| (id, &**tool))
    }

    pub fn root(&self, name: &RootName) -> Root {
        self.roots.get(name).cloned().unwrap_or_default()
    }

    pub fn roots(&self) -> impl Iterator<Item = (&RootName, &Root)> {
        self.roots.iter()
    }

    pub fn runtimes(&self) -> impl Iterator<Item = (&RuntimeName, &Runtime)> {
        self.runtimes.iter()
    }

    pub fn runtime(&self, name: &RuntimeName) -> Option<&Runtime> {
        self.runtimes.get(name)
    }

    /// Whether the whole root is away, so that whatever was in it is missing.
    pub fn is_root_missing(&self, root: &RootName) -> bool {
        self.roots.get(root).is_some_and(|it| it.safety == Some(SafetyCause::RootMissing))
    }

    /// What stands in the tool's place, the absence of its whole root included. In a place where no tool can be there
    /// is none.
    pub fn disk(&self, id: &ToolId, tool: &Tool) -> Disk {
        let none = self.is_outside(id) || self.is_root_missing(&id.root());
        if none { Disk::Absent } else { tool.disk }
    }

    /// The content that stands in the tool's place, where that is known.
    pub fn on_disk(&self, id: &ToolId) -> Option<&Head> {
        let tool = self.tool(id)?;
        tool.on_disk().filter(|_| self.disk(id, tool) == tool.disk)
    }

    /// Disk against expected, the absence of its whole root included.
    pub fn sync(&self, id: &ToolId, tool: &Tool) -> Sync {
        if self.is_outside(id) {
            return Sync::InSync;
        }
        match (self.disk(id, tool), tool.expected()) {
            (Disk::Absent, None) => Sync::InSync,
            (Disk::Absent, Some(_)) => Sync::Missing,
            (Disk::Standing(_) | Disk::Unreadable(_), _) => tool.sync(),
        }
    }

    /// Since when the tool has differed from what is expected.
    pub fn drift_since(&self, tool: &Tool) -> Option<Timestamp> {
        tool.drift_since
    }

    /// Every tool that is not in sync, in order.
    pub fn drifted(&self) -> Vec<(&ToolId, &Tool)> {
        let away: Vec<&RootName> = self
            .roots
            .iter()
            .filter(|it| it.1.safety == Some(SafetyCause::RootMissing))
            .map(|it| it.0)
            .collect();
        if away.is_empty() {
            return self.drifted.iter().filter_map(|id| self.tool(id).map(|it| (id, it))).collect();
        }
        self.tools_after(None).filter(|(id, tool)| self.sync(id, tool) != Sync::InSync).collect()
    }

    /// How many tools of a root are in which state.
    pub fn counts(&self, root: &RootName) -> Counts {
        let counts = self.counts.get(root).copied().unwrap_or_default();
        if self.is_root_missing(root) { counts.all_missing() } else { counts }
    }
}

pub(super) fn stand(tool: &mut Tool, version: &Version) {
    let head = Head {
        number: version.number,
        digest: version.digest,
        size: version.size,
        executable: version.executable,
        author: version.author.clone(),
        mtime: version.mtime,
        seq: version.seq,
    };
    // A manifest may have named this content before it was ever seen.
    if let Some(baseline) = &mut tool.baseline
        && baseline.version.is_none()
        && baseline.digest == head.digest
    {
        *baseline = Baseline::of(&head);
    }
    if version.origin == Origin::Displaced {
        // It is the newest content, and stands nowhere. What stands there stays what it was, and so does what stood there
        // last: if that comes back it is no new version.
        let apart = tool.rare.as_ref().and_then(|it| it.stands.as_ref());
        let stood = tool.on_disk().or(apart).or(tool.head.as_ref()).cloned();
        tool.change_rare(|it| it.stands = stood);
    } else {
        tool.disk = Disk::Standing(head.number);
        forget_apart(tool);
    }
    tool.head = Some(head);
}

/// What was seen in the tool's place is a version that is known.
fn found(tool: &mut Tool, disk: Disk) {
    tool.disk = disk;
    if disk.version().is_some() && disk.version() == tool.head.as_ref().map(|it| it.number) {
        forget_apart(tool);
    }
}

/// The head stands there.
fn forget_apart(tool: &mut Tool) {
    if tool.rare.as_ref().is_some_and(|it| it.stands.is_some()) {
        tool.change_rare(|it| it.stands = None);
    }
}

/// A newer version of the same content leaves the one before what it was: going back there would change nothing.
pub(super) fn move_baseline(tool: &mut Tool, to: Option<&Baseline>) {
    let same = |it: &Baseline| {
        to.is_some_and(|to| to.digest == it.digest && to.executable == it.executable)
    };
    // What was known good stays it, until the new one has done well.
    let good = tool.known_good().filter(|it| to.is_none_or(|to| to.digest != it.digest)).cloned();
    if tool.rare.as_ref().is_some_and(|it| it.proven.is_some()) || good.is_some() {
        tool.change_rare(|it| it.proven = good);
    }
    if let Some(before) = tool.baseline.take().filter(|it| !same(it)) {
        tool.change_rare(|it| it.before = Some(before));
    }
    tool.baseline = to.cloned();
}
