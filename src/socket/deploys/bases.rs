//! From what a request says of its bases to changes that can be compared with the disk, or to the conflict that is known
//! already. A merge is made here, over what the log knows to stand there; the switch compares once more.

use crate::{
    merge,
    model::{Base, Change, Digest, Target, Tool, VersionNo},
    reconcile::View,
    socket::{
        call::Call,
        conflict::Contested,
        problem::Problem,
        reference::{Place, Point, whole_hash},
    },
    wire::{OnConflict, ProposedChange},
};

/// The changes as they are to be made, and contents that the log may not have.
#[derive(Default)]
pub(super) struct Drafted {
    pub(super) changes: Vec<Change>,
    pub(super) contents: Vec<(Digest, Vec<u8>)>,
    /// Of these the disk is not the base, and that is not to be got over.
    pub(super) conflicts: Vec<usize>,
    /// What each started from.
    pub(super) bases: Vec<Option<Point>>,
    pub(super) merged: bool,
}

pub(super) fn draft(
    call: &Call,
    view: &View,
    asked: &[ProposedChange],
    on_conflict: OnConflict,
) -> Result<Drafted, Problem> {
    let mut drafted = Drafted::default();
    for (place, it) in asked.iter().enumerate() {
        one(call, view, place, it, on_conflict, &mut drafted)?;
    }
    Ok(drafted)
}

fn one(
    call: &Call,
    view: &View,
    index: usize,
    asked: &ProposedChange,
    on_conflict: OnConflict,
    drafted: &mut Drafted,
) -> Result<(), Problem> {
    let unknown = Tool::default();
    let tool = view.state.tool(&asked.tool).unwrap_or(&unknown);
    let place = Place { call, view, id: &asked.tool, tool };
    let base = asked.base.as_deref().map(|it| started_from(&place, it, asked)).transpose()?;
    let current = view.state.on_disk(&asked.tool).map(Point::from);
    let to = asked.content.as_ref().map(|it| super::digest(it));
    let same = |one: &Option<Point>, other: &Option<Point>| {
        one.as_ref().map(|it| it.digest) == other.as_ref().map(|it| it.digest)
    };
    let already = to == current.as_ref().map(|it| it.digest);
    let mut change = Change {
        tool: asked.tool.clone(),
        base: base.as_ref().map(based),
        to: to.map(|digest| Target { digest, executable: asked.executable }),
        parents: Vec::new(),
    };
    let mut content = asked.content.clone();
    if already {
        change.base = current.as_ref().map(based);
    } else if !same(&base, &current) {
        match on_conflict {
            OnConflict::Abort => drafted.conflicts.push(index),
            OnConflict::Overwrite => change.base = current.as_ref().map(based),
            OnConflict::Merge => {
                match merged(&place, base.as_ref(), current.as_ref(), content.as_deref())? {
                    Some(bytes) => {
                        change.parents = versions([base.as_ref(), current.as_ref()]);
                        change.base = current.as_ref().map(based);
                        change.to = Some(Target {
                            digest: super::digest(&bytes),
                            executable: asked.executable,
                        });
                        content = Some(bytes);
                        drafted.merged = true;
                    }
                    None => drafted.conflicts.push(index),
                }
            }
        }
    }
    if let (Some(to), Some(bytes)) = (change.to, content) {
        drafted.contents.push((to.digest, bytes));
    }
    drafted.bases.push(base);
    drafted.changes.push(change);
    Ok(())
}

/// A whole hash names a content even where no version here has it: then the disk differs from it.
fn started_from(place: &Place<'_>, base: &str, asked: &ProposedChange) -> Result<Point, Problem> {
    let known = place.view.state.tool(place.id).is_some();
    match (place.find(base), whole_hash(base)) {
        (Ok(Some(point)), _) => Ok(point),
        (Ok(None), _) => Err(place.no_version(&format!("there is nothing at {base}"))),
        (Err(_), Some(digest)) => Ok(Point { digest, version: None, executable: None }),
        (Err(_), None) if !known => Err(Problem::no_such_tool(place.id)
            .hint("a tool that must not exist yet has the base null")
            .with("field", format!("{}.tool", asked.field))),
        (Err(problem), None) => Err(problem),
    }
}

pub(super) fn based(point: &Point) -> Base {
    Base { digest: point.digest, version: point.version }
}

fn versions(points: [Option<&Point>; 2]) -> Vec<VersionNo> {
    points.into_iter().flatten().filter_map(|it| it.version).collect()
}

/// `None`: it does not merge.
fn merged(
    place: &Place<'_>,
    base: Option<&Point>,
    current: Option<&Point>,
    proposed: Option<&[u8]>,
) -> Result<Option<Vec<u8>>, Problem> {
    let (Some(base), Some(current), Some(proposed)) = (base, current, proposed) else {
        return Ok(None);
    };
    let archive = place.call.handle()?.archive();
    let (Some(old), Some(now)) =
        (archive.content(&base.digest)?, archive.content(&current.digest)?)
    else {
        return Ok(None);
    };
    Ok(merge::merge(&old, &now, proposed).content)
}

pub(super) fn contested<'a>(asked: &'a [ProposedChange], drafted: &Drafted) -> Vec<Contested<'a>> {
    let named =
        drafted.conflicts.iter().filter_map(|it| Some((asked.get(*it)?, drafted.bases.get(*it)?)));
    named
        .map(|(asked, base)| Contested {
            id: &asked.tool,
            base: base.clone(),
            proposed: asked.content.as_deref(),
        })
        .collect()
}
