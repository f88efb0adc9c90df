//! `list`: all tools.

use crate::cli::{
    client::{Client, Target},
    exit::Exit,
    failure::Failure,
    print::{DIM, GREEN, Out, RED, YELLOW},
    table::Cell,
    view,
};

pub(super) fn run(client: &Client, out: &mut Out) -> Result<Exit, Failure> {
    out.page();
    let list = client.list(&Target::new("/v1/tools"), None)?;
    if out.json {
        out.document(&list);
        return Ok(Exit::Ok);
    }
    let mut rows = Vec::new();
    for tool in view::items(&list, "/items") {
        let sync = view::text(tool, "/sync");
        let style = match sync {
            "in_sync" => GREEN,
            "modified" | "orphaned" => YELLOW,
            _ => RED,
        };
        rows.push(vec![
            view::text(tool, "/tool").into(),
            Cell::styled(sync, style),
            view::version(tool, "/head").into(),
            view::version(tool, "/baseline").into(),
            Cell::styled(view::short_hash(tool, "/disk/sha256"), DIM),
            view::loaded_by(tool).into(),
        ]);
    }
    out.table(&["TOOL", "SYNC", "HEAD", "BASELINE", "DISK", "LOADED BY"], &rows);
    Ok(Exit::Ok)
}
