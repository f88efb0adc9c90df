//! What may be typed about shadow runs.

use std::path::PathBuf;

use clap::Args;
use clap_complete::ArgValueCompleter;

use super::complete;

const BASE_HELP: &str =
    "What it is compared with: a version reference [default: what stands on disk]";
const INPUT_HELP: &str = "\
Arguments to run both with, as JSON; @FILE reads them from a file, a list there is one input each. \
Those of the tool's manifest are run as well";
const EXPECT_HELP: &str =
    "Answers are meant to differ here: a JSON pointer, * for any segment: /value/results/*/rank";

#[derive(Debug, Default, Args)]
pub(in crate::cli) struct ShadowArgs {
    #[arg(add = ArgValueCompleter::new(complete::tool))]
    pub(in crate::cli) tool: String,
    /// With the new content; - is stdin
    #[arg(value_hint = clap::ValueHint::FilePath)]
    pub(in crate::cli) file: PathBuf,
    #[arg(long = "input", value_name = "JSON|@FILE", help = INPUT_HELP)]
    pub(in crate::cli) inputs: Vec<String>,
    #[arg(long, value_name = "REF", help = BASE_HELP, add = ArgValueCompleter::new(complete::version))]
    pub(in crate::cli) base: Option<String>,
    /// At most so many inputs, 1 to 200 [default: 30]
    #[arg(long, value_name = "N")]
    pub(in crate::cli) limit: Option<usize>,
    #[arg(long = "expect", value_name = "POINTER", help = EXPECT_HELP)]
    pub(in crate::cli) expect_changes: Vec<String>,
}
