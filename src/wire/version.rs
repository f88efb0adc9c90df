//! A version as it is shown.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Author, stamp};
use crate::model;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Version {
    pub tool: String,
    pub number: u32,
    pub sha256: String,
    /// In bytes.
    pub size: u64,
    pub executable: bool,
    pub author: Author,
    /// What the request said of its author, where that is more than the channel allows.
    #[serde(default)]
    pub claimed: Option<Author>,
    pub reason: String,
    #[serde(default)]
    pub message: Option<String>,
    /// The author's own notes.
    #[serde(default)]
    pub metadata: Map<String, Value>,
    /// Written `v3`.
    pub parents: Vec<String>,
    /// How it came to be: `watch`, `scan` or `audit`, where it was seen; `deploy`; `displaced`, where it was written into a
    /// file that had just been replaced, and never stood in the tool's place.
    pub origin: String,
    /// The deploy that made it.
    #[serde(default)]
    pub deploy: Option<u64>,
    /// The file's own modification time.
    pub mtime: String,
    /// When it was recorded.
    pub time: String,
    pub seq: u64,
}

impl From<&model::Version> for Version {
    fn from(it: &model::Version) -> Self {
        let note = it.note.as_deref();
        let metadata = note.and_then(|it| it.metadata.as_deref());
        Self {
            tool: it.tool.to_string(),
            number: it.number.0,
            sha256: it.digest.to_string(),
            size: it.size,
            executable: it.executable,
            author: (&it.author).into(),
            claimed: note.and_then(|it| it.claimed.as_ref()).map(Into::into),
            message: note.and_then(|it| it.message.clone()),
            metadata: metadata.and_then(|it| serde_json::from_str(it).ok()).unwrap_or_default(),
            deploy: note.map(|it| it.deploy.0),
            reason: it.reason.as_str().to_owned(),
            parents: it.parents.iter().map(ToString::to_string).collect(),
            origin: it.origin.as_str().to_owned(),
            mtime: stamp(it.mtime),
            time: stamp(it.time),
            seq: it.seq.0,
        }
    }
}
