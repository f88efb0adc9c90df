//! How capabilities add up: the class of a tool, what waivers take away, what a new content adds, and what MCP's hints say
//! of it. It looks at no source, and it lets nothing pass: what gates make of the answer is theirs.

use std::collections::BTreeSet;

use super::{Plan, State};
use crate::model::{
    Analysis, AuthorKind, Capability, Class, Classification, Declared, Delta, Digest, Evidence,
    Fact, Mcp, Observed, Refusal, ToolId, VersionNo, Waiver, Waivers,
};

/// What stands beyond doubt: inferred and observed, less what people waived; then the class, which a declaration can
/// only raise.
pub fn classified(analysis: Analysis, waivers: &Waivers) -> Classification {
    let all: BTreeSet<&Capability> =
        analysis.inferred.iter().map(|it| &it.cap).chain(seen(&analysis)).collect();
    let inferred = analysis.inferred.iter().filter(|it| !waivers.iter().any(|by| covers(by, it)));
    let ran = |it: &&Observed| !waivers.iter().any(|by| covers_seen(by, it));
    let observed = analysis.observed.iter().filter(ran);
    let effective: BTreeSet<Capability> =
        inferred.map(|it| &it.cap).chain(observed.map(|it| &it.cap)).cloned().collect();
    let waived = waivers.iter().filter(|by| {
        analysis.inferred.iter().any(|it| covers(by, it))
            || analysis.observed.iter().any(|it| covers_seen(by, it))
    });
    let waived = waived.cloned().collect();
    let inferred = class_of(&effective);
    let declared = analysis.declared.as_ref().and_then(|it| it.class);
    let class = declared.map_or(inferred, |it| it.max(inferred));
    let unresolved: BTreeSet<Capability> =
        effective.iter().filter(|it| one(it) == Class::Unknown).cloned().collect();
    let proven = unresolved.is_empty() && declared.is_none_or(|it| inferred <= it);
    let nondeterministic = all.contains(&Capability::Nondet);
    Classification {
        safe: class <= Class::NetRead && proven,
        analysis,
        effective,
        class,
        nondeterministic,
        unresolved,
        waived,
    }
}

fn seen(analysis: &Analysis) -> impl Iterator<Item = &Capability> {
    analysis.observed.iter().map(|it| &it.cap)
}

/// The strongest of them; of nothing, `pure`.
pub fn class_of<'a>(capabilities: impl IntoIterator<Item = &'a Capability>) -> Class {
    capabilities.into_iter().map(one).max().unwrap_or(Class::Pure)
}

fn one(capability: &Capability) -> Class {
    match capability {
        Capability::Nondet => Class::Pure,
        Capability::FsRead | Capability::EnvRead | Capability::SysRead => Class::LocalRead,
        Capability::NetRead => Class::NetRead,
        Capability::FsWrite
        | Capability::Process
        | Capability::EnvWrite
        | Capability::Stdin
        | Capability::Db => Class::LocalWrite,
        Capability::NetWrite | Capability::Secrets => Class::NetWrite,
        Capability::Exec | Capability::CodeExec | Capability::Ffi => Class::Exec,
        Capability::Opaque(_)
        | Capability::FirstParty(_)
        | Capability::Reflect
        | Capability::Unanalyzed => Class::Unknown,
    }
}

/// Only at the places whose text was read.
pub fn covers(waiver: &Waiver, evidence: &Evidence) -> bool {
    waiver.cap == evidence.cap
        && waiver.detail == evidence.via
        && evidence.site.as_ref().is_none_or(|it| waiver.sites.contains(it))
}

fn covers_seen(waiver: &Waiver, observed: &Observed) -> bool {
    waiver.cap == observed.cap && waiver.detail == observed.event
}

/// What the second has that the first has not, and the other way round. Chance and time are no news.
pub fn delta(before: &Classification, after: &Classification) -> Delta {
    let without = |a: &Classification, b: &Classification| {
        a.effective
            .difference(&b.effective)
            .filter(|it| **it != Capability::Nondet)
            .cloned()
            .collect()
    };
    let step = |it: Class| i8::try_from(it as usize).unwrap_or(i8::MAX);
    Delta {
        added: without(after, before),
        removed: without(before, after),
        class_change: step(after.class) - step(before.class),
    }
}

/// For the world: never better than what is known, and what is not declared is as MCP takes it to be.
pub fn mcp(class: Class, declared: Option<&Declared>) -> Mcp {
    if class <= Class::NetRead {
        let open_world = class == Class::NetRead;
        return Mcp { read_only: true, destructive: false, idempotent: true, open_world };
    }
    Mcp {
        read_only: false,
        destructive: declared.and_then(|it| it.destructive).unwrap_or(true),
        idempotent: declared.and_then(|it| it.idempotent).unwrap_or(false),
        open_world: class >= Class::NetWrite,
    }
}

/// Two versions that stood one after the other, as they were read.
#[derive(Clone, Debug)]
pub struct Compared {
    pub tool: ToolId,
    pub from: (VersionNo, Digest, Analysis),
    pub to: (VersionNo, Digest, Analysis),
}

/// News only where class or capabilities differ.
pub(super) fn compared(state: &State, compared: Compared) -> Plan {
    let Compared { tool, from, to } = compared;
    let Some(known) = state.tool(&tool) else { return Plan::default() };
    let before = classified(from.2, known.waivers());
    let after = classified(to.2, known.waivers());
    let delta = delta(&before, &after);
    if delta == Delta::default() {
        return Plan::default();
    }
    Plan::of(vec![Fact::ClassChanged {
        tool,
        from: (from.0, from.1),
        to: (to.0, to.1),
        before: before.class,
        after: after.class,
        added: delta.added,
        removed: delta.removed,
    }])
}

/// A person signs, or takes the signature back.
pub(super) fn waive(state: &State, tool: ToolId, waiver: Waiver, withdrawn: bool) -> Plan {
    let Some(known) = state.tool(&tool) else {
        return Plan::refused(Refusal::NoSuchTool(tool));
    };
    if waiver.author.kind != AuthorKind::Human {
        return Plan::refused(Refusal::OnlyByHuman(waiver.author));
    }
    let of_it = |it: &&Waiver| it.cap == waiver.cap && it.detail == waiver.detail;
    let known = known.waivers().iter().find(of_it);
    if withdrawn && known.is_none() {
        let (cap, detail) = (waiver.cap, waiver.detail);
        return Plan::refused(Refusal::NotWaived { tool, cap, detail });
    }
    let is_known = |it: &Waiver| it.sites == waiver.sites && it.reason == waiver.reason;
    if !withdrawn && known.is_some_and(is_known) {
        return Plan::default();
    }
    Plan::of(vec![Fact::ClassWaived { tool, waiver, withdrawn }])
}

#[cfg(test)]
#[path = "tests/class.rs"]
mod tests;
