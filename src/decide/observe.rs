//! From what was seen to what became true. A sighting is believed only when it is settled: an empty or
//! vanished file on the second look, a file that somebody is writing not at all.

use std::collections::{BTreeMap, BTreeSet};

use super::{Plan, RootRules, Rules, State, Wait, drift, recover};
use crate::model::{
    Author, Baseline, Dirty, Disk, Fact, FileSeen, Head, MetFile, Origin, Reason, RootName, Seen,
    Seq, Sight, Timestamp, Tool, ToolId, Version, VersionNo,
};

/// Hints become looks: at the path itself, and at everything known below it.
pub(super) fn dirty(state: &State, rules: &Rules, dirty: Dirty) -> Plan {
    let mut plan = Plan::default();
    for path in dirty.paths {
        if !rules.roots.contains_key(&path.root()) {
            continue;
        }
        for below in state.below(&path) {
            plan.look(below, false, false, Wait::None);
        }
        // On some file systems a store through a mapping leaves the stat as it was: what an event named is read.
        plan.look(path, false, true, Wait::None);
    }
    plan.scans = dirty.roots.into_iter().filter(|it| rules.roots.contains_key(it)).collect();
    plan
}

/// `as_of`: the looks were begun when this fact was true. What a deploy has switched since, they have not seen.
pub(super) fn looked(state: &State, rules: &Rules, as_of: Seq, seen: Vec<(Origin, Seen)>) -> Plan {
    let mut plan = Plan::default();
    let all: BTreeSet<ToolId> = seen.iter().map(|it| it.1.tool.clone()).collect();
    for (origin, it) in seen {
        let root = it.tool.root();
        // A root that is away says nothing about its tools; one that is watched no more, neither.
        if let Some(root_rules) = rules.roots.get(&root)
            && !state.is_root_missing(&root)
            && is_of_a_tool(state, root_rules, &it)
        {
            if let Some(wait) = says_nothing(state, as_of, &it.tool) {
                plan.look(it.tool, false, true, wait);
                continue;
            }
            if origin == Origin::Watch && !it.firm && !matches!(it.sight, Sight::File(_)) {
                below(state, &it.tool, &all, &mut plan);
            }
            one(state, root_rules, origin, it, &mut plan);
        }
    }
    plan
}

/// A directory was told of, and by now it may have moved. What stood below it can have been seen before it did and
/// have become known only since: it is asked about once more. (Looks are ordered, so that no such sight is under way now.)
fn below(state: &State, id: &ToolId, answered: &BTreeSet<ToolId>, plan: &mut Plan) {
    let stands = |it: &ToolId| state.tool(it).is_some_and(|it| it.disk != Disk::Absent);
    for it in state.below(id).into_iter().filter(|it| stands(it) && !answered.contains(it)) {
        plan.look(it, false, false, Wait::None);
    }
}

/// A deploy owns its tools from the intent until it is settled, and what was seen before that moment is old: it is looked
/// at once more.
fn says_nothing(state: &State, as_of: Seq, id: &ToolId) -> Option<Wait> {
    if state.is_switching(id) {
        return Some(Wait::Switching);
    }
    (as_of < state.tool(id)?.settled()).then_some(Wait::None)
}

/// The globs may have changed since the look. What is no tool by them says nothing, until its bit makes it one.
fn is_of_a_tool(state: &State, rules: &RootRules, seen: &Seen) -> bool {
    let (path, outside) = (seen.tool.path(), state.is_outside(&seen.tool));
    let by_mode = || state.tool(&seen.tool).is_some_and(|it| it.by_mode);
    match &seen.sight {
        Sight::File(file) => rules.globs.is_tool(&path, file.executable || by_mode()),
        // It may be about to become one.
        Sight::Unsettled => rules.globs.can_be_tool(&path),
        Sight::Gone | Sight::Unreadable(_) => !outside && rules.globs.can_be_tool(&path),
        Sight::NotATool => true,
    }
}

fn one(state: &State, rules: &RootRules, origin: Origin, seen: Seen, plan: &mut Plan) {
    let id = seen.tool;
    let known = state.tool(&id).cloned().unwrap_or_default();
    match seen.sight {
        Sight::NotATool => (),
        Sight::Unsettled => plan.look(id, seen.firm, true, Wait::Unsettled),
        Sight::Gone if known.disk == Disk::Absent => {
            plan.facts.extend(drift::moved(&id, &known, &known));
        }
        Sight::Gone if !seen.firm => plan.look(id, true, false, Wait::Vanished),
        Sight::Gone => {
            plan.facts.push(Fact::ToolRemoved { tool: id.clone(), origin });
            plan.facts.extend(drift::moved(&id, &known, &drift::with_disk(&known, Disk::Absent)));
        }
        Sight::Unreadable(cause) => {
            let after = drift::with_disk(&known, Disk::Unreadable(cause));
            plan.facts.extend(drift::moved(&id, &known, &after));
        }
        Sight::File(file) if same_version(&known, &file).is_some() => {
            let disk = same_version(&known, &file).map_or(Disk::Absent, Disk::Standing);
            plan.facts.extend(drift::moved(&id, &known, &drift::with_disk(&known, disk)));
        }
        Sight::File(file) if file.size == 0 && !seen.firm => plan.look(id, true, true, Wait::Empty),
        Sight::File(_) if origin == Origin::Audit && !seen.firm => {
            plan.look(id, true, true, Wait::Audited);
        }
        // The content was taken as known, but it is not what the log has: read it.
        Sight::File(file) if file.content.is_none() => plan.look(id, seen.firm, true, Wait::None),
        Sight::File(file) => {
            let adopted = state.root(&id.root()).adopted;
            drop(changed(&id, &known, file, &Circumstance { rules, origin, adopted }, plan));
        }
    }
}

/// The version that the file is: the one that stands there already, stood there last, or is the newest.
fn same_version(known: &Tool, file: &FileSeen) -> Option<VersionNo> {
    let apart = known.rare.as_ref().and_then(|it| it.stands.as_ref());
    let candidates = [known.on_disk(), apart, known.head.as_ref()];
    candidates.into_iter().flatten().find(|it| is_same(it, file)).map(|it| it.number)
}

/// A content that a switch met in a tool's place. `met`: the tools as they are with what was met before.
pub(super) fn met(
    state: &State,
    rules: &Rules,
    met: &mut BTreeMap<ToolId, Tool>,
    MetFile { tool: id, file, is_out }: MetFile,
    plan: &mut Plan,
) {
    let Some(root_rules) = rules.roots.get(&id.root()) else { return };
    let known = met.remove(&id).or_else(|| state.tool(&id).cloned()).unwrap_or_default();
    if same_version(&known, &file).is_some() || file.content.is_none() {
        met.insert(id, known);
        return;
    }
    // What stays out does not stand there: what does is looked at next, and is no edit of it.
    let origin = if is_out { Origin::Displaced } else { Origin::Watch };
    let how = Circumstance { rules: root_rules, origin, adopted: true };
    met.insert(id.clone(), changed(&id, &known, file, &how, plan));
}

fn is_same(head: &Head, file: &FileSeen) -> bool {
    head.digest == file.digest && head.executable == file.executable
}

/// Under what circumstances a content was seen.
struct Circumstance<'a> {
    rules: &'a RootRules,
    origin: Origin,
    /// The root's first scan was complete before.
    adopted: bool,
}

/// Answers the tool as it is then.
fn changed(
    id: &ToolId,
    known: &Tool,
    file: FileSeen,
    how: &Circumstance<'_>,
    plan: &mut Plan,
) -> Tool {
    let first_scan = !how.adopted && known.head.is_none();
    let version = Version {
        tool: id.clone(),
        number: known.head.as_ref().map_or(VersionNo(1), |it| it.number.next()),
        digest: file.digest,
        size: file.size,
        executable: file.executable,
        parents: known.on_disk().or(known.head.as_ref()).iter().map(|it| it.number).collect(),
        // What stood there before we came was made by nobody we know of.
        author: if first_scan { Author::unknown() } else { how.rules.edits_by.clone() },
        reason: if first_scan { Reason::initial() } else { Reason::edit() },
        origin: how.origin,
        note: None,
        mtime: file.mtime,
        // Both are set when the fact gets its place in the log.
        time: Timestamp::default(),
        seq: Seq::default(),
    };
    let mut after = standing(known, &version);
    let adopts = first_scan && !how.rules.has_manifest && known.baseline.is_none();
    let baseline = adopts.then_some(Baseline {
        digest: version.digest,
        version: Some(version.number),
        executable: Some(version.executable),
    });
    plan.contents.extend(file.content);
    plan.facts.push(Fact::VersionRecorded(version));
    if baseline.is_some() {
        plan.facts.push(Fact::BaselineMoved {
            tool: id.clone(),
            from: None,
            to: baseline.clone(),
            author: Author::unknown(),
            reason: Reason::initial(),
        });
        after.baseline = baseline;
    }
    plan.facts.extend(drift::moved(id, known, &after));
    after
}

/// The tool once the version stands; the same step that `State::apply` takes.
pub(super) fn standing(known: &Tool, version: &Version) -> Tool {
    let mut after = known.clone();
    super::state::stand(&mut after, version);
    after
}

/// A walk is over: what it did not find is looked at by name. What is missing too: by its name and mode alone a
/// walk cannot know that a program which came back without its bit is a tool.
pub(super) fn walked(state: &State, root: &RootName, present: &BTreeSet<ToolId>) -> Plan {
    let mut plan = Plan::default();
    if state.is_root_missing(root) {
        return plan;
    }
    for (id, _) in state.in_root(root) {
        if state.is_listed(id) && !present.contains(id) {
            plan.look(id.clone(), false, false, Wait::None);
        }
    }
    plan
}

/// A root that was never accepted is now, as it stands: what comes later is drift. What is missing may be more or less
/// than before even if nothing happened, where other globs say what is a tool.
pub(super) fn scanned(state: &State, rules: &Rules, root: RootName) -> Plan {
    if !rules.roots.contains_key(&root) || state.is_root_missing(&root) {
        return Plan::default();
    }
    let mut facts = Vec::new();
    if !state.root(&root).adopted {
        facts.push(Fact::BaselineAdopted {
            root: root.clone(),
            tools: state.counts(&root).with_baseline,
            manifest: None,
            reason: Reason::initial(),
        });
    }
    facts.extend(recover::safety(state, root, false));
    Plan::of(facts)
}
