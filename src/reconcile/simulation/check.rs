//! What must hold: when something is published, when a barrier is answered, and at rest.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a check is about some facts, whatever others there are"
)]

pub(super) mod deploys;

use std::{collections::BTreeMap, collections::BTreeSet, sync::Arc};

use super::{
    disk::{Content, File, digest},
    world::{Sim, root},
};
use crate::{
    decide::State,
    model::{Baseline, Digest, Disk, Fact, Origin, Record, SafetyCause, Seq, Sync, ToolId},
    reconcile::{Synced, handle::Granted, run::bring_up},
};

/// Published implies durable.
pub(super) fn published_is_durable(sim: &Sim, records: &[Arc<Record>]) {
    for record in records {
        let kept = sim.archive.records(Seq(record.seq.0 - 1), 1).unwrap();
        assert_eq!(
            kept.first(),
            Some(&**record),
            "seed {}: published, and not in the log",
            sim.seed
        );
    }
}

/// Rows and replay, and replay alone, give the state that the loop has.
pub(super) fn replay_is_live(sim: &Sim) {
    let live = &sim.reconciler.state;
    let rules = &sim.reconciler.rules;
    let (mut from_rows, _) = bring_up(&*sim.archive).unwrap();
    from_rows.set_rules(rules);
    assert_eq!(&from_rows, live, "seed {}: rows and log give another state", sim.seed);
    let mut replayed = State::default();
    replayed.set_rules(rules);
    for record in log(sim) {
        replayed.apply(&record);
    }
    assert_eq!(&replayed, live, "seed {}: the log alone gives another state", sim.seed);
    rows_may_be_ahead(sim);
}

/// Rows may be newer than the position they are known to be true as of: facts that they have already change nothing.
fn rows_may_be_ahead(sim: &Sim) {
    let live = &sim.reconciler.state;
    let mut state = State::restore(
        Seq(0),
        live.tools_after(None).map(|it| (it.0.clone(), it.1.clone())).collect(),
        live.roots().map(|it| (it.0.clone(), it.1.clone())).collect(),
        live.runtimes().map(|it| (it.0.clone(), it.1.clone())).collect(),
        live.deploys().map(|it| (**it).clone()).collect(),
    )
    .with_health(live.healths().map(|it| (it.0.clone(), (**it.1).clone())).collect());
    state.set_rules(&sim.reconciler.rules);
    for record in log(sim) {
        state.apply(&record);
    }
    assert_eq!(&state, live, "seed {}: old facts over newer rows give another state", sim.seed);
}

fn log(sim: &Sim) -> Vec<Record> {
    sim.archive.records(Seq(0), usize::MAX).unwrap()
}

pub(super) fn at_rest(sim: &Sim) {
    replay_is_live(sim);
    let records = log(sim);
    agrees_with_disk(sim);
    only_what_stood(sim, &records);
    nothing_is_believed_of_a_root_that_is_away(sim, &records);
    drift_was_told(sim, &records);
    order_is_kept(sim, &records);
    leases_end(sim);
    deploys::at_rest(sim, &records);
    let audits = sim.reconciler.figures.missed_by_events;
    assert!(
        sim.ever_silent || sim.overtaken || audits == 0,
        "seed {}: an audit claims what an event had told",
        sim.seed
    );
}

/// Whether the file is a tool: by its name, by its bit, or because it was one by its bit and is not accepted as gone.
fn is_tool(sim: &Sim, id: &ToolId, file: &File) -> bool {
    let was_one = sim.reconciler.state.is_listed(id);
    sim.globs.is_tool(&id.path(), file.executable || was_one)
}

/// What the globs do not name is in no list; what is in none for another reason has neither baseline nor file.
fn lists_name_what_the_globs_name(sim: &Sim) {
    let state = &sim.reconciler.state;
    let mut listed = 0;
    for (id, tool) in state.in_root(&root()) {
        let named = sim.globs.is_tool(&id.path(), tool.by_mode);
        let kept = tool.baseline.is_some() || tool.expected().is_some();
        let wanted = named && (kept || tool.disk != Disk::Absent);
        assert_eq!(state.is_listed(id), wanted, "seed {}: whether {id} is listed", sim.seed);
        listed += u64::from(wanted);
    }
    assert_eq!(state.counts(&root()).tools(), listed, "seed {}: the summary", sim.seed);
}

fn agrees_with_disk(sim: &Sim) {
    lists_name_what_the_globs_name(sim);
    let disk = sim.disk.lock().unwrap();
    let state = &sim.reconciler.state;
    for (id, file) in disk.files.iter().filter(|it| is_tool(sim, it.0, it.1)) {
        let tool =
            state.tool(id).unwrap_or_else(|| panic!("seed {}: {id} was never seen", sim.seed));
        let stands = tool.on_disk().map(|it| (it.digest, it.executable));
        assert!(
            stands == Some((digest(file.content), file.executable)),
            "seed {}: {id} is {file:?}, the log says {tool:?}",
            sim.seed
        );
    }
    for (id, tool) in state.in_root(&root()).filter(|it| !state.is_outside(it.0)) {
        assert!(
            tool.disk == Disk::Absent || disk.files.contains_key(id),
            "seed {}: {id} is not there",
            sim.seed
        );
        assert_eq!(
            tool.sync(),
            drift(disk.files.get(id).filter(|it| is_tool(sim, id, it)), tool.expected()),
            "seed {}: the drift of {id}",
            sim.seed
        );
    }
    assert!(state.root(&root()).adopted, "seed {}: the first scan never ended", sim.seed);
    let manifest = sim.manifest.as_ref().map(|it| it.digest);
    assert_eq!(state.root(&root()).manifest, manifest, "seed {}: the manifest", sim.seed);
}

/// Disk against baseline, told once more.
fn drift(file: Option<&File>, baseline: Option<&Baseline>) -> Sync {
    let same = |file: &File, baseline: &Baseline| {
        digest(file.content) == baseline.digest
            && baseline.executable.is_none_or(|it| it == file.executable)
    };
    match (file, baseline) {
        (None, None) => Sync::InSync,
        (None, Some(_)) => Sync::Missing,
        (Some(_), None) => Sync::Orphaned,
        (Some(file), Some(baseline)) if same(file, baseline) => Sync::InSync,
        (Some(_), Some(_)) => Sync::Modified,
    }
}

/// Between its going and its coming only people say something about its tools.
fn nothing_is_believed_of_a_root_that_is_away(sim: &Sim, records: &[Record]) {
    let mut away = false;
    for record in records {
        match &record.fact {
            Fact::SafetyStopped { cause, .. } => away = *cause == SafetyCause::RootMissing,
            Fact::SafetyCleared { .. } => away = false,
            Fact::VersionRecorded(version) => {
                // What a switch did and met before it went is told when the switch is done.
                let of_a_switch = sim.deploys;
                assert!(
                    !away || of_a_switch,
                    "seed {}: {version:?} while the root was away",
                    sim.seed
                );
            }
            Fact::ToolRemoved { tool, origin } => assert!(
                !away || matches!(origin, Origin::Scan | Origin::Deploy),
                "seed {}: {tool} is believed to be gone, and so is its root",
                sim.seed
            ),
            _ => (),
        }
    }
}

/// No runtime outlives its lease.
fn leases_end(sim: &Sim) {
    for (name, _) in sim.reconciler.state.runtimes() {
        let until = sim.leases.get(name).copied().unwrap_or_default();
        assert!(until > sim.now, "seed {}: the lease of {name} was over at {until:?}", sim.seed);
    }
}

/// Before a root is taken as it stands, all that stood there was looked at.
pub(super) fn adopted(sim: &Sim, records: &[Arc<Record>]) {
    let adopts = |it: &Arc<Record>| matches!(it.fact, Fact::BaselineAdopted { manifest: None, .. });
    if !records.iter().any(adopts) {
        return;
    }
    let disk = sim.disk.lock().unwrap();
    let files = disk.files.iter().filter(|it| !it.1.writer && is_tool(sim, it.0, it.1));
    for (id, file) in files {
        let unchanged = disk.changes.get(id) == sim.at_start.get(id);
        let head = sim.reconciler.state.tool(id).and_then(|it| it.on_disk());
        assert!(
            !unchanged || head.map(|it| it.digest) == Some(digest(file.content)),
            "seed {}: {id} was there from the start, and the first scan ended without it",
            sim.seed
        );
    }
}

/// What changed without an event and has not been found yet.
pub(super) fn unseen(sim: &Sim) -> Vec<ToolId> {
    let disk = sim.disk.lock().unwrap();
    let head = |id: &ToolId| {
        let head = sim.reconciler.state.tool(id)?.on_disk()?;
        Some((head.digest, head.executable))
    };
    let differs = |id: &&ToolId| {
        let file = disk.files.get(*id).filter(|it| is_tool(sim, id, it));
        file.is_some_and(|it| head(id) != Some((digest(it.content), it.executable)))
    };
    sim.silent.iter().filter(differs).cloned().collect()
}

/// The audit found these, and says so.
pub(super) fn told_as_missed(sim: &Sim, missed: &[ToolId]) {
    let records = log(sim);
    for id in missed {
        let mut versions = records.iter().filter_map(|it| match &it.fact {
            Fact::VersionRecorded(version) if version.tool == *id => Some(version.origin),
            _ => None,
        });
        let origin = versions.next_back();
        assert_eq!(origin, Some(Origin::Audit), "seed {}: how {id} came to be seen", sim.seed);
    }
}

/// Nothing torn, nothing invented, nothing twice, nothing out of order.
fn only_what_stood(sim: &Sim, records: &[Record]) {
    let mut disk = sim.disk.lock().unwrap();
    for id in disk.files.keys().cloned().collect::<Vec<_>>() {
        disk.leave(&id, sim.now);
    }
    let mut recorded: BTreeMap<&ToolId, Vec<(Digest, bool, bool)>> = BTreeMap::new();
    for record in records {
        if let Fact::VersionRecorded(version) = &record.fact {
            // A deploy makes a version of what it puts in place, and what was written late never stood.
            let seen = version.origin != Origin::Deploy;
            if version.origin != Origin::Displaced {
                let it = (version.digest, version.executable, seen);
                recorded.entry(&version.tool).or_default().push(it);
            }
        }
    }
    for (id, versions) in recorded {
        assert!(
            versions.windows(2).all(|it| !it[1].2 || (it[0].0, it[0].1) != (it[1].0, it[1].1)),
            "seed {}: {id} twice in a row",
            sim.seed
        );
        let stood = disk.stood.get(id).cloned().unwrap_or_default();
        // A switch that meets an empty file does not wait whether more comes.
        let empty_counts = sim.prompt && !sim.deploys;
        let mut stood = stood.into_iter().filter(|it| empty_counts || it.0 != Content::Empty);
        let empty = digest(Content::Empty);
        for version in versions.into_iter().filter(|it| empty_counts || it.0 != empty) {
            assert!(
                stood.any(|it| (digest(it.0), it.1) == (version.0, version.1)),
                "seed {}: {id}: {version:?} never stood, or not after the version before it",
                sim.seed
            );
        }
    }
    if sim.prompt {
        no_hasty_removal(sim, &disk.absences, records, |id| disk.gone_for(id, sim.now).is_some());
    }
}

/// A save that leaves the name empty for less than 20 ms is no removal.
fn no_hasty_removal(
    sim: &Sim,
    absences: &BTreeMap<ToolId, Vec<std::time::Duration>>,
    records: &[Record],
    is_gone: impl Fn(&ToolId) -> bool,
) {
    let mut removed: BTreeMap<&ToolId, usize> = BTreeMap::new();
    // While the whole root is away its absence may be accepted, and its tools with it.
    let mut away = false;
    for record in records {
        match &record.fact {
            Fact::SafetyStopped { cause, .. } => away = *cause == SafetyCause::RootMissing,
            Fact::SafetyCleared { .. } => away = false,
            Fact::ToolRemoved { origin: Origin::Deploy, .. } => (),
            Fact::ToolRemoved { tool, .. } if !away => *removed.entry(tool).or_default() += 1,
            _ => (),
        }
    }
    for (id, times) in removed {
        let long =
            absences.get(id).map_or(0, |it| it.iter().filter(|it| it.as_millis() >= 20).count());
        assert!(
            times <= long + usize::from(is_gone(id)),
            "seed {}: {id} was removed in haste",
            sim.seed
        );
    }
}

/// The last word about each tool's drift is the truth.
fn drift_was_told(sim: &Sim, records: &[Record]) {
    let mut told: BTreeMap<&ToolId, Sync> = BTreeMap::new();
    for record in records {
        match &record.fact {
            Fact::DriftDetected { tool, sync, .. } => drop(told.insert(tool, *sync)),
            Fact::DriftCleared { tool, .. } => drop(told.insert(tool, Sync::InSync)),
            _ => (),
        }
    }
    let state = &sim.reconciler.state;
    for (id, tool) in state.in_root(&root()).filter(|it| !state.is_outside(it.0)) {
        let last = told.get(id).copied().unwrap_or(Sync::InSync);
        assert_eq!(last, tool.sync(), "seed {}: the last fact about the drift of {id}", sim.seed);
    }
    let drifted: BTreeSet<&ToolId> =
        sim.reconciler.state.drifted().into_iter().map(|it| it.0).collect();
    let counted = sim.reconciler.state.counts(&root());
    let sum = counted.modified + counted.orphaned + counted.missing + counted.unreadable;
    assert_eq!(drifted.len() as u64, sum, "seed {}: the summary and the list", sim.seed);
}

/// Positions increase by one; version numbers too; what was published is what is in the log, in its order.
fn order_is_kept(sim: &Sim, records: &[Record]) {
    let mut numbers: BTreeMap<&ToolId, u32> = BTreeMap::new();
    for (index, record) in records.iter().enumerate() {
        assert_eq!(record.seq, Seq(index as u64 + 1), "seed {}: a gap in the log", sim.seed);
        if let Fact::VersionRecorded(version) = &record.fact {
            let number = numbers.entry(&version.tool).or_default();
            *number += 1;
            assert_eq!(version.number.0, *number, "seed {}: a gap in the versions", sim.seed);
        }
    }
    assert!(
        sim.published.windows(2).all(|it| it[0].seq < it[1].seq),
        "seed {}: published out of order",
        sim.seed
    );
}

/// What did not change after the question is known as of the answer, or named as unsettled.
pub(super) fn barrier(sim: &Sim, asked_of: &BTreeMap<ToolId, u64>, synced: &Synced) {
    let disk = sim.disk.lock().unwrap();
    let state = &sim.reconciler.state;
    if !disk.there || state.is_root_missing(&root()) || synced.timed_out {
        return;
    }
    for (id, file) in disk.files.iter().filter(|it| is_tool(sim, it.0, it.1)) {
        let unchanged = disk.changes.get(id) == asked_of.get(id);
        if !unchanged || sim.silent.contains(id) || synced.unsettled.contains(id) || file.writer {
            continue;
        }
        let head = state.tool(id).and_then(|it| it.on_disk()).map(|it| (it.digest, it.executable));
        let wanted = Some((digest(file.content), file.executable));
        assert_eq!(
            head, wanted,
            "seed {}: {id} was changed before the barrier, and is not known after it",
            sim.seed
        );
    }
}

/// What was accepted by name is the baseline, and had the digest that was named.
pub(super) fn accepted(sim: &Sim, tools: &[(ToolId, Option<Digest>)], granted: &Granted) {
    for (id, wanted) in tools {
        for record in &granted.records {
            if let Fact::BaselineMoved { tool, to, .. } = &record.fact
                && tool == id
                && wanted.is_some()
            {
                let to = to.as_ref().map(|it| it.digest);
                assert_eq!(
                    to, *wanted,
                    "seed {}: another content was accepted than was named",
                    sim.seed
                );
            }
        }
    }
}
