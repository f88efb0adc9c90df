//! Serde twins of deploys, version 1: in facts, and as rows of the index (both JSON: a deploy is rare and long). What is
//! written stays readable for ever. Decides nothing.

use serde::{Deserialize, Serialize};

use super::{
    check::CheckV1,
    fact::{runtime_name, tool_id},
    gate::JudgementV1,
    twin::{AuthorV1, BadText, Hex, reason},
};
use crate::model::{
    Base, Change, Deploy, DeployKind, DeployNo, DeployState, LiveChange, Marker, Proposal,
    RequestKey, RuntimeName, Seq, Target, Timestamp, ToolId, VersionNo,
};

pub(super) type Author = AuthorV1<'static>;

#[derive(Serialize, Deserialize)]
pub(super) struct ProposalV1 {
    kind: KindV1,
    changes: Vec<ChangeV1>,
    author: Author,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    claimed: Option<Author>,
    reason: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    metadata: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    confirm_within_ms: Option<u64>,
    #[serde(default)]
    force: bool,
    #[serde(default)]
    keeps_conflict: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<KeyV1>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    quarantines: Vec<(String, Hex)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    expect_changes: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum KindV1 {
    Deploy,
    Rollback,
    Restore,
    Accept,
    Automatic(u64),
    Regressed,
}

#[derive(Serialize, Deserialize)]
struct ChangeV1 {
    tool: String,
    base: Option<(Hex, Option<u32>)>,
    to: Option<TargetV1>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    parents: Vec<u32>,
}

#[derive(Serialize, Deserialize)]
struct TargetV1 {
    digest: Hex,
    executable: Option<bool>,
}

#[derive(Serialize, Deserialize)]
struct KeyV1 {
    uid: u32,
    key: String,
    request: Hex,
}

#[derive(Serialize, Deserialize)]
pub(super) struct MarkerV1 {
    name: String,
    inode: Option<(u64, u64)>,
    executable: bool,
    size: u64,
}

#[derive(Serialize, Deserialize)]
pub(super) struct LiveV1 {
    tool: String,
    version: Option<u32>,
    displaced: Option<u32>,
    returns: Option<TargetV1>,
}

#[derive(Serialize, Deserialize)]
struct DeployV1 {
    number: u64,
    proposal: ProposalV1,
    state: StateV1,
    markers: Vec<MarkerV1>,
    checks: Vec<CheckV1>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    judgement: Option<JudgementV1>,
    steps: Vec<(StateV1, i64)>,
    live: Vec<LiveV1>,
    witnesses: Vec<(String, String)>,
    deadline: Option<i64>,
    approved_by: Option<Author>,
    why: Option<String>,
    by: Option<u64>,
    as_of: u64,
}

super::twin::words!(StateV1 of DeployState {
    Accepted, Staged, Verified, AwaitingApproval, Switching, Activated, Confirmed, NoOp, Rejected, Conflicted, Aborted,
    RolledBack, Superseded, Abandoned
});

pub(super) fn to_row(deploy: &Deploy) -> Result<Vec<u8>, BadText> {
    let twin = DeployV1 {
        number: deploy.number.0,
        proposal: (&deploy.proposal).into(),
        state: deploy.state.into(),
        markers: many(&deploy.markers),
        checks: many(&deploy.checks),
        judgement: deploy.judgement.as_deref().map(Into::into),
        steps: deploy.steps.iter().map(|it| (it.0.into(), it.1.0)).collect(),
        live: many(&deploy.live),
        witnesses: pairs(&deploy.witnesses),
        deadline: deploy.deadline.map(|it| it.0),
        approved_by: deploy.approved_by.as_ref().map(owned),
        why: deploy.why.clone(),
        by: deploy.by.map(|it| it.0),
        as_of: deploy.as_of.0,
    };
    serde_json::to_vec(&twin).map_err(|it| it.to_string())
}

pub(super) fn from_row(bytes: &[u8]) -> Result<Deploy, BadText> {
    let it: DeployV1 = serde_json::from_slice(bytes).map_err(|it| it.to_string())?;
    Ok(Deploy {
        number: DeployNo(it.number),
        proposal: it.proposal.read()?,
        state: it.state.into(),
        markers: it.markers.into_iter().map(Into::into).collect(),
        checks: all(it.checks, CheckV1::read)?,
        judgement: it.judgement.map(|it| it.read().map(Box::new)).transpose()?,
        steps: it.steps.into_iter().map(|(state, at)| (state.into(), Timestamp(at))).collect(),
        live: all(it.live, LiveV1::read)?,
        witnesses: read_pairs(it.witnesses)?,
        deadline: it.deadline.map(Timestamp),
        approved_by: it.approved_by.map(Into::into),
        why: it.why,
        by: it.by.map(DeployNo),
        as_of: Seq(it.as_of),
    })
}

pub(super) fn owned(author: &crate::model::Author) -> Author {
    AuthorV1::owned(author)
}

pub(super) fn many<'a, A: 'a, B: From<&'a A>>(all: &'a [A]) -> Vec<B> {
    all.iter().map(B::from).collect()
}

pub(super) fn all<A, B>(
    all: Vec<A>,
    read: impl Fn(A) -> Result<B, BadText>,
) -> Result<Vec<B>, BadText> {
    all.into_iter().map(read).collect()
}

fn numbers(all: &[VersionNo]) -> Vec<u32> {
    all.iter().map(|it| it.0).collect()
}

pub(super) fn pairs(all: &[(RuntimeName, ToolId)]) -> Vec<(String, String)> {
    all.iter().map(|it| (it.0.to_string(), it.1.to_string())).collect()
}

pub(super) fn read_pairs(
    pairs: Vec<(String, String)>,
) -> Result<Vec<(RuntimeName, ToolId)>, BadText> {
    all(pairs, |(name, tool)| Ok((runtime_name(&name)?, tool_id(&tool)?)))
}

impl From<&Proposal> for ProposalV1 {
    fn from(it: &Proposal) -> Self {
        Self {
            kind: it.kind.into(),
            changes: many(&it.changes),
            author: owned(&it.author),
            claimed: it.claimed.as_ref().map(owned),
            reason: it.reason.as_str().to_owned(),
            message: it.message.clone(),
            metadata: it.metadata.clone(),
            confirm_within_ms: it.confirm_within_ms,
            force: it.force,
            keeps_conflict: it.keeps_conflict,
            key: it.key.as_ref().map(|it| KeyV1 {
                uid: it.uid,
                key: it.key.clone(),
                request: Hex(it.request),
            }),
            quarantines: it.quarantines.iter().map(|it| (it.0.to_string(), Hex(it.1))).collect(),
            expect_changes: it.expect_changes.clone(),
        }
    }
}

impl ProposalV1 {
    pub(super) fn read(self) -> Result<Proposal, BadText> {
        Ok(Proposal {
            kind: self.kind.into(),
            changes: all(self.changes, ChangeV1::read)?,
            author: self.author.into(),
            claimed: self.claimed.map(Into::into),
            reason: reason(&self.reason)?,
            message: self.message,
            metadata: self.metadata,
            confirm_within_ms: self.confirm_within_ms,
            force: self.force,
            keeps_conflict: self.keeps_conflict,
            key: self.key.map(|it| RequestKey { uid: it.uid, key: it.key, request: it.request.0 }),
            quarantines: all(self.quarantines, |it| Ok((tool_id(&it.0)?, it.1.0)))?,
            expect_changes: self.expect_changes,
        })
    }
}

impl From<DeployKind> for KindV1 {
    fn from(it: DeployKind) -> Self {
        match it {
            DeployKind::Deploy => Self::Deploy,
            DeployKind::Rollback => Self::Rollback,
            DeployKind::Restore => Self::Restore,
            DeployKind::Accept => Self::Accept,
            DeployKind::Automatic(of) => Self::Automatic(of.0),
            DeployKind::Regressed => Self::Regressed,
        }
    }
}

impl From<KindV1> for DeployKind {
    fn from(it: KindV1) -> Self {
        match it {
            KindV1::Deploy => Self::Deploy,
            KindV1::Rollback => Self::Rollback,
            KindV1::Restore => Self::Restore,
            KindV1::Accept => Self::Accept,
            KindV1::Automatic(of) => Self::Automatic(DeployNo(of)),
            KindV1::Regressed => Self::Regressed,
        }
    }
}

impl From<&Change> for ChangeV1 {
    fn from(it: &Change) -> Self {
        Self {
            tool: it.tool.to_string(),
            base: it.base.map(|it| (Hex(it.digest), it.version.map(|it| it.0))),
            to: it.to.map(Into::into),
            parents: numbers(&it.parents),
        }
    }
}

impl ChangeV1 {
    pub(super) fn read(self) -> Result<Change, BadText> {
        Ok(Change {
            tool: tool_id(&self.tool)?,
            base: self.base.map(|it| Base { digest: it.0.0, version: it.1.map(VersionNo) }),
            to: self.to.map(Into::into),
            parents: self.parents.into_iter().map(VersionNo).collect(),
        })
    }
}

impl From<Target> for TargetV1 {
    fn from(it: Target) -> Self {
        Self { digest: Hex(it.digest), executable: it.executable }
    }
}

impl From<TargetV1> for Target {
    fn from(it: TargetV1) -> Self {
        Self { digest: it.digest.0, executable: it.executable }
    }
}

impl From<&Marker> for MarkerV1 {
    fn from(it: &Marker) -> Self {
        Self { name: it.name.clone(), inode: it.inode, executable: it.executable, size: it.size }
    }
}

impl From<MarkerV1> for Marker {
    fn from(it: MarkerV1) -> Self {
        Self { name: it.name, inode: it.inode, executable: it.executable, size: it.size }
    }
}

impl From<&LiveChange> for LiveV1 {
    fn from(it: &LiveChange) -> Self {
        Self {
            tool: it.tool.to_string(),
            version: it.version.map(|it| it.0),
            displaced: it.displaced.map(|it| it.0),
            returns: it.returns.map(Into::into),
        }
    }
}

impl LiveV1 {
    pub(super) fn read(self) -> Result<LiveChange, BadText> {
        Ok(LiveChange {
            tool: tool_id(&self.tool)?,
            version: self.version.map(VersionNo),
            displaced: self.displaced.map(VersionNo),
            returns: self.returns.map(Into::into),
        })
    }
}
