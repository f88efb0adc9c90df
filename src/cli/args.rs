//! What was typed. Each command is declared here and carried out in a file of its own.

mod deploys;
mod health;
mod shadow;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::ArgValueCompleter;

pub(super) use self::deploys::{
    ApproveArgs, Clash, DecisionArgs, DeployArgs, DeploysArgs, ResolveArgs, RestoreArgs,
    RollbackArgs,
};
pub(super) use self::health::{Ending, HealthArgs, OutcomeArgs};
pub(super) use self::shadow::ShadowArgs;
use super::complete;

const EXIT_CODES: &str = "\
Exit codes:
  0 ok                    1 differs (status, check, diff, shadow)
  2 usage                 3 daemon unreachable
  4 forbidden             5 not found
  6 conflict              7 rejected by verification or policy
  8 partly done           9 other
 78 bad configuration";

const SOCKET_HELP: &str = "\
The daemon's socket [default: $KNOWNGOOD_SOCKET, the nearest .knowngood/ upward from here, /run/knowngood/]";

const PAGER_HELP: &str =
    "Long output on a terminal goes straight out, not through $KNOWNGOOD_PAGER, $PAGER or less";
const DIFFTOOL_HELP: &str =
    "Show it with this command, given two files [on a terminal: $KNOWNGOOD_DIFFTOOL]";

/// Keeps AI agents' tools known-good: watches them, versions them, flags drift
#[derive(Debug, Parser)]
#[command(name = "knowngood", version, after_help = EXIT_CODES, max_term_width = 110)]
pub(super) struct Typed {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) command: Typing,
}

#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Options of every command")]
pub(super) struct Global {
    /// One JSON document (or one a line, for streams); errors as a problem document on stderr
    #[arg(long, global = true)]
    pub(super) json: bool,
    #[arg(long, global = true, value_name = "PATH", help = SOCKET_HELP)]
    pub(super) socket: Option<PathBuf>,
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(super) color: Colour,
    #[arg(long, global = true, help = PAGER_HELP)]
    pub(super) no_pager: bool,
    /// Say only what cannot be left out: of status, check and diff the exit code alone
    #[arg(short, long, global = true)]
    pub(super) quiet: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Colour {
    #[default]
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(super) enum Typing {
    /// Be the daemon, in the foreground
    Run(RunArgs),
    /// Run one program for the daemon, beside it in its sandbox
    #[command(hide = true)]
    Runner(RunnerArgs),
    #[command(flatten)]
    Client(Command),
}

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// Watch this directory; state and socket lie in its .knowngood/ unless configured otherwise
    pub(super) directory: Option<PathBuf>,
    /// [default: /etc/knowngood/config.toml, and none if DIRECTORY is given]
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Where the log lives
    #[arg(long, value_name = "DIR")]
    pub(super) state_dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct RunnerArgs {
    /// A directory of its own
    #[arg(long, value_name = "DIR")]
    pub(super) scratch: PathBuf,
    /// What it puts around the program itself
    #[arg(long, default_value = "outer")]
    pub(super) walls: String,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// What differs from the known good, who did it, and who has loaded what
    Status(StatusArgs),
    /// All tools
    List,
    /// The versions of a tool, newest first
    History(HistoryArgs),
    /// One tool, or one of its versions with what it changed
    Show {
        /// An id, any unique end of one, or a stem; @REF is v3, a hash, head, baseline, disk or a time
        #[arg(value_name = "TOOL[@REF]", add = ArgValueCompleter::new(complete::tool_at))]
        tool: String,
    },
    /// The bytes of a version
    Cat(CatArgs),
    /// What changed between two versions; from the baseline to the disk unless told, of all tools that differ
    Diff(DiffArgs),
    /// May this tool be written now, or did somebody change it?
    Check(CheckArgs),
    /// What a tool can do, with the evidence; all tools, if none is named
    Class(ClassArgs),
    /// What is on disk is good: make it the baseline
    Accept(AcceptArgs),
    /// Put another content in a tool's place, unless somebody else changed it meanwhile
    Deploy(Box<DeployArgs>),
    /// Put an earlier content back, as a new version
    Rollback(RollbackArgs),
    /// Write the baseline back over what is on disk
    Restore(RestoreArgs),
    /// Settle a conflict by hand, and deploy what comes out
    Resolve(ResolveArgs),
    /// What was deployed, newest first; or one of them, with every step
    Deploys(DeploysArgs),
    /// Run a new content beside the live version, on the same inputs; exits 7 if it is worse, 1 if it differs
    Shadow(ShadowArgs),
    /// A deploy on trial is good: keep it
    Confirm(DecisionArgs),
    /// Let a deploy go on that waits for approval
    Approve(ApproveArgs),
    /// Give a deploy up; what is live of it is rolled back
    Abort(DecisionArgs),
    /// Who has loaded what
    Runtimes,
    /// A call of a tool is over: tell how it went
    Outcome(OutcomeArgs),
    /// How tools do, by the calls that were reported
    Health(HealthArgs),
    /// What happened, oldest first; with -f the last of it, and what happens from then on
    Events(EventsArgs),
    /// Look at every file now
    Rescan,
    /// Read the configuration again
    Reload,
    /// Check the log, the contents and the disk against each other
    Verify,
    /// What is in the daemon's way, with the command that mends it; exits 9 if something is broken
    Doctor(DoctorArgs),
    /// Check the configuration, show it with where each value came from, print its schema
    #[command(subcommand)]
    Config(ConfigCommand),
    /// One request to the daemon's API, and its answer as it is
    Api(ApiArgs),
    /// What makes a shell complete commands, tools, versions, runtimes and roots
    #[command(after_help = COMPLETIONS_HELP)]
    Completions { shell: Shell },
    /// The manual
    Man(ManArgs),
}

#[derive(Debug, Default, Args)]
pub(super) struct DoctorArgs {
    /// The configuration of the daemon in question [default: that of the socket's directory, else
    /// /etc/knowngood/config.toml]
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Tell all that is wrong with a file and conf.d/*.toml beside it; exits 78 if something is
    Check {
        /// [default: /etc/knowngood/config.toml]
        file: Option<PathBuf>,
    },
    /// Every key with its value: of the daemon that answers, else of /etc/knowngood/config.toml
    Show(ShowArgs),
    /// The JSON Schema of a configuration file, for editors
    Schema,
}

#[derive(Debug, Default, Args)]
pub(super) struct ShowArgs {
    /// What a daemon would run with that is started with this file
    pub(super) file: Option<PathBuf>,
    /// Where each value came from
    #[arg(long)]
    pub(super) origin: bool,
}

#[derive(Debug, Default, Args)]
pub(super) struct StatusArgs {
    /// First wait until every change made on disk so far has been seen
    #[arg(long)]
    pub(super) sync: bool,
    /// Only this root
    #[arg(long, add = ArgValueCompleter::new(complete::root))]
    pub(super) root: Option<String>,
    /// Only tools in this state: modified, orphaned, missing, unreadable, stale, failed or unsettled
    #[arg(long, add = ArgValueCompleter::new(complete::state))]
    pub(super) state: Option<String>,
    /// On a terminal, every issue: not only as many of each kind as fit on the screen
    #[arg(long, conflicts_with = "watch")]
    pub(super) all: bool,
    /// Show it again whenever something happens, and at the latest after SECS
    #[arg(
        short,
        long,
        value_name = "SECS",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "2",
        value_parser = clap::value_parser!(u64).range(1..=86_400),
    )]
    pub(super) watch: Option<u64>,
}

#[derive(Debug, Args)]
pub(super) struct HistoryArgs {
    #[arg(add = ArgValueCompleter::new(complete::tool))]
    pub(super) tool: String,
    /// At most so many
    #[arg(short = 'n', long = "number", value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) number: Option<u32>,
    /// With what each version changed
    #[arg(short, long)]
    pub(super) patch: bool,
}

#[derive(Debug, Args)]
pub(super) struct CatArgs {
    #[arg(value_name = "TOOL[@REF]", add = ArgValueCompleter::new(complete::tool_at))]
    pub(super) tool: String,
    /// The same as @REF
    #[arg(long, value_name = "REF", add = ArgValueCompleter::new(complete::version))]
    pub(super) at: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct DiffArgs {
    /// All that differ from their baseline, if none is named
    #[arg(add = ArgValueCompleter::new(complete::tool))]
    pub(super) tool: Option<String>,
    /// A version reference: v3, a hash, head, baseline, disk or a time
    #[arg(add = ArgValueCompleter::new(complete::version))]
    pub(super) from: Option<String>,
    #[arg(add = ArgValueCompleter::new(complete::version))]
    pub(super) to: Option<String>,
    /// Lines of context
    #[arg(short = 'U', long, value_name = "N")]
    pub(super) unified: Option<u32>,
    /// How many lines, not which
    #[arg(long)]
    pub(super) stat: bool,
    #[arg(
        long = "tool",
        value_name = "CMD",
        conflicts_with_all = ["stat", "json", "unified"],
        help = DIFFTOOL_HELP,
    )]
    pub(super) with: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct ClassArgs {
    #[arg(value_name = "TOOL[@REF]", add = ArgValueCompleter::new(complete::tool_at))]
    pub(super) tools: Vec<String>,
    /// You have read it and it does no harm: exec:subprocess.run
    #[arg(long, value_name = "CAP[:DETAIL]", requires = "reason", conflicts_with = "withdraw")]
    pub(super) waive: Option<String>,
    /// Why it does no harm
    #[arg(long, value_name = "TEXT", requires = "waive")]
    pub(super) reason: Option<String>,
    /// Take that back
    #[arg(long, value_name = "CAP[:DETAIL]")]
    pub(super) withdraw: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    #[arg(add = ArgValueCompleter::new(complete::tool))]
    pub(super) tool: String,
    /// Compare with this version instead of the baseline
    #[arg(
        long,
        value_name = "REF",
        conflicts_with = "runtime",
        add = ArgValueCompleter::new(complete::version),
    )]
    pub(super) base: Option<String>,
    /// Compare with what this runtime has loaded
    #[arg(long, value_name = "NAME", add = ArgValueCompleter::new(complete::runtime))]
    pub(super) runtime: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct AcceptArgs {
    #[arg(
        value_name = "TOOL",
        required_unless_present = "all",
        conflicts_with = "all",
        add = ArgValueCompleter::new(complete::tool),
    )]
    pub(super) tools: Vec<String>,
    /// Everything that differs
    #[arg(long)]
    pub(super) all: bool,
    /// Only if the content on disk still has this hash
    #[arg(long, value_name = "HASH", conflicts_with = "all")]
    pub(super) disk: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct EventsArgs {
    /// Go on with what happens, across restarts of the daemon; begins with the last 10 unless told
    #[arg(short, long)]
    pub(super) follow: bool,
    /// Only the last N of those that are wanted
    #[arg(short = 'n', long = "number", value_name = "N")]
    pub(super) number: Option<u64>,
    /// Only what came after this one
    #[arg(long, value_name = "SEQ", conflicts_with = "since")]
    pub(super) after: Option<u64>,
    /// Only what came since this time, or this long ago: 2026-01-02T03:04:05Z, 90s, 10m, 2h, 7d
    #[arg(short = 'S', long, value_name = "TIME")]
    pub(super) since: Option<String>,
    /// Only these, separated by commas: drift.detected, version.recorded, …
    #[arg(long, value_name = "TYPES", add = ArgValueCompleter::new(complete::event))]
    pub(super) types: Option<String>,
    /// Only of this tool
    #[arg(long, add = ArgValueCompleter::new(complete::tool))]
    pub(super) tool: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct ApiArgs {
    /// GET, POST, PUT or DELETE
    pub(super) method: String,
    /// With its query, as in a URL: /v1/status?state=modified
    pub(super) path: String,
    /// The body: JSON, @FILE, or - for stdin
    #[arg(short, long, value_name = "JSON")]
    pub(super) data: Option<String>,
    /// Another header
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    pub(super) headers: Vec<String>,
}

const COMPLETIONS_HELP: &str = "\
bash:  echo 'source <(knowngood completions bash)' >> ~/.bashrc
zsh:   echo 'source <(knowngood completions zsh)' >> ~/.zshrc
fish:  echo 'knowngood completions fish | source' >> ~/.config/fish/config.fish

What is there to be completed is asked of the daemon, and only if it answers at once.";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Shell {
    Bash,
    Zsh,
    Fish,
}

#[derive(Debug, Args)]
pub(super) struct ManArgs {
    /// The page of this command
    #[arg(value_name = "COMMAND", conflicts_with = "dir")]
    pub(super) page: Option<String>,
    /// Write all pages into this directory, for a package to install
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub(super) dir: Option<PathBuf>,
}
