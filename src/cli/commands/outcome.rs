//! A request that becomes a deploy: it is sent, followed until it rests, and told in the end. Every command that
//! changes what stands on disk goes through here.

use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anstyle::Style;
use serde::Serialize;
use serde_json::Value;

use super::{judgement, refusal};
use crate::{
    cli::{
        client::{Client, Target, Wait},
        exit::Exit,
        failure::Failure,
        print::{CYAN, GREEN, Out, RED, YELLOW, visible},
        view,
    },
    wire::{self, Claim, Kind},
};

/// How often a daemon that is at it is asked how far it is.
const PACE: Duration = Duration::from_millis(150);

pub(super) struct Asked<'a> {
    pub(super) path: &'a str,
    pub(super) body: Value,
    /// The tool and the file, for the command that a person would type next.
    pub(super) again: Option<(&'a str, &'a Path)>,
}

pub(super) fn body(request: &impl Serialize) -> Result<Value, Failure> {
    serde_json::to_value(request).map_err(|it| Failure::other("not a request", &it.to_string()))
}

/// `ai:improver`
pub(super) fn claim(typed: Option<&str>) -> Result<Option<Claim>, Failure> {
    let Some(typed) = typed else { return Ok(None) };
    let (kind, name) = typed.split_once(':').map_or((typed, None), |it| (it.0, Some(it.1)));
    let kind = match kind {
        "ai" => Kind::Ai,
        "human" => Kind::Human,
        "unknown" => Kind::Unknown,
        _ => {
            let detail = format!("--author {typed:?} begins with no kind of author");
            return Err(Failure::usage(&detail, "write ai:NAME, human:NAME, or ai alone"));
        }
    };
    Ok(Some(Claim { kind, name: name.map(str::to_owned) }))
}

/// Sends it, and tells what became of it.
pub(super) fn ask(
    asked: &Asked,
    wait: Option<&str>,
    client: &Client,
    out: &mut Out,
) -> Result<Exit, Failure> {
    let limit = limit(wait)?;
    // A person sees each step; a program waits for the end.
    let follow = out.terminal && !out.json && !out.quiet;
    let first = if follow { "0" } else { wait.unwrap_or("60s") };
    let target = Target::new(asked.path).query("wait", Some(first));
    let answer = client.post(&target, &asked.body, Wait::Long);
    let answer = answer.map_err(|it| refusal::told(it, asked.again, out))?;
    let answer = followed(answer, limit, client, out)?;
    Ok(finish(&answer, out))
}

/// `None`: until it rests.
fn limit(wait: Option<&str>) -> Result<Option<Duration>, Failure> {
    let Some(typed) = wait else { return Ok(None) };
    wire::duration(typed).map(Some).ok_or_else(|| {
        Failure::usage(&format!("--wait {typed:?} is no time"), "write 0, 500ms, 60s, 10m or 2h")
    })
}

/// Asks again as long as somebody is at it.
fn followed(
    mut answer: Value,
    limit: Option<Duration>,
    client: &Client,
    out: &mut Out,
) -> Result<Value, Failure> {
    let began = Instant::now();
    let mut shown = 0;
    loop {
        shown = progress(&answer, shown, out);
        let number = view::number(&answer, "/deploy");
        let Some(number) = number.filter(|_| is_at_it(&answer)) else { return Ok(answer) };
        if limit.is_some_and(|it| began.elapsed() >= it) {
            return Ok(answer);
        }
        thread::sleep(PACE);
        answer = client.get(&Target::new(&format!("/v1/deploys/{number}")))?;
    }
}

fn is_at_it(answer: &Value) -> bool {
    matches!(view::text(answer, "/state"), "accepted" | "staged" | "verified")
}

/// The steps behind the first `shown`, for whoever waits.
fn progress(answer: &Value, shown: usize, out: &mut Out) -> usize {
    let steps = view::items(answer, "/steps");
    if !out.terminal || out.json {
        return steps.len();
    }
    for it in steps.iter().skip(shown) {
        let name = visible(view::text(it, "/step"));
        let took = view::number(it, "/took_ms").map_or_else(String::new, |it| format!("  {it} ms"));
        let sandbox = match view::text(it, "/sandbox") {
            "" => String::new(),
            sandbox => format!("  {}", visible(sandbox)),
        };
        let word = out.paint(CYAN, &format!("{name:<12}"));
        out.note(format!("{word}{took}{sandbox}").trim_end());
    }
    steps.len()
}

/// How it stands, and what that means for a script.
pub(super) fn finish(answer: &Value, out: &mut Out) -> Exit {
    let state = view::text(answer, "/state");
    let exit = Exit::of_deploy(state);
    if out.json {
        out.document(answer);
        return exit;
    }
    refusal::findings(answer, out);
    tell(answer, state, out);
    let deploy = view::number(answer, "/deploy");
    let number = deploy.map_or_else(String::new, |it| it.to_string());
    if deploy.is_none() {
        // A dry run: there is no deploy to look it up in.
        judgement::table(answer, out);
    }
    match state {
        "activated" => {
            let deadline = out.clock(view::text(answer, "/deadline"));
            let until = if deadline.is_empty() { String::new() } else { format!(" by {deadline}") };
            out.note(&format!(
                "on trial: it is rolled back unless `knowngood confirm {number}` comes{until}"
            ));
        }
        "awaiting_approval" => {
            if deploy.is_some() {
                out.note(&format!("it waits for a person: knowngood deploys {number} shows why"));
                out.note(&judgement::next(answer));
            } else {
                out.note("it would wait for a person");
            }
        }
        "conflicted" => out.note(&format!("next: knowngood resolve {number}")),
        _ if is_at_it(answer) => {
            out.note(&format!("it goes on: knowngood deploys {number} says how far it is"));
        }
        _ => (),
    }
    exit
}

/// Well, not yet, or not at all.
pub(super) fn style(state: &str) -> Style {
    let exit = Exit::of_deploy(state);
    if exit == Exit::Ok {
        GREEN
    } else if exit == Exit::PartlyDone {
        YELLOW
    } else {
        RED
    }
}

/// One line a tool.
fn tell(answer: &Value, state: &str, out: &mut Out) {
    let word = out.paint(style(state), &visible(state));
    let deploy = view::number(answer, "/deploy");
    let deploy = deploy.map_or_else(String::new, |it| format!("  (deploy {it})"));
    for it in view::items(answer, "/changes") {
        let tool = visible(view::text(it, "/tool"));
        out.result(&format!("{word}  {tool}{}{deploy}", change(it, state)));
    }
    let why = view::text(answer, "/why");
    if !why.is_empty() {
        out.note(&visible(why));
    }
}

fn change(it: &Value, state: &str) -> String {
    let was = view::number(it, "/displaced").map_or_else(String::new, |it| format!(", was v{it}"));
    let goes = it.get("sha256").is_some_and(Value::is_null);
    match view::number(it, "/version") {
        _ if state == "no_op" => " is so already".to_owned(),
        Some(number) => format!(" v{number}{was}"),
        None if goes && matches!(state, "confirmed" | "activated") => format!(" is gone{was}"),
        None => was,
    }
}
