//! A tool's versions.

use super::{call::Call, page, problem::Problem, route::Json};
use crate::{
    model::VersionNo,
    wire::{HistoryQuery, List, Version},
};

const LIST: char = 'h';

pub(super) fn history(call: &Call, query: &HistoryQuery) -> Result<Json<List<Version>>, Problem> {
    let (view, id, limit) = (call.view()?, call.tool()?, page::limit(query.limit)?);
    view.state.tool(&id).ok_or_else(|| Problem::no_such_tool(&id))?;
    let parse = |it: &str| it.parse().ok().map(VersionNo);
    let below = page::place(LIST, query.cursor.as_deref(), parse)?;
    let versions = call.handle()?.archive().versions(&id, below, limit + 1)?;
    let versions = versions.iter().filter(|it| it.seq <= view.as_of()).map(Version::from).collect();
    let cursor = |it: &Version| page::cursor(LIST, &it.number.to_string());
    Ok(Json(page::list(versions, limit, view.as_of().0, cursor)))
}
