//! `diff --tool`: both sides as files, for a program that shows differences its own way. The files go when it ends;
//! what is written to them is not kept.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use super::label;
use crate::{
    cli::{
        client::{Client, Target},
        failure::Failure,
        view,
    },
    model::ToolId,
};

/// Its exit code says what it thinks of the difference, which is known; only that it ran matters.
pub(super) fn show(command: &str, diff: &Value, client: &Client) -> Result<(), Failure> {
    let name = view::text(diff, "/tool").parse::<ToolId>();
    let tool = name.map_err(|it| Failure::other("the daemon's answer", &it.to_string()))?;
    let place = tempfile::Builder::new().prefix("knowngood-").tempdir();
    let place = place.map_err(|it| failed("making a temporary directory", &it))?;
    let from = side(diff, "from", &tool, place.path(), client)?;
    let to = side(diff, "to", &tool, place.path(), client)?;
    let shell = format!("{command} \"$@\"");
    let status = Command::new("sh").args(["-c", &shell, "sh"]).arg(from).arg(to).status();
    match status.map_err(|it| failed("starting a shell", &it))?.code() {
        Some(126 | 127) => Err(Failure::usage(
            &format!("the diff tool {command:?} cannot be run"),
            "is it installed?",
        )),
        _ => Ok(()),
    }
}

/// `v3/fetch.py`, so that the tool sees what language it is and shows which version.
fn side(
    diff: &Value,
    side: &str,
    tool: &ToolId,
    place: &Path,
    client: &Client,
) -> Result<PathBuf, Failure> {
    let hash = view::text(diff, &format!("/{side}/sha256"));
    if hash.is_empty() {
        return Ok(PathBuf::from("/dev/null"));
    }
    let content = client.bytes(&Target::of("/v1/content", tool).query("at", Some(hash)))?;
    let directory = place.join(label(diff, side));
    let name = tool.as_str().rsplit('/').next().unwrap_or_default();
    fs::create_dir_all(&directory).map_err(|it| failed("making a temporary directory", &it))?;
    let file = directory.join(name);
    fs::write(&file, content).map_err(|it| failed("writing a temporary file", &it))?;
    Ok(file)
}

fn failed(doing: &str, error: &io::Error) -> Failure {
    Failure::other("cannot show the difference", &format!("{doing}: {error}"))
}
