//! Those who deploy: right and stale bases, sets, ways back, decisions about what waits, the same request twice. Each
//! knows what was published last, and no more.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    disk::{bytes, digest},
    world::{Sim, any_tool, dice::Dice},
};
use crate::{
    decide::{Command, State},
    model::{
        Author, AuthorKind, Base, Change, DeployKind, DeployNo, DeployState, Digest, Head,
        Proposal, Reason, RequestKey, RuntimeName, Target, ToolId,
    },
};

/// What was asked for, so that nothing happens that nobody wanted.
#[derive(Default)]
pub(super) struct Asked {
    pub(super) to_confirm: BTreeSet<DeployNo>,
    pub(super) to_abort: BTreeSet<DeployNo>,
    pub(super) to_approve: BTreeSet<DeployNo>,
    /// Requests with a key, to be sent again.
    keyed: Vec<Command>,
}

type Brought = Vec<(Digest, Vec<u8>)>;

impl Sim {
    pub(super) fn deploy(&mut self, dice: &mut Dice) {
        match dice.roll(10) {
            0 => self.again(dice),
            1 => self.go_back(dice),
            2 => self.put_back(dice, DeployKind::Restore),
            3 => self.put_back(dice, DeployKind::Accept),
            _ => self.propose(dice),
        }
    }

    fn shown(&self) -> State {
        self.known.read().unwrap().clone()
    }

    fn propose(&mut self, dice: &mut Dice) {
        let state = self.shown();
        let tools: BTreeSet<ToolId> =
            (0..*dice.pick(&[1, 1, 1, 2, 3])).map(|_| any_tool(dice)).collect();
        let mut brought = Brought::new();
        let change = |tool| self.change(&state, tool, dice, &mut brought);
        let changes = tools.into_iter().map(change).collect();
        let mut proposal = proposal(DeployKind::Deploy, changes, dice);
        proposal.force = proposal.author.kind == AuthorKind::Human && dice.roll(8) == 0;
        proposal.keeps_conflict = dice.roll(4) == 0;
        proposal.key = (dice.roll(3) == 0).then(|| RequestKey {
            uid: 7,
            key: format!("key {}", dice.roll(4)),
            request: Digest([u8::try_from(dice.roll(250)).unwrap(); 32]),
        });
        self.send(proposal, brought, dice);
    }

    fn change(
        &mut self,
        state: &State,
        tool: ToolId,
        dice: &mut Dice,
        brought: &mut Brought,
    ) -> Change {
        let base = match dice.roll(8) {
            0 => self.some_version(&tool, dice).map(|it| it.0),
            1 => None,
            _ => current(state, &tool).map(|it| it.digest),
        };
        let to = match dice.roll(8) {
            0 | 1 => None,
            2 => self.some_version(&tool, dice).map(|it| it.0),
            _ => {
                let content = self.content();
                brought.push((digest(content), bytes(content)));
                Some(digest(content))
            }
        };
        let executable = *dice.pick(&[None, None, None, Some(true), Some(false)]);
        Change {
            tool,
            base: base.map(|digest| Base { digest, version: None }),
            to: to.map(|digest| Target { digest, executable }),
            parents: Vec::new(),
        }
    }

    fn some_version(&self, tool: &ToolId, dice: &mut Dice) -> Option<(Digest, bool)> {
        let versions = self.archive.versions(tool, None, 5).unwrap();
        let chosen = (!versions.is_empty()).then(|| dice.pick(&versions));
        chosen.map(|it| (it.digest, it.executable))
    }

    /// To an earlier content, over whatever stands there.
    fn go_back(&mut self, dice: &mut Dice) {
        let state = self.shown();
        let tool = any_tool(dice);
        let Some((digest, bit)) = self.some_version(&tool, dice) else { return };
        let stands = current(&state, &tool).map(|it| it.digest);
        let executable = Some(bit);
        let change = Change {
            tool: tool.clone(),
            base: stands.map(|digest| Base { digest, version: None }),
            to: Some(Target { digest, executable }),
            parents: Vec::new(),
        };
        let mut proposal = proposal(DeployKind::Rollback, vec![change], dice);
        if dice.roll(4) == 0 {
            proposal.quarantines = stands.into_iter().map(|it| (tool.clone(), it)).collect();
        }
        self.send(proposal, Vec::new(), dice);
    }

    /// The baseline on disk, or what is on disk as the baseline.
    fn put_back(&mut self, dice: &mut Dice, kind: DeployKind) {
        let state = self.shown();
        let tools: BTreeSet<ToolId> = (0..=dice.roll(2)).map(|_| any_tool(dice)).collect();
        let change = |tool: ToolId| {
            let stands = current(&state, &tool);
            let to = if kind == DeployKind::Restore {
                let baseline = state.tool(&tool)?.baseline.as_ref()?;
                Target { digest: baseline.digest, executable: baseline.executable }
            } else {
                Target { digest: stands?.digest, executable: None }
            };
            let base = stands.map(|it| Base { digest: it.digest, version: Some(it.number) });
            Some(Change { tool, base, to: Some(to), parents: Vec::new() })
        };
        let changes: Vec<Change> = tools.into_iter().filter_map(change).collect();
        if !changes.is_empty() {
            self.send(proposal(kind, changes, dice), Vec::new(), dice);
        }
    }

    fn send(&mut self, proposal: Proposal, contents: Brought, dice: &mut Dice) {
        let rehearsal = dice.roll(12) == 0;
        let keyed = proposal.key.is_some();
        let proposal = Box::new(proposal);
        let command = if dice.roll(10) == 0 {
            Command::Dispute { proposal, contents }
        } else {
            Command::Propose { proposal, contents, rehearsal }
        };
        if keyed && !rehearsal {
            self.asked.keyed.push(command.clone());
        }
        self.ask(command);
    }

    /// The answer was lost, or came too late: the same once more.
    fn again(&mut self, dice: &mut Dice) {
        if !self.asked.keyed.is_empty() {
            self.ask(dice.pick(&self.asked.keyed).clone());
        }
    }

    pub(super) fn decide(&mut self, dice: &mut Dice) {
        let state = self.shown();
        let open: Vec<DeployNo> = state.open_deploys().map(|it| it.number).collect();
        let any = DeployNo(1 + dice.roll(state.next_deploy().0));
        let deploy = if open.is_empty() || dice.roll(6) == 0 { any } else { *dice.pick(&open) };
        let author = author(dice);
        let command = match dice.roll(3) {
            0 => {
                self.asked.to_confirm.insert(deploy);
                Command::Confirm { deploy, author }
            }
            1 => {
                self.asked.to_abort.insert(deploy);
                Command::Abort { deploy, author }
            }
            _ => {
                if author.kind == AuthorKind::Human {
                    self.asked.to_approve.insert(deploy);
                }
                Command::Approve { deploy, author, as_of: None }
            }
        };
        self.ask(command);
    }

    /// A runtime that has all of it loaded: it is a witness of whatever comes.
    pub(super) fn report_all(&mut self, runtime: RuntimeName, dice: &mut Dice) {
        let stands = |it: (&ToolId, &super::disk::File)| (it.0.clone(), digest(it.1.content));
        let loaded = self.disk.lock().unwrap().files.iter().map(stands).collect();
        let (failed, ttl_ms) = (BTreeMap::new(), 1000 + dice.roll(30_000));
        self.ask(Command::Report { runtime, loaded, failed, ttl_ms });
    }

    /// A runtime meets what a deploy brought: it loads all of it, or cannot.
    pub(super) fn witness(&mut self, dice: &mut Dice) {
        let state = self.shown();
        let deploys: Vec<_> =
            state.open_deploys().filter(|it| it.state == DeployState::Activated).collect();
        if deploys.is_empty() {
            return self.report(dice);
        }
        let deploy = dice.pick(&deploys);
        let any = RuntimeName::new(["planner", "coder"][usize::from(dice.roll(2) == 0)]).unwrap();
        let witnesses = &deploy.witnesses;
        let runtime = if witnesses.is_empty() { any } else { dice.pick(witnesses).0.clone() };
        let known = state.runtime(&runtime);
        let mut loaded = known.map(|it| it.loaded.clone()).unwrap_or_default();
        let mut failed = known.map(|it| it.failed.clone()).unwrap_or_default();
        for change in &deploy.proposal.changes {
            match change.to {
                _ if dice.roll(5) == 0 => {
                    failed.insert(change.tool.clone(), format!("error {}", dice.roll(3)));
                }
                Some(to) => drop(loaded.insert(change.tool.clone(), to.digest)),
                None => drop(loaded.remove(&change.tool)),
            }
        }
        let ttl_ms = 1000 + dice.roll(100_000);
        self.ask(Command::Report { runtime, loaded, failed, ttl_ms });
    }
}

fn current<'a>(state: &'a State, tool: &ToolId) -> Option<&'a Head> {
    let known = state.tool(tool)?;
    known.on_disk().filter(|_| state.disk(tool, known) == known.disk)
}

fn author(dice: &mut Dice) -> Author {
    let kind = *dice.pick(&[AuthorKind::Human, AuthorKind::Human, AuthorKind::Ai]);
    Author { kind, name: None }
}

fn proposal(kind: DeployKind, changes: Vec<Change>, dice: &mut Dice) -> Proposal {
    let provisional = dice.roll(5) < 2;
    Proposal {
        kind,
        changes,
        author: author(dice),
        claimed: None,
        reason: Reason::edit(),
        message: None,
        metadata: None,
        confirm_within_ms: provisional.then(|| *dice.pick(&[20, 3000, 40_000, 200_000])),
        force: false,
        keeps_conflict: false,
        key: None,
        quarantines: Vec::new(),
        expect_changes: Vec::new(),
    }
}
