//! What stands in the way of a proposal, told so that its author can go on: what is there now, how both differ from
//! what the author knew, and whether they can be merged. It decides nothing and changes nothing.

use std::time::{Duration, Instant};

use super::{
    call::Call,
    diff,
    problem::{Code, Problem},
    reference::{Place, Point},
};
use crate::{
    merge::{self, Merge},
    model::{Disk, Tool, ToolId},
    reconcile::View,
    wire::{self, Conflict, Conflicts, Current, ResolutionOption},
};

/// One tool that a proposal is about.
pub(super) struct Contested<'a> {
    pub(super) id: &'a ToolId,
    /// What its author started from. `None`: nothing.
    pub(super) base: Option<Point>,
    /// `None`: the tool is to go.
    pub(super) proposed: Option<&'a [u8]>,
}

/// Comparing hundreds of long files goes on for so long; the rest is named without a comparison.
const PATIENCE: Duration = Duration::from_secs(5);
/// What is longer than this in bytes, nobody reads in an answer.
const LONGEST: usize = 256 << 10;
/// So many tools stand in the request that is proposed next.
const SHOWN: usize = 3;

/// The 409: `deploy`, where it became one.
pub(super) fn conflicts(
    call: &Call,
    view: &View,
    deploy: Option<u64>,
    all: &[Contested],
) -> Result<Problem, Problem> {
    let end = Instant::now() + PATIENCE;
    let told = all.iter().map(|it| conflict(call, view, it, Instant::now() < end));
    let conflicts = told.collect::<Result<Vec<_>, _>>()?;
    let names: Vec<&str> = conflicts.iter().map(|it| it.tool.as_str()).collect();
    let detail = format!("on disk is not what the proposal started from: {}", names.join(", "));
    let hint = next_request(&conflicts);
    let members = Conflicts { deploy, conflicts };
    Ok(Problem::new(Code::Conflict, detail).hint(hint).members(&members))
}

fn conflict(
    call: &Call,
    view: &View,
    contested: &Contested,
    compared: bool,
) -> Result<Conflict, Problem> {
    let unknown = Tool::default();
    let tool = view.state.tool(contested.id).unwrap_or(&unknown);
    let place = Place { call, view, id: contested.id, tool };
    let standing = Standing::of(&place);
    let mut conflict = Conflict {
        tool: contested.id.to_string(),
        base: contested.base.as_ref().map(Point::side),
        current: current(&place, standing.point.as_ref())?,
        cause: standing.cause.map(str::to_owned),
        diff_base_current: None,
        diff_base_proposed: None,
        merge: wire::Merged::default(),
        resolution_options: ResolutionOption::all(),
    };
    let Some(sides) = Sides::of(&place, contested, &standing)?.filter(|_| compared) else {
        return Ok(conflict);
    };
    let base = contested.base.as_ref().map(Point::label);
    let disk = standing.point.as_ref().map(Point::label);
    let proposal = contested.proposed.map(|_| "proposed".to_owned());
    let shown = |from: (&Option<String>, &[u8]), to: (&Option<String>, &[u8])| {
        let side = |it: (&Option<String>, _)| it.0.clone().map(|label| (label, it.1));
        diff::text_between(contested.id, side(from).as_ref(), side(to).as_ref())
            .filter(|it| it.len() <= LONGEST)
    };
    conflict.diff_base_current = shown((&base, &sides.base), (&disk, &sides.current));
    conflict.diff_base_proposed = shown((&base, &sides.base), (&proposal, sides.proposed));
    conflict.merge = told(&sides.merged(), false);
    Ok(conflict)
}

/// What is in the tool's place.
pub(super) struct Standing {
    /// `None`: nothing, or something unreadable.
    pub(super) point: Option<Point>,
    pub(super) cause: Option<&'static str>,
}

impl Standing {
    pub(super) fn of(place: &Place) -> Self {
        let disk = place.view.state.disk(place.id, place.tool);
        let cause = match disk {
            Disk::Unreadable(cause) => Some(cause.as_str()),
            Disk::Absent | Disk::Standing(_) => None,
        };
        Self { point: disk.version().and(place.tool.on_disk()).map(Point::from), cause }
    }
}

/// The bytes of all three. Where nothing is, there are none.
pub(super) struct Sides<'a> {
    base: Vec<u8>,
    pub(super) current: Vec<u8>,
    proposed: &'a [u8],
    /// A file that one side removed or made is not merged line by line.
    everywhere: bool,
}

impl<'a> Sides<'a> {
    /// `None`: one of them is not known.
    pub(super) fn of(
        place: &Place,
        contested: &Contested<'a>,
        standing: &Standing,
    ) -> Result<Option<Self>, Problem> {
        let archive = place.call.handle()?.archive();
        let bytes = |it: Option<&Point>| match it {
            None => Ok(Some(Vec::new())),
            Some(it) => archive.content(&it.digest).map_err(Problem::from),
        };
        let (base, current) = (contested.base.as_ref(), standing.point.as_ref());
        let (Some(old), Some(new)) = (bytes(base)?, bytes(current)?) else { return Ok(None) };
        Ok(standing.cause.is_none().then(|| Self {
            base: old,
            current: new,
            proposed: contested.proposed.unwrap_or_default(),
            everywhere: base.is_some() && current.is_some() && contested.proposed.is_some(),
        }))
    }

    pub(super) fn merged(&self) -> Merge {
        if self.everywhere {
            return merge::merge(&self.base, &self.current, self.proposed);
        }
        let whole = merge::Region::whole([&self.base, &self.current, self.proposed]);
        Merge { clean: false, content: None, conflicts: vec![whole] }
    }
}

/// `with_content`: as far as it is clean.
pub(super) fn told(merge: &Merge, with_content: bool) -> wire::Merged {
    let content = merge.content.as_deref().filter(|_| with_content);
    let text = content.map(std::str::from_utf8);
    wire::Merged {
        clean: merge.clean,
        encoding: matches!(text, Some(Err(_))).then_some(wire::Encoding::Base64),
        content: match (text, content) {
            (Some(Ok(text)), _) => Some(text.to_owned()),
            (_, content) => content.map(wire::base64),
        },
        conflicts: merge.conflicts.iter().map(region).collect(),
    }
}

fn region(it: &merge::Region) -> wire::Region {
    let part = |it: &merge::Part| {
        let bytes = if it.bytes.len() > LONGEST { b"\0" } else { &*it.bytes };
        wire::Part::new(it.line, it.count, bytes)
    };
    wire::Region { base: part(&it.base), current: part(&it.current), proposed: part(&it.proposed) }
}

fn current(place: &Place, point: Option<&Point>) -> Result<Option<Current>, Problem> {
    let Some(number) = point.and_then(|it| it.version) else { return Ok(None) };
    let version = place.call.handle()?.archive().version(place.id, number)?;
    Ok(version.map(|it| Current {
        version: number.0,
        sha256: it.digest.to_string(),
        author: (&it.author).into(),
        time: wire::stamp(it.time),
    }))
}

/// What its author would most likely send next.
fn next_request(conflicts: &[Conflict]) -> String {
    if conflicts.iter().all(|it| it.merge.clean) {
        return "both can be merged: POST /v1/deploys again with \"on_conflict\": \"merge\""
            .to_owned();
    }
    let based = conflicts.iter().take(SHOWN).map(|it| {
        let base = it.current.as_ref().map(|it| it.sha256.as_str());
        serde_json::json!({"tool": it.tool, "base": base, "content": "…"})
    });
    let changes = serde_json::Value::Array(based.collect());
    let more = if conflicts.len() > SHOWN { " and so on" } else { "" };
    format!(
        "put both together, then POST /v1/deploys {{\"changes\": {changes}}}{more}; or again with \
         \"on_conflict\": \"overwrite\", which keeps what is there as a version"
    )
}
