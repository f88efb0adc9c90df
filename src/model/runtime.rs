//! A runtime: an agent process that loads tools and says which.

use std::{collections::BTreeMap, fmt, sync::Arc};

use super::{Digest, Seq, Timestamp, ToolId};

/// A name that a runtime gives itself: `[A-Za-z0-9][A-Za-z0-9._:@-]*`, at most 128 characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuntimeName(Arc<str>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRuntime;

/// Its last report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Runtime {
    pub loaded: BTreeMap<ToolId, Digest>,
    /// What it tried to load and could not, with its own words.
    pub failed: BTreeMap<ToolId, String>,
    pub ttl_ms: u64,
    pub reported: Timestamp,
    pub as_of: Seq,
}

impl RuntimeName {
    pub fn new(text: &str) -> Result<Self, BadRuntime> {
        let fits = text.bytes().all(|it| it.is_ascii_alphanumeric() || b"._:@-".contains(&it));
        let starts = text.bytes().next().is_some_and(|it| it.is_ascii_alphanumeric());
        if fits && starts && text.len() <= 128 { Ok(Self(text.into())) } else { Err(BadRuntime) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RuntimeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
