//! What the crew does with a proposal before the loop hears of it again: contents from the request or the log, put beside
//! the live files, and the order for those who check them.

use std::collections::BTreeMap;

use super::{examine::analyzed, works::Works};
use crate::{
    decide::{Prepared, Purpose, StageOrder, Staged},
    model::{Change, Digest, Marker, Origin, Proposal, Refusal, RootName, Timestamp, ToolId},
    ports::{Archive, CheckOrder, CheckPart, Pack, Packed, StageFailure, StoreError},
};

/// All of it beside the live files, or nothing of it.
pub(super) fn stage(works: &Works, archive: &dyn Archive, order: StageOrder) -> Staged {
    if order.purpose == Purpose::Dispute {
        let outcome = kept(&*works.pack, archive, &order);
        return Staged { order, outcome };
    }
    let mut markers = Vec::new();
    let mut contents = Vec::new();
    for change in &order.proposal.changes {
        match stage_one(works, archive, &order, change, &mut contents) {
            Ok(marker) => markers.push(marker),
            Err(refusal) => {
                let tools = order.proposal.changes.iter();
                tools.zip(&markers).for_each(|(it, marker)| works.stage.discard(&it.tool, marker));
                return Staged { order, outcome: Err(refusal) };
            }
        }
    }
    let orders = check_orders(works, &order.proposal, &markers, |_| None);
    let skipped =
        orders.iter().map(|it| works.checks.nothing_to_run(it)).collect::<Option<Vec<_>>>();
    let skipped = skipped.map(|it| it.into_iter().flatten().collect());
    let examined = analyzed(works, archive, &order);
    Staged { order, outcome: Ok(Prepared { markers, contents, skipped, examined }) }
}

/// Nothing is staged, but all of it has to be there for whoever decides it later.
pub(super) fn kept(
    pack: &dyn Pack,
    archive: &dyn Archive,
    order: &StageOrder,
) -> Result<Prepared, Refusal> {
    let brought = |it: &Digest| order.contents.iter().any(|brought| brought.0 == *it);
    let others = order.proposal.changes.iter().filter_map(|it| it.to).map(|it| it.digest);
    for it in others.filter(|it| !brought(it)) {
        content(archive, &it).map_err(Refusal::Stage)?;
    }
    let contents = order.contents.iter().map(|it| pack.pack(it.0, &it.1)).collect();
    let (markers, skipped, examined) = (Vec::new(), Some(Vec::new()), Vec::new());
    Ok(Prepared { markers, contents, skipped, examined })
}

fn stage_one(
    works: &Works,
    archive: &dyn Archive,
    order: &StageOrder,
    change: &Change,
    packed: &mut Vec<Packed>,
) -> Result<Marker, Refusal> {
    let tool = &change.tool;
    let Some(to) = change.to else {
        return works.stage.stage(change, None, None).map_err(|it| refused(tool, it));
    };
    let after = newest_mtime(archive, tool).map_err(|it| Refusal::Stage(it.to_string()))?;
    let brought = order.contents.iter().find(|it| it.0 == to.digest);
    if let Some((digest, bytes)) = brought {
        packed.push(works.pack.pack(*digest, bytes));
        return works.stage.stage(change, Some(bytes), after).map_err(|it| refused(tool, it));
    }
    let bytes = content(archive, &to.digest).map_err(Refusal::Stage)?;
    works.stage.stage(change, Some(&bytes), after).map_err(|it| refused(tool, it))
}

/// Of all that stood there since the last deploy, and of that one, whose mtime was after all before it. It may lie ahead of
/// the clock, and behind it somebody may have saved by hand.
fn newest_mtime(archive: &dyn Archive, tool: &ToolId) -> Result<Option<Timestamp>, StoreError> {
    let (mut newest, mut below, mut count) = (None, None, 1);
    loop {
        let page = archive.versions(tool, below, count)?;
        for it in &page {
            newest = newest.max(Some(it.mtime));
            if it.origin == Origin::Deploy {
                return Ok(newest);
            }
        }
        match page.last() {
            Some(it) if page.len() == count => below = Some(it.number),
            Some(_) | None => return Ok(newest),
        }
        // Each is read from the log: as a rule, one is enough.
        count *= 4;
    }
}

pub(super) fn content(archive: &dyn Archive, digest: &Digest) -> Result<Vec<u8>, String> {
    match archive.content(digest) {
        Ok(Some(bytes)) => Ok(bytes),
        Ok(None) => Err(format!("the content {digest} is not in the log")),
        Err(error) => Err(error.to_string()),
    }
}

fn refused(tool: &ToolId, failure: StageFailure) -> Refusal {
    let said = failure.to_string();
    match failure {
        StageFailure::ReadOnly { tool, why } => Refusal::RootReadOnly { root: tool.root(), why },
        StageFailure::CannotKeepOwner { tool, .. } => Refusal::CannotKeepOwner { tool, why: said },
        StageFailure::Obstructed { tool, why } => Refusal::Obstructed { tool, why },
        StageFailure::DiskFull { why } => Refusal::StageFull(why),
        StageFailure::World { why } => Refusal::Stage(format!("{tool}: {why}")),
    }
}

/// One for each root: what goes live together there is checked together.
pub(super) fn check_orders(
    works: &Works,
    proposal: &Proposal,
    markers: &[Marker],
    baseline: impl Fn(&ToolId) -> Option<Vec<u8>>,
) -> Vec<CheckOrder> {
    let mut orders: BTreeMap<RootName, Vec<CheckPart>> = BTreeMap::new();
    for (change, marker) in proposal.changes.iter().zip(markers) {
        orders.entry(change.tool.root()).or_default().push(CheckPart {
            tool: change.tool.clone(),
            staged: change.to.and_then(|_| works.stage.staged(&change.tool, marker)),
            executable: marker.executable,
            digest: change.to.map(|it| it.digest),
            baseline: baseline(&change.tool),
        });
    }
    orders.into_iter().map(|(root, parts)| CheckOrder { root, parts }).collect()
}
