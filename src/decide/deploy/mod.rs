//! A deploy's life, as rules: what may begin, what follows from what the stage, the checks and the switch answered, and
//! how a provisional one ends. Everything that is compared here is compared with what the log knows; the switch itself
//! judges the disk.

mod exam;
mod propose;
mod provisional;
mod staged;
mod switched;

pub(super) use propose::{dispute, propose};
pub(super) use provisional::{
    abort, approve, confirm, confirmed_by_runtimes, deadline, failed_loads,
};
pub(super) use staged::{rehearsed, staged, verified};
pub(super) use switched::{interrupted, late, switched};

use std::sync::Arc;

use super::{
    Plan, State,
    policy::{Run, compared_with},
};
use crate::model::{
    Author, AuthorKind, Baseline, Change, CheckRun, DeployNo, Digest, Examined, Fact, Judgement,
    Late, Marker, Packed, Proposal, Refusal, RootName, Step, SwitchOrder, Target, ToolId,
};

/// What is to be done outside of the loop for deploys. Each yields an input, except for those that only clean up.
#[derive(Clone, Debug)]
pub enum Task {
    /// Write the contents beside the live files.
    Stage(StageOrder),
    /// Find out what is asked about what was staged for the deploy.
    Verify(DeployNo, Arc<Exam>),
    /// The same for a rehearsal; then tell and discard it.
    Rehearse(Arc<Proposal>, Vec<Marker>, Arc<Exam>),
    Switch(SwitchOrder),
    /// A switch of which it is not known how far it came.
    Settle(SwitchOrder),
    /// What a crash left in the stage of this root goes, but for these names.
    Sweep(RootName, Vec<String>),
    /// It will not be switched, or has been.
    Discard(Vec<(ToolId, Marker)>),
    /// Whatever is being verified for it need not go on.
    Stop(DeployNo),
    /// What was written late is in the log: the displaced file may go.
    Release(Late),
    /// The commands that its roots want run, now that it is confirmed.
    After(DeployNo),
    /// Ask what to do about this tool's drift, after some milliseconds.
    OnDrift {
        tool: ToolId,
        after_ms: u64,
    },
    /// Run what failed on both versions.
    Replay(super::ReplayOrder),
}

/// What is known already, and what is to be found out. Verification always is.
#[derive(Clone, Debug, Default)]
pub struct Exam {
    pub examined: Vec<Examined>,
    pub shadow: Vec<Run>,
    /// Those that the log does not have: of a rehearsal.
    pub contents: Arc<Vec<(Digest, Vec<u8>)>>,
}

#[derive(Clone, Debug)]
pub struct StageOrder {
    pub proposal: Arc<Proposal>,
    /// What each change is compared with.
    pub against: Vec<Option<Digest>>,
    /// Contents that the request brought; others are in the log.
    pub contents: Arc<Vec<(Digest, Vec<u8>)>>,
    pub purpose: Purpose,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    Deploy,
    /// Nothing is to become true.
    Rehearsal,
    /// It does not fit: its contents are kept, and nothing is staged.
    Dispute,
    /// This one was waiting, and was let go on.
    Approved {
        deploy: DeployNo,
        by: Author,
    },
}

/// What the stage answered.
#[derive(Clone, Debug)]
pub struct Staged {
    pub order: StageOrder,
    pub outcome: Result<Prepared, Refusal>,
}

#[derive(Clone, Debug)]
pub struct Prepared {
    /// One for each change, in their order.
    pub markers: Vec<Marker>,
    /// The contents that the request brought, as the log keeps them.
    pub contents: Vec<Packed>,
    /// `Some`: nothing has to be run to verify it.
    pub skipped: Option<Vec<CheckRun>>,
    /// One for each change, in their order; none where nobody is going to judge it.
    pub examined: Vec<Examined>,
}

impl StageOrder {
    pub(super) fn new(
        state: &State,
        proposal: Proposal,
        contents: Vec<(Digest, Vec<u8>)>,
        purpose: Purpose,
    ) -> Self {
        let against = |it: &Change| compared_with(state.tool(&it.tool));
        let against = proposal.changes.iter().map(against).collect();
        let (proposal, contents) = (Arc::new(proposal), Arc::new(contents));
        Self { proposal, against, contents, purpose }
    }
}

/// What a rehearsal came to: nothing of it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rehearsal {
    pub proposal: Arc<Proposal>,
    /// Where it would rest, or wait: `confirmed`, `activated`, `awaiting_approval`, `rejected` or `no_op`.
    pub state: crate::model::DeployState,
    pub checks: Vec<CheckRun>,
    pub judgement: Option<Box<Judgement>>,
    pub why: Option<String>,
}

fn step(deploy: DeployNo, proposal: &Proposal, step: Step) -> Fact {
    let tools = proposal.changes.iter().map(|it| it.tool.clone()).collect();
    Fact::DeployMoved { deploy, tools, step }
}

fn discard(proposal: &Proposal, markers: &[Marker]) -> Task {
    let tools = proposal.changes.iter().map(|it| it.tool.clone());
    Task::Discard(tools.zip(markers.iter().cloned()).collect())
}

/// Whether the file that stands there is what the change wants.
fn is_there(state: &State, tool: &ToolId, to: Option<&Target>) -> bool {
    match (state.on_disk(tool), to) {
        (None, None) => {
            let known = state.tool(tool);
            known.is_none_or(|it| state.disk(tool, it) == crate::model::Disk::Absent)
        }
        (Some(stands), Some(to)) => {
            stands.digest == to.digest && to.executable.is_none_or(|it| it == stands.executable)
        }
        (None, Some(_)) | (Some(_), None) => false,
    }
}

pub(super) fn target(baseline: &Baseline) -> Target {
    Target { digest: baseline.digest, executable: baseline.executable }
}

/// In whose name the rules themselves act.
pub(super) fn keeper() -> Author {
    Author { kind: AuthorKind::Unknown, name: Some("knowngood".to_owned()) }
}

impl Plan {
    pub(super) fn task(mut self, task: Task) -> Self {
        self.tasks.push(task);
        self
    }
}
