//! The command that a root wants run once a deploy is confirmed there: to commit in git, to restart who cannot load anew.
//! It is the administrator's own, so it runs as the daemon does, without a sandbox, but with an empty environment, a time
//! and an end to its output. What a deploy's author wrote reaches it as arguments and variables only, never as words of
//! the command. At most once: a daemon that ends in between does not run it later.

mod run;

use std::{
    collections::BTreeSet,
    ffi::OsString,
    os::unix::ffi::OsStringExt as _,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use tracing::{info, warn};

use crate::{
    model::{Deploy, RootName},
    ports::{After, AfterRules, StopFlag},
};
use run::{Ended, Order, run};

/// Whoever needs longer leaves it to another program.
const TIME: Duration = Duration::from_mins(1);
/// The word that stands for the tools' paths, each an argument of its own.
const TOOLS: &str = "{tools}";

/// The commands of all roots.
#[derive(Debug, Default)]
pub struct Commands {
    rules: RwLock<Arc<Vec<AfterRules>>>,
}

impl Commands {
    /// Other rules from now on; what runs goes on by the former ones.
    pub fn set_rules(&self, rules: Vec<AfterRules>) {
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rules);
    }
}

impl After for Commands {
    fn run(&self, deploy: &Deploy, stop: &StopFlag) {
        let rules = Arc::clone(&self.rules.read().unwrap_or_else(PoisonError::into_inner));
        let roots: BTreeSet<RootName> = deploy.tools().map(crate::model::ToolId::root).collect();
        for it in rules.iter().filter(|it| roots.contains(&it.root)) {
            let Some(order) = order(deploy, it) else { continue };
            tell(deploy, it, &run(&order, TIME, stop));
        }
    }
}

/// None: the root wants none.
fn order(deploy: &Deploy, rules: &AfterRules) -> Option<Order> {
    let (program, words) = rules.command.split_first()?;
    let mut arguments: Vec<OsString> = Vec::new();
    for word in words {
        if word == TOOLS {
            arguments.extend(tools(deploy, &rules.root));
        } else {
            arguments.push(word.replace("{deploy}", &deploy.number.to_string()).into());
        }
    }
    let proposal = &deploy.proposal;
    let said = [
        ("KNOWNGOOD_ROOT", rules.root.to_string()),
        ("KNOWNGOOD_DEPLOY", deploy.number.to_string()),
        ("KNOWNGOOD_KIND", proposal.kind.as_str().to_owned()),
        ("KNOWNGOOD_AUTHOR", proposal.author.to_string()),
        ("KNOWNGOOD_REASON", proposal.reason.as_str().to_owned()),
        ("KNOWNGOOD_MESSAGE", proposal.message.clone().unwrap_or_default()),
    ];
    // A variable ends at the first NUL, and the program would not start with one.
    let variables = said.map(|(name, it)| (name, it.replace('\0', " "))).to_vec();
    Some(Order { program: program.into(), arguments, variables, folder: rules.path.clone() })
}

/// Relative to the root, and never to be taken for an option.
fn tools(deploy: &Deploy, root: &RootName) -> Vec<OsString> {
    let here = deploy.tools().filter(|it| it.is_in(root));
    here.map(|it| OsString::from_vec([b"./", it.path().as_bytes()].concat())).collect()
}

fn tell(deploy: &Deploy, rules: &AfterRules, ended: &Ended) {
    let (deploy, root) = (deploy.number.0, rules.root.as_str());
    match &ended.failed {
        None => info!(event = "after.done", deploy, root, took_ms = ended.took_ms),
        Some(why) => warn!(
            event = "after.failed",
            deploy,
            root,
            error = why,
            took_ms = ended.took_ms,
            output = ended.output,
            "the deploy stands all the same"
        ),
    }
}

#[cfg(test)]
mod tests;
