//! The deploys that matter now: those that are open, those whose conflict waits for somebody, and the latest ones that
//! rest. Older ones stand in the log. Changed by `State::apply` alone.

use imbl::{OrdMap, OrdSet};
use std::sync::Arc;

use super::{State, deploy::keeper, on_drift};
use crate::model::{
    Deploy, DeployKind, DeployNo, DeployState, Fact, LiveChange, Provisional, PutBack,
    RECENT_DEPLOYS, Rare, Record, RequestKey, Step, Timestamp, Tool, ToolId,
};

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Deploys {
    by_number: OrdMap<DeployNo, Arc<Deploy>>,
    /// Of these something is still to come: every look asks for them, and they are few.
    waiting: OrdSet<DeployNo>,
    last: DeployNo,
}

impl Deploys {
    pub(super) fn restore(deploys: Vec<Deploy>) -> Self {
        let mut all = Self::default();
        for it in deploys {
            all.put(it);
        }
        all
    }

    fn put(&mut self, deploy: Deploy) {
        self.last = self.last.max(deploy.number);
        if deploy.waits() {
            self.waiting.insert(deploy.number);
        } else {
            self.waiting.remove(&deploy.number);
        }
        self.by_number.insert(deploy.number, Arc::new(deploy));
    }

    fn waiting(&self) -> impl Iterator<Item = &Arc<Deploy>> {
        self.waiting.iter().filter_map(|it| self.by_number.get(it))
    }

    fn trim(&mut self) {
        let oldest = DeployNo(self.last.0.saturating_sub(RECENT_DEPLOYS));
        let old = self.by_number.range(..=oldest).filter(|it| !it.1.waits()).map(|it| *it.0);
        for number in old.collect::<Vec<_>>() {
            self.by_number.remove(&number);
        }
    }
}

impl State {
    pub fn deploy(&self, number: DeployNo) -> Option<&Arc<Deploy>> {
        self.deploys.by_number.get(&number)
    }

    pub fn next_deploy(&self) -> DeployNo {
        self.deploys.last.next()
    }

    /// The deploy that this request led to before, whatever the request said then.
    pub fn deploy_by_key(&self, key: &RequestKey) -> Option<&Arc<Deploy>> {
        let same = |it: &RequestKey| it.uid == key.uid && it.key == key.key;
        self.deploys().rev().find(|it| it.proposal.key.as_ref().is_some_and(same))
    }

    /// What is old and rests is asked of the log from now on; no fact says so.
    pub fn forget_old_deploys(&mut self) {
        self.deploys.trim();
    }

    /// In order of their numbers; rested ones too.
    pub fn deploys(&self) -> impl DoubleEndedIterator<Item = &Arc<Deploy>> {
        self.deploys.by_number.values()
    }

    /// Not at rest.
    pub fn open_deploys(&self) -> impl Iterator<Item = &Arc<Deploy>> {
        self.deploys.waiting().filter(|it| !it.state.rests())
    }

    /// Deploys that are on their way for this tool and not live yet: one, or one that waits for approval and a way back.
    pub(super) fn before_activation(&self, id: &ToolId) -> impl Iterator<Item = &Arc<Deploy>> {
        let ours = |it: &Deploy| it.state.is_before_activation() && it.change(id).is_some();
        self.open_deploys().filter(move |it| ours(it))
    }

    /// Whether a switch of the tool is under way: what is seen of it says nothing.
    pub fn is_switching(&self, id: &ToolId) -> bool {
        self.switching(id).is_some()
    }

    /// The deploy that owns the tool: its switch is under way.
    pub(super) fn switching(&self, id: &ToolId) -> Option<&Arc<Deploy>> {
        let ours = |it: &Deploy| it.state == DeployState::Switching && it.change(id).is_some();
        self.open_deploys().find(|it| ours(it))
    }

    /// Conflicts that wait for somebody, each with its tools.
    pub fn unresolved(&self) -> impl Iterator<Item = &Arc<Deploy>> {
        self.deploys.waiting().filter(|it| it.is_unresolved())
    }

    /// To be confirmed or approved, with the moment until when.
    pub fn deadlines(&self) -> impl Iterator<Item = (DeployNo, Timestamp)> {
        let due = self.open_deploys().filter(|it| it.is_provisional() || it.awaits_approval());
        due.filter_map(|it| Some((it.number, it.deadline?)))
    }

    pub(super) fn deploy_moved(&mut self, record: &Record, number: DeployNo, step: &Step) {
        let known = match step {
            Step::Accepted(proposal) | Step::NoOp(proposal) => {
                let is_new = self.deploys.last < number;
                is_new.then(|| Arc::new(Deploy::new(number, (**proposal).clone())))
            }
            Step::Staged(_)
            | Step::Verified(_)
            | Step::AwaitingApproval { .. }
            | Step::Switching { .. }
            | Step::Activated { .. }
            | Step::Confirmed { .. }
            | Step::Rejected(_)
            | Step::Conflicted { .. }
            | Step::Aborted { .. }
            | Step::RolledBack { .. }
            | Step::Superseded { .. }
            | Step::Abandoned { .. } => self.deploy(number).cloned(),
        };
        let Some(known) = known else { return };
        if known.as_of < record.seq {
            let mut deploy = (*known).clone();
            let was = deploy.state;
            moved(&mut deploy, record, step);
            self.on_tools(record, &deploy, was, step);
            self.deploys.put(deploy);
        }
    }

    /// What a step means for the deploy's tools: what is expected of them, and when they were settled last.
    fn on_tools(&mut self, record: &Record, deploy: &Deploy, was: DeployState, step: &Step) {
        let settles = was == DeployState::Switching && deploy.state != DeployState::Switching;
        let opens =
            deploy.proposal.confirm_within_ms.is_some() && matches!(step, Step::Activated { .. });
        for id in deploy.tools() {
            let Some(tool) = self.tool(id) else { continue };
            let ours = tool.provisional().is_some_and(|it| it.deploy == deploy.number);
            let ends = ours && deploy.state.rests();
            let provisional = opens.then(|| provisional(tool, id, deploy));
            let put_back = put_back(tool, id, deploy, record, step);
            if !(settles || opens || ends || put_back.is_some()) {
                continue;
            }
            let settle = |it: &mut Rare| {
                it.settled = if settles { record.seq } else { it.settled };
                it.provisional = if opens || ends { provisional } else { it.provisional.take() };
                it.put_back = put_back.or(it.put_back.take());
            };
            self.change(id, record, |tool| tool.change_rare(settle));
        }
    }

    pub(super) fn quarantine(&mut self, record: &Record, fact: &Fact) {
        if let Fact::ContentQuarantined { tool, digest, .. } = fact {
            self.change(tool, record, |it| {
                it.change_rare(|it| it.quarantined.extend([*digest]));
            });
        }
        if let Fact::ContentReleased { tool, digest, .. } = fact {
            self.change(tool, record, |it| {
                it.change_rare(|it| it.quarantined.retain(|known| known != digest));
            });
        }
    }
}

/// What the root's policy put back, and instead of what.
fn put_back(
    tool: &Tool,
    id: &ToolId,
    deploy: &Deploy,
    record: &Record,
    step: &Step,
) -> Option<PutBack> {
    let unasked = deploy.proposal.kind == DeployKind::Restore && deploy.proposal.author == keeper();
    let away = deploy.change(id)?.base.map(|it| it.digest);
    let before = tool.rare.as_ref().and_then(|it| it.put_back.as_ref());
    (unasked && matches!(step, Step::Activated { .. }))
        .then(|| on_drift::remembered(before, away, record))
}

fn moved(deploy: &mut Deploy, record: &Record, step: &Step) {
    deploy.state = step.state();
    deploy.steps.push((deploy.state, record.time));
    deploy.why = step.why().map(str::to_owned);
    deploy.by = step.by();
    deploy.as_of = record.seq;
    match step {
        Step::Staged(markers) => deploy.markers.clone_from(markers),
        Step::Switching { markers, approved_by } => {
            deploy.markers.clone_from(markers);
            deploy.approved_by.clone_from(approved_by);
        }
        Step::Verified(it) | Step::Rejected(it) => {
            // One that is judged anew, when it is approved, was verified before.
            if !it.checks.is_empty() || deploy.checks.is_empty() {
                deploy.checks.clone_from(&it.checks);
            }
            deploy.judgement.clone_from(&it.judgement);
        }
        // Judged anew, it gets no more time.
        Step::AwaitingApproval { expires_ms, .. } => {
            deploy.deadline = after(record, *expires_ms).or(deploy.deadline);
        }
        Step::Activated { live, witnesses } => {
            deploy.live.clone_from(live);
            deploy.witnesses.clone_from(witnesses);
            deploy.deadline = after(record, deploy.proposal.confirm_within_ms);
        }
        Step::Accepted(_)
        | Step::NoOp(_)
        | Step::Confirmed { .. }
        | Step::Conflicted { .. }
        | Step::Aborted { .. }
        | Step::RolledBack { .. }
        | Step::Superseded { .. }
        | Step::Abandoned { .. } => (),
    }
}

fn after(record: &Record, ms: Option<u64>) -> Option<Timestamp> {
    let ms = i64::try_from(ms?).unwrap_or(i64::MAX);
    Some(Timestamp(record.time.0.saturating_add(ms.saturating_mul(1000))))
}

/// What an open deploy that has just become live expects of the tool.
pub(super) fn provisional(tool: &Tool, id: &ToolId, deploy: &Deploy) -> Provisional {
    let stands = |it: &LiveChange| it.tool == *id && it.version.is_some();
    let expected = deploy.live.iter().any(stands).then(|| tool.on_disk());
    let expected = expected.flatten().map(crate::model::Baseline::of);
    Provisional { deploy: deploy.number, expected }
}
