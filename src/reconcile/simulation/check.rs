//! What must hold: when something is published, when a barrier is answered, and at rest.

use std::{collections::BTreeMap, collections::BTreeSet, sync::Arc};

use super::{
    disk::{Content, digest},
    world::{Sim, root},
};
use crate::{
    decide::State,
    model::{Digest, Disk, Fact, Record, SafetyCause, Seq, Sync, ToolId},
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
    let (from_rows, _) = bring_up(&*sim.archive).unwrap();
    assert_eq!(&from_rows, live, "seed {}: rows and log give another state", sim.seed);
    let mut replayed = State::default();
    for record in log(sim) {
        replayed.apply(&record);
    }
    assert_eq!(&replayed, live, "seed {}: the log alone gives another state", sim.seed);
}

fn log(sim: &Sim) -> Vec<Record> {
    sim.archive.records(Seq(0), usize::MAX).unwrap()
}

pub(super) fn at_rest(sim: &Sim) {
    replay_is_live(sim);
    let records = log(sim);
    agrees_with_disk(sim);
    only_what_stood(sim, &records);
    drift_was_told(sim, &records);
    order_is_kept(sim, &records);
    let audits = sim.reconciler.figures.missed_by_events;
    assert!(
        sim.ever_silent || audits == 0,
        "seed {}: an audit claims what an event had told",
        sim.seed
    );
}

fn agrees_with_disk(sim: &Sim) {
    let disk = sim.disk.lock().unwrap();
    let state = &sim.reconciler.state;
    for (id, file) in &disk.files {
        let tool =
            state.tool(id).unwrap_or_else(|| panic!("seed {}: {id} was never seen", sim.seed));
        let head = tool.head.as_ref().map(|it| (it.digest, it.executable));
        let stands = matches!(tool.disk, Disk::Standing(_));
        assert!(
            stands && head == Some((digest(file.content), file.executable)),
            "seed {}: {id} is {file:?}, the log says {tool:?}",
            sim.seed
        );
    }
    for (id, tool) in state.in_root(&root()) {
        assert!(
            tool.disk == Disk::Absent || disk.files.contains_key(id),
            "seed {}: {id} is not there",
            sim.seed
        );
    }
    assert!(state.root(&root()).adopted, "seed {}: the first scan never ended", sim.seed);
}

/// Nothing torn, nothing invented, nothing twice, nothing out of order.
fn only_what_stood(sim: &Sim, records: &[Record]) {
    let mut disk = sim.disk.lock().unwrap();
    for id in disk.files.keys().cloned().collect::<Vec<_>>() {
        disk.leave(&id, sim.now);
    }
    let mut recorded: BTreeMap<&ToolId, Vec<(Digest, bool)>> = BTreeMap::new();
    for record in records {
        if let Fact::VersionRecorded(version) = &record.fact {
            recorded.entry(&version.tool).or_default().push((version.digest, version.executable));
        }
    }
    for (id, versions) in recorded {
        assert!(
            versions.windows(2).all(|it| it[0] != it[1]),
            "seed {}: {id} twice in a row",
            sim.seed
        );
        let stood = disk.stood.get(id).cloned().unwrap_or_default();
        let mut stood = stood.into_iter().filter(|it| sim.prompt || it.0 != Content::Empty);
        let empty = digest(Content::Empty);
        for version in versions.into_iter().filter(|it| sim.prompt || it.0 != empty) {
            assert!(
                stood.any(|it| (digest(it.0), it.1) == version),
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
    for (id, tool) in sim.reconciler.state.in_root(&root()) {
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
    for (id, file) in &disk.files {
        let unchanged = disk.changes.get(id) == asked_of.get(id);
        if !unchanged || sim.silent.contains(id) || synced.unsettled.contains(id) || file.writer {
            continue;
        }
        let head =
            state.tool(id).and_then(|it| it.head.as_ref()).map(|it| (it.digest, it.executable));
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
