//! What a person calls a tool → its id: the id itself, any end of it by whole segments, or the same
//! without the extension. Two that fit are refused with their names; it never guesses.

use serde_json::Value;

use super::{
    client::{Client, Target},
    exit::Exit,
    failure::Failure,
    view,
};
use crate::model::ToolId;

const SHOWN: usize = 10;
const NEAR: usize = 3;

/// An id of a tool that is in no list any more still has its history, so an id that fits nothing is
/// passed on as it is.
pub(super) fn tool(client: &Client, typed: &str) -> Result<ToolId, Failure> {
    let id = typed.parse::<ToolId>().ok();
    if let Some(id) = &id {
        match client.get(&Target::of("/v1/tools", id)) {
            Ok(_) => return Ok(id.clone()),
            Err(it) if it.exit == Exit::NotFound => (),
            Err(it) => return Err(it),
        }
    }
    let list = client.list(&Target::new("/v1/tools"), None)?;
    let ids = view::items(&list, "/items").iter().filter_map(|it| {
        it.get("tool")
            .or_else(|| it.get("id"))
            .and_then(Value::as_str)
            .and_then(|it| it.parse().ok())
    });
    let ids: Vec<ToolId> = ids.collect();
    match &*fitting(typed, &ids) {
        [one] => Ok(one.clone()),
        [] => id.ok_or_else(|| none(typed, &ids)),
        many => Err(ambiguous(typed, many)),
    }
}

/// `tool@ref` → both. Only what reads like a reference is one: a file may have an `@` in its name.
pub(super) fn split(typed: &str) -> (&str, Option<&str>) {
    match typed.rsplit_once('@') {
        Some((tool, reference)) if !tool.is_empty() && is_reference(reference) => {
            (tool, Some(reference))
        }
        _ => (typed, None),
    }
}

fn is_reference(text: &str) -> bool {
    let digits = |it: &str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit());
    let hex = |it: &str| it.len() >= 8 && it.bytes().all(|it| it.is_ascii_hexdigit());
    matches!(text, "head" | "baseline" | "disk" | "known_good")
        || text.strip_prefix('v').is_some_and(digits)
        || hex(text.strip_prefix("sha256:").unwrap_or(text))
        || text.parse::<jiff::Timestamp>().is_ok()
}

fn fitting(typed: &str, ids: &[ToolId]) -> Vec<ToolId> {
    let ends =
        |id: &str| id.strip_suffix(typed).is_some_and(|it| it.is_empty() || it.ends_with('/'));
    let stem = |id: &ToolId| {
        let id = id.as_str();
        let name = id.rfind('/').map_or(0, |it| it + 1);
        match id.rfind('.') {
            Some(dot) if dot > name => id.get(..dot).is_some_and(ends),
            _ => false,
        }
    };
    if typed.is_empty() {
        return Vec::new();
    }
    let (whole, rest): (Vec<_>, Vec<_>) = ids.iter().cloned().partition(|it| ends(it.as_str()));
    if whole.is_empty() { rest.into_iter().filter(stem).collect() } else { whole }
}

/// With those that it may have been meant for.
fn none(typed: &str, ids: &[ToolId]) -> Failure {
    let near: Vec<_> =
        ids.iter().map(ToolId::as_str).filter(|it| it.contains(typed)).take(NEAR).collect();
    let hint = match &*near {
        [] => "`knowngood list` shows all of them".to_owned(),
        near => format!("there is {}", near.join(", ")),
    };
    Failure::not_found(&format!("no tool is called {typed:?}"), &hint)
}

fn ambiguous(typed: &str, ids: &[ToolId]) -> Failure {
    let names: Vec<_> = ids.iter().take(SHOWN).map(ToolId::as_str).collect();
    let more = if ids.len() > SHOWN { ", …" } else { "" };
    let detail = format!("{typed:?} may be {} tools: {}{more}", ids.len(), names.join(", "));
    Failure::usage(&detail, "write more of its path")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(typed: &str) -> Vec<String> {
        let ids = ["t/web/fetch.py", "t/fetch.sh", "t/prefetch.py", "t/fetch", "t/a.b.py", "t/.x"];
        let ids: Vec<ToolId> = ids.iter().map(|it| it.parse().unwrap()).collect();
        fitting(typed, &ids).iter().map(|it| it.as_str().to_owned()).collect()
    }

    #[test]
    fn ends_by_whole_segments_before_stems() {
        assert_eq!(fit("fetch.py"), ["t/web/fetch.py"]);
        assert_eq!(fit("web/fetch"), ["t/web/fetch.py"]);
        assert_eq!(fit("fetch"), ["t/fetch"], "a whole name wins over a stem");
        assert_eq!(fit("prefetch"), ["t/prefetch.py"]);
        assert_eq!(fit("a.b"), ["t/a.b.py"]);
        assert_eq!(fit("t/fetch.sh"), ["t/fetch.sh"]);
        for none in ["", "etch.py", "a", "/", "py"] {
            assert_eq!(fit(none), [""; 0], "{none}");
        }
    }

    #[test]
    fn a_reference_is_told_from_a_name() {
        assert_eq!(split("a.py@v12"), ("a.py", Some("v12")));
        assert_eq!(split("a@b.py"), ("a@b.py", None));
        assert_eq!(split("a@b.py@disk"), ("a@b.py", Some("disk")));
        assert_eq!(split("a@0123abcd"), ("a", Some("0123abcd")));
        assert_eq!(split("a@sha256:0123abcd"), ("a", Some("sha256:0123abcd")));
        assert_eq!(split("a@2026-01-02T03:04:05Z"), ("a", Some("2026-01-02T03:04:05Z")));
        assert_eq!(split("@v1"), ("@v1", None));
        assert_eq!(split("a@v"), ("a@v", None));
    }
}
