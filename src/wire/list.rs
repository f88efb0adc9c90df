//! A page of a list.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "{T}List")]
pub struct List<T> {
    pub items: Vec<T>,
    /// Hand it back as `cursor` for the next page; null: this was the last one.
    pub next: Option<String>,
    /// The seq of the last fact that this answer knows.
    pub as_of: u64,
}
