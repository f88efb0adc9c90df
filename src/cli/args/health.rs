//! What may be typed about calls and about how tools do.

use clap::{Args, ValueEnum};
use clap_complete::ArgValueCompleter;

use super::complete;

const ARGS_HELP: &str =
    "What it was called with, as JSON; kept without what looks like a secret, to run it again";

#[derive(Debug, Args)]
#[command(
    override_usage = "knowngood outcome [OPTIONS] <TOOL> --version <REF> --status <STATUS> --duration-ms <MS>\n       \
                            knowngood outcome < outcomes.json"
)]
pub(in crate::cli) struct OutcomeArgs {
    /// [default: a JSON batch from stdin, {"outcomes": […]} or the list alone]
    #[arg(
        add = ArgValueCompleter::new(complete::tool),
        requires_all = ["version", "status", "duration_ms"],
    )]
    pub(in crate::cli) tool: Option<String>,
    /// What was called: v3, or the whole hash that the loader saw
    #[arg(long, value_name = "REF", requires = "tool", add = ArgValueCompleter::new(complete::version))]
    pub(in crate::cli) version: Option<String>,
    /// How it ended
    #[arg(long, requires = "tool")]
    pub(in crate::cli) status: Option<Ending>,
    /// How long it took
    #[arg(long, value_name = "MS", requires = "tool")]
    pub(in crate::cli) duration_ms: Option<u64>,
    /// Names the call: reported again it counts once [default: one of its own]
    #[arg(long, value_name = "ID", requires = "tool")]
    pub(in crate::cli) call_id: Option<String>,
    /// `KeyError`, requests.exceptions.ConnectionError, …: it decides who is to blame
    #[arg(long, value_name = "TYPE", requires = "tool")]
    pub(in crate::cli) error_type: Option<String>,
    /// What the error said
    #[arg(short, long, value_name = "TEXT", requires = "error_type")]
    pub(in crate::cli) message: Option<String>,
    #[arg(long, value_name = "JSON", requires = "tool", help = ARGS_HELP)]
    pub(in crate::cli) args: Option<String>,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Ending {
    Ok,
    Error,
    Timeout,
    Crash,
    Cancelled,
}

#[derive(Debug, Default, Args)]
pub(in crate::cli) struct HealthArgs {
    /// [default: all of which something is known]
    #[arg(add = ArgValueCompleter::new(complete::tool))]
    pub(in crate::cli) tool: Option<String>,
}
