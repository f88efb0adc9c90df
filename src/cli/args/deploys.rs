//! What may be typed about deploys.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use clap_complete::ArgValueCompleter;

use super::complete;

const BASE_HELP: &str = "\
What the new content was made from: a version reference, or `none` for a tool that must not exist yet \
[on a terminal: what stands on disk now]";
const REASON_HELP: &str = "One lower-case word: bug_fix, feature, refactor, …";
const STATE_HELP: &str =
    "Only in this state: awaiting_approval, activated, conflicted, rejected, …";
const WAIT_HELP: &str = "How long to wait for its end, 0 for not at all [default: until it rests]";
const MERGE_TOOL_HELP: &str = "\
Settle conflicts with this command, given four files: base, disk, proposed and result \
[$KNOWNGOOD_MERGETOOL, the merge.tool of git, $VISUAL or $EDITOR]";

#[expect(clippy::struct_excessive_bools, reason = "switches, none of which implies another")]
#[derive(Debug, Default, Args)]
#[command(override_usage = "knowngood deploy [OPTIONS] <TOOL> <FILE>\n       \
                            knowngood deploy [OPTIONS] <TOOL> --delete\n       \
                            knowngood deploy [OPTIONS] --change <TOOL[@REF]=FILE>... --remove <TOOL[@REF]>...")]
pub(in crate::cli) struct DeployArgs {
    #[arg(
        required_unless_present_any = ["changes", "removed"],
        conflicts_with_all = ["changes", "removed"],
        add = ArgValueCompleter::new(complete::tool),
    )]
    pub(in crate::cli) tool: Option<String>,
    /// With the new content; - is stdin
    #[arg(
        value_hint = clap::ValueHint::FilePath,
        required_unless_present_any = ["delete", "changes", "removed"],
        conflicts_with = "delete",
    )]
    pub(in crate::cli) file: Option<PathBuf>,
    #[arg(
        long,
        value_name = "REF",
        help = BASE_HELP,
        conflicts_with_all = ["changes", "removed"],
        add = ArgValueCompleter::new(complete::version),
    )]
    pub(in crate::cli) base: Option<String>,
    /// The tool is to go
    #[arg(long)]
    pub(in crate::cli) delete: bool,
    /// One of several contents that become live together; the base stands behind the tool: fetch@v3=new.py
    #[arg(long = "change", value_name = "TOOL[@REF]=FILE", add = ArgValueCompleter::new(complete::tool_at))]
    pub(in crate::cli) changes: Vec<String>,
    /// One that goes together with them
    #[arg(long = "remove", value_name = "TOOL[@REF]", add = ArgValueCompleter::new(complete::tool_at))]
    pub(in crate::cli) removed: Vec<String>,
    #[command(flatten)]
    pub(in crate::cli) said: Said,
    /// What if somebody else changed it meanwhile: give up, merge line by line, or replace it all the same
    #[arg(long, value_name = "WHAT", default_value = "abort")]
    pub(in crate::cli) on_conflict: Clash,
    /// Let a content through that is quarantined, or that a shadow run stopped; for people, with a message
    #[arg(long)]
    pub(in crate::cli) force: bool,
    /// Where answers are meant to differ: /value/total, with * for any segment
    #[arg(long = "expect", value_name = "POINTER")]
    pub(in crate::cli) expected: Vec<String>,
    /// The new file may be run
    #[arg(long, conflicts_with_all = ["no_executable", "delete"])]
    pub(in crate::cli) executable: bool,
    /// It may not
    #[arg(long, conflicts_with = "delete")]
    pub(in crate::cli) no_executable: bool,
    #[command(flatten)]
    pub(in crate::cli) course: Course,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Clash {
    #[default]
    Abort,
    Merge,
    Overwrite,
}

/// Why, and by whom.
#[derive(Clone, Debug, Default, Args)]
pub(in crate::cli) struct Said {
    #[arg(long, value_name = "WORD", help = REASON_HELP)]
    pub(in crate::cli) reason: Option<String>,
    /// Why, in a sentence
    #[arg(short, long)]
    pub(in crate::cli) message: Option<String>,
    /// By whom, if not by a person: ai, ai:NAME or human:NAME; it counts where it is less trusted than you are
    #[arg(long, value_name = "KIND[:NAME]")]
    pub(in crate::cli) author: Option<String>,
}

/// How it is to go on.
#[derive(Clone, Debug, Default, Args)]
pub(in crate::cli) struct Course {
    /// Check and verify, and change nothing
    #[arg(long)]
    pub(in crate::cli) dry_run: bool,
    /// Roll back unless `confirm` comes in this time: 60s, 10m, 24h
    #[arg(long, value_name = "TIME")]
    pub(in crate::cli) confirm_within: Option<String>,
    #[arg(long, value_name = "TIME", help = WAIT_HELP)]
    pub(in crate::cli) wait: Option<String>,
}

#[derive(Debug, Default, Args)]
pub(in crate::cli) struct RollbackArgs {
    /// @REF says to which version [default: the baseline if the disk differs from it, else the one before]
    #[arg(value_name = "TOOL[@REF]", required = true, add = ArgValueCompleter::new(complete::tool_at))]
    pub(in crate::cli) tools: Vec<String>,
    /// The same as @REF, for all of them
    #[arg(long, value_name = "REF", conflicts_with = "only", add = ArgValueCompleter::new(complete::version))]
    pub(in crate::cli) to: Option<String>,
    /// Take out what this one version brought, and keep what came after it
    #[arg(long, value_name = "VERSION", add = ArgValueCompleter::new(complete::version))]
    pub(in crate::cli) only: Option<String>,
    /// What stands there now may not come back
    #[arg(long)]
    pub(in crate::cli) quarantine: bool,
    #[command(flatten)]
    pub(in crate::cli) said: Said,
    #[command(flatten)]
    pub(in crate::cli) course: Course,
}

#[derive(Debug, Default, Args)]
pub(in crate::cli) struct RestoreArgs {
    /// @REF says which version, if not the baseline
    #[arg(value_name = "TOOL[@REF]", required = true, add = ArgValueCompleter::new(complete::tool_at))]
    pub(in crate::cli) tools: Vec<String>,
    #[command(flatten)]
    pub(in crate::cli) said: Said,
    /// Check and verify, and change nothing
    #[arg(long)]
    pub(in crate::cli) dry_run: bool,
    #[arg(long, value_name = "TIME", help = WAIT_HELP)]
    pub(in crate::cli) wait: Option<String>,
}

#[derive(Debug, Default, Args)]
pub(in crate::cli) struct DeploysArgs {
    /// This one, with every step
    #[arg(value_name = "DEPLOY", add = ArgValueCompleter::new(complete::deploy))]
    pub(in crate::cli) number: Option<u64>,
    /// At most so many
    #[arg(short = 'n', long = "number", value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(in crate::cli) most: Option<u32>,
    /// Only of this tool
    #[arg(long, conflicts_with = "number", add = ArgValueCompleter::new(complete::tool))]
    pub(in crate::cli) tool: Option<String>,
    #[arg(long, help = STATE_HELP, conflicts_with = "number", add = ArgValueCompleter::new(complete::deploy_state))]
    pub(in crate::cli) state: Option<String>,
}

#[derive(Debug, Default, Args)]
pub(in crate::cli) struct DecisionArgs {
    /// Its number
    #[arg(value_name = "DEPLOY", add = ArgValueCompleter::new(complete::deploy))]
    pub(in crate::cli) number: u64,
    /// Why, in a sentence
    #[arg(short, long)]
    pub(in crate::cli) message: Option<String>,
    /// By whom, if not by a person: ai, ai:NAME or human:NAME
    #[arg(long, value_name = "KIND[:NAME]")]
    pub(in crate::cli) author: Option<String>,
}

#[derive(Debug, Default, Args)]
pub(in crate::cli) struct ApproveArgs {
    #[command(flatten)]
    pub(in crate::cli) decision: DecisionArgs,
    /// What you looked at, as `deploys` shows it: if it was judged anew since, it is not approved
    #[arg(long, value_name = "SEQ")]
    pub(in crate::cli) as_of: Option<u64>,
}

#[derive(Debug, Default, Args)]
#[command(override_usage = "knowngood resolve [OPTIONS] <DEPLOY>\n       \
                            knowngood resolve [OPTIONS] <TOOL> <FILE> --base <REF>")]
pub(in crate::cli) struct ResolveArgs {
    /// A deploy that ended as conflicted, or a tool
    #[arg(value_name = "DEPLOY|TOOL", add = ArgValueCompleter::new(complete::deploy_or_tool))]
    pub(in crate::cli) what: String,
    /// With what you want there; - is stdin
    #[arg(value_hint = clap::ValueHint::FilePath, requires = "base")]
    pub(in crate::cli) file: Option<PathBuf>,
    /// What FILE was made from: a version reference
    #[arg(long, value_name = "REF", requires = "file", add = ArgValueCompleter::new(complete::version))]
    pub(in crate::cli) base: Option<String>,
    #[arg(long = "tool", value_name = "CMD", help = MERGE_TOOL_HELP)]
    pub(in crate::cli) with: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) said: Said,
    #[command(flatten)]
    pub(in crate::cli) course: Course,
}
