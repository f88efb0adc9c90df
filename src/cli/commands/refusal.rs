//! Why a proposal was refused, for whoever made it: what stands there instead and who put it there, or what
//! verification found and in which line.

use std::path::Path;

use serde_json::Value;

use crate::cli::{
    exit::Exit,
    failure::Failure,
    print::{BOLD, DIM, Out, RED, YELLOW, visible},
    view,
};

/// Tells all that the refusal brings; the refusal itself comes after it, with what to type next.
pub(super) fn told(mut failure: Failure, again: Option<(&str, &Path)>, out: &mut Out) -> Failure {
    if out.json {
        return failure;
    }
    let problem = failure.problem.clone();
    for it in view::items(&problem, "/conflicts") {
        conflict(it, out);
    }
    findings(&problem, out);
    if let (Exit::Conflict, [_, ..]) = (failure.exit, view::items(&problem, "/conflicts")) {
        failure.advise(&next(&problem, again));
    }
    failure
}

fn conflict(it: &Value, out: &mut Out) {
    let name = out.paint(BOLD, &visible(view::text(it, "/tool")));
    let base = side(it, "/base");
    let there = match (it.get("current"), view::text(it, "/cause")) {
        (Some(current), _) if current.is_object() => {
            let time = out.time(view::text(current, "/time"));
            let author = visible(&view::author(current));
            format!("{} by {author}, {time}", view::version(current, "/version"))
        }
        (_, "") => "nothing".to_owned(),
        (_, cause) => format!("something unreadable ({})", visible(cause)),
    };
    out.note(&format!("{name}: made from {base}, but there stands {there}"));
    let diff = view::text(it, "/diff_base_current");
    if !out.quiet {
        out.diff(diff);
    }
    let merge = if it.pointer("/merge/clean") == Some(&Value::Bool(true)) {
        out.paint(YELLOW, "both can be merged")
    } else {
        let regions = view::items(it, "/merge/conflicts").iter();
        let lines = regions.filter_map(|it| view::number(it, "/current/line"));
        let lines = lines.map(|it| it.to_string()).collect::<Vec<_>>().join(", ");
        let at =
            if lines.is_empty() { String::new() } else { format!(", on disk at line {lines}") };
        out.paint(RED, &format!("both changed the same{at}"))
    };
    out.note(&merge);
}

fn side(it: &Value, pointer: &str) -> String {
    match it.pointer(pointer) {
        Some(side) if side.is_object() => match view::number(side, "/version") {
            Some(number) => format!("v{number}"),
            None => view::short_hash(side, "/sha256"),
        },
        _ => "nothing".to_owned(),
    }
}

/// What a person would type.
fn next(problem: &Value, again: Option<(&str, &Path)>) -> String {
    let all = view::items(problem, "/conflicts");
    if all.iter().all(|it| it.pointer("/merge/clean") == Some(&Value::Bool(true))) {
        return "`--on-conflict merge` merges them, and verifies what comes out".to_owned();
    }
    let resolve = match (again, all, view::number(problem, "/deploy")) {
        (Some((tool, file)), [one], _) if file != Path::new("-") => {
            let words = [tool, &*file.to_string_lossy()].map(crate::cli::text::quoted).join(" ");
            format!("knowngood resolve {words} --base {}", side(one, "/base"))
        }
        (_, _, Some(number)) => format!("knowngood resolve {number}"),
        _ => {
            return "`--on-conflict overwrite` replaces it; what is there is kept as a version"
                .to_owned();
        }
    };
    format!(
        "`{resolve}` opens both; `--on-conflict overwrite` replaces it, and keeps what is there as a version"
    )
}

/// In the form that editors jump by: `t/a.py:12:3: invalid syntax`.
pub(super) fn findings(of: &Value, out: &mut Out) {
    let direct = view::items(of, "/findings");
    let checks = view::items(of, "/checks").iter();
    let steps = view::items(of, "/steps").iter().flat_map(|it| view::items(it, "/checks"));
    let failed: Vec<&Value> =
        checks.chain(steps).filter(|it| view::text(it, "/outcome") == "failed").collect();
    for it in &failed {
        let (check, why) = (view::text(it, "/check"), view::text(it, "/why"));
        let sandbox = out.paint(DIM, &format!("({})", visible(view::text(it, "/sandbox"))));
        let word = out.paint(RED, &visible(check));
        out.note(&format!("{word} {} {sandbox}", visible(why)));
        for line in view::text(it, "/output_tail").lines() {
            out.note(&format!("  {}", visible(line)));
        }
    }
    let inside = failed.iter().flat_map(|it| view::items(it, "/findings"));
    let all: Vec<&Value> =
        if direct.is_empty() { inside.collect() } else { direct.iter().collect() };
    for it in all {
        let place: Vec<String> = [
            Some(visible(view::text(it, "/tool"))).filter(|it| !it.is_empty()),
            view::number(it, "/line").map(|it| it.to_string()),
            view::number(it, "/column").map(|it| it.to_string()),
        ]
        .into_iter()
        .flatten()
        .collect();
        let place = out.paint(BOLD, &format!("{}:", place.join(":")));
        out.note(&format!("{place} {}", visible(view::text(it, "/message"))));
    }
}
