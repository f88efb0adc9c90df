//! What events say of calls and of health: how many of which kind, and what a change rests on. What a call was given is in
//! none of them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::model::{Calls, Digest, Grounds, HealthState, Replayed};

/// By tool and version: how many calls, and who is to blame for those that failed.
pub(super) fn batch(batch: &[Calls]) -> Value {
    let count = |it: &Calls| {
        let mut blamed: BTreeMap<&str, u64> = BTreeMap::new();
        for blame in it.calls.iter().filter_map(|it| it.blame) {
            *blamed.entry(blame.as_str()).or_default() += 1;
        }
        json!({
            "tool": it.tool.as_str(), "sha256": it.version.to_string(), "calls": it.calls.len(),
            "blamed": blamed,
        })
    };
    let calls: usize = batch.iter().map(|it| it.calls.len()).sum();
    json!({ "calls": calls, "tools": batch.iter().map(count).collect::<Vec<_>>() })
}

pub(super) fn change(
    version: &Digest,
    from: HealthState,
    to: HealthState,
    evidence: &Grounds,
) -> Value {
    let Grounds { rule, calls, failures, score, bar, base, failing, replay, returns } = evidence;
    json!({
        "sha256": version.to_string(), "from": from.as_str(), "to": to.as_str(), "rule": rule.as_str(),
        "calls": calls, "failures": failures, "score": score,
        "w": bar.weight, "L": bar.low, "H": bar.high,
        "baseline": {
            "sha256": base.version.map(|it| it.to_string()), "calls": base.calls,
            "failures": base.failures, "percent": bar.percent,
        },
        "failing": failing, "replay": replay.as_ref().map(replayed), "rollback": returns.is_some(),
    })
}

fn replayed(it: &Replayed) -> Value {
    match it {
        Replayed::Table(it) => json!({ "m": it.runs, "new": it.new, "old": it.old }),
        Replayed::Cannot(why) => json!({ "cannot": why }),
    }
}
