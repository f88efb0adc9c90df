//! What is asked of the world once a deploy is confirmed.

use std::path::PathBuf;

use super::StopFlag;
use crate::model::{Deploy, RootName};

/// Runs what the roots want run then, and tells of its failure itself: it changes nothing about the deploy.
pub trait After: Send + std::marker::Sync {
    /// Comes back when all of it has ended, soon once `stop` is set.
    fn run(&self, deploy: &Deploy, stop: &StopFlag);
}

/// What a root wants run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AfterRules {
    pub root: RootName,
    /// The root's directory, where it is run.
    pub path: PathBuf,
    /// Empty: nothing.
    pub command: Vec<String>,
}
