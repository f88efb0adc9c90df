//! One file a command. Each asks the daemon, prints what it said, and says how the process ends.

mod accept;
mod admin;
mod api;
mod cat;
mod check;
mod class;
mod completions;
mod config;
mod decision;
mod deploy;
mod deploys;
mod diff;
pub(super) mod doctor;
mod events;
mod health;
mod history;
mod judgement;
mod list;
mod man;
mod outcome;
mod refusal;
mod report;
mod resolve;
mod runtimes;
mod shadow;
mod show;
mod status;
mod undo;
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
        Command::Class(args) => class::run(args, client, out),
        Command::Accept(args) => accept::run(args, client, out),
        Command::Deploy(args) => deploy::run(args, client, out),
        Command::Rollback(args) => undo::rollback(args, client, out),
        Command::Restore(args) => undo::restore(args, client, out),
        Command::Resolve(args) => resolve::run(args, client, out),
        Command::Deploys(args) => deploys::run(args, client, out),
        Command::Shadow(args) => shadow::run(args, client, out),
        Command::Confirm(args) => decision::run("confirm", args, client, out),
        Command::Approve(args) => decision::approve(args, client, out),
        Command::Abort(args) => decision::run("abort", args, client, out),
        Command::Runtimes => runtimes::run(client, out),
        Command::Outcome(args) => report::run(args, client, out),
        Command::Health(args) => health::run(args, client, out),
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
