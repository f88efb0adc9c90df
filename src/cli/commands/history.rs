//! `history`: the versions of a tool, newest first, and with `-p` what each of them changed.

use serde_json::Value;

use super::version;
use crate::{
    cli::{
        args::HistoryArgs,
        client::{Client, Target},
        exit::Exit,
        failure::Failure,
        print::{BOLD, DIM, Out},
        resolve,
        table::Cell,
        view,
    },
    model::ToolId,
};

pub(super) fn run(args: &HistoryArgs, client: &Client, out: &mut Out) -> Result<Exit, Failure> {
    out.page();
    let tool = resolve::tool(client, &args.tool)?;
    let mut list = client.list(&Target::of("/v1/history", &tool), args.number)?;
    match (out.json, args.patch) {
        (true, with_patches) => {
            if with_patches {
                add_patches(&mut list, client, &tool)?;
            }
            out.document(&list);
        }
        (false, true) => patches(&list, client, &tool, out)?,
        (false, false) => table(&list, out),
    }
    Ok(Exit::Ok)
}

fn table(list: &Value, out: &mut Out) {
    let mut rows = Vec::new();
    for it in view::items(list, "/items") {
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
}

/// One after the other, as long as somebody reads them.
fn patches(list: &Value, client: &Client, tool: &ToolId, out: &mut Out) -> Result<(), Failure> {
    for (place, it) in view::items(list, "/items").iter().enumerate() {
        if out.is_closed() {
            break;
        }
        if place > 0 {
            out.line("");
        }
        version::print(it, tool, out);
        let patch = version::patch(it, client, tool)?;
        out.diff(&patch);
    }
    Ok(())
}

fn add_patches(list: &mut Value, client: &Client, tool: &ToolId) -> Result<(), Failure> {
    let items = list.get_mut("items").and_then(Value::as_array_mut);
    for it in items.into_iter().flatten() {
        let patch = version::patch(it, client, tool)?;
        if let Some(members) = it.as_object_mut() {
            members.insert("diff".to_owned(), patch.into());
        }
    }
    Ok(())
}
