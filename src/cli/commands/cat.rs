//! `cat`: the bytes of a version, as they are.

use serde_json::json;

use crate::cli::{
    args::CatArgs,
    client::{Client, Target},
    exit::Exit,
    failure::Failure,
    print::Out,
    resolve,
};

pub(super) fn run(args: &CatArgs, client: &Client, out: &mut Out) -> Result<Exit, Failure> {
    let (name, reference) = match &args.at {
        Some(at) => (args.tool.as_str(), Some(at.as_str())),
        None => resolve::split(&args.tool),
    };
    let tool = resolve::tool(client, name)?;
    let bytes = client.bytes(&Target::of("/v1/content", &tool).query("at", reference))?;
    if out.json {
        let text = std::str::from_utf8(&bytes).map_err(|_| {
            Failure::other("the content is not text", "leave --json away to get its bytes")
        })?;
        out.document(
            &json!({"tool": tool.as_str(), "at": reference.unwrap_or("head"), "content": text}),
        );
    } else {
        out.bytes(&bytes);
    }
    Ok(Exit::Ok)
}
