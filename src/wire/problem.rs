//! An error as it is told: `application/problem+json` of RFC 9457.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// `urn:knowngood:problem:` and the code.
    #[serde(rename = "type")]
    pub kind: String,
    pub title: String,
    pub status: u16,
    /// What a program should look at, such as `no_such_tool`.
    pub code: String,
    /// What went wrong this time.
    pub detail: String,
    /// What to do next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Members that some codes bring.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}
