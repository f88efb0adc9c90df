//! What the gates made of a deploy, for people: each gate with its answer, and what a shadow run found.

use serde_json::Value;

use crate::cli::{
    print::{BOLD, DIM, GREEN, Out, RED, YELLOW, visible},
    table::Cell,
    view,
};

/// Nothing where no gate was asked.
pub(super) fn table(deploy: &Value, out: &mut Out) {
    let gates = view::items(deploy, "/judgement/gates");
    if gates.is_empty() {
        return;
    }
    out.line("");
    let rows: Vec<Vec<Cell>> = gates.iter().map(gate).collect();
    out.table(&["GATE", "RESULT", "TOOL", "WHY"], &rows);
    for tool in view::items(deploy, "/judgement/tools") {
        evidence(tool, out);
        for it in view::items(tool, "/shadow/findings") {
            proof(tool, it, out);
        }
    }
}

fn gate(it: &Value) -> Vec<Cell> {
    let result = view::text(it, "/result");
    let colour = match result {
        "passed" => GREEN,
        "blocked" => RED,
        _ => YELLOW,
    };
    vec![
        view::text(it, "/gate").into(),
        Cell::styled(result, colour),
        view::text(it, "/tool").into(),
        view::text(it, "/why").into(),
    ]
}

/// `+ net_write  requests.post  web/fetch.py:41  execute > _send`
fn evidence(tool: &Value, out: &mut Out) {
    for it in view::items(tool, "/evidence") {
        let file = visible(view::text(it, "/file"));
        let line = view::number(it, "/line").map_or_else(String::new, |it| format!(":{it}"));
        let path: Vec<String> =
            view::items(it, "/path").iter().filter_map(|it| Some(visible(it.as_str()?))).collect();
        let cap = out.paint(YELLOW, &format!("+ {}", visible(view::text(it, "/cap"))));
        let via = visible(view::text(it, "/via"));
        let path = out.paint(DIM, &path.join(" > "));
        out.line(format!("{cap}  {via}  {file}{line}  {path}").trim_end());
    }
}

fn proof(tool: &Value, it: &Value, out: &mut Out) {
    let kind = out.paint(BOLD, &visible(view::text(it, "/kind")));
    let name = visible(view::text(tool, "/tool"));
    let (origin, args) = (view::text(it, "/origin"), visible(view::text(it, "/args")));
    out.line(&format!("{kind}  {name}  {args}  ({})", visible(origin)));
    for (word, at) in [("live", "/control"), ("proposed", "/candidate")] {
        let side = it.pointer(at).unwrap_or(&Value::Null);
        let error = view::text(side, "/type");
        let said = match (error, view::text(side, "/value")) {
            ("", "") => visible(view::text(side, "/status")),
            ("", value) => visible(value),
            (error, _) => format!("{}: {}", visible(error), visible(view::text(side, "/message"))),
        };
        out.line(&format!("  {word:<8}  {said}"));
    }
}

/// What a person would do who has looked.
pub(super) fn next(deploy: &Value) -> String {
    let number = view::number(deploy, "/deploy").unwrap_or_default();
    let as_of = view::number(deploy, "/as_of").unwrap_or_default();
    format!("to let it go on: knowngood approve {number} --as-of {as_of}")
}
