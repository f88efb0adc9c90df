//! What differs between two versions of a tool.

use axum::response::Response;
use schemars::{Schema, SchemaGenerator, json_schema};

use super::{
    call::Call,
    compare::{Compared, text},
    media,
    problem::Problem,
    reference::{Place, Point},
    route::{Json, Output, bytes},
};
use crate::{
    model::ToolId,
    wire::{Diff, DiffQuery},
};

pub(super) struct Answer {
    diff: Diff,
    alone: bool,
}

const PATCH: &str = "text/x-diff";
const MOST_CONTEXT: u32 = 10_000;

pub(super) fn diff(call: &Call, query: &DiffQuery) -> Result<Answer, Problem> {
    let (view, id) = (call.view()?, call.tool()?);
    let context = query.context.unwrap_or(3);
    if context > MOST_CONTEXT {
        return Err(Problem::invalid(format!(
            "context is {context}, it may be 0 to {MOST_CONTEXT}"
        ))
        .with("field", "context"));
    }
    let place = Place::of(call, &view, &id)?;
    let from = place.find(query.from.as_deref().unwrap_or("baseline"))?;
    let to = place.find(query.to.as_deref().unwrap_or("disk"))?;
    let mut diff = between(&place, from.as_ref(), to.as_ref(), context)?;
    diff.as_of = view.as_of().0;
    Ok(Answer {
        diff,
        alone: media::wanted(&call.headers, &["application/json", PATCH]) == Some(PATCH),
    })
}

/// Where nothing is, all lines of the other side are new, or gone.
pub(super) fn between(
    place: &Place,
    from: Option<&Point>,
    to: Option<&Point>,
    context: u32,
) -> Result<Diff, Problem> {
    let bytes_at = |it: Option<&Point>| it.map_or(Ok(Vec::new()), |it| place.content(it));
    let (old, new) = (bytes_at(from)?, bytes_at(to)?);
    let mut diff = Diff {
        tool: place.id.to_string(),
        from: from.map(Point::side),
        to: to.map(Point::side),
        diff: None,
        stats: None,
        significant: old != new,
        binary: true,
        as_of: place.view.as_of().0,
    };
    if let (Some(old), Some(new)) = (text(&old), text(&new)) {
        let compared = Compared::of(old, new);
        let (a, b) = (label("a", place.id, from), label("b", place.id, to));
        let context = usize::try_from(context).unwrap_or(usize::MAX);
        diff.diff = Some(compared.unified([&a, &b], context));
        diff.significant = compared.stats().significant();
        diff.stats = Some(compared.stats());
        diff.binary = false;
    }
    Ok(diff)
}

/// Unified; each side with its label, where there is one. `None`: no text.
pub(super) fn text_between(
    id: &ToolId,
    from: Option<&(String, &[u8])>,
    to: Option<&(String, &[u8])>,
) -> Option<String> {
    let (old, new) = (from.map_or(&[][..], |it| it.1), to.map_or(&[][..], |it| it.1));
    let (old, new) = (text(old)?, text(new)?);
    let label = |side: &str, it: Option<&(String, &[u8])>| {
        it.map_or_else(|| "/dev/null".to_owned(), |it| format!("{side}/{id}\t({})", it.0))
    };
    Some(Compared::of(old, new).unified([&label("a", from), &label("b", to)], 3))
}

fn label(side: &str, id: &ToolId, point: Option<&Point>) -> String {
    point.map_or_else(|| "/dev/null".to_owned(), |it| format!("{side}/{id}\t({})", it.label()))
}

/// What git says of them.
fn binary(diff: &Diff) -> String {
    if diff.from.as_ref().map(|it| &it.sha256) == diff.to.as_ref().map(|it| &it.sha256) {
        return String::new();
    }
    format!("Binary files a/{0} and b/{0} differ\n", diff.tool)
}

impl Output for Answer {
    fn media(types: &mut SchemaGenerator) -> Vec<(&'static str, Schema)> {
        let mut media = Json::<Diff>::media(types);
        media.push((PATCH, json_schema!({ "type": "string" })));
        media
    }

    fn respond(self) -> Result<Response, Problem> {
        if !self.alone {
            return Json(self.diff).respond();
        }
        let text = self.diff.diff.clone().unwrap_or_else(|| binary(&self.diff));
        Ok(bytes("text/x-diff; charset=utf-8", text.into()))
    }
}
