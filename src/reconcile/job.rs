//! What is handed to those who work for deploys, and what they answer. Plain values.

use std::sync::Arc;

use crate::{
    decide::{Compared, ReplayOrder, Staged, Task},
    model::{CheckRun, DeployNo, Examined, Late, Marker, Proposal, Replayed, Switched},
};

/// A task, and the question that it answers where somebody waits.
pub(super) struct Job {
    pub(super) ticket: Option<u64>,
    pub(super) task: Task,
}

/// What came of a job.
pub(super) enum Done {
    Staged {
        ticket: Option<u64>,
        staged: Staged,
    },
    Verified {
        deploy: DeployNo,
        checks: Vec<CheckRun>,
        examined: Vec<Examined>,
    },
    Rehearsed {
        ticket: Option<u64>,
        proposal: Arc<Proposal>,
        markers: Vec<Marker>,
        checks: Vec<CheckRun>,
        examined: Vec<Examined>,
    },
    Switched {
        deploy: DeployNo,
        outcome: Switched,
    },
    Late(Late),
    /// Two versions of a tool were read.
    Compared(Box<Compared>),
    Replayed(ReplayOrder, Replayed),
}
