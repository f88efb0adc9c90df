//! The configuration as it is in force.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Configuration {
    pub items: Vec<Setting>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Setting {
    /// `limits.file_size`; of a root, with its name: `root.tools.include`.
    pub key: String,
    /// As TOML. Null: nothing was said, and nothing holds instead.
    pub value: Option<String>,
    /// `default`, `FILE:LINE`, a variable, a flag, or the directory that `run` was given.
    pub origin: String,
    /// Whether a change of it takes effect at the next start only.
    pub needs_restart: bool,
    /// What it will be after a restart, where a reload brought something else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_restart: Option<String>,
}
