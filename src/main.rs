//! argv → command → exit code; nothing else.

use std::process::ExitCode;

use knowngood::{
    app::{self, Failed},
    checks::sandbox,
    cli::{self, DaemonArgs, Exit, Invocation},
    config::Request,
};

fn main() -> ExitCode {
    match cli::parse(std::env::args_os()) {
        Ok(Invocation::Client(command)) => cli::run(&command).into(),
        Ok(Invocation::Daemon(args)) => daemon(args).into(),
        Ok(Invocation::Runner { scratch, walls }) => match sandbox::serve(&scratch, &walls) {
            Ok(()) => Exit::Ok.into(),
            Err(error) => cli::runner_failed(&error).into(),
        },
        Err(exit) => exit.into(),
    }
}

fn daemon(args: DaemonArgs) -> Exit {
    let DaemonArgs { directory, config, socket, state_dir } = args;
    match app::run(Request { directory, config, socket, state_dir }) {
        Ok(()) => Exit::Ok,
        Err(error @ Failed::Config(_)) => {
            cli::daemon_failed(Exit::BadConfiguration, "bad configuration", &error.to_string())
        }
        Err(error) => cli::daemon_failed(Exit::Other, "the daemon cannot run", &error.to_string()),
    }
}
