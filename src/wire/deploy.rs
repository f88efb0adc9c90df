//! A deploy as it is shown: what became of it, step by step.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Author, CheckShown, Judgement, stamp};
use crate::model;

/// How a deploy ended, or how far it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Deployed {
    /// Null: a dry run, or nothing that was not so already.
    pub deploy: Option<u64>,
    pub state: DeployState,
    pub changes: Vec<DeployedChange>,
    pub steps: Vec<DeployStep>,
    /// What the gates made of it; absent where none was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judgement: Option<Judgement>,
    /// Until when it must be confirmed, or approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<String>,
    /// Why it is as it is, in words, where there is more to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    pub as_of: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeployedChange {
    pub tool: String,
    /// The version it made; null: none (yet), or the file went.
    pub version: Option<u32>,
    /// What is to stand there; null: nothing.
    pub sha256: Option<String>,
    /// What stood there before; null: nothing, or it is not switched yet.
    pub displaced: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeployStep {
    /// The state that it reached, or `switching`.
    pub step: String,
    /// Absent in a dry run, where it did not come to pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// Of the checks that led to it; absent where none did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_tail: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<CheckShown>,
}

/// A deploy with all that is known of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Deploy {
    pub deploy: u64,
    pub kind: DeployKind,
    /// Of an automatic one: the deploy that it takes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<u64>,
    pub state: DeployState,
    pub author: Author,
    /// What the request said of its author, where that is more than the channel allows.
    pub claimed: Option<Author>,
    pub reason: String,
    pub message: Option<String>,
    pub metadata: Map<String, Value>,
    pub changes: Vec<DeployChange>,
    pub steps: Vec<DeployStep>,
    /// What the gates made of it; null where none was asked.
    pub judgement: Option<Judgement>,
    /// Why it ended as it did.
    pub why: Option<String>,
    /// The deploy that took its place, or took it back.
    pub by: Option<u64>,
    pub confirm_within_ms: Option<u64>,
    /// Where its author said that answers would differ.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expect_changes: Vec<String>,
    /// Until when it must be confirmed, or approved.
    pub deadline: Option<String>,
    pub as_of: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeployChange {
    pub tool: String,
    /// What had to stand there; null with a hash: no version was named; without one: nothing.
    pub base: Option<u32>,
    pub base_sha256: Option<String>,
    /// The version it made; null: none (yet), or the file went.
    pub version: Option<u32>,
    /// What is to stand there; null: nothing.
    pub sha256: Option<String>,
    /// In bytes.
    pub size: Option<u64>,
    pub executable: Option<bool>,
    /// What stood there before; null: nothing, or it is not switched yet.
    pub displaced: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeployKind {
    Deploy,
    Rollback,
    Restore,
    Accept,
    Automatic,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeployState {
    Accepted,
    Staged,
    Verified,
    AwaitingApproval,
    Activated,
    Confirmed,
    NoOp,
    Rejected,
    Conflicted,
    Aborted,
    RolledBack,
    Superseded,
    Abandoned,
}

impl From<model::DeployState> for DeployState {
    fn from(state: model::DeployState) -> Self {
        use model::DeployState as S;
        match state {
            S::Accepted => Self::Accepted,
            S::Staged => Self::Staged,
            S::Verified | S::Switching => Self::Verified,
            S::AwaitingApproval => Self::AwaitingApproval,
            S::Activated => Self::Activated,
            S::Confirmed => Self::Confirmed,
            S::NoOp => Self::NoOp,
            S::Rejected => Self::Rejected,
            S::Conflicted => Self::Conflicted,
            S::Aborted => Self::Aborted,
            S::RolledBack => Self::RolledBack,
            S::Superseded => Self::Superseded,
            S::Abandoned => Self::Abandoned,
        }
    }
}

impl From<model::DeployKind> for DeployKind {
    fn from(kind: model::DeployKind) -> Self {
        match kind {
            model::DeployKind::Deploy => Self::Deploy,
            model::DeployKind::Rollback => Self::Rollback,
            model::DeployKind::Restore => Self::Restore,
            model::DeployKind::Accept => Self::Accept,
            model::DeployKind::Automatic(_) | model::DeployKind::Regressed => Self::Automatic,
        }
    }
}

impl From<&model::Deploy> for Deployed {
    fn from(it: &model::Deploy) -> Self {
        let changes = it.proposal.changes.iter().map(|change| DeployedChange {
            tool: change.tool.to_string(),
            version: live(it, change).and_then(|it| it.version).map(|it| it.0),
            sha256: change.to.map(|it| it.digest.to_string()),
            displaced: live(it, change).and_then(|it| it.displaced).map(|it| it.0),
        });
        Self {
            deploy: Some(it.number.0),
            state: it.state.into(),
            changes: changes.collect(),
            steps: steps(it),
            judgement: it.judgement.as_deref().map(Into::into),
            deadline: it.deadline.map(stamp),
            why: it.why.clone(),
            as_of: it.as_of.0,
        }
    }
}

impl From<&model::Deploy> for Deploy {
    fn from(it: &model::Deploy) -> Self {
        let model::Proposal { kind, author, claimed, reason, message, metadata, .. } = &it.proposal;
        let of = match kind {
            model::DeployKind::Automatic(of) => Some(of.0),
            model::DeployKind::Deploy
            | model::DeployKind::Rollback
            | model::DeployKind::Restore
            | model::DeployKind::Accept
            | model::DeployKind::Regressed => None,
        };
        let metadata = metadata.as_deref().and_then(|it| serde_json::from_str(it).ok());
        Self {
            deploy: it.number.0,
            kind: (*kind).into(),
            of,
            state: it.state.into(),
            author: author.into(),
            claimed: claimed.as_ref().map(Into::into),
            reason: reason.as_str().to_owned(),
            message: message.clone(),
            metadata: metadata.unwrap_or_default(),
            changes: it.proposal.changes.iter().enumerate().map(|each| shown(it, each)).collect(),
            steps: steps(it),
            judgement: it.judgement.as_deref().map(Into::into),
            why: it.why.clone(),
            by: it.by.map(|it| it.0),
            confirm_within_ms: it.proposal.confirm_within_ms,
            expect_changes: it.proposal.expect_changes.clone(),
            deadline: it.deadline.map(stamp),
            as_of: it.as_of.0,
        }
    }
}

impl Deploy {
    /// Without the inputs on which versions differ: a page of those is large.
    #[must_use]
    pub fn in_a_list(mut self) -> Self {
        let tools = self.judgement.iter_mut().flat_map(|it| &mut it.tools);
        tools.filter_map(|it| it.shadow.as_mut()).for_each(|it| it.findings.clear());
        self
    }
}

/// What the change came to, once it is live.
fn live<'a>(deploy: &'a model::Deploy, change: &model::Change) -> Option<&'a model::LiveChange> {
    deploy.live.iter().find(|it| it.tool == change.tool)
}

fn shown(deploy: &model::Deploy, (place, change): (usize, &model::Change)) -> DeployChange {
    let marker = deploy.markers.get(place);
    let (base, to) = (change.base.as_ref(), change.to.as_ref());
    DeployChange {
        tool: change.tool.to_string(),
        base: base.and_then(|it| it.version).map(|it| it.0),
        base_sha256: base.map(|it| it.digest.to_string()),
        version: live(deploy, change).and_then(|it| it.version).map(|it| it.0),
        sha256: to.map(|it| it.digest.to_string()),
        size: to.and(marker).map(|it| it.size),
        executable: to.and_then(|it| it.executable),
        displaced: live(deploy, change).and_then(|it| it.displaced).map(|it| it.0),
    }
}

/// What was checked belongs to the state that it led to: the first one behind `staged`.
fn steps(deploy: &model::Deploy) -> Vec<DeployStep> {
    use model::DeployState::{Accepted, Staged};
    let judged = |it: &model::DeployState| !matches!(it, Accepted | Staged);
    let place = deploy.steps.iter().position(|it| judged(&it.0));
    let steps = deploy.steps.iter().enumerate().map(|(at, (state, time))| {
        let checks = if Some(at) == place { &*deploy.checks } else { &[] };
        let ran = checks.iter().find(|it| it.sandbox != "none").or(checks.first());
        let tails = checks.iter().map(|it| it.output_tail.as_str()).filter(|it| !it.is_empty());
        let tails = tails.collect::<Vec<_>>().join("\n");
        DeployStep {
            step: state.as_str().to_owned(),
            at: Some(stamp(*time)),
            took_ms: ran.map(|_| checks.iter().map(|it| it.took_ms).sum()),
            sandbox: ran.map(|it| it.sandbox.clone()),
            output_tail: ran.map(|_| tails),
            checks: checks.iter().map(Into::into).collect(),
        }
    });
    steps.collect()
}
