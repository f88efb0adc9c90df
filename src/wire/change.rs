//! `accept`: disk becomes baseline.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Claim, DeployState, Invalid, Judgement,
    object::{maybe, maybe_list},
};
use crate::model::{Digest, ToolId};

/// Either `tools` or `all`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Accept {
    #[serde(default, deserialize_with = "maybe_list", skip_serializing_if = "Option::is_none")]
    pub tools: Option<Vec<AcceptTool>>,
    /// Everything that is not in sync and can be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub all: Option<bool>,
    #[serde(default, deserialize_with = "maybe", skip_serializing_if = "Option::is_none")]
    pub author: Option<Claim>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptTool {
    pub tool: String,
    /// Only if the content on disk still has this sha256.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk: Option<String>,
}

/// What an `accept` means, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chosen {
    All,
    Tools(Vec<(ToolId, Option<Digest>)>),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Accepted {
    /// Baselines that moved; those that were so already are not named.
    pub accepted: Vec<NewBaseline>,
    /// An `ai`'s accept is a deploy, which may have to wait for approval: this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deploy: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<DeployState>,
    /// What the gates made of that deploy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judgement: Option<Judgement>,
    pub as_of: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NewBaseline {
    pub tool: String,
    /// Null: the tool is gone, and nothing is expected of it any more.
    pub baseline: Option<u32>,
    pub baseline_sha256: Option<String>,
}

impl Accept {
    pub fn chosen(&self) -> Result<Chosen, Invalid> {
        match (&self.tools, self.all) {
            (None, Some(true)) => Ok(Chosen::All),
            (Some(tools), None) if !tools.is_empty() => chosen(tools),
            (Some(_), None) => Err(Invalid::new("tools", "must name at least one tool")),
            (Some(_), Some(_)) => Err(Invalid::new("all", "cannot stand beside `tools`")),
            (None, Some(false)) => Err(Invalid::new("all", "must be true where it is given")),
            (None, None) => Err(Invalid::new("tools", "is missing: name tools, or say `all`")),
        }
    }
}

fn chosen(tools: &[AcceptTool]) -> Result<Chosen, Invalid> {
    let mut seen = BTreeSet::new();
    let mut chosen = Vec::with_capacity(tools.len());
    for (place, it) in tools.iter().enumerate() {
        let id: ToolId = it.tool.parse().map_err(|bad: crate::model::BadId| {
            Invalid::new(format!("tools[{place}].tool"), bad.to_string())
        })?;
        let disk = it.disk.as_deref().map(str::parse::<Digest>).transpose();
        let disk =
            disk.map_err(|bad| Invalid::new(format!("tools[{place}].disk"), bad.to_string()))?;
        if !seen.insert(id.clone()) {
            return Err(Invalid::new(format!("tools[{place}].tool"), format!("names {id} twice")));
        }
        chosen.push((id, disk));
    }
    Ok(Chosen::Tools(chosen))
}
