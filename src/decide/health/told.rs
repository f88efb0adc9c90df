//! What facts mean for the health of tools: the counting half of `State::apply`. Nothing is decided here.

use std::sync::Arc;

use super::{DAY, fold};
use crate::{
    decide::State,
    model::{
        AuthorKind, Calls, DeployKind, DeployNo, Digest, Fact, Grounds, Health, HealthState,
        Origin, Record, Step, Timestamp, Tool, ToolId, Version, Watch,
    },
};

/// Calls after an automatic rollback during which nothing else is done automatically.
const QUIET_CALLS: u32 = 20;

impl State {
    pub fn health(&self, id: &ToolId) -> Option<&Arc<Health>> {
        self.health.get(id)
    }

    /// Of every tool of which there is something to know.
    pub fn healths(&self) -> impl Iterator<Item = (&ToolId, &Arc<Health>)> {
        self.health.iter()
    }

    /// Rows that were derived from the log earlier.
    #[must_use]
    pub fn with_health(mut self, rows: Vec<(ToolId, Health)>) -> Self {
        self.health.extend(rows.into_iter().map(|(id, it)| (id, Arc::new(it))));
        self
    }

    /// How the content does that stands on disk.
    pub fn health_state(&self, id: &ToolId) -> HealthState {
        let Some(tool) = self.tool(id) else { return HealthState::Unknown };
        let Some(stands) = tool.on_disk() else { return HealthState::Unknown };
        let watch = self.health(id).and_then(|it| it.watch.as_ref());
        match watch.filter(|it| it.version == stands.digest) {
            Some(it) => it.state,
            None if self.known_good(id) == Some(stands.digest) => HealthState::Unknown,
            None if tool.known_good().is_none() => HealthState::Unknown,
            None => HealthState::Baking,
        }
    }

    pub(in crate::decide) fn known_good(&self, id: &ToolId) -> Option<Digest> {
        self.tool(id)?.known_good().map(|it| it.digest)
    }

    /// Whether this content is proven, so that it becomes the known good together with the baseline.
    pub(in crate::decide) fn is_proven(&self, id: &ToolId, digest: &Digest) -> bool {
        let watch = self.health(id).and_then(|it| it.watch.as_ref());
        watch.is_some_and(|it| it.version == *digest && it.state == HealthState::Healthy)
    }

    /// After the fact became true for the tools themselves.
    pub(in crate::decide) fn health_told(&mut self, record: &Record) {
        match &record.fact {
            Fact::VersionRecorded(version) => self.stands(record, version),
            Fact::ToolRemoved { tool, .. } if self.health.contains_key(tool) => {
                self.change_health(tool, record, |it| it.watch = None);
            }
            Fact::OutcomesRecorded { tools, batch } => {
                for tool in tools {
                    self.reported(record, tool, batch);
                }
            }
            Fact::HealthChanged { tool, version, to, evidence, .. } => {
                self.changed(record, tool, version, *to, evidence);
            }
            Fact::AlertRaised { tool, version, kind, .. } => {
                self.change_health(tool, record, |it| {
                    if let Some(watch) = it.watch.as_mut().filter(|it| it.version == *version) {
                        watch.told.push(*kind);
                    }
                });
            }
            Fact::DeployMoved { deploy, tools, step } => {
                self.deployed(record, *deploy, tools, step);
            }
            Fact::ContentQuarantined { tool, digest, deploy, .. } if self.is_ours(*deploy) => {
                self.change_health(tool, record, |it| it.quarantines.push((*digest, record.time)));
            }
            Fact::ContentReleased { tool, digest, .. } if self.health.contains_key(tool) => {
                self.change_health(tool, record, |it| it.quarantines.retain(|it| it.0 != *digest));
            }
            Fact::ToolRemoved { .. }
            | Fact::ContentQuarantined { .. }
            | Fact::ContentReleased { .. }
            | Fact::ClassChanged { .. }
            | Fact::ClassWaived { .. }
            | Fact::DriftDetected { .. }
            | Fact::DriftCleared { .. }
            | Fact::BaselineMoved { .. }
            | Fact::BaselineAdopted { .. }
            | Fact::RuntimeLoaded { .. }
            | Fact::RuntimeStale { .. }
            | Fact::RuntimeFailed { .. }
            | Fact::RuntimeExpired { .. }
            | Fact::SafetyStopped { .. }
            | Fact::SafetyCleared { .. } => (),
        }
    }

    fn change_health(&mut self, id: &ToolId, record: &Record, make: impl FnOnce(&mut Health)) {
        let mut health = self.health.get(id).map_or_else(Health::default, |it| (**it).clone());
        if health.as_of < record.seq {
            make(&mut health);
            health.as_of = record.seq;
            self.health.insert(id.clone(), Arc::new(health));
        }
    }

    /// Another content is measured from now on. What nobody reports on and no deploy brought needs no row.
    fn stands(&mut self, record: &Record, version: &Version) {
        let by_deploy = version.note.as_ref().map(|it| it.deploy);
        let known = self.health.contains_key(&version.tool);
        if version.origin == Origin::Displaced || !(known || by_deploy.is_some()) {
            return;
        }
        let good = self.known_good(&version.tool);
        let deploy = by_deploy.filter(|it| !self.is_ours(Some(*it)));
        self.change_health(&version.tool, record, |health| {
            let same =
                |it: &Watch| it.version == version.digest && it.state != HealthState::Regressed;
            if let Some(watch) = health.watch.as_mut().filter(|it| same(it)) {
                watch.number = version.number;
                return;
            }
            let mut watch = fold::content(version.digest, version.number, record.time);
            watch.deploy = deploy;
            watch.by_ai = version.author.kind == AuthorKind::Ai;
            watch.state = first(good, &version.digest);
            fold::begin(health, watch, good);
        });
    }

    fn reported(&mut self, record: &Record, id: &ToolId, batch: &[Calls]) {
        let good = self.known_good(id);
        let stands = self.tool(id).and_then(Tool::on_disk).map(|it| (it.digest, it.number));
        self.change_health(id, record, |health| {
            if let Some((digest, number)) = stands
                && health.watch.as_ref().is_none_or(|it| it.version != digest)
            {
                let mut watch = fold::content(digest, number, record.time);
                watch.state = first(good, &digest);
                fold::begin(health, watch, good);
            }
            for it in batch.iter().filter(|it| it.tool == *id) {
                for call in &it.calls {
                    fold::take(health, it.version, call, record.time, good);
                }
            }
        });
    }

    fn changed(
        &mut self,
        record: &Record,
        id: &ToolId,
        version: &Digest,
        to: HealthState,
        evidence: &Grounds,
    ) {
        let is_good = self.known_good(id) == Some(*version);
        // Of a provisional deploy the end itself is the setback.
        let counts = self.tool(id).is_some_and(|it| it.provisional().is_none());
        self.change_health(id, record, |health| {
            let Some(watch) = health.watch.as_mut().filter(|it| it.version == *version) else {
                return;
            };
            if watch.state != to {
                watch.since = record.time;
            }
            watch.state = to;
            // What waits for a replay goes on waiting.
            let waits = to == HealthState::Suspect && evidence.replay.is_none() && !is_good;
            watch.passed = watch.passed.filter(|_| waits);
            if to == HealthState::Environment {
                (watch.score, watch.streak, watch.armed) = (0, 0, true);
            }
            if evidence.replay.is_some() {
                watch.replay.clone_from(&evidence.replay);
            }
            watch.returns = evidence.returns;
            if evidence.returns.is_some() && watch.by_ai && counts {
                set_back(&mut health.setbacks, record.time);
            }
        });
        if to == HealthState::Healthy {
            self.change(id, record, |tool| {
                if tool.baseline.as_ref().is_some_and(|it| it.digest == *version) {
                    tool.change_rare(|it| it.proven = None);
                }
            });
        }
    }

    fn deployed(&mut self, record: &Record, number: DeployNo, tools: &[ToolId], step: &Step) {
        let Some(deploy) = self.deploy(number) else { return };
        let by_ai = deploy.proposal.author.kind == AuthorKind::Ai;
        let is_return = deploy.proposal.kind == DeployKind::Regressed;
        let setback = by_ai && matches!(step, Step::Rejected(_) | Step::RolledBack { .. });
        let returned = is_return && matches!(step, Step::Activated { .. });
        if !(setback || returned) {
            return;
        }
        for id in tools {
            self.change_health(id, record, |health| {
                if setback {
                    set_back(&mut health.setbacks, record.time);
                }
                if returned {
                    set_back(&mut health.rollbacks, record.time);
                    health.quiet = QUIET_CALLS;
                }
            });
        }
    }

    /// Whether the rules themselves asked for that deploy.
    fn is_ours(&self, deploy: Option<DeployNo>) -> bool {
        let kind = deploy.and_then(|it| self.deploy(it)).map(|it| it.proposal.kind);
        matches!(kind, Some(DeployKind::Automatic(_) | DeployKind::Regressed))
    }
}

fn first(good: Option<Digest>, version: &Digest) -> HealthState {
    if good.is_none_or(|it| it == *version) { HealthState::Unknown } else { HealthState::Baking }
}

/// Those of the last day.
fn set_back(all: &mut Vec<Timestamp>, now: Timestamp) {
    all.retain(|it| it.0 > now.0.saturating_sub(DAY));
    all.push(now);
}

impl Watch {
    /// Whether both versions are to be run on what failed, to tell the version from the world.
    pub fn wants_replay(&self) -> bool {
        self.state == HealthState::Suspect && self.passed.is_some()
    }
}
