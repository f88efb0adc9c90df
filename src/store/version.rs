//! Serde twins of versions, version 1, with what a deploy says of those that it made. Decides nothing.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{
    fact::{Text, text, tool_id},
    twin::{AuthorV1, BadText, Hex, OriginV1, reason},
};
use crate::model::{DeployNo, Note, Seq, Timestamp, Version, VersionNo};

#[derive(Serialize, Deserialize)]
pub(super) struct VersionV1<'a> {
    #[serde(borrow)]
    tool: Text<'a>,
    number: u32,
    digest: Hex,
    size: u64,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    executable: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    parents: Vec<u32>,
    author: AuthorV1<'a>,
    reason: Text<'a>,
    origin: OriginV1,
    mtime: i64,
    /// Only of a version that a deploy made.
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    note: Option<NoteV1<'a>>,
}

#[derive(Serialize, Deserialize)]
struct NoteV1<'a> {
    deploy: u64,
    #[serde(borrow)]
    claimed: Option<AuthorV1<'a>>,
    message: Option<Text<'a>>,
    metadata: Option<Text<'a>>,
}

impl<'a> From<&'a Version> for VersionV1<'a> {
    fn from(it: &'a Version) -> Self {
        Self {
            tool: text(it.tool.as_str()),
            number: it.number.0,
            digest: Hex(it.digest),
            size: it.size,
            executable: it.executable,
            parents: it.parents.iter().map(|it| it.0).collect(),
            author: (&it.author).into(),
            reason: text(it.reason.as_str()),
            origin: it.origin.into(),
            mtime: it.mtime.0,
            note: it.note.as_ref().map(|it| NoteV1 {
                deploy: it.deploy.0,
                claimed: it.claimed.as_ref().map(Into::into),
                message: it.message.as_deref().map(text),
                metadata: it.metadata.as_deref().map(text),
            }),
        }
    }
}

impl VersionV1<'_> {
    pub(super) fn read(self, seq: Seq, time: Timestamp) -> Result<Version, BadText> {
        Ok(Version {
            tool: tool_id(&self.tool)?,
            number: VersionNo(self.number),
            digest: self.digest.0,
            size: self.size,
            executable: self.executable,
            parents: self.parents.into_iter().map(VersionNo).collect(),
            author: self.author.into(),
            reason: reason(&self.reason)?,
            origin: self.origin.into(),
            mtime: Timestamp(self.mtime),
            note: self.note.map(|it| {
                Box::new(Note {
                    deploy: DeployNo(it.deploy),
                    claimed: it.claimed.map(Into::into),
                    message: it.message.map(Cow::into_owned),
                    metadata: it.metadata.map(Cow::into_owned),
                })
            }),
            time,
            seq,
        })
    }
}
