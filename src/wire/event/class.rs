//! What an event says of a tool's class: what changed, by names. The evidence is asked for by `GET /v1/class/{id}`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::model::{Capability, Fact};

pub(super) fn detail(fact: &Fact) -> Value {
    if let Fact::ClassChanged { from, to, before, after, added, removed, .. } = fact {
        return json!({
            "from": from.0.0, "from_sha256": from.1.to_string(), "to": to.0.0,
            "to_sha256": to.1.to_string(), "class_before": before.as_str(),
            "class": after.as_str(), "added": words(added), "removed": words(removed),
        });
    }
    if let Fact::ClassWaived { waiver: it, withdrawn, .. } = fact {
        return json!({
            "cap": it.cap.to_string(), "detail": it.detail, "reason": it.reason,
            "withdrawn": withdrawn, "sha256": it.content.map(|it| it.to_string()),
        });
    }
    json!({})
}

fn words(capabilities: &BTreeSet<Capability>) -> Vec<String> {
    capabilities.iter().map(ToString::to_string).collect()
}
