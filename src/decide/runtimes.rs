//! What a runtime's report means.

use std::collections::BTreeMap;

use super::{Plan, State, deploy, recover};
use crate::model::{Digest, Fact, Refusal, RuntimeName, ToolId};

/// A report replaces the former one. One that says nothing new only renews the lease, and is no fact.
pub(super) fn report(
    state: &State,
    runtime: &RuntimeName,
    loaded: &BTreeMap<ToolId, Digest>,
    failed: &BTreeMap<ToolId, String>,
    ttl_ms: u64,
) -> Plan {
    let before = state.runtime(runtime);
    if before.is_some_and(|it| it.loaded == *loaded && it.failed == *failed && it.ttl_ms == ttl_ms)
    {
        return Plan::default();
    }
    let known = |tool: &ToolId, digest: &Digest| {
        before.is_some_and(|it| it.loaded.get(tool) == Some(digest))
    };
    let behind = loaded
        .iter()
        .filter(|(tool, digest)| !known(tool, digest))
        .filter_map(|(tool, digest)| recover::stale(state, runtime, tool, digest));
    let told = |tool: &ToolId, message: &String| {
        before.is_some_and(|it| it.failed.get(tool) == Some(message))
    };
    let failures =
        failed.iter().filter(|(tool, message)| !told(tool, message)).map(|(tool, message)| {
            Fact::RuntimeFailed {
                runtime: runtime.clone(),
                tool: tool.clone(),
                message: message.clone(),
            }
        });
    let mut facts = vec![Fact::RuntimeLoaded {
        runtime: runtime.clone(),
        loaded: loaded.clone(),
        failed: failed.clone(),
        ttl_ms,
    }];
    facts.extend(behind.chain(failures));
    let anew = failed.iter().filter(|(tool, message)| !told(tool, message));
    let back = deploy::failed_loads(state, runtime, anew);
    facts.extend(back.facts);
    Plan { facts, ..back }
}

pub(super) fn expired(state: &State, runtime: RuntimeName, asked: bool) -> Plan {
    match state.runtime(&runtime) {
        Some(_) => Plan::of(vec![Fact::RuntimeExpired { runtime, asked }]),
        None if asked => Plan::refused(Refusal::NoSuchRuntime(runtime)),
        None => Plan::default(),
    }
}
