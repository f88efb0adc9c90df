//! The difference between two moments of one tool, told as a fact: drift appeared, changed or went.

use crate::model::{Disk, Fact, Sync, Tool, ToolId};

/// The fact that tells how drift moved from `before` to `after`; none where it did not.
pub(super) fn moved(id: &ToolId, before: &Tool, after: &Tool) -> Option<Fact> {
    let (was, is) = (before.sync(), after.sync());
    if is == Sync::InSync {
        let gone_or_back = was != Sync::InSync;
        return gone_or_back.then(|| Fact::DriftCleared { tool: id.clone(), disk: after.disk });
    }
    let same = was == is && before.disk == after.disk && before.expected() == after.expected();
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
