//! One file a command. Each asks the daemon, prints what it said, and says how the process ends.

mod accept;
mod admin;
mod api;
mod cat;
mod check;
mod completions;
mod config;
mod diff;
pub(super) mod doctor;
mod events;
mod history;
mod list;
mod man;
mod runtimes;
mod show;
mod status;
mod version;

use super::{args::Command, client::Client, exit::Exit, failure::Failure, print::Out};

pub(super) fn run(command: &Command, client: &Client, out: &mut Out) -> Result<Exit, Failure> {
    match command {
        Command::Status(args) => status::run(args, client, out),
        Command::List => list::run(client, out),
        Command::History(args) => history::run(args, client, out),
        Command::Show { tool } => show::run(tool, client, out),
        Command::Cat(args) => cat::run(args, client, out),
        Command::Diff(args) => diff::run(args, client, out),
        Command::Check(args) => check::run(args, client, out),
        Command::Accept(args) => accept::run(args, client, out),
        Command::Runtimes => runtimes::run(client, out),
        Command::Events(args) => events::run(args, client, out),
        Command::Rescan => admin::rescan(client, out),
        Command::Reload => admin::reload(client, out),
        Command::Verify => admin::verify(client, out),
        Command::Doctor(args) => Ok(doctor::run(args, client, out)),
        Command::Config(command) => config::run(command, client, out),
        Command::Api(args) => api::run(args, client, out),
        Command::Completions { shell } => completions::run(*shell, out),
        Command::Man(args) => man::run(args, out),
    }
}
