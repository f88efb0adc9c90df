//! The tools, and one tool.

use super::{
    call::Call,
    class, page,
    problem::Problem,
    reference::{Place, Point},
    route::Json,
    shape,
};
use crate::{
    model::{RootName, Tool, ToolId},
    reconcile::View,
    wire::{self, List, Nothing, ToolsQuery},
};

const LIST: char = 't';

pub(super) fn list(call: &Call, query: &ToolsQuery) -> Result<Json<List<wire::Tool>>, Problem> {
    let (view, limit) = (call.view()?, page::limit(query.limit)?);
    let handle = call.handle()?;
    let known = (handle.archive().as_ref(), handle.classes());
    let root = query.root.as_deref().map(|it| shape::root(&view, it)).transpose()?;
    let after = page::place(LIST, query.cursor.as_deref(), |it| it.parse::<ToolId>().ok())?;
    let chosen = chosen(&view, root.as_ref(), query.state, after.as_ref());
    let tools = chosen.take(limit + 1).map(|(id, it)| shape::tool(&view, known, id, it));
    let tools = tools.collect::<Result<Vec<_>, _>>()?;
    Ok(Json(page::list(tools, limit, view.as_of().0, |it| page::cursor(LIST, &it.tool))))
}

pub(super) fn one(call: &Call, _: &Nothing) -> Result<Json<wire::Tool>, Problem> {
    let (view, id) = (call.view()?, call.tool()?);
    let tool = view.state.tool(&id).ok_or_else(|| Problem::no_such_tool(&id))?;
    let handle = call.handle()?;
    if let Some(head) = &tool.head {
        // From now on its class is known. What cannot be read has none, and that is no reason to say nothing else.
        let place = Place { call, view: &view, id: &id, tool };
        drop(class::analysis(&place, &Point::from(head)));
    }
    shape::tool(&view, (handle.archive().as_ref(), handle.classes()), &id, tool).map(Json)
}

/// What is in sync is found by walking; what is not is known.
fn chosen<'a>(
    view: &'a View,
    root: Option<&'a RootName>,
    state: Option<wire::Sync>,
    after: Option<&'a ToolId>,
) -> Box<dyn Iterator<Item = (&'a ToolId, &'a Tool)> + 'a> {
    let in_root = move |id: &ToolId| root.is_none_or(|it| id.is_in(it));
    match state {
        None | Some(wire::Sync::InSync) => {
            let fits = move |it: &(&ToolId, &Tool)| {
                state.is_none_or(|state| wire::Sync::from(view.state.sync(it.0, it.1)) == state)
            };
            Box::new(view.tools_after(after).filter(move |it| in_root(it.0)).filter(fits))
        }
        Some(state) => {
            let drifted = view.drifted().into_iter();
            let drifted =
                drifted.filter(move |it| wire::Sync::from(it.2) == state && in_root(it.0));
            Box::new(drifted.filter(move |it| Some(it.0) > after).map(|it| (it.0, it.1)))
        }
    }
}
