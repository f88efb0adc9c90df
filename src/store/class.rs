//! Serde twins of what classes bring into the log, version 1: a change of class, and what people signed for. What is
//! written stays readable for ever. Decides nothing.

use std::{borrow::Cow, collections::BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    fact::{Text, text, tool_id},
    twin::{AuthorV1, BadText, Hex, read},
};
use crate::model::{Capability, Class, Digest, Fact, Timestamp, ToolId, VersionNo, Waiver};

#[derive(Serialize, Deserialize)]
pub(super) struct ChangedV1<'a> {
    tool: Text<'a>,
    from: (u32, Hex),
    to: (u32, Hex),
    before: Text<'a>,
    after: Text<'a>,
    added: Vec<String>,
    removed: Vec<String>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct WaivedV1<'a> {
    tool: Text<'a>,
    #[serde(borrow)]
    waiver: WaiverV1<'a>,
    withdrawn: bool,
}

#[derive(Serialize, Deserialize)]
pub(super) struct WaiverV1<'a> {
    cap: String,
    detail: Text<'a>,
    sites: Vec<Text<'a>>,
    reason: Text<'a>,
    #[serde(borrow)]
    author: AuthorV1<'a>,
    content: Option<Hex>,
    time: i64,
}

pub(super) type Version = (VersionNo, Digest);

impl<'a> ChangedV1<'a> {
    pub(super) fn of(
        tool: &'a ToolId,
        (from, to): (&Version, &Version),
        (before, after): (Class, Class),
        (added, removed): (&BTreeSet<Capability>, &BTreeSet<Capability>),
    ) -> Self {
        let version = |it: &Version| (it.0.0, Hex(it.1));
        let words = |it: &BTreeSet<Capability>| it.iter().map(ToString::to_string).collect();
        Self {
            tool: text(tool.as_str()),
            from: version(from),
            to: version(to),
            before: text(before.as_str()),
            after: text(after.as_str()),
            added: words(added),
            removed: words(removed),
        }
    }

    pub(super) fn read(self) -> Result<Fact, BadText> {
        let version = |it: (u32, Hex)| (VersionNo(it.0), it.1.0);
        Ok(Fact::ClassChanged {
            tool: tool_id(&self.tool)?,
            from: version(self.from),
            to: version(self.to),
            before: read("a class", &self.before)?,
            after: read("a class", &self.after)?,
            added: capabilities(&self.added)?,
            removed: capabilities(&self.removed)?,
        })
    }
}

impl<'a> WaivedV1<'a> {
    pub(super) fn of(tool: &'a ToolId, waiver: &'a Waiver, withdrawn: bool) -> Self {
        Self { tool: text(tool.as_str()), waiver: waiver.into(), withdrawn }
    }

    pub(super) fn read(self) -> Result<Fact, BadText> {
        let (tool, waiver) = (tool_id(&self.tool)?, self.waiver.read()?);
        Ok(Fact::ClassWaived { tool, waiver, withdrawn: self.withdrawn })
    }
}

impl<'a> From<&'a Waiver> for WaiverV1<'a> {
    fn from(it: &'a Waiver) -> Self {
        Self {
            cap: it.cap.to_string(),
            detail: text(&it.detail),
            sites: it.sites.iter().map(|it| text(it)).collect(),
            reason: text(&it.reason),
            author: (&it.author).into(),
            content: it.content.map(Hex),
            time: it.time.0,
        }
    }
}

impl WaiverV1<'_> {
    pub(super) fn read(self) -> Result<Waiver, BadText> {
        Ok(Waiver {
            cap: read("a capability", &self.cap)?,
            detail: self.detail.into_owned(),
            sites: self.sites.into_iter().map(Cow::into_owned).collect(),
            reason: self.reason.into_owned(),
            author: self.author.into(),
            content: self.content.map(|it| it.0),
            time: Timestamp(self.time),
        })
    }
}

fn capabilities(words: &[String]) -> Result<BTreeSet<Capability>, BadText> {
    words.iter().map(|it| read("a capability", it)).collect()
}
