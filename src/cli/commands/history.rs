//! `history`: the versions of a tool, newest first.

use crate::cli::{
    args::HistoryArgs,
    client::{Client, Target},
    exit::Exit,
    failure::Failure,
    print::{BOLD, DIM, Out},
    resolve,
    table::Cell,
    view,
};

pub(super) fn run(args: &HistoryArgs, client: &Client, out: &mut Out) -> Result<Exit, Failure> {
    let tool = resolve::tool(client, &args.tool)?;
    let list = client.list(&Target::of("/v1/history", &tool), args.number)?;
    if out.json {
        out.document(&list);
        return Ok(Exit::Ok);
    }
    let mut rows = Vec::new();
    for it in view::items(&list, "/items") {
        rows.push(vec![
            Cell::styled(view::version(it, "/number"), BOLD),
            out.time(view::text(it, "/time")).into(),
            view::author(it).into(),
            view::text(it, "/reason").into(),
            view::text(it, "/origin").into(),
            view::number(it, "/size").unwrap_or(0).to_string().into(),
            Cell::styled(view::short_hash(it, "/sha256"), DIM),
            view::text(it, "/message").into(),
        ]);
    }
    let head = ["VERSION", "RECORDED", "AUTHOR", "REASON", "ORIGIN", "BYTES", "SHA256", "MESSAGE"];
    out.table(&head, &rows);
    Ok(Exit::Ok)
}
