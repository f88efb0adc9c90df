//! Query parameters, one type per endpoint. Unknown ones are refused, so that a typo shows.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{DeployState, IssueState, Sync};

/// No parameters.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PageQuery {
    /// How many items at most, 1 to 1000. Default: 100.
    pub limit: Option<u32>,
    /// `next` of the page before.
    pub cursor: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HistoryQuery {
    /// How many items at most, 1 to 1000. Default: 100.
    pub limit: Option<u32>,
    /// `next` of the page before.
    pub cursor: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StatusQuery {
    /// This root only.
    pub root: Option<String>,
    /// Issues of this state only. The summary stays whole.
    pub state: Option<IssueState>,
    /// Wait until every change made on disk before the call is recorded.
    pub sync: Option<bool>,
    /// How long `sync` may wait, `1ms` to `5m`. Default: `10s`.
    pub timeout: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToolsQuery {
    /// This root only.
    pub root: Option<String>,
    /// Tools in this state only.
    pub state: Option<Sync>,
    /// How many items at most, 1 to 1000. Default: 100.
    pub limit: Option<u32>,
    /// `next` of the page before.
    pub cursor: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ContentQuery {
    /// A version reference: `v3`, a hash or 8 and more of its first digits, `head`, `baseline`, `disk`, or a time.
    /// Default: `head`.
    pub at: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DiffQuery {
    /// A version reference. Default: `baseline`.
    pub from: Option<String>,
    /// A version reference. Default: `disk`.
    pub to: Option<String>,
    /// Lines of context, at most 10,000. Default: 3.
    pub context: Option<u32>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckQuery {
    /// Compare the disk with this version reference instead of the baseline.
    pub base: Option<String>,
    /// Compare the disk with what this runtime has loaded.
    pub runtime: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventsQuery {
    /// Facts after this seq. Default: 0, from the beginning. One that is not reached yet is waited for.
    pub after: Option<u64>,
    /// Names of events, separated by commas.
    pub types: Option<String>,
    /// Events of this tool only.
    pub tool: Option<String>,
    /// Go on with what becomes true later. Default: true for `text/event-stream`, else false.
    pub follow: Option<bool>,
    /// How many items at most in a JSON page, 1 to 1000. Default: 100.
    pub limit: Option<u32>,
    /// `next` of the JSON page before.
    pub cursor: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WaitQuery {
    /// Answer when the deploy rests, or after this time; `0` answers at once. At most `10m`. Default: `60s`.
    pub wait: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeploysQuery {
    /// Deploys of this tool only.
    pub tool: Option<String>,
    /// Deploys in this state only.
    pub state: Option<DeployState>,
    /// How many items at most, 1 to 1000. Default: 100.
    pub limit: Option<u32>,
    /// `next` of the page before.
    pub cursor: Option<String>,
}
