//! A durable fact as it is told to those who listen.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

mod class;
mod deploy;
mod health;

use super::{Author, stamp};
use crate::model::{Baseline, Disk, Fact, Record};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    pub seq: u64,
    pub time: String,
    pub event: String,
    /// Null: it is about a root or a runtime.
    pub tool: Option<String>,
    pub version: Option<u32>,
    /// The deploy that it is about, or part of.
    pub deploy: Option<u64>,
    pub author: Option<Author>,
    /// What this kind of event says beyond that.
    pub detail: Map<String, Value>,
}

/// Every name that an event can have, those of later features too: who asks for one early is not wrong.
pub const EVENTS: &[&str] = &[
    "version.recorded",
    "tool.removed",
    "drift.detected",
    "drift.cleared",
    "baseline.moved",
    "deploy.accepted",
    "deploy.staged",
    "deploy.verified",
    "deploy.awaiting_approval",
    "deploy.switching",
    "deploy.activated",
    "deploy.confirmed",
    "deploy.no_op",
    "deploy.rejected",
    "deploy.conflicted",
    "deploy.aborted",
    "deploy.rolled_back",
    "deploy.superseded",
    "deploy.abandoned",
    "content.quarantined",
    "content.released",
    "runtime.loaded",
    "runtime.stale",
    "runtime.failed",
    "runtime.expired",
    "outcomes.recorded",
    "alert.raised",
    "health.changed",
    "class.changed",
    "class.waived",
    "safety.stopped",
    "safety.cleared",
];

impl From<&Record> for Event {
    fn from(record: &Record) -> Self {
        let fact = &record.fact;
        Self {
            seq: record.seq.0,
            time: stamp(record.time),
            event: fact.event().to_owned(),
            tool: fact.tool().map(ToString::to_string),
            version: fact.version().map(|it| it.0),
            deploy: fact.deploy().map(|it| it.0),
            author: author(fact),
            detail: match detail(fact) {
                Value::Object(detail) => detail,
                Value::Null
                | Value::Bool(_)
                | Value::Number(_)
                | Value::String(_)
                | Value::Array(_) => Map::new(),
            },
        }
    }
}

fn author(fact: &Fact) -> Option<Author> {
    match fact {
        Fact::VersionRecorded(version) => Some((&version.author).into()),
        Fact::BaselineMoved { author, .. }
        | Fact::ContentQuarantined { author, .. }
        | Fact::ContentReleased { author, .. } => Some(author.into()),
        Fact::ClassWaived { waiver, .. } => Some((&waiver.author).into()),
        Fact::DeployMoved { step, .. } => deploy::author(step).map(Into::into),
        Fact::ToolRemoved { .. }
        | Fact::DriftDetected { .. }
        | Fact::DriftCleared { .. }
        | Fact::BaselineAdopted { .. }
        | Fact::RuntimeLoaded { .. }
        | Fact::RuntimeStale { .. }
        | Fact::RuntimeFailed { .. }
        | Fact::RuntimeExpired { .. }
        | Fact::SafetyStopped { .. }
        | Fact::SafetyCleared { .. }
        | Fact::ClassChanged { .. }
        | Fact::OutcomesRecorded { .. }
        | Fact::HealthChanged { .. }
        | Fact::AlertRaised { .. } => None,
    }
}

/// A report may name 100,000 tools: events carry how many, `GET /v1/runtimes` says which.
fn detail(fact: &Fact) -> Value {
    match fact {
        Fact::VersionRecorded(it) => json!({
            "sha256": it.digest.to_string(), "size": it.size, "executable": it.executable,
            "reason": it.reason.as_str(), "origin": it.origin.as_str(),
            "parents": it.parents.iter().map(ToString::to_string).collect::<Vec<_>>(),
        }),
        Fact::ToolRemoved { origin, .. } => json!({ "origin": origin.as_str() }),
        Fact::DriftDetected { sync, disk, expected, .. } => json!({
            "sync": sync.as_str(), "expected": number(expected.as_ref()),
            "expected_sha256": hash(expected.as_ref()), "cause": cause(*disk),
        }),
        Fact::DriftCleared { .. } => json!({}),
        Fact::BaselineMoved { from, to, reason, .. } => json!({
            "from": number(from.as_ref()), "from_sha256": hash(from.as_ref()),
            "to": number(to.as_ref()), "to_sha256": hash(to.as_ref()), "reason": reason.as_str(),
        }),
        Fact::BaselineAdopted { root, tools, manifest, reason } => json!({
            "root": root.as_str(), "tools": tools,
            "manifest_sha256": manifest.map(|it| it.to_string()), "reason": reason.as_str(),
        }),
        Fact::RuntimeLoaded { runtime, loaded, failed, ttl_ms } => json!({
            "runtime": runtime.as_str(), "loaded": loaded.len(), "failed": failed.len(),
            "ttl_ms": ttl_ms,
        }),
        Fact::RuntimeStale { runtime, loaded, expected, .. } => json!({
            "runtime": runtime.as_str(), "loaded_sha256": loaded.to_string(),
            "expected_sha256": expected.map(|it| it.to_string()),
        }),
        Fact::RuntimeFailed { runtime, message, .. } => {
            json!({ "runtime": runtime.as_str(), "message": message })
        }
        Fact::RuntimeExpired { runtime, asked } => {
            json!({ "runtime": runtime.as_str(), "asked": asked })
        }
        Fact::SafetyStopped { root, cause } => {
            json!({ "root": root.as_str(), "cause": cause.as_str() })
        }
        Fact::SafetyCleared { root, accepted } => {
            json!({ "root": root.as_str(), "accepted": accepted })
        }
        Fact::DeployMoved { tools, step, .. } => deploy::detail(tools, step),
        Fact::ContentQuarantined { digest, .. } | Fact::ContentReleased { digest, .. } => {
            json!({ "sha256": digest.to_string() })
        }
        Fact::ClassChanged { .. } | Fact::ClassWaived { .. } => class::detail(fact),
        Fact::OutcomesRecorded { batch, .. } => health::batch(batch),
        Fact::HealthChanged { version, from, to, evidence, .. } => {
            health::change(version, *from, *to, evidence)
        }
        Fact::AlertRaised { version, kind, why, .. } => json!({
            "kind": kind.as_str(), "sha256": version.to_string(), "why": why,
        }),
    }
}

fn number(baseline: Option<&Baseline>) -> Option<u32> {
    baseline.and_then(|it| it.version).map(|it| it.0)
}

fn hash(baseline: Option<&Baseline>) -> Option<String> {
    baseline.map(|it| it.digest.to_string())
}

fn cause(disk: Disk) -> Option<&'static str> {
    match disk {
        Disk::Unreadable(cause) => Some(cause.as_str()),
        Disk::Absent | Disk::Standing(_) => None,
    }
}
