//! `rescan`, `reload`, `verify`: what an administrator asks of the daemon.

use serde_json::{Value, json};

use crate::cli::{
    client::{Client, Target, Wait},
    exit::Exit,
    failure::Failure,
    print::{GREEN, Out, RED, visible},
    view,
};

pub(super) fn rescan(client: &Client, out: &mut Out) -> Result<Exit, Failure> {
    let answer = client.post(&Target::new("/v1/rescan"), &json!({}), Wait::Long)?;
    if out.json {
        out.document(&answer);
        return Ok(Exit::Ok);
    }
    let (files, took) = (view::count(&answer, "/files"), view::count(&answer, "/took_ms"));
    out.result(&format!("looked at {files} files in {took} ms"));
    missed(&answer, out);
    Ok(Exit::Ok)
}

pub(super) fn reload(client: &Client, out: &mut Out) -> Result<Exit, Failure> {
    let answer = client.post(&Target::new("/v1/reload"), &json!({}), Wait::Long)?;
    if out.json {
        out.document(&answer);
    } else {
        let roots: Vec<_> =
            view::items(&answer, "/roots").iter().filter_map(Value::as_str).collect();
        out.result(&format!("reloaded; roots: {}", roots.join(", ")));
        let keys = |name: &str| {
            let keys = view::items(&answer, name).iter().filter_map(Value::as_str);
            keys.map(visible).collect::<Vec<_>>().join(", ")
        };
        let (changed, waits) = (keys("/changed"), keys("/needs_restart"));
        if !changed.is_empty() {
            out.result(&format!("changed: {changed}"));
        }
        if !waits.is_empty() {
            out.result(&format!("at the next start: {waits}"));
        }
    }
    Ok(Exit::Ok)
}

pub(super) fn verify(client: &Client, out: &mut Out) -> Result<Exit, Failure> {
    let answer = client.post(&Target::new("/v1/verify"), &json!({}), Wait::Long)?;
    let ok = answer.get("ok").and_then(Value::as_bool) == Some(true);
    if out.json {
        out.document(&answer);
    } else {
        let count = |it: &str| view::count(&answer, &format!("/checked/{it}"));
        let word = if ok { out.paint(GREEN, "ok") } else { out.paint(RED, "damaged") };
        let (facts, contents, files) = (count("facts"), count("contents"), count("files"));
        out.result(&format!("{word}  {facts} facts, {contents} contents, {files} files"));
        for problem in view::items(&answer, "/problems").iter().filter_map(Value::as_str) {
            out.line(&format!("  {}", visible(problem)));
        }
        missed(&answer, out);
    }
    Ok(if ok { Exit::Ok } else { Exit::Other })
}

fn missed(answer: &Value, out: &mut Out) {
    for tool in view::items(answer, "/missed").iter().filter_map(Value::as_str) {
        out.result(&format!("  no event had told of {}; it is recorded now", visible(tool)));
    }
}
