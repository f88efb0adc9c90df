//! Serde twins of the steps of a deploy, version 1. What is written stays readable for ever. Decides nothing.

use serde::{Deserialize, Serialize};

use super::{
    deploy::{Author, LiveV1, MarkerV1, ProposalV1, all, many, owned, pairs, read_pairs},
    fact::tool_id,
    gate::ExaminationV1,
    twin::BadText,
};
use crate::model::{DeployNo, Step};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum StepV1 {
    Accepted(Box<ProposalV1>),
    Staged(Vec<MarkerV1>),
    Verified(ExaminationV1),
    AwaitingApproval {
        why: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires_ms: Option<u64>,
    },
    Switching {
        markers: Vec<MarkerV1>,
        approved_by: Option<Author>,
    },
    Activated {
        live: Vec<LiveV1>,
        witnesses: Vec<(String, String)>,
    },
    Confirmed {
        why: String,
    },
    NoOp(Box<ProposalV1>),
    Rejected(ExaminationV1),
    Conflicted {
        tools: Vec<String>,
        why: String,
    },
    Aborted {
        why: String,
    },
    RolledBack {
        by: u64,
        why: String,
    },
    Superseded {
        by: Option<u64>,
        why: String,
    },
    Abandoned {
        why: String,
    },
}

impl From<&Step> for StepV1 {
    fn from(it: &Step) -> Self {
        match it {
            Step::Accepted(it) => Self::Accepted(Box::new((&**it).into())),
            Step::Staged(markers) => Self::Staged(many(markers)),
            Step::Verified(it) => Self::Verified(it.into()),
            Step::AwaitingApproval { why, expires_ms } => {
                Self::AwaitingApproval { why: why.clone(), expires_ms: *expires_ms }
            }
            Step::Switching { markers, approved_by } => Self::Switching {
                markers: many(markers),
                approved_by: approved_by.as_ref().map(owned),
            },
            Step::Activated { live, witnesses } => {
                Self::Activated { live: many(live), witnesses: pairs(witnesses) }
            }
            Step::Confirmed { why } => Self::Confirmed { why: why.clone() },
            Step::NoOp(it) => Self::NoOp(Box::new((&**it).into())),
            Step::Rejected(it) => Self::Rejected(it.into()),
            Step::Conflicted { tools, why } => {
                let tools = tools.iter().map(ToString::to_string).collect();
                Self::Conflicted { tools, why: why.clone() }
            }
            Step::Aborted { why } => Self::Aborted { why: why.clone() },
            Step::RolledBack { by, why } => Self::RolledBack { by: by.0, why: why.clone() },
            Step::Superseded { by, why } => {
                Self::Superseded { by: by.map(|it| it.0), why: why.clone() }
            }
            Step::Abandoned { why } => Self::Abandoned { why: why.clone() },
        }
    }
}

impl StepV1 {
    pub(super) fn read(self) -> Result<Step, BadText> {
        let markers = |it: Vec<MarkerV1>| it.into_iter().map(Into::into).collect();
        Ok(match self {
            Self::Accepted(it) => Step::Accepted(Box::new(it.read()?)),
            Self::Staged(it) => Step::Staged(markers(it)),
            Self::Verified(it) => Step::Verified(it.read()?),
            Self::AwaitingApproval { why, expires_ms } => {
                Step::AwaitingApproval { why, expires_ms }
            }
            Self::Switching { markers: it, approved_by } => {
                Step::Switching { markers: markers(it), approved_by: approved_by.map(Into::into) }
            }
            Self::Activated { live, witnesses } => Step::Activated {
                live: all(live, LiveV1::read)?,
                witnesses: read_pairs(witnesses)?,
            },
            Self::Confirmed { why } => Step::Confirmed { why },
            Self::NoOp(it) => Step::NoOp(Box::new(it.read()?)),
            Self::Rejected(it) => Step::Rejected(it.read()?),
            Self::Conflicted { tools, why } => {
                Step::Conflicted { tools: all(tools, |it| tool_id(&it))?, why }
            }
            Self::Aborted { why } => Step::Aborted { why },
            Self::RolledBack { by, why } => Step::RolledBack { by: DeployNo(by), why },
            Self::Superseded { by, why } => Step::Superseded { by: by.map(DeployNo), why },
            Self::Abandoned { why } => Step::Abandoned { why },
        })
    }
}
