//! What was written, one source at a time: every key optional, each with the place where it stands.
//! Whether the values make sense is not asked here; an unknown key or a wrong type is refused.

use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

pub(super) type Set<T> = Option<Spanned<T>>;
/// Each element has its own place, so that the caret stands under the one that is wrong.
pub(super) type List = Vec<Spanned<String>>;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    pub(super) state_dir: Set<PathBuf>,
    pub(super) socket: Set<PathBuf>,
    #[serde(default, rename = "root")]
    pub(super) roots: Vec<RawRoot>,
    #[serde(default)]
    pub(super) access: RawAccess,
    #[serde(default)]
    pub(super) authors: RawAuthors,
    #[serde(default)]
    pub(super) limits: RawLimits,
    #[serde(default)]
    pub(super) audit: RawAudit,
    #[serde(default)]
    pub(super) log: RawLog,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRoot {
    pub(super) name: Set<String>,
    pub(super) path: Spanned<PathBuf>,
    pub(super) include: Set<List>,
    pub(super) exclude: Set<List>,
    pub(super) executables: Set<bool>,
    pub(super) baseline: Set<PathBuf>,
    pub(super) edits_by: Set<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAccess {
    pub(super) read: Set<List>,
    pub(super) runtime: Set<List>,
    pub(super) accept: Set<List>,
    pub(super) admin: Set<List>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAuthors {
    pub(super) human: Set<List>,
    pub(super) ai: Set<List>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLimits {
    pub(super) file_size: Set<String>,
    pub(super) body_size: Set<String>,
    pub(super) connections: Set<u32>,
    pub(super) connections_per_peer: Set<u32>,
    pub(super) header_timeout: Set<String>,
    pub(super) body_timeout: Set<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAudit {
    pub(super) walk: Set<String>,
    pub(super) rehash: Set<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLog {
    pub(super) format: Set<String>,
    pub(super) level: Set<String>,
}

impl RawRoot {
    /// A root of which nothing is said but where it is.
    pub(super) fn at(path: PathBuf) -> Self {
        Self {
            name: None,
            path: Spanned::new(0..0, path),
            include: None,
            exclude: None,
            executables: None,
            baseline: None,
            edits_by: None,
        }
    }
}
