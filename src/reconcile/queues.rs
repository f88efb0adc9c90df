//! What waits for those who work for deploys, by what it is. Nothing is done here.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use tracing::warn;

use super::{compare::Comparing, job::Job, known::Known};
use crate::{
    decide::Task,
    model::{AuthorKind, Change, Deploy, DeployNo, Digest, Proposal, ToolId},
    ports::StopFlag,
};

/// Confirmed deploys that wait for their roots' commands; more are not remembered.
const MOST_CONFIRMED: usize = 1000;

#[derive(Default)]
pub(super) struct Queues {
    pub(super) staging: VecDeque<Job>,
    pub(super) verifying: VecDeque<Verifying>,
    /// What an `ai` proposes has hands of its own: examining it may take a minute, and no person waits behind it.
    pub(super) examining: VecDeque<Verifying>,
    /// What shows that a live version is worse waits for no proposal.
    pub(super) replaying: VecDeque<Verifying>,
    pub(super) switching: Vec<Task>,
    pub(super) comparing: Comparing,
    /// Confirmed deploys whose roots may want a command run: one after the other, in their order.
    pub(super) confirmed: VecDeque<Arc<Deploy>>,
    pub(super) stops: BTreeMap<DeployNo, Arc<StopFlag>>,
    pub(super) stop: bool,
    /// The daemon ends: what nobody gives up by its number stops with it.
    pub(super) ending: Arc<StopFlag>,
}

/// With what the verification is about: the deploy may be gone from the state when its turn comes.
pub(super) struct Verifying {
    pub(super) job: Job,
    pub(super) about: Option<Arc<Deploy>>,
    pub(super) baselines: BTreeMap<ToolId, Digest>,
    pub(super) flag: Arc<StopFlag>,
}

impl Queues {
    fn judging(&mut self, by_ai: bool) -> &mut VecDeque<Verifying> {
        if by_ai { &mut self.examining } else { &mut self.verifying }
    }

    pub(super) fn put(&mut self, job: Job, known: &impl Known) {
        let baselines = |proposal: &Proposal| {
            let named = |it: &Change| Some((it.tool.clone(), known.baseline(&it.tool)?));
            proposal.changes.iter().filter_map(named).collect()
        };
        match &job.task {
            Task::Stage(_) | Task::Discard(_) => self.staging.push_back(job),
            Task::Verify(deploy, _) => {
                let (about, flag) = (known.deploy(*deploy), Arc::new(StopFlag::default()));
                self.stops.insert(*deploy, Arc::clone(&flag));
                let baselines =
                    about.as_ref().map_or_else(BTreeMap::new, |it| baselines(&it.proposal));
                let by_ai = about.as_ref().is_some_and(|it| is_by_ai(&it.proposal));
                self.judging(by_ai).push_back(Verifying { job, about, baselines, flag });
            }
            Task::Rehearse(proposal, ..) => {
                let (about, baselines) = (None, baselines(proposal));
                let flag = Arc::clone(&self.ending);
                let by_ai = is_by_ai(proposal);
                self.judging(by_ai).push_back(Verifying { job, about, baselines, flag });
            }
            Task::Replay(_) => {
                let (about, baselines) = (None, BTreeMap::new());
                let flag = Arc::clone(&self.ending);
                self.replaying.push_back(Verifying { job, about, baselines, flag });
            }
            Task::After(deploy) => {
                self.confirmed.extend(known.deploy(*deploy));
                if self.confirmed.len() > MOST_CONFIRMED {
                    self.confirmed.pop_front();
                    warn!(event = "after.dropped", "commands of `after` take longer than deploys");
                }
            }
            // The loop keeps these itself.
            Task::OnDrift { .. } => (),
            Task::Switch(_) | Task::Settle(_) | Task::Sweep(..) | Task::Release(_) => {
                self.switching.push(job.task);
            }
            Task::Stop(deploy) => self.stops.get(deploy).into_iter().for_each(|it| it.set()),
        }
    }
}

fn is_by_ai(proposal: &Proposal) -> bool {
    proposal.author.kind == AuthorKind::Ai
}
