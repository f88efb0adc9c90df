//! Deploys as they are listed, and one with every step.

use super::{answer::found, number};
use crate::{
    model::DeployNo,
    socket::{call::Call, page, problem::Problem, route::Json},
    wire::{Deploy, DeploysQuery, List, Nothing},
};

const LIST: char = 'd';
/// Read at once while something is looked for among many.
const STEP: usize = 200;

pub(in crate::socket) fn one(call: &Call, _: &Nothing) -> Result<Json<Deploy>, Problem> {
    call.view()?;
    let deploy = found(call.handle()?, number(call)?)?;
    Ok(Json(Deploy::from(&*deploy)))
}

/// Newest first.
pub(in crate::socket) fn list(
    call: &Call,
    query: &DeploysQuery,
) -> Result<Json<List<Deploy>>, Problem> {
    let (view, limit) = (call.view()?, page::limit(query.limit)?);
    let parse = |it: &str| it.parse().ok().map(DeployNo);
    let mut below = page::place(LIST, query.cursor.as_deref(), parse)?;
    let archive = call.handle()?.archive();
    // What was found in each is asked for one by one.
    let wanted = |it: &Deploy| {
        query.state.is_none_or(|state| it.state == state)
            && query.tool.as_ref().is_none_or(|tool| it.changes.iter().any(|it| it.tool == *tool))
    };
    let mut found = Vec::new();
    loop {
        let step = archive.deploys(below, STEP)?;
        below = step.last().map(|it| it.number);
        found.extend(
            step.iter()
                .filter(|it| it.as_of <= view.as_of())
                .map(|it| Deploy::from(it).in_a_list())
                .filter(|it| wanted(it)),
        );
        if below.is_none() || found.len() > limit {
            break;
        }
    }
    let cursor = |it: &Deploy| page::cursor(LIST, &it.deploy.to_string());
    Ok(Json(page::list(found, limit, view.as_of().0, cursor)))
}
