//! Going back: earlier contents proposed again. The same path as a deploy, with what stands there as the base.

use super::{answer::Ending, bases::based, propose::submit, wait};
use crate::{
    merge,
    model::{Baseline, Change, DeployKind, Digest, Proposal, Target, ToolId, VersionNo},
    socket::{
        author::{Authorship, authorship},
        call::Call,
        problem::{Code, Problem},
        reference::{Place, Point},
        route::Json,
    },
    wire::{Back, RestoreRequest, RollbackRequest, Undo, UndoTool, WaitQuery},
};

const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);
/// A file may be saved again while it is taken back: what was saved is a version then, and it goes back all the same.
const MOST_TRIES: usize = 5;

pub(in crate::socket) async fn rollback(
    call: Call,
    query: WaitQuery,
    Json(request): Json<RollbackRequest>,
) -> Result<Ending, Problem> {
    call.view()?;
    undo(call, query, request.checked()?, DeployKind::Rollback).await
}

pub(in crate::socket) async fn restore(
    call: Call,
    query: WaitQuery,
    Json(request): Json<RestoreRequest>,
) -> Result<Ending, Problem> {
    call.view()?;
    undo(call, query, request.checked()?, DeployKind::Restore).await
}

async fn undo(
    call: Call,
    query: WaitQuery,
    asked: Undo,
    kind: DeployKind,
) -> Result<Ending, Problem> {
    let wait = wait(query.wait.as_deref())?;
    call.view()?;
    call.check_writable()?;
    let by = authorship(&call, asked.author.clone())?;
    // What was saved before the call is a version before it is replaced.
    call.handle()?.sync(PATIENCE).await?;
    let mut tries = 0;
    loop {
        tries += 1;
        let (proposal, contents) = put_together(&call, &asked, &by, kind).await?;
        match submit(&call, proposal, contents, asked.dry_run, wait).await {
            Err(problem) if problem.is(Code::Conflict) && tries < MOST_TRIES => {
                call.handle()?.sync(PATIENCE).await?;
            }
            answer => return answer,
        }
    }
}

type Whole = (Proposal, Vec<(Digest, Vec<u8>)>);

async fn put_together(
    call: &Call,
    asked: &Undo,
    by: &Authorship,
    kind: DeployKind,
) -> Result<Whole, Problem> {
    let asked = asked.clone();
    let (author, claimed) = (by.author.clone(), by.claimed.clone());
    call.blocking(move |call| {
        let (mut changes, mut contents, mut quarantines) = (Vec::new(), Vec::new(), Vec::new());
        for it in &asked.tools {
            let change = back(call, it, kind, &mut contents)?;
            if asked.quarantine {
                quarantines.extend(change.base.map(|base| (it.tool.clone(), base.digest)));
            }
            changes.push(change);
        }
        let Undo { reason, message, metadata, confirm_within_ms, .. } = asked;
        let proposal = Proposal {
            kind,
            changes,
            author,
            claimed,
            reason,
            message,
            metadata,
            confirm_within_ms,
            force: false,
            keeps_conflict: false,
            key: None,
            quarantines,
            expect_changes: Vec::new(),
        };
        Ok((proposal, contents))
    })
    .await
}

fn back(
    call: &Call,
    asked: &UndoTool,
    kind: DeployKind,
    contents: &mut Vec<(Digest, Vec<u8>)>,
) -> Result<Change, Problem> {
    let view = call.view()?;
    let place = Place::of(call, &view, &asked.tool)?;
    let current = view.state.on_disk(&asked.tool).map(Point::from);
    let (to, parents) = match &asked.how {
        Back::Usual if kind == DeployKind::Restore => (Some(baseline(&place)?), Vec::new()),
        Back::Usual => (usual(&place, current.as_ref())?, Vec::new()),
        Back::To(reference) => {
            let point = place.find(reference)?;
            let point = point
                .ok_or_else(|| place.no_version(&format!("there is nothing at {reference}")))?;
            (Some(target(&point)), Vec::new())
        }
        Back::Without(number) => {
            let (digest, bytes) = without(&place, *number, current.as_ref())?;
            contents.push((digest, bytes));
            (
                Some(Target { digest, executable: None }),
                current.iter().filter_map(|it| it.version).collect(),
            )
        }
    };
    Ok(Change { tool: asked.tool.clone(), base: current.as_ref().map(based), to, parents })
}

fn target(point: &Point) -> Target {
    Target { digest: point.digest, executable: point.executable }
}

fn of(baseline: &Baseline) -> Target {
    Target { digest: baseline.digest, executable: baseline.executable }
}

fn baseline(place: &Place<'_>) -> Result<Target, Problem> {
    place.tool.baseline.as_ref().map(of).ok_or_else(|| {
        place
            .no_version("it has no baseline to restore")
            .hint("accept it, or name what to restore with `to`")
    })
}

/// The baseline where the disk differs from it, else the one before.
fn usual(place: &Place<'_>, current: Option<&Point>) -> Result<Option<Target>, Problem> {
    let known = place.tool.baseline.as_ref();
    let same = known.map(|it| it.digest) == current.map(|it| it.digest);
    if let Some(known) = known.filter(|_| !same) {
        return Ok(Some(of(known)));
    }
    let before = place.tool.rare.as_ref().and_then(|it| it.before.as_ref());
    before.map(|it| Some(of(it))).ok_or_else(|| {
        place
            .no_version("there is no baseline before this one")
            .hint("name what to go back to with `to`")
    })
}

/// What stands there, less what this version brought.
fn without(
    place: &Place<'_>,
    number: VersionNo,
    current: Option<&Point>,
) -> Result<(Digest, Vec<u8>), Problem> {
    let archive = place.call.handle()?.archive();
    let missing = |it: VersionNo| place.no_version(&format!("it has no {it}"));
    let version = archive.version(place.id, number)?.ok_or_else(|| missing(number))?;
    let parent = version.parents.first().copied();
    let parent = parent.ok_or_else(|| place.no_version(&format!("{number} is where it begins")))?;
    let parent = archive.version(place.id, parent)?.ok_or_else(|| missing(parent))?;
    let current = current.ok_or_else(|| place.no_version("nothing stands on disk"))?;
    let point =
        |it: &crate::model::Version| Point { digest: it.digest, version: None, executable: None };
    let [taken, before, now] = [
        place.content(&point(&version))?,
        place.content(&point(&parent))?,
        place.content(current)?,
    ];
    let merged = merge::without(&taken, &before, &now);
    let bytes = merged.content.ok_or_else(|| entangled(place.id, number))?;
    Ok((super::digest(&bytes), bytes))
}

fn entangled(tool: &ToolId, number: VersionNo) -> Problem {
    Problem::new(
        Code::Conflict,
        format!("later changes of {tool} touch the same lines as {number}"),
    )
    .hint("go back to a version as a whole with `to`, or take it out by hand")
    .with("tool", tool.as_str())
}
