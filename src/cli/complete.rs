//! What a shell may go on with: commands and flags from the declarations, names from the daemon. A daemon that is
//! away or slow means no names, and never a word on the terminal.

use std::{
    ffi::{OsStr, OsString},
    path::Path,
    time::Duration,
};

use super::{
    args::{Colour, Typed},
    client::{Client, Target},
    exit::Exit,
    find,
    print::{Out, visible},
    resolve, view,
};
use crate::wire;
use clap::CommandFactory as _;
use clap_complete::{
    CompletionCandidate,
    env::{Bash, EnvCompleter, Fish, Zsh},
};

/// A shell that asks sets it to its name.
pub(super) const VARIABLE: &str = "KNOWNGOOD_COMPLETE";
/// A person who presses a key waits no longer.
const PATIENCE: Duration = Duration::from_millis(300);
const MOST_VERSIONS: u32 = 50;

/// The shell that asks, if one does.
pub(super) fn asking() -> Option<OsString> {
    find::variable(VARIABLE).filter(|it| !it.is_empty())
}

/// `knowngood -- knowngood diff too`: the words so far stand behind the dashes.
pub(super) fn answer(shell: &OsStr, args: Vec<OsString>) -> Exit {
    let mut out = Out::new(false, true, Colour::Never);
    let words: Vec<OsString> = args.into_iter().skip_while(|it| it != "--").skip(1).collect();
    let shells: [&dyn EnvCompleter; 3] = [&Bash, &Zsh, &Fish];
    let known = shells.into_iter().find(|it| shell.to_str().is_some_and(|shell| it.is(shell)));
    let mut text = Vec::new();
    let done = known.map(|it| it.write_complete(&mut Typed::command(), words, None, &mut text));
    if matches!(done, Some(Ok(()))) {
        out.bytes(&text);
    }
    out.finish(Ok(Exit::Ok))
}

pub(super) fn tool(typed: &OsStr) -> Vec<CompletionCandidate> {
    let asked = client().and_then(|it| it.list(&Target::new("/v1/tools"), None).ok());
    let items = asked.as_ref().map_or(&[][..], |it| view::items(it, "/items"));
    let ids: Vec<&str> = items.iter().map(|it| view::text(it, "/tool")).collect();
    ends(&ids, typed.to_str().unwrap_or_default())
        .into_iter()
        .map(CompletionCandidate::new)
        .collect()
}

/// The ids that begin so; if none does, the ends of ids that do and that no other id has.
fn ends<'a>(ids: &[&'a str], typed: &str) -> Vec<&'a str> {
    let whole: Vec<&str> = ids.iter().copied().filter(|it| it.starts_with(typed)).collect();
    if !whole.is_empty() {
        return whole;
    }
    let tails = ids.iter().flat_map(|id| {
        id.match_indices('/')
            .filter_map(|(at, _)| id.get(at + 1..))
            .filter(|it| it.starts_with(typed))
    });
    let mut tails: Vec<&str> = tails.collect();
    tails.sort_unstable();
    tails
        .chunk_by(|a, b| a == b)
        .filter_map(|it| if let [one] = it { Some(*one) } else { None })
        .collect()
}

/// `tools/a.py@v3`
pub(super) fn tool_at(typed: &OsStr) -> Vec<CompletionCandidate> {
    match typed.to_str().and_then(|it| it.rsplit_once('@')) {
        None => tool(typed),
        Some((name, _)) => {
            let all = versions(name).into_iter().map(|it| it.add_prefix(format!("{name}@")));
            all.filter(|it| begins(it, typed)).collect()
        }
    }
}

/// Of the tool that stands on the line already: the first word behind the command.
pub(super) fn version(typed: &OsStr) -> Vec<CompletionCandidate> {
    let words = words();
    let commands = Typed::command();
    let is_command = |it: &&String| commands.find_subcommand(it.as_str()).is_some();
    let behind = words.iter().skip_while(|it| !is_command(it)).skip(1);
    let tool = behind.into_iter().find(|it| !it.starts_with('-'));
    let all = tool.map_or_else(Vec::new, |it| versions(it)).into_iter();
    all.filter(|it| begins(it, typed)).collect()
}

fn versions(name: &str) -> Vec<CompletionCandidate> {
    let Some(client) = client() else { return Vec::new() };
    let history = resolve::tool(&client, name)
        .and_then(|it| client.list(&Target::of("/v1/history", &it), Some(MOST_VERSIONS)));
    let Ok(history) = history else { return Vec::new() };
    let numbered = view::items(&history, "/items").iter().map(|it| {
        let help = format!(
            "{} by {}, {}",
            view::text(it, "/reason"),
            view::author(it),
            view::text(it, "/time")
        );
        CompletionCandidate::new(view::version(it, "/number")).help(Some(visible(&help).into()))
    });
    let named = ["baseline", "disk", "head"].map(CompletionCandidate::new);
    numbered.chain(named).collect()
}

pub(super) fn runtime(typed: &OsStr) -> Vec<CompletionCandidate> {
    let asked = client().and_then(|it| it.list(&Target::new("/v1/runtimes"), None).ok());
    let items = asked.as_ref().map_or(&[][..], |it| view::items(it, "/items"));
    beginning(items.iter().map(|it| view::text(it, "/runtime")), typed)
}

pub(super) fn root(typed: &OsStr) -> Vec<CompletionCandidate> {
    let asked = client().and_then(|it| it.get(&Target::new("/v1/info")).ok());
    let items = asked.as_ref().map_or(&[][..], |it| view::items(it, "/roots"));
    beginning(items.iter().map(|it| view::text(it, "/root")), typed)
}

/// Numbers of deploys, with what each was.
pub(super) fn deploy(typed: &OsStr) -> Vec<CompletionCandidate> {
    let asked =
        client().and_then(|it| it.list(&Target::new("/v1/deploys"), Some(MOST_VERSIONS)).ok());
    let items = asked.as_ref().map_or(&[][..], |it| view::items(it, "/items"));
    let all = items.iter().filter_map(|it| {
        let tools = view::items(it, "/changes").iter().map(|it| view::text(it, "/tool"));
        let tools = tools.collect::<Vec<_>>().join(", ");
        let help = format!("{} {tools} by {}", view::text(it, "/state"), view::author(it));
        let number = view::number(it, "/deploy")?.to_string();
        Some(CompletionCandidate::new(number).help(Some(visible(&help).into())))
    });
    all.filter(|it| begins(it, typed)).collect()
}

pub(super) fn deploy_or_tool(typed: &OsStr) -> Vec<CompletionCandidate> {
    deploy(typed).into_iter().chain(tool(typed)).collect()
}

pub(super) fn deploy_state(typed: &OsStr) -> Vec<CompletionCandidate> {
    let states = wire::EVENTS.iter().filter_map(|it| it.strip_prefix("deploy."));
    beginning(states.filter(|it| *it != "switching"), typed)
}

pub(super) fn state(typed: &OsStr) -> Vec<CompletionCandidate> {
    let states = ["modified", "orphaned", "missing", "unreadable", "stale", "failed", "unsettled"];
    beginning(states.into_iter(), typed)
}

/// The last of several, which stand with commas between them.
pub(super) fn event(typed: &OsStr) -> Vec<CompletionCandidate> {
    let typed = typed.to_str().unwrap_or_default();
    let done = typed.rfind(',').map_or("", |it| typed.get(..=it).unwrap_or_default());
    let events = wire::EVENTS.iter().map(|it| format!("{done}{it}"));
    events.filter(|it| it.starts_with(typed)).map(CompletionCandidate::new).collect()
}

fn beginning<'a>(all: impl Iterator<Item = &'a str>, typed: &OsStr) -> Vec<CompletionCandidate> {
    all.map(CompletionCandidate::new).filter(|it| begins(it, typed)).collect()
}

fn begins(candidate: &CompletionCandidate, typed: &OsStr) -> bool {
    candidate.get_value().as_encoded_bytes().starts_with(typed.as_encoded_bytes())
}

/// The line so far, without the program that is asked.
fn words() -> Vec<String> {
    let words = std::env::args_os().skip_while(|it| it != "--").skip(2);
    words.map(|it| it.to_string_lossy().into_owned()).collect()
}

fn client() -> Option<Client> {
    let words = words();
    let behind = words.iter().position(|it| it == "--socket").and_then(|it| words.get(it + 1));
    let flag =
        words.iter().find_map(|it| it.strip_prefix("--socket=")).or(behind.map(String::as_str));
    let socket = find::socket(flag.map(Path::new), &find::Surroundings::real());
    Client::new(socket).ok().map(|it| it.patient_for(PATIENCE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_ids_before_ends_that_mean_one() {
        let ids = ["t/web/fetch.py", "t/fetch.py", "t/find.py", "u/find.py"];
        assert_eq!(ends(&ids, "t/f"), ["t/fetch.py", "t/find.py"]);
        assert_eq!(ends(&ids, "").len(), 4);
        assert_eq!(ends(&ids, "web/"), ["web/fetch.py"]);
        assert_eq!(ends(&ids, "fetch"), [""; 0], "it may be two");
        assert_eq!(ends(&["t/a/one.py", "t/two.py"], "on"), ["one.py"]);
    }
}
