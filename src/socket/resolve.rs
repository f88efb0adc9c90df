//! What would come of a proposal? Nothing is changed by asking.

use std::time::Duration;

use super::{
    call::Call,
    conflict::{Contested, Sides, Standing, told},
    problem::Problem,
    reference::{Place, Point, whole_hash},
    route::Json,
};
use crate::{
    merge::Merge,
    model::Tool,
    reconcile::Synced,
    wire::{
        Action, Nothing, Resolution, ResolutionOption, ResolveReason, ResolveRequest, Resolving,
    },
};

/// For a change that was made before the call to be seen.
const PATIENCE: Duration = Duration::from_secs(2);

/// The answer is about the disk as it is when it is asked.
pub(super) async fn resolve(
    call: Call,
    _: Nothing,
    Json(request): Json<ResolveRequest>,
) -> Result<Json<Resolution>, Problem> {
    call.view()?;
    let asked = request.checked(call.service.limits().file_size)?;
    let synced = call.handle()?.sync(PATIENCE).await?;
    call.blocking(move |call| resolved(call, &asked, &synced)).await.map(Json)
}

fn resolved(call: &Call, asked: &Resolving, synced: &Synced) -> Result<Resolution, Problem> {
    let (view, id) = (call.view()?, &asked.tool);
    if !view.rules.roots.contains_key(&id.root()) || view.state.is_outside(id) {
        let why = format!("{id} is in no root, or its root's globs do not name it");
        return Err(Problem::invalid(why).with("field", "tool"));
    }
    let unknown = Tool::default();
    let tool = match (view.state.tool(id), &asked.base) {
        (Some(tool), _) => tool,
        (None, None) => &unknown,
        (None, Some(_)) => return Err(Problem::no_such_tool(id)),
    };
    let place = Place { call, view: &view, id, tool };
    let base = asked.base.as_deref().map(|it| based(&place, it)).transpose()?;
    let standing = Standing::of(&place);
    let contested = Contested { id, base, proposed: Some(&asked.content) };
    let sides = Sides::of(&place, &contested, &standing)?;
    let unsettled = synced.unsettled.contains(id) || view.unsettled.contains(id);
    let (action, reason) = judged(&contested, &standing, sides.as_ref(), unsettled);
    let merge = match action {
        Action::NoOp | Action::SafeOverwrite => clean(),
        Action::Conflict if unsettled => unclear(),
        Action::Conflict => sides.map_or_else(unclear, |it| it.merged()),
    };
    Ok(Resolution {
        tool: id.to_string(),
        action,
        reason,
        resolution_options: match action {
            Action::Conflict => ResolutionOption::all(),
            Action::NoOp | Action::SafeOverwrite => Vec::new(),
        },
        merge: told(&merge, true),
        base: contested.base.as_ref().map(Point::side),
        current: standing.point.as_ref().map(Point::side),
        cause: standing.cause.map(str::to_owned),
        unsettled,
        as_of: view.as_of().0,
    })
}

/// A whole hash names a content even if no version here has it: then the disk differs from it.
fn based(place: &Place, base: &str) -> Result<Point, Problem> {
    match (place.find(base), whole_hash(base)) {
        (Ok(Some(point)), _) => Ok(point),
        (Ok(None), _) => Err(place.no_version(&format!("there is nothing at {base}"))),
        (Err(_), Some(digest)) => Ok(Point { digest, version: None, executable: None }),
        (Err(problem), None) => Err(problem),
    }
}

fn judged(
    contested: &Contested,
    standing: &Standing,
    sides: Option<&Sides>,
    unsettled: bool,
) -> (Action, ResolveReason) {
    let digest = |it: &Option<Point>| it.as_ref().map(|it| it.digest);
    let same = |it: &Sides| contested.proposed == Some(&*it.current);
    // What is being written now will most likely be something else.
    if unsettled || standing.cause.is_some() {
        (Action::Conflict, ResolveReason::ConcurrentModification)
    } else if standing.point.is_some() && sides.is_some_and(same) {
        (Action::NoOp, ResolveReason::AlreadyInSync)
    } else if digest(&contested.base) == digest(&standing.point) {
        (Action::SafeOverwrite, ResolveReason::NoConcurrentChanges)
    } else {
        (Action::Conflict, ResolveReason::ConcurrentModification)
    }
}

fn clean() -> Merge {
    Merge { clean: true, content: None, conflicts: Vec::new() }
}

/// One of the three is not known, or not known yet.
fn unclear() -> Merge {
    Merge { clean: false, ..clean() }
}
