//! A deploy as it is asked for, and what remains of it when it is checked: as far as that goes without looking at any
//! tool.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::{
    Claim, Invalid, duration,
    object::{maybe, maybe_list},
    unbase64,
};
use crate::model::{Reason, ToolId};

/// Puts contents in place of tools, all of them or none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeployRequest {
    /// 1 to 256, each of another tool.
    #[serde(default, deserialize_with = "maybe_list", skip_serializing_if = "Option::is_none")]
    pub changes: Option<Vec<ChangeRequest>>,
    /// A lower-case word such as `bug_fix`. Default: `edit`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// At most 4,096 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    #[serde(default, deserialize_with = "maybe", skip_serializing_if = "Option::is_none")]
    pub author: Option<Claim>,
    /// The author's own notes, at most 16 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Map<String, Value>>,
    /// Default: `abort`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_conflict: Option<OnConflict>,
    /// Check and verify, and change nothing. Default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<bool>,
    /// Roll back unless it is confirmed in this time, `1s` to `168h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm_within: Option<String>,
    /// Let a quarantined content through, or one that a shadow run stopped; by a person, with a message. Default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub force: Option<bool>,
    /// JSON pointers (`*` for any segment) to where a tool's answers are meant to differ: `/value/total`. A shadow run that
    /// finds nothing else to differ comes to `changed_as_declared`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect_changes: Option<Vec<String>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeRequest {
    pub tool: String,
    /// What the author started from: a version reference, or null for a tool that must not exist yet. It must be given.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub base: Option<Option<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// Of `content`. Default: `utf-8`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<Encoding>,
    /// The tool is to go, instead of `content`. Default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete: Option<bool>,
    /// Default: as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executable: Option<bool>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    #[default]
    #[serde(rename = "utf-8")]
    Utf8,
    Base64,
}

/// What to do where the disk is not the base.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnConflict {
    #[default]
    Abort,
    /// Merge line by line; what cannot be merged is a conflict.
    Merge,
    /// Record what is there as a version, then replace it.
    Overwrite,
}

/// A deploy request, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposed {
    /// In the order of their ids.
    pub changes: Vec<ProposedChange>,
    pub reason: Reason,
    pub message: Option<String>,
    pub author: Option<Claim>,
    /// A JSON object as text.
    pub metadata: Option<String>,
    pub on_conflict: OnConflict,
    pub dry_run: bool,
    pub confirm_within_ms: Option<u64>,
    pub force: bool,
    pub expect_changes: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProposedChange {
    /// Where it stood in the request, for what is said about it later: `changes[3]`.
    pub field: String,
    pub tool: ToolId,
    /// A version reference. `None`: there must be nothing.
    pub base: Option<String>,
    /// `None`: the tool goes.
    pub content: Option<Vec<u8>>,
    pub executable: Option<bool>,
}

/// Why a request cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unfit {
    Invalid(Invalid),
    /// It does not say what it starts from.
    BaseRequired {
        field: String,
        tool: String,
    },
    TooLarge {
        field: String,
        size: usize,
        limit: usize,
    },
}

const MOST_CHANGES: usize = 256;
const LONGEST_MESSAGE: usize = 4096;
const LONGEST_METADATA: usize = 16 << 10;
const MOST_POINTERS: usize = 64;
const LONGEST_POINTER: usize = 256;
/// A week.
const LONGEST_TRIAL_MS: u64 = 7 * 86_400_000;

impl DeployRequest {
    /// `largest`: how many bytes a tool may have.
    pub fn checked(self, largest: usize) -> Result<Proposed, Unfit> {
        let mut changes = Vec::new();
        for (field, it) in listed("changes", self.changes)? {
            changes.push(it.checked(field, largest)?);
        }
        each_once(changes.iter().map(|it| (&it.field, &it.tool)))?;
        changes.sort_by(|a, b| a.tool.cmp(&b.tool));
        Ok(Proposed {
            changes,
            reason: reason(self.reason.as_deref().unwrap_or("edit"))?,
            message: message(self.message)?,
            author: self.author,
            metadata: metadata(self.metadata.as_ref())?,
            on_conflict: self.on_conflict.unwrap_or_default(),
            dry_run: self.dry_run.unwrap_or(false),
            confirm_within_ms: confirm_within(self.confirm_within.as_deref())?,
            force: self.force.unwrap_or(false),
            expect_changes: pointers(self.expect_changes.unwrap_or_default())?,
        })
    }
}

impl ChangeRequest {
    fn checked(self, field: String, largest: usize) -> Result<ProposedChange, Unfit> {
        let tool = tool(&field, &self.tool)?;
        let wrong =
            |name: &str, why: &str| Err(Invalid::new(format!("{field}.{name}"), why).into());
        let gone = self.delete.unwrap_or(false);
        let Some(base) = self.base else {
            return Err(Unfit::BaseRequired { field: format!("{field}.base"), tool: self.tool });
        };
        let content = match self.content {
            Some(_) if gone => return wrong("content", "cannot stand beside `delete`"),
            None if !gone => return wrong("content", "is missing: give it, or say `delete`"),
            None => None,
            Some(text) => Some(bytes(&field, text, self.encoding.unwrap_or_default(), largest)?),
        };
        if gone && base.is_none() {
            return wrong("base", "is null, so that there is nothing to delete");
        }
        if gone && self.executable.is_some() {
            return wrong("executable", "cannot stand beside `delete`");
        }
        Ok(ProposedChange { tool, base, content, executable: self.executable, field })
    }
}

/// The bytes that a content stands for. `largest`: how many a tool may have.
pub(super) fn bytes(
    field: &str,
    text: String,
    encoding: Encoding,
    largest: usize,
) -> Result<Vec<u8>, Unfit> {
    let field = format!("{field}{}content", if field.is_empty() { "" } else { "." });
    let bytes = match encoding {
        Encoding::Utf8 => text.into_bytes(),
        Encoding::Base64 => unbase64(&text).map_err(|at| {
            Invalid::new(&*field, format!("is no base64 (RFC 4648, padded) from its byte {at} on"))
        })?,
    };
    if bytes.len() > largest {
        return Err(Unfit::TooLarge { field, size: bytes.len(), limit: largest });
    }
    Ok(bytes)
}

/// The entries of a list that must have some, each with its name.
pub(super) fn listed<T>(
    name: &str,
    list: Option<Vec<T>>,
) -> Result<impl Iterator<Item = (String, T)>, Invalid> {
    let list = list.ok_or_else(|| Invalid::new(name, "is missing"))?;
    if !(1..=MOST_CHANGES).contains(&list.len()) {
        let why = format!("has {} entries, it may have 1 to {MOST_CHANGES}", list.len());
        return Err(Invalid::new(name, why));
    }
    let name = name.to_owned();
    Ok(list.into_iter().enumerate().map(move |(place, it)| (format!("{name}[{place}]"), it)))
}

pub(super) fn each_once<'a>(
    all: impl Iterator<Item = (&'a String, &'a ToolId)>,
) -> Result<(), Invalid> {
    let mut seen = BTreeSet::new();
    for (field, tool) in all {
        if !seen.insert(tool) {
            return Err(Invalid::new(format!("{field}.tool"), format!("names {tool} twice")));
        }
    }
    Ok(())
}

pub(super) fn tool(field: &str, text: &str) -> Result<ToolId, Invalid> {
    text.parse().map_err(|bad: crate::model::BadId| {
        let dot = if field.is_empty() { "" } else { "." };
        Invalid::new(format!("{field}{dot}tool"), bad.to_string())
    })
}

pub(super) fn reason(text: &str) -> Result<Reason, Invalid> {
    let why = "must be a lower-case word: [a-z][a-z0-9_-]*, at most 64 characters";
    Reason::new(text).map_err(|_| Invalid::new("reason", why))
}

/// An empty one says nothing.
pub(super) fn message(message: Option<String>) -> Result<Option<String>, Invalid> {
    let steers = |it: char| it.is_control() && it != '\n' && it != '\t';
    match message.filter(|it| !it.trim().is_empty()) {
        Some(it) if it.len() > LONGEST_MESSAGE => {
            Err(Invalid::new("message", format!("is longer than {LONGEST_MESSAGE} bytes")))
        }
        Some(it) if it.contains(steers) => {
            Err(Invalid::new("message", "holds a control character that ends no line"))
        }
        it => Ok(it),
    }
}

pub(super) fn metadata(metadata: Option<&Map<String, Value>>) -> Result<Option<String>, Invalid> {
    let Some(metadata) = metadata.filter(|it| !it.is_empty()) else { return Ok(None) };
    let text = serde_json::to_string(metadata)
        .map_err(|it| Invalid::new("metadata", format!("cannot be kept: {it}")))?;
    if text.len() > LONGEST_METADATA {
        let why = format!("takes {} bytes, it may take {LONGEST_METADATA}", text.len());
        return Err(Invalid::new("metadata", why));
    }
    Ok(Some(text))
}

pub(super) fn confirm_within(text: Option<&str>) -> Result<Option<u64>, Invalid> {
    let Some(text) = text else { return Ok(None) };
    let ms = duration(text).and_then(|it| u64::try_from(it.as_millis()).ok());
    let ms = ms.filter(|it| (1000..=LONGEST_TRIAL_MS).contains(it));
    ms.map(Some).ok_or_else(|| {
        let why = "must be a number with a unit (ms, s, m, h) from `1s` to `168h`";
        Invalid::new("confirm_within", why)
    })
}

fn pointers(all: Vec<String>) -> Result<Vec<String>, Invalid> {
    if all.len() > MOST_POINTERS {
        let why = format!("has {} entries, it may have {MOST_POINTERS}", all.len());
        return Err(Invalid::new("expect_changes", why));
    }
    let fits = |it: &String| (it.is_empty() || it.starts_with('/')) && it.len() <= LONGEST_POINTER;
    match all.iter().position(|it| !fits(it)) {
        None => Ok(all),
        Some(place) => {
            let why = format!("must be a JSON pointer of at most {LONGEST_POINTER} bytes: /a/0/b");
            Err(Invalid::new(format!("expect_changes[{place}]"), why))
        }
    }
}

impl From<Invalid> for Unfit {
    fn from(it: Invalid) -> Self {
        Self::Invalid(it)
    }
}

/// Null is an answer, and absence is none.
#[expect(clippy::option_option, reason = "absent, null and given are three things here")]
pub(super) fn given<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(from).map(Some)
}
