//! The difference between two moments of one tool, told as a fact: drift appeared, changed or went.

use crate::model::{Disk, Fact, Sync, Tool, ToolId};

/// The fact that tells how drift moved from `before`, as far as that was told, to `after`; none where it did not.
/// (Not told is what a manifest made of a tool while the globs did not name it.)
pub(super) fn moved(id: &ToolId, before: &Tool, after: &Tool) -> Option<Fact> {
    let (told, was, is) = (before.drift_since.is_some(), before.sync(), after.sync());
    if is == Sync::InSync {
        let ends = told || was != Sync::InSync;
        return ends.then(|| Fact::DriftCleared { tool: id.clone(), disk: after.disk });
    }
    let same =
        told && was == is && before.disk == after.disk && before.expected() == after.expected();
    (!same).then(|| Fact::DriftDetected {
        tool: id.clone(),
        sync: is,
        disk: after.disk,
        expected: after.expected().cloned(),
    })
}

/// The same tool with something else in its place.
pub(super) fn with_disk(tool: &Tool, disk: Disk) -> Tool {
    Tool { disk, ..tool.clone() }
}
