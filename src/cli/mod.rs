//! The command line: what was typed (`args`) → a request to the daemon's socket (`client`) → what a person
//! or a script reads (`print`, the only file that writes to the terminal). It never sees the daemon's
//! insides: `run` is handed back to whoever called. Nothing here asks a question.

mod args;
mod client;
mod commands;
mod complete;
mod exit;
mod failure;
#[cfg(test)]
mod fake;
mod find;
mod pager;
mod patch;
mod print;
mod resolve;
mod sink;
mod stream;
mod table;
#[cfg(test)]
mod tests;
mod text;
mod view;

use std::{ffi::OsString, path::PathBuf};

use clap::Parser as _;

pub use exit::Exit;

use args::{Command, Global, Typed, Typing};

/// What the process is to be.
#[derive(Debug)]
pub enum Invocation {
    Daemon(DaemonArgs),
    /// The process beside a program that is run in a sandbox.
    Runner {
        scratch: PathBuf,
        walls: String,
    },
    Client(ClientCommand),
}

/// What `run` was given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DaemonArgs {
    pub directory: Option<PathBuf>,
    pub config: Option<PathBuf>,
    pub socket: Option<PathBuf>,
    pub state_dir: Option<PathBuf>,
}

#[derive(Debug)]
pub struct ClientCommand {
    global: Global,
    command: Command,
}

/// An `Err` has been told already (help, version, what is wrong with the line, or how a shell may go on with it).
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Invocation, Exit> {
    let args: Vec<OsString> = args.into_iter().collect();
    if let Some(shell) = complete::asking() {
        return Err(complete::answer(&shell, args));
    }
    let Typed { global, command } = Typed::try_parse_from(args).map_err(|it| print::usage(&it))?;
    Ok(match command {
        Typing::Run(it) => Invocation::Daemon(DaemonArgs {
            directory: it.directory,
            config: it.config,
            socket: global.socket,
            state_dir: it.state_dir,
        }),
        Typing::Runner(it) => Invocation::Runner { scratch: it.scratch, walls: it.walls },
        Typing::Client(command) => Invocation::Client(ClientCommand { global, command }),
    })
}

/// Carries out anything but `run`.
pub fn run(command: &ClientCommand) -> Exit {
    let global = &command.global;
    let pager = pager::Pager::wanted().filter(|_| !global.no_pager);
    let mut out = print::Out::new(global.json, global.quiet, global.color).with_pager(pager);
    let socket = find::socket(global.socket.as_deref(), &find::Surroundings::real());
    let done = client::Client::new(socket)
        .and_then(|client| commands::run(&command.command, &client, &mut out));
    out.finish(done)
}

/// Tells why a runner gives no answer to whoever started it.
pub fn runner_failed(error: &std::io::Error) -> Exit {
    daemon_failed(Exit::Other, "the runner cannot run", &error.to_string())
}

/// Tells why `run` could not start, in the form in which every error is told.
pub fn daemon_failed(exit: Exit, title: &str, detail: &str) -> Exit {
    let failure = failure::Failure { exit, ..failure::Failure::other(title, detail) };
    print::Out::new(false, false, args::Colour::Auto).finish(Err(failure))
}
