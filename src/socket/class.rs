//! What a tool can do, with the evidence; and people who sign for some of it.

use super::{
    author::authorship,
    call::Call,
    problem::Problem,
    reference::{Place, Point},
    route::Json,
};
use crate::{
    decide,
    model::{self, Analysis, Capability, Evidence, Parse, Timestamp, Waiver},
    reconcile::Command,
    wire::{self, ContentQuery, Nothing, WaiveRequest, Waiving},
};

/// The files around it are those on disk now, whatever version is asked for.
pub(super) fn class(
    call: &Call,
    query: &ContentQuery,
) -> Result<Json<wire::Classification>, Problem> {
    let (view, id) = (call.view()?, call.tool()?);
    let place = Place::of(call, &view, &id)?;
    let reference = query.at.as_deref().unwrap_or("head");
    let point = place.find(reference)?;
    let point =
        point.ok_or_else(|| place.no_version(&format!("there is nothing at {reference}")))?;
    shown(&place, &point).map(Json)
}

pub(super) async fn waive(
    call: Call,
    _: Nothing,
    Json(request): Json<WaiveRequest>,
) -> Result<Json<wire::Classification>, Problem> {
    call.view()?;
    let asked = request.checked()?;
    let author = authorship(&call, request.author)?.author;
    call.check_writable()?;
    let (handle, tool) = (call.handle()?.clone(), call.tool()?);
    let judged = call.blocking({
        let author = author.clone();
        move |call| signature(call, asked, author)
    });
    let (waiver, withdrawn) = judged.await?;
    handle.request(Command::Waive { tool, waiver, withdrawn }).await??;
    call.blocking(|call| class(call, &ContentQuery::default())).await
}

/// For what stands in the newest version now: whoever signs has read that.
fn signature(
    call: &Call,
    asked: Waiving,
    author: model::Author,
) -> Result<(Waiver, bool), Problem> {
    let (view, id) = (call.view()?, call.tool()?);
    let place = Place::of(call, &view, &id)?;
    let Waiving { cap, detail, reason, withdraw } = asked;
    let mut waiver = Waiver {
        cap,
        detail,
        reason,
        author,
        sites: std::collections::BTreeSet::new(),
        content: None,
        time: Timestamp::default(),
    };
    if !withdraw {
        let point = place.find("head")?.ok_or_else(|| place.no_version("it has none"))?;
        let analysis = analysis(&place, &point)?;
        let is_it = |it: &&Evidence| it.cap == waiver.cap && it.via == waiver.detail;
        let found: Vec<&Evidence> = analysis.inferred.iter().filter(is_it).collect();
        let ran = |it: &model::Observed| it.cap == waiver.cap && it.event == waiver.detail;
        if found.is_empty() && !analysis.observed.iter().any(ran) {
            return Err(nothing_such(&place, &waiver, &analysis));
        }
        waiver.sites = found.iter().filter_map(|it| it.site.clone()).collect();
        waiver.content = Some(point.digest);
    }
    Ok((waiver, withdraw))
}

fn nothing_such(place: &Place, waiver: &Waiver, analysis: &Analysis) -> Problem {
    let (cap, detail) = (&waiver.cap, &waiver.detail);
    let of_cap = analysis.inferred.iter().filter(|it| it.cap == *cap).map(|it| it.via.clone());
    let details: std::collections::BTreeSet<String> = of_cap.collect();
    Problem::invalid(format!("{} has no {cap} by {detail:?} in its newest version", place.id))
        .hint(format!(
            "GET /v1/class/{} lists what it has; detail is a `via` or an `event` of it",
            place.id
        ))
        .with("field", "detail")
        .with("details", details.into_iter().collect::<Vec<_>>())
}

pub(super) fn analysis(place: &Place, point: &Point) -> Result<Analysis, Problem> {
    let handle = place.call.handle()?;
    let bytes = || place.content(point);
    let mut failed = None;
    let analysis = handle
        .classes()
        .analysis(place.id, point.digest, || bytes().map_err(|it| failed = Some(it)).ok());
    match (analysis, failed) {
        (Some(analysis), _) => Ok(analysis),
        (None, Some(problem)) => Err(problem),
        (None, None) => Err(place.no_version("its content is not to be had")),
    }
}

fn shown(place: &Place, point: &Point) -> Result<wire::Classification, Problem> {
    let waivers = place.tool.waivers();
    let it = decide::classified(analysis(place, point)?, waivers);
    let live = place.tool.on_disk().map(Point::from).filter(|it| it.digest != point.digest);
    let delta = live.map(|live| {
        let before = decide::classified(analysis(place, &live)?, waivers);
        Ok::<_, Problem>(wire::Delta::of(&decide::delta(&before, &it), &live.digest))
    });
    let (parse, parse_problem) = parsed(&it.analysis.parse);
    let covered = |evidence: &Evidence| it.waived.iter().any(|by| decide::covers(by, evidence));
    Ok(wire::Classification {
        tool: place.id.to_string(),
        version: point.version.map(|it| it.0),
        sha256: point.digest.to_string(),
        analyzer: it.analysis.analyzer.to_owned(),
        parse: parse.to_owned(),
        parse_problem,
        declared: it.analysis.declared.as_ref().map(Into::into),
        inferred: it
            .analysis
            .inferred
            .iter()
            .map(|it| wire::Evidence::of(it, covered(it)))
            .collect(),
        unresolved: wire::words(&it.unresolved),
        observed: it.analysis.observed.iter().map(Into::into).collect(),
        waived: waivers.iter().map(|by| wire::Waived::of(by, it.waived.contains(by))).collect(),
        mcp: decide::mcp(it.class, it.analysis.declared.as_ref()).into(),
        effective: wire::Effective {
            class: it.class.as_str().to_owned(),
            safe: it.safe,
            nondeterministic: it.nondeterministic,
            capabilities: it
                .effective
                .iter()
                .filter(|it| **it != Capability::Nondet)
                .map(ToString::to_string)
                .collect(),
        },
        delta: delta.transpose()?,
        as_of: place.view.as_of().0,
    })
}

fn parsed(parse: &Parse) -> (&'static str, Option<String>) {
    match parse {
        Parse::Ok => ("ok", None),
        Parse::None(what) => ("none", Some(format!("there is no reader for {what}"))),
        Parse::Failed { line: Some(line), why } => ("failed", Some(format!("line {line}: {why}"))),
        Parse::Failed { line: None, why } => ("failed", Some(why.clone())),
    }
}
