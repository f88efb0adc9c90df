//! Calls come in: each is looked at by itself, handed to the loop together, and answered for before it is durable. What
//! they were given is kept apart, without what looks like a secret.

mod redact;

use std::collections::{BTreeMap, HashMap};

use axum::{http::StatusCode, response::Response};
use schemars::{Schema, SchemaGenerator};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{
    call::{self, Call},
    problem::{Code, Problem},
    reference::Place,
    route::{Json, Output},
};
use crate::{
    model::{Blame, CallReport, Digest, ToolId},
    ports::RecordedInput,
    reconcile::{RecordArgs, View, judged},
    wire::{MOST_OUTCOMES, Nothing, Outcome, OutcomesRequest, OutcomesTaken, RefusedOutcome},
};

/// What a call becomes durable within.
const DURABLE_WITHIN_MS: u64 = 1000;

pub(super) struct Taken(OutcomesTaken);

impl Output for Taken {
    fn media(types: &mut SchemaGenerator) -> Vec<(&'static str, Schema)> {
        Json::<OutcomesTaken>::media(types)
    }

    fn respond(self) -> Result<Response, Problem> {
        let mut response = Json(self.0).respond()?;
        *response.status_mut() = StatusCode::ACCEPTED;
        Ok(response)
    }
}

pub(super) async fn report(
    call: Call,
    _: Nothing,
    Json(request): Json<OutcomesRequest>,
) -> Result<Taken, Problem> {
    if request.outcomes.len() > MOST_OUTCOMES {
        return Err(Problem::invalid(format!("outcomes holds more than {MOST_OUTCOMES} calls"))
            .hint("send them in several requests")
            .with("field", "outcomes"));
    }
    let Read { reports, inputs, refused } =
        call.blocking(move |call| read(call, request.outcomes)).await?;
    let tools: Vec<ToolId> = reports.iter().map(|it| it.tool.clone()).collect();
    let accepted = reports.len() as u64;
    let known = call.handle()?.report(reports).await?;
    let duplicates = known.len() as u64;
    call.blocking(move |call| keep(call, tools.into_iter().zip(inputs), &known)).await?;
    Ok(Taken(OutcomesTaken {
        accepted: accepted - duplicates,
        duplicates,
        refused,
        durable_within_ms: DURABLE_WITHIN_MS,
    }))
}

/// What was understood. Each report has its input, where that is to be kept.
#[derive(Default)]
struct Read {
    reports: Vec<CallReport>,
    inputs: Vec<Option<RecordedInput>>,
    refused: Vec<RefusedOutcome>,
}

fn read(call: &Call, outcomes: Vec<Outcome>) -> Result<Read, Problem> {
    let view = call.view()?;
    let (mut read, mut versions) = (Read::default(), HashMap::new());
    for (index, outcome) in outcomes.into_iter().enumerate() {
        match read_one(call, &view, outcome, &mut versions) {
            Ok((report, input)) => {
                read.reports.push(report);
                read.inputs.push(input);
            }
            // The log failed: that is about no single call.
            Err(problem) if problem.is(Code::Internal) => return Err(problem),
            Err(problem) => {
                let (code, detail) = problem.told();
                let index = index as u64;
                read.refused.push(RefusedOutcome { index, code, detail });
            }
        }
    }
    Ok(read)
}

type Versions = HashMap<(String, String), Digest>;

fn read_one(
    call: &Call,
    view: &View,
    outcome: Outcome,
    versions: &mut Versions,
) -> Result<(CallReport, Option<RecordedInput>), Problem> {
    outcome.check()?;
    let tool = call::tool(&outcome.tool)?;
    let named = (outcome.tool, outcome.version);
    let version = match versions.get(&named) {
        Some(known) => *known,
        None => version(call, view, &tool, &named.1)?,
    };
    versions.insert(named, version);
    let record = view.rules.health.record_args(&tool.root());
    let args = outcome.args.as_ref().map(|it| digest(&canonical(it)));
    let given = outcome.args_sha256.as_deref().map(str::parse::<Digest>).transpose();
    let given = given.map_err(|it| Problem::invalid(format!("args_sha256 is {it}")))?;
    let args = args.or(given).filter(|_| record != RecordArgs::Off);
    let report = CallReport {
        tool,
        version,
        call_id: outcome.call_id,
        status: outcome.status.into(),
        duration_ms: u32::try_from(outcome.duration_ms).unwrap_or(u32::MAX),
        error: outcome.error.as_ref().map(Into::into),
        args: args.map(|it| first(&it)),
    };
    let input = outcome.args.zip(args).filter(|_| record == RecordArgs::Full);
    let input = input.and_then(|(value, digest)| input_of(view, &report, value, digest));
    Ok((report, input))
}

/// The content that the report speaks of, which must be one of the tool's.
fn version(call: &Call, view: &View, tool: &ToolId, text: &str) -> Result<Digest, Problem> {
    let place = Place::of(call, view, tool)?;
    if let Ok(digest) = text.parse::<Digest>()
        && place.tool.head.as_ref().is_some_and(|it| it.digest == digest)
    {
        return Ok(digest);
    }
    let is_fixed = text.starts_with('v') || text.parse::<Digest>().is_ok();
    if !is_fixed {
        return Err(Problem::invalid(format!("version {text:?} is neither a whole hash nor v3"))
            .hint("name what the loader loaded: another version may stand there by now"));
    }
    let point = place.find(text)?.ok_or_else(|| place.no_version("nothing has that content"))?;
    Ok(point.digest)
}

fn input_of(
    view: &View,
    report: &CallReport,
    mut args: Value,
    digest: Digest,
) -> Option<RecordedInput> {
    redact::secrets(&mut args);
    let args = canonical(&args);
    if args.len() as u64 > view.rules.health.args_size {
        return None;
    }
    let failed = judged(report).blame == Some(Blame::Tool);
    Some(RecordedInput { args, digest, failed, version: report.version })
}

/// Those of calls that were not known before.
fn keep(
    call: &Call,
    inputs: impl Iterator<Item = (ToolId, Option<RecordedInput>)>,
    known: &[usize],
) -> Result<(), Problem> {
    let mut by_tool: BTreeMap<ToolId, Vec<RecordedInput>> = BTreeMap::new();
    for (place, (tool, input)) in inputs.enumerate() {
        if let Some(input) = input.filter(|_| !known.contains(&place)) {
            by_tool.entry(tool).or_default().push(input);
        }
    }
    let kept = call.handle()?.inputs();
    for (tool, inputs) in by_tool {
        kept.record(&tool, inputs);
    }
    Ok(())
}

/// JSON with its keys in order and nothing between them: equal where the arguments are.
fn canonical(value: &Value) -> String {
    value.to_string()
}

fn digest(text: &str) -> Digest {
    Digest(Sha256::digest(text.as_bytes()).into())
}

fn first(digest: &Digest) -> u64 {
    digest.0.first_chunk().map_or(0, |it| u64::from_be_bytes(*it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_arguments_have_one_text() {
        let one: Value =
            serde_json::from_str("{\"b\": [1, 2], \"a\": {\"y\":1,\"x\": 2}}").unwrap();
        assert_eq!(canonical(&one), "{\"a\":{\"x\":2,\"y\":1},\"b\":[1,2]}");
    }
}
