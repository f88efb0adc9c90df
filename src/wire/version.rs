//! A version as it is shown.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Author, stamp};
use crate::model;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Version {
    pub tool: String,
    pub number: u32,
    pub sha256: String,
    /// In bytes.
    pub size: u64,
    pub executable: bool,
    pub author: Author,
    pub reason: String,
    /// Written `v3`.
    pub parents: Vec<String>,
    /// How it came to be seen: `watch`, `scan` or `audit`.
    pub origin: String,
    /// The file's own modification time.
    pub mtime: String,
    /// When it was recorded.
    pub time: String,
    pub seq: u64,
}

impl From<&model::Version> for Version {
    fn from(it: &model::Version) -> Self {
        Self {
            tool: it.tool.to_string(),
            number: it.number.0,
            sha256: it.digest.to_string(),
            size: it.size,
            executable: it.executable,
            author: (&it.author).into(),
            reason: it.reason.as_str().to_owned(),
            parents: it.parents.iter().map(ToString::to_string).collect(),
            origin: it.origin.as_str().to_owned(),
            mtime: stamp(it.mtime),
            time: stamp(it.time),
            seq: it.seq.0,
        }
    }
}
