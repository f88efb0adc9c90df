//! From one moment of the truth to the shapes of the API, where it takes more than the value itself.

use super::problem::Problem;
use crate::{
    decide,
    model::{Disk, RootName, Tool, ToolId},
    ports::{Archive, Watching},
    reconcile::{Classes, View},
    wire::{self, Loaded, OnDisk, WatchState},
};

/// `classes`: with its class as far as that is known without looking.
pub(super) fn tool(
    view: &View,
    (archive, classes): (&dyn Archive, &Classes),
    id: &ToolId,
    it: &Tool,
) -> Result<wire::Tool, Problem> {
    let disk = view.state.disk(id, it);
    let baseline = it.baseline.as_ref();
    let cause = match disk {
        Disk::Unreadable(cause) => Some(cause.as_str().to_owned()),
        Disk::Absent | Disk::Standing(_) => None,
    };
    Ok(wire::Tool {
        tool: id.to_string(),
        head: it.head.as_ref().map(|it| it.number.0),
        baseline: baseline.and_then(|it| it.version).map(|it| it.0),
        baseline_sha256: baseline.map(|it| it.digest.to_string()),
        expected: it.expected().and_then(|it| it.version).map(|it| it.0),
        disk: disk.version().and(it.on_disk()).map(|it| OnDisk {
            version: it.number.0,
            sha256: it.digest.to_string(),
            mtime: wire::stamp(it.mtime),
        }),
        sync: view.state.sync(id, it).into(),
        cause,
        unsettled: view.unsettled.contains(id),
        health: view.state.health_state(id).into(),
        known_good: super::health::known_good(it),
        loaded_by: loaded_by(view, archive, id, it)?,
        class: class(classes, id, it),
    })
}

fn class(classes: &Classes, id: &ToolId, tool: &Tool) -> Option<String> {
    let analysis = classes.known(id, tool.head.as_ref()?.digest)?;
    Some(decide::classified(analysis, tool.waivers()).class.as_str().to_owned())
}

pub(super) fn loaded_by(
    view: &View,
    archive: &dyn Archive,
    id: &ToolId,
    tool: &Tool,
) -> Result<Vec<Loaded>, Problem> {
    let all = view.loaded_by(id).filter_map(|(name, it)| Some((name, it.loaded.get(id)?)));
    all.map(|(name, digest)| {
        Ok(Loaded {
            runtime: name.to_string(),
            version: number(archive, id, tool, digest)?,
            sha256: digest.to_string(),
        })
    })
    .collect()
}

/// The newest version with this content. The head is looked at first: what is loaded mostly is that.
pub(super) fn number(
    archive: &dyn Archive,
    id: &ToolId,
    tool: &Tool,
    digest: &crate::model::Digest,
) -> Result<Option<u32>, Problem> {
    if let Some(head) = tool.head.as_ref().filter(|it| it.digest == *digest) {
        return Ok(Some(head.number.0));
    }
    Ok(archive.versions_by_hash(id, &digest.hex())?.first().map(|it| it.1.0))
}

/// How a root is watched, and why not better.
pub(super) const AWAY: &str = "its directory is not there, or it is another one";

pub(super) fn watch(view: &View, root: &RootName) -> (WatchState, Option<String>) {
    if view.state.is_root_missing(root) {
        return (WatchState::Degraded, Some(AWAY.to_owned()));
    }
    match view.roots.get(root).map(|it| &it.watching) {
        None => (WatchState::Starting, None),
        Some(Watching::Events) => (WatchState::Watching, None),
        Some(Watching::Polling { why }) => (WatchState::Polling, Some(why.clone())),
        Some(Watching::Degraded { why }) => (WatchState::Degraded, Some(why.clone())),
    }
}

/// The root that a parameter names, which must be a configured one.
pub(super) fn root(view: &View, text: &str) -> Result<RootName, Problem> {
    let known = view.rules.roots.keys().find(|it| it.as_str() == text);
    known.cloned().ok_or_else(|| {
        let roots: Vec<&str> = view.rules.roots.keys().map(RootName::as_str).collect();
        Problem::invalid(format!("{text:?} is no root"))
            .hint(format!("the roots are: {}", roots.join(", ")))
            .with("roots", roots)
    })
}
