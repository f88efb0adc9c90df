//! May I write now? Disk against what the caller takes it to be.

use std::time::Duration;

use super::{
    call::{self, Call},
    diff,
    problem::Problem,
    reference::{Place, Point, whole_hash},
    route::{Json, NoBody},
};
use crate::{
    model::{Cause, Disk},
    reconcile::Synced,
    wire::{Changed, Check, CheckQuery, CheckReason},
};

/// For a change that was made before the call to be seen.
const PATIENCE: Duration = Duration::from_secs(2);

/// The answer is about the disk as it is when it is asked, not as it was last seen.
pub(super) async fn check(
    call: Call,
    query: CheckQuery,
    _: NoBody,
) -> Result<Json<Check>, Problem> {
    call.view()?;
    let synced = call.handle()?.sync(PATIENCE).await?;
    call.blocking(move |call| told(call, &query, &synced)).await.map(Json)
}

fn told(call: &Call, query: &CheckQuery, synced: &Synced) -> Result<Check, Problem> {
    let (view, id) = (call.view()?, call.tool()?);
    let place = Place::of(call, &view, &id)?;
    let base = match (&query.base, &query.runtime) {
        (Some(_), Some(_)) => {
            return Err(Problem::invalid(
                "base and runtime cannot stand together: which one is meant?",
            ));
        }
        (Some(base), None) => named(&place, base)?.ok_or(CheckReason::NoBaseline),
        (None, Some(name)) => loaded(&place, name)?.ok_or(CheckReason::NotLoaded),
        (None, None) => place.baseline().ok_or(CheckReason::NoBaseline),
    };
    let mut check = judged(&place, base, synced.unsettled.contains(&id));
    if check.changed == Changed::YES && check.disk.is_some() {
        check.diff = difference(&place, &check)?;
    }
    Ok(check)
}

/// A whole hash names a content even if no version here has it: then the disk differs from it.
fn named(place: &Place, base: &str) -> Result<Option<Point>, Problem> {
    match (place.find(base), whole_hash(base)) {
        (Err(_), Some(digest)) => Ok(Some(Point { digest, version: None, executable: None })),
        (found, _) => found,
    }
}

fn loaded(place: &Place, name: &str) -> Result<Option<Point>, Problem> {
    let name = call::runtime(name)?;
    let runtime = place.view.state.runtime(&name);
    let runtime = runtime.ok_or_else(|| Problem::no_such_runtime(&name))?;
    let digest = runtime.loaded.get(place.id).copied();
    let archive = place.call.handle()?.archive();
    digest.map_or(Ok(None), |digest| {
        let version = archive.versions_by_hash(place.id, &digest.hex())?.first().map(|it| it.1);
        Ok(Some(Point { digest, version, executable: None }))
    })
}

/// Without a base nothing can be said, except that a file that is not there was not changed into one.
fn judged(place: &Place, base: Result<Point, CheckReason>, unseen: bool) -> Check {
    let disk = place.view.state.disk(place.id, place.tool);
    let standing = disk.version().and(place.tool.on_disk()).map(Point::from);
    let unsettled = unseen || place.view.unsettled.contains(place.id);
    let cause = match disk {
        Disk::Unreadable(cause) => Some(cause),
        Disk::Absent | Disk::Standing(_) => None,
    };
    let (changed, reason) = match (&base, &standing, cause) {
        (Err(reason), ..) => (Changed::UNKNOWN, *reason),
        // What the globs do not name is not looked at.
        (Ok(_), ..) if place.view.state.is_outside(place.id) => {
            (Changed::UNKNOWN, CheckReason::FileModified)
        }
        (Ok(_), _, Some(cause)) => (replaced(cause), CheckReason::FileModified),
        (Ok(_), None, None) => (Changed::YES, CheckReason::FileMissing),
        (Ok(base), Some(disk), None) if !base.is(disk) => (Changed::YES, CheckReason::FileModified),
        // What is being written now will most likely be something else.
        (Ok(_), Some(_), None) if unsettled => (Changed::UNKNOWN, CheckReason::FileModified),
        (Ok(_), Some(_), None) => (Changed::NO, CheckReason::Unchanged),
    };
    Check {
        tool: place.id.to_string(),
        changed,
        reason,
        base: base.ok().map(|it| it.side()),
        disk: standing.map(|it| it.side()),
        cause: cause.map(|it| it.as_str().to_owned()),
        unsettled,
        diff: None,
        as_of: place.view.as_of().0,
    }
}

/// Something that is no readable file stands where the file was. Where only the permission is missing, it
/// may still be the same.
fn replaced(cause: Cause) -> Changed {
    match cause {
        Cause::Denied | Cause::Io => Changed::UNKNOWN,
        Cause::Symlink
        | Cause::Directory
        | Cause::Fifo
        | Cause::Socket
        | Cause::Device
        | Cause::TooLarge => Changed::YES,
    }
}

fn difference(place: &Place, check: &Check) -> Result<Option<String>, Problem> {
    let point = |it: &crate::wire::Side| {
        let digest = whole_hash(&it.sha256)?;
        let version = it.version.map(crate::model::VersionNo);
        Some(Point { digest, version, executable: it.executable })
    };
    let (Some(base), Some(disk)) =
        (check.base.as_ref().and_then(point), check.disk.as_ref().and_then(point))
    else {
        return Ok(None);
    };
    if place.call.handle()?.archive().content(&base.digest)?.is_none() {
        return Ok(None);
    }
    Ok(diff::between(place, Some(&base), Some(&disk), 3)?.diff)
}
