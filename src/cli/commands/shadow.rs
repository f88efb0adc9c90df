//! `shadow`: a content beside the version that is live, on the same inputs. What it comes to is the first line, and the
//! exit code; the rest is what an author needs to mend it.

use std::fs;

use anstyle::Style;
use serde_json::Value;

use super::{
    deploy::{encoded, read},
    outcome,
};
use crate::{
    cli::{
        args::ShadowArgs,
        client::{Client, Target},
        exit::Exit,
        failure::Failure,
        print::{BOLD, DIM, GREEN, Out, RED, YELLOW, visible},
        resolve,
        stream::Next,
        view,
    },
    wire::ShadowRequest,
};

/// Of a value in a line.
const LONGEST: usize = 160;
/// A score of ranks that chance reaches less than once in a hundred times, on either side.
const NO_CHANCE: f64 = 2.713;

pub(super) fn run(args: &ShadowArgs, client: &Client, out: &mut Out) -> Result<Exit, Failure> {
    let tool = resolve::tool(client, &args.tool)?;
    let (content, encoding) = encoded(read(&args.file)?.bytes);
    let request = ShadowRequest {
        tool: Some(tool.to_string()),
        content,
        encoding,
        base: args.base.clone(),
        inputs: Some(inputs(&args.inputs)?).filter(|it| !it.is_empty()),
        limit: args.limit,
        expect_changes: Some(args.expect_changes.clone()).filter(|it| !it.is_empty()),
    };
    let report = followed(&outcome::body(&request)?, client, out)?;
    let exit = Exit::of_verdict(view::text(&report, "/verdict"));
    if out.json {
        out.document(&report);
        return Ok(exit);
    }
    tell(&report, out);
    Ok(exit)
}

fn inputs(typed: &[String]) -> Result<Vec<Value>, Failure> {
    let mut all = Vec::new();
    for it in typed {
        let no_json = |text: &str| {
            serde_json::from_str::<Value>(text).map_err(|error| {
                Failure::usage(
                    &format!("--input {it} is no JSON: {error}"),
                    "write '{\"q\": \"x\"}'",
                )
            })
        };
        let Some(file) = it.strip_prefix('@') else {
            all.push(no_json(it)?);
            continue;
        };
        let text = fs::read_to_string(file)
            .map_err(|error| Failure::usage(&format!("{file} cannot be read: {error}"), ""))?;
        let read = no_json(&text)?;
        let many = read.as_array().cloned().unwrap_or_else(|| vec![read]);
        all.extend(many);
    }
    Ok(all)
}

/// A person sees how far it is.
fn followed(body: &Value, client: &Client, out: &mut Out) -> Result<Value, Failure> {
    let mut lines = client.post_lines(&Target::new("/v1/shadow"), body)?;
    while let Next::Some(line) = lines.line(None) {
        let mut line: Value = serde_json::from_slice(&line)
            .map_err(|it| Failure::other("the daemon's answer is no JSON", &it.to_string()))?;
        if let Some(report) = line.get_mut("report") {
            out.progress("");
            return Ok(report.take());
        }
        let count = |pointer| view::number(&line, pointer).unwrap_or(0);
        let (done, total) = (count("/progress/done"), count("/progress/total"));
        let repeating = line.pointer("/progress/repeating") == Some(&Value::Bool(true));
        let what = if repeating { "once more: input" } else { "input" };
        out.progress(&format!("{what} {} of {total}", done + 1));
    }
    out.progress("");
    Err(Failure::other("the daemon broke off", "it stops, or ended the run"))
}

fn tell(report: &Value, out: &mut Out) {
    let verdict = view::text(report, "/verdict");
    let word = out.paint(style(verdict).bold(), &visible(verdict));
    let tool = visible(view::text(report, "/tool"));
    let line = format!("{word}  {tool}  {}", meaning(report, verdict));
    out.line(line.trim_end());
    let why = view::text(report, "/why");
    if !why.is_empty() {
        out.line(&format!("  {}", visible(why)));
    }
    if out.quiet {
        return;
    }
    let came = report.get("counts").and_then(Value::as_object).into_iter().flatten();
    let counts = came.map(|(kind, n)| format!("{n} {kind}")).collect::<Vec<_>>().join(", ");
    let number = |pointer| view::number(report, pointer).unwrap_or(0);
    let (runs, millis) = (number("/runs"), number("/wall_ms"));
    let sandbox = view::text(report, "/sandbox");
    if runs > 0 {
        let line = format!("  {counts}; {runs} runs in {millis} ms, sandbox {sandbox}");
        out.line(&out.paint(DIM, &visible(&line)));
    }
    let left_out = number("/inputs/left_out");
    if left_out > 0 {
        out.line(&format!("  {left_out} inputs were not run: no time, or enough was broken"));
    }
    let noisy = texts(report, "/noisy_paths");
    if !noisy.is_empty() {
        out.line(&format!("  noise, compared by type only: {}", visible(&noisy.join(", "))));
    }
    if let Some(line) = latency(report) {
        out.line(&format!("  {line}"));
    }
    for it in view::items(report, "/findings") {
        finding(it, out);
    }
}

/// Where chance does not explain that one is slower; what chance explains is in the JSON alone.
fn latency(report: &Value) -> Option<String> {
    let number = |name| report.pointer(&format!("/latency/{name}")).and_then(Value::as_f64);
    let (before, now) = (number("control_p50_ms")?, number("candidate_p50_ms")?);
    let (ratio, z) = (number("ratio")?, number("mw_z")?);
    let word = if z > 0.0 { "slower" } else { "faster" };
    let told = format!("{word}: {now:.1} ms, was {before:.1} ms (p50; × {ratio:.2}, z {z:.1})");
    (z.abs() >= NO_CHANCE).then_some(told)
}

fn meaning(report: &Value, verdict: &str) -> String {
    let compared = view::number(report, "/inputs/compared").unwrap_or(0);
    match report.get("bound95").and_then(Value::as_f64) {
        Some(bound) if matches!(verdict, "equivalent" | "improved") => format!(
            "{compared} inputs alike: at most {:.1} % of all inputs differ (95 %)",
            bound * 100.0
        ),
        _ => String::new(),
    }
}

fn style(verdict: &str) -> Style {
    match verdict {
        "equivalent" | "improved" | "changed_as_declared" => GREEN,
        "changed" | "inconclusive" => YELLOW,
        _ => RED,
    }
}

/// What differs on one input.
fn finding(it: &Value, out: &mut Out) {
    let kind = out.paint(BOLD, &visible(view::text(it, "/kind")));
    let failed = it.get("expect_failed") == Some(&Value::Bool(true));
    let failed = if failed { ", and not what its example expects" } else { "" };
    let args = it.get("args").filter(|it| !it.is_null()).map_or_else(String::new, Value::to_string);
    let (repro, runs) = (view::number(it, "/repro"), view::number(it, "/runs"));
    let again = match (repro, runs) {
        (Some(repro), Some(runs)) if runs > 1 => format!("  ({repro} of {runs} times)"),
        _ => String::new(),
    };
    out.line("");
    let input = visible(view::text(it, "/input"));
    out.line(&format!("{kind}{failed}  {input}  {}{again}", short(&args)));
    let why = view::text(it, "/why");
    if !why.is_empty() {
        return out.line(&format!("  it {}", visible(why)));
    }
    for name in ["control", "candidate"] {
        side(it, name, out);
    }
    let expected = view::text(it, "/expected");
    if !expected.is_empty() {
        out.line(&format!("  expected   {}", short(expected)));
    }
    for effect in texts(it, "/new_effects") {
        out.line(&format!("  new effect {}", visible(effect)));
    }
    // What went wrong is told above.
    let differences = view::items(it, "/differences").iter();
    for at in differences.filter(|it| !view::text(it, "/path").starts_with("/error")) {
        let text = |pointer| match view::text(at, pointer) {
            "" => "nothing".to_owned(),
            text => short(text),
        };
        let path = visible(view::text(at, "/path"));
        out.line(&format!("  {path}: {} → {}", text("/control"), text("/candidate")));
    }
}

fn side(it: &Value, name: &str, out: &mut Out) {
    let text = |part: &str| view::text(it, &format!("/{name}/{part}"));
    let said = match (text("type"), text("message")) {
        ("", _) => short(text("value")),
        (kind, "") => visible(kind),
        (kind, message) => format!("{}: {}", visible(kind), short(message)),
    };
    out.line(&format!("  {name:<10} {}  {said}", visible(text("status"))));
    for frame in texts(it, &format!("/{name}/frames")).iter().rev().take(3).rev() {
        out.line(&format!("             {}", visible(frame)));
    }
}

fn texts<'a>(value: &'a Value, pointer: &str) -> Vec<&'a str> {
    view::items(value, pointer).iter().filter_map(Value::as_str).collect()
}

fn short(text: &str) -> String {
    let text = visible(text);
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
