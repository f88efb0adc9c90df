//! What must hold of deploys: told once more from the log alone, and compared with the disk.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a check is about some facts, whatever others there are"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::Ordering,
};

use crate::{
    model::{
        AuthorKind, CheckOutcome, Decision, DeployKind, DeployNo, DeployState, Digest, Fact,
        HealthState, Origin, Proposal, Record, RuntimeName, Seq, Step, Target, Timestamp, ToolId,
    },
    reconcile::simulation::{
        disk::{Content, digest},
        world::Sim,
    },
};

/// What was removed from the stage was ours, or is in the log; and nobody had it open.
pub(in super::super) fn erased(sim: &Sim) {
    let erased = std::mem::take(&mut sim.disk.lock().unwrap().erased);
    for it in erased {
        assert!(!it.file.writer, "seed {}: removed under its writer: {it:?}", sim.seed);
        let now = digest(it.file.content);
        if it.tampered || it.target == Some(now) || !matches!(it.file.content, Content::Whole(_)) {
            continue;
        }
        let versions = sim.archive.versions(&it.tool, None, usize::MAX).unwrap();
        assert!(
            versions.iter().any(|version| version.digest == now),
            "seed {}: what was displaced is gone, and is no version: {it:?}",
            sim.seed
        );
    }
}

/// Deploys whose time to confirm is over, and that are still live.
pub(in super::super) fn overdue(sim: &Sim) -> Vec<DeployNo> {
    let now = Timestamp(sim.wall.load(Ordering::Relaxed));
    let state = &sim.reconciler.state;
    let due = state.deadlines().filter(|it| it.1 <= now).map(|it| it.0);
    // Nothing happens by itself in a root that is stopped, and nothing to what is no tool by now.
    let is_held = |id: &ToolId| {
        let bit = state.tool(id).is_some_and(|it| it.by_mode);
        state.root(&id.root()).safety.is_some() || !sim.globs.is_tool(&id.path(), bit)
    };
    due.filter(|it| !state.deploy(*it).unwrap().tools().any(is_held)).collect()
}

pub(super) fn at_rest(sim: &Sim, records: &[Record]) {
    if !sim.deploys {
        return;
    }
    let mut told = Told { sim, ..Told::new(sim) };
    for record in records {
        told.hear(record);
    }
    told.compare();
    at_rest_each(sim);
    assert!(overdue(sim).is_empty(), "seed {}: {:?} are overdue", sim.seed, overdue(sim));
    told.commands_ran();
    nothing_left_in_the_stage(sim);
}

/// How often each step was come to, so that the dice can be seen to get everywhere.
pub(in super::super) fn reached(sim: &Sim) -> BTreeMap<&'static str, u64> {
    let mut reached = BTreeMap::new();
    for record in sim.archive.records(Seq(0), usize::MAX).unwrap() {
        let what = match &record.fact {
            Fact::DeployMoved { step: Step::Accepted(it), .. } => match it.kind {
                DeployKind::Automatic(_) | DeployKind::Regressed => "taken back",
                DeployKind::Accept => "accepted by deploy",
                DeployKind::Rollback => "rollback",
                DeployKind::Restore => "restore",
                DeployKind::Deploy if it.changes.len() > 1 => "set",
                DeployKind::Deploy => "deploy",
            },
            Fact::DeployMoved { step: Step::Confirmed { why }, .. } if why.contains("runtimes") => {
                "confirmed by runtimes"
            }
            Fact::DeployMoved { step, .. } => step.state().as_str(),
            Fact::VersionRecorded(it) if it.origin == Origin::Displaced => "displaced",
            Fact::ContentQuarantined { .. } => "quarantined",
            _ => continue,
        };
        *reached.entry(what).or_default() += 1;
    }
    reached
}

/// Each deploy rests, or waits for somebody.
fn at_rest_each(sim: &Sim) {
    for deploy in sim.reconciler.state.open_deploys() {
        let waits = [DeployState::AwaitingApproval, DeployState::Activated];
        assert!(
            waits.contains(&deploy.state),
            "seed {}: deploy {:?} stays {:?}",
            sim.seed,
            deploy.number,
            deploy.state
        );
    }
}

fn nothing_left_in_the_stage(sim: &Sim) {
    let disk = sim.disk.lock().unwrap();
    let litter: Vec<_> = disk.staged.iter().filter(|it| !disk.left_behind.contains(it.0)).collect();
    assert!(litter.is_empty(), "seed {}: left in the stage: {litter:?}", sim.seed);
    let kept = &disk.displaced;
    assert!(kept.is_empty(), "seed {}: still set aside: {kept:?}", sim.seed);
}

/// The log, told once more by other means than the rules have.
struct Told<'a> {
    sim: &'a Sim,
    deploys: BTreeMap<DeployNo, Known>,
    baselines: BTreeMap<ToolId, Target>,
    /// Tools whose baseline, as a manifest names it, nobody has seen yet.
    unseen: BTreeSet<ToolId>,
    quarantined: BTreeSet<(ToolId, Digest)>,
    loaded: BTreeMap<RuntimeName, BTreeMap<ToolId, Digest>>,
    keys: BTreeMap<(u32, String), DeployNo>,
    /// What the switches put in place since the last deploy became live.
    placed: Vec<(ToolId, Option<Digest>, Option<DeployNo>)>,
    /// Runtimes that could not load a tool, since the tool's last deploy became live.
    failed: BTreeSet<ToolId>,
    /// Contents that did worse than the known good, and all that were ever accepted as good.
    regressed: BTreeSet<(ToolId, Digest)>,
    accepted: BTreeSet<(ToolId, Digest)>,
    last: DeployNo,
}

struct Known {
    proposal: Proposal,
    state: DeployState,
    skipped: bool,
    judged: Option<Decision>,
    failed: bool,
    approved: bool,
    returns: BTreeMap<ToolId, Option<Target>>,
    deadline: Option<Timestamp>,
    /// When it became live.
    since: Seq,
    witnesses: Vec<(RuntimeName, ToolId)>,
    /// As they were when it became live.
    baselines: BTreeMap<ToolId, Target>,
}

impl<'a> Told<'a> {
    fn new(sim: &'a Sim) -> Self {
        Self {
            sim,
            deploys: BTreeMap::new(),
            baselines: BTreeMap::new(),
            unseen: BTreeSet::new(),
            quarantined: BTreeSet::new(),
            loaded: BTreeMap::new(),
            keys: BTreeMap::new(),
            placed: Vec::new(),
            failed: BTreeSet::new(),
            regressed: BTreeSet::new(),
            accepted: BTreeSet::new(),
            last: DeployNo(0),
        }
    }

    fn hear(&mut self, record: &Record) {
        if let Fact::VersionRecorded(it) = &record.fact
            && self.baselines.get(&it.tool).is_some_and(|named| named.digest == it.digest)
        {
            self.unseen.remove(&it.tool);
        }
        match &record.fact {
            Fact::BaselineMoved { tool, to: Some(to), .. } => {
                if to.version.is_none() {
                    self.unseen.insert(tool.clone());
                } else {
                    self.unseen.remove(tool);
                }
                let to = Target { digest: to.digest, executable: to.executable };
                self.baselines.insert(tool.clone(), to);
                self.accepted.insert((tool.clone(), to.digest));
            }
            Fact::BaselineMoved { tool, to: None, .. } => {
                self.unseen.remove(tool);
                self.baselines.remove(tool);
            }
            Fact::VersionRecorded(it) if it.origin == Origin::Deploy => {
                let deploy = it.note.as_ref().map(|it| it.deploy);
                self.placed.push((it.tool.clone(), Some(it.digest), deploy));
            }
            Fact::ToolRemoved { tool, origin: Origin::Deploy } => {
                self.placed.push((tool.clone(), None, None));
            }
            Fact::RuntimeLoaded { runtime, loaded, .. } => {
                self.loaded.insert(runtime.clone(), loaded.clone());
            }
            Fact::RuntimeExpired { runtime, .. } => drop(self.loaded.remove(runtime)),
            Fact::RuntimeFailed { tool, .. } => drop(self.failed.insert(tool.clone())),
            Fact::ContentQuarantined { tool, digest, .. } => {
                self.quarantined.insert((tool.clone(), *digest));
            }
            Fact::ContentReleased { tool, digest, .. } => {
                self.quarantined.remove(&(tool.clone(), *digest));
            }
            Fact::HealthChanged { tool, version, to: HealthState::Regressed, .. } => {
                self.regressed.insert((tool.clone(), *version));
            }
            Fact::DeployMoved { deploy, tools, step } => {
                self.moved(record, *deploy, tools, step);
            }
            _ => (),
        }
    }

    fn moved(&mut self, record: &Record, number: DeployNo, tools: &[ToolId], step: &Step) {
        let said = format!("seed {}: deploy {number:?}, {:?}", self.sim.seed, step.state());
        let before = self.deploys.get(&number).map(|it| it.state);
        assert!(follows(before, step), "{said} after {before:?}");
        match step {
            Step::Accepted(proposal) | Step::NoOp(proposal) => {
                assert_eq!(number, self.last.next(), "{said}: numbers without gaps");
                self.last = number;
                self.begun(record, number, proposal, &said);
            }
            Step::Verified(found) | Step::Rejected(found) => {
                let checks = &found.checks;
                let it = self.deploys.get_mut(&number).unwrap();
                it.skipped = checks.iter().all(|it| matches!(it.outcome, CheckOutcome::Skipped(_)));
                let back = is_way_back(it.proposal.kind);
                assert!(!back || it.skipped, "{said}: a way back is not verified");
                it.failed = checks.iter().any(|it| matches!(it.outcome, CheckOutcome::Failed(_)));
                it.judged = found.judgement.as_ref().map(|it| it.decision);
            }
            Step::Switching { approved_by, .. } => {
                let it = self.deploys.get_mut(&number).unwrap();
                it.approved = approved_by.is_some();
                let by_ai = approved_by.as_ref().is_some_and(|it| it.kind == AuthorKind::Ai);
                assert!(!by_ai, "{said}: approved by an ai");
                self.may_go_live(number, &said);
            }
            Step::Activated { .. } => self.activated(record, number, step, &said),
            Step::Confirmed { why } => self.confirmed(number, why, &said),
            Step::RolledBack { by, .. } => self.rolled_back(number, *by, &said),
            _ => (),
        }
        let it = self.deploys.get_mut(&number).unwrap();
        it.state = step.state();
        let named: Vec<&ToolId> = it.proposal.changes.iter().map(|it| &it.tool).collect();
        assert_eq!(tools.iter().collect::<Vec<_>>(), named, "{said}: its tools");
    }

    fn begun(&mut self, record: &Record, number: DeployNo, proposal: &Proposal, said: &str) {
        if let Some(key) = &proposal.key {
            let known = self.keys.insert((key.uid, key.key.clone()), number);
            assert_eq!(known, None, "{said}: the same request was done before");
        }
        for to in proposal.changes.iter().filter_map(|it| it.to) {
            let content = self.sim.archive.content(&to.digest).unwrap();
            assert!(content.is_some(), "{said}: its content is not in the log");
        }
        match proposal.kind {
            DeployKind::Automatic(of) => self.has_a_cause(record, of, proposal, said),
            DeployKind::Regressed => self.did_worse(proposal, said),
            _ => (),
        }
        let known = Known {
            proposal: proposal.clone(),
            state: DeployState::Accepted,
            skipped: false,
            judged: None,
            failed: false,
            approved: false,
            returns: BTreeMap::new(),
            deadline: None,
            since: record.seq,
            witnesses: Vec::new(),
            baselines: BTreeMap::new(),
        };
        self.deploys.insert(number, known);
    }

    /// Nothing is taken back unless somebody wants it, a runtime cannot load it, or its time is over; all of it, and to
    /// where it came from.
    fn has_a_cause(&self, record: &Record, of: DeployNo, proposal: &Proposal, said: &str) {
        let taken = &self.deploys[&of];
        assert_eq!(taken.state, DeployState::Activated, "{said}: takes back what is not live");
        // The clock may have been set back between the moment at which it was over and the fact.
        let was = self.sim.clock_was.iter().filter(|it| taken.since <= it.0 && it.0 < record.seq);
        let latest = was.map(|it| it.1).chain([record.time]).max();
        let over = taken.deadline.is_some_and(|it| latest.is_some_and(|latest| it <= latest));
        let wanted = self.sim.asked.to_abort.contains(&of);
        let failed = taken.proposal.changes.iter().any(|it| self.failed.contains(&it.tool));
        assert!(over || wanted || failed, "{said}: takes back {of:?} for nothing");
        let back: BTreeMap<_, _> =
            proposal.changes.iter().map(|it| (it.tool.clone(), it.to)).collect();
        assert_eq!(back, taken.returns, "{said}: back to somewhere else");
        for (change, was) in proposal.changes.iter().zip(&taken.proposal.changes) {
            let base = change.base.map(|it| it.digest);
            assert_eq!(base, was.to.map(|it| it.digest), "{said}: from another content");
        }
    }

    /// Nothing goes back to the known good unless it did worse, and nothing goes to what nobody ever accepted.
    fn did_worse(&self, proposal: &Proposal, said: &str) {
        let blamed = &proposal.quarantines;
        assert!(!blamed.is_empty(), "{said}: nobody is to blame");
        assert!(blamed.iter().all(|it| self.regressed.contains(it)), "{said}: it did not regress");
        for change in &proposal.changes {
            let to = change.to.map(|it| (change.tool.clone(), it.digest));
            let good = to.is_some_and(|it| self.accepted.contains(&it));
            assert!(good, "{said}: {} goes to what was never its baseline", change.tool);
        }
    }

    fn may_go_live(&self, number: DeployNo, said: &str) {
        let it = &self.deploys[&number];
        if is_way_back(it.proposal.kind) {
            return;
        }
        assert!(!it.failed, "{said}: verification had said no");
        let let_through = it.judged == Some(Decision::Activate) || it.approved;
        assert!(let_through, "{said}: judged {:?}", it.judged);
        let unseen = it.skipped && it.proposal.author.kind == AuthorKind::Ai;
        assert!(!unseen || it.approved, "{said}: nobody looked at it");
        let wanted = self.sim.asked.to_approve.contains(&number);
        assert!(!it.approved || wanted, "{said}: approved by nobody");
        for change in it.proposal.changes.iter().filter(|_| !it.proposal.force) {
            let blamed = |to: Target| self.quarantined.contains(&(change.tool.clone(), to.digest));
            assert!(!change.to.is_some_and(blamed), "{said}: what was blamed comes back");
        }
    }

    fn activated(&mut self, record: &Record, number: DeployNo, step: &Step, said: &str) {
        let Step::Activated { live, witnesses } = step else { return };
        let placed = std::mem::take(&mut self.placed);
        let provisional = self.provisional(number);
        let it = self.deploys.get_mut(&number).unwrap();
        let within = it.proposal.confirm_within_ms;
        it.deadline = within.map(|ms| Timestamp(record.time.0 + i64::try_from(ms).unwrap() * 1000));
        it.since = record.seq;
        it.witnesses.clone_from(witnesses);
        it.baselines.clone_from(&self.baselines);
        assert_eq!(live.len(), it.proposal.changes.len(), "{said}: not all of it is live");
        for change in &it.proposal.changes {
            let to = change.to.map(|it| it.digest);
            let here = placed.iter().any(|(tool, digest, deploy)| {
                *tool == change.tool && *digest == to && deploy.is_none_or(|it| it == number)
            });
            assert!(
                here || it.proposal.kind == DeployKind::Accept,
                "{said}: {} is not in the log as it is live",
                change.tool
            );
            let returns = live.iter().find(|it| it.tool == change.tool).unwrap().returns;
            let baseline = self.baselines.get(&change.tool).map(|it| it.digest);
            let wanted = match provisional.get(&change.tool) {
                // Nobody could bring that back: it is what stood there before all that is not confirmed.
                Some(before) if self.unseen.contains(&change.tool) => *before,
                Some(_) => baseline,
                None => change.base.map(|it| it.digest),
            };
            assert_eq!(returns.map(|it| it.digest), wanted, "{said}: where it came from");
            it.returns.insert(change.tool.clone(), returns);
            self.failed.remove(&change.tool);
        }
        assert!(
            placed.len() <= it.proposal.changes.len(),
            "{said}: half of something else became true: {placed:?}"
        );
    }

    /// The tools whose disk is what an open deploy other than this one put there, and where that one leads back to.
    fn provisional(&self, but: DeployNo) -> BTreeMap<ToolId, Option<Digest>> {
        let open = self.deploys.iter().filter(|it| *it.0 != but);
        let open =
            open.filter(|it| it.1.state == DeployState::Activated && it.1.deadline.is_some());
        let returns = open.flat_map(|it| it.1.returns.iter());
        returns.map(|(tool, to)| (tool.clone(), to.map(|it| it.digest))).collect()
    }

    fn confirmed(&self, number: DeployNo, why: &str, said: &str) {
        let it = &self.deploys[&number];
        if it.deadline.is_some() {
            let by_runtimes = why.contains("runtimes");
            let asked = self.sim.asked.to_confirm.contains(&number);
            assert!(by_runtimes || asked, "{said}: nobody confirmed it");
            let has = |name: &RuntimeName, tool: &ToolId| {
                let change = it.proposal.changes.iter().find(|it| it.tool == *tool).unwrap();
                let to = change.to.map(|it| it.digest);
                self.loaded.get(name).is_some_and(|it| it.get(tool).copied() == to)
            };
            let all = !it.witnesses.is_empty() && it.witnesses.iter().all(|it| has(&it.0, &it.1));
            assert!(!by_runtimes || all, "{said}: not all of its witnesses have it");
        }
        // What did worse was the baseline, or was to be: where it goes, the baseline goes. Only a provisional deploy
        // that is taken back, and a restore, lead to a baseline that never moved.
        let moves = !matches!(it.proposal.kind, DeployKind::Automatic(_) | DeployKind::Restore);
        for change in it.proposal.changes.iter().filter(|_| !moves) {
            let (was, is) = (it.baselines.get(&change.tool), self.baselines.get(&change.tool));
            assert_eq!(was, is, "{said}: it moved the baseline of {}", change.tool);
        }
        for change in it.proposal.changes.iter().filter(|_| moves) {
            let baseline = self.baselines.get(&change.tool).map(|it| it.digest);
            let to = change.to.map(|it| it.digest);
            assert_eq!(baseline, to, "{said}: the baseline of {}", change.tool);
        }
    }

    fn rolled_back(&self, number: DeployNo, by: DeployNo, said: &str) {
        let by = &self.deploys[&by];
        let goes_back = matches!(by.proposal.kind, DeployKind::Automatic(of) if of == number)
            || matches!(by.proposal.kind, DeployKind::Rollback | DeployKind::Regressed);
        assert!(goes_back, "{said}: by something else");
        let live = [DeployState::Activated, DeployState::Confirmed];
        assert!(live.contains(&by.state), "{said}: by what is not live");
    }

    /// The root's command runs after what is confirmed, once, and after nothing else.
    fn commands_ran(&self) {
        let seed = self.sim.seed;
        let mut ran = self.sim.crew.after.lock().unwrap().clone();
        ran.sort_unstable();
        assert!(ran.windows(2).all(|it| it[0] != it[1]), "seed {seed}: twice after one of {ran:?}");
        let confirmed = self.deploys.iter().filter(|it| it.1.state == DeployState::Confirmed);
        let confirmed = confirmed.filter(|it| it.1.proposal.kind != DeployKind::Accept);
        let confirmed: Vec<DeployNo> = confirmed.map(|it| *it.0).collect();
        let all = ran.iter().all(|it| confirmed.contains(it));
        assert!(all, "seed {seed}: a command ran after one of {ran:?} that is not confirmed");
        assert!(
            self.sim.crashed || ran == confirmed,
            "seed {seed}: a command ran after {ran:?}, and {confirmed:?} were confirmed"
        );
    }

    /// The state that the loop has is the one that the log tells.
    fn compare(&self) {
        let (sim, state) = (self.sim, &self.sim.reconciler.state);
        assert!(self.placed.is_empty(), "seed {}: half a deploy: {:?}", sim.seed, self.placed);
        for (number, known) in &self.deploys {
            let is = state.deploy(*number).map(|it| it.state);
            assert_eq!(is, Some(known.state), "seed {}: the state of {number:?}", sim.seed);
        }
        for (id, tool) in state.tools_after(None) {
            let baseline = self.baselines.get(id).map(|it| it.digest);
            let has = tool.baseline.as_ref().map(|it| it.digest);
            assert_eq!(has, baseline, "seed {}: the baseline of {id}", sim.seed);
            let mut open = self.deploys.iter().rev().filter(|it| {
                let names = it.1.proposal.changes.iter().any(|it| it.tool == *id);
                names && it.1.state == DeployState::Activated
            });
            let newest = open.next();
            assert!(open.next().is_none(), "seed {}: two deploys are live at {id}", sim.seed);
            let is = tool.provisional().map(|it| it.deploy);
            assert_eq!(is, newest.map(|it| *it.0), "seed {}: who expects what of {id}", sim.seed);
            let to = newest.and_then(|it| {
                let change = it.1.proposal.changes.iter().find(|it| it.tool == *id)?;
                Some(change.to.map(|it| it.digest))
            });
            let expected = tool.expected().map(|it| it.digest);
            assert_eq!(expected, to.unwrap_or(baseline), "seed {}: expected of {id}", sim.seed);
            for digest in &tool.rare.as_ref().map(|it| it.quarantined.clone()).unwrap_or_default() {
                let blamed = self.quarantined.contains(&(id.clone(), *digest));
                assert!(blamed, "seed {}: {id}: nobody blamed {digest}", sim.seed);
            }
        }
        for (tool, digest) in &self.quarantined {
            let known = state.tool(tool).is_some_and(|it| it.is_quarantined(digest));
            assert!(known, "seed {}: {tool}: {digest} was blamed, and is forgotten", sim.seed);
        }
    }
}

/// Neither verified nor gated: what it brings was live before, and time matters.
fn is_way_back(kind: DeployKind) -> bool {
    matches!(kind, DeployKind::Automatic(_) | DeployKind::Regressed)
}

/// Whether the contract has this step after that state.
fn follows(before: Option<DeployState>, step: &Step) -> bool {
    use DeployState::{
        Accepted, Activated, AwaitingApproval, Conflicted, Staged, Switching, Verified,
    };
    match (before, step) {
        (None, Step::Accepted(_) | Step::NoOp(_))
        | (Some(Accepted), Step::Staged(_) | Step::Conflicted { .. })
        | (Some(Staged), Step::Verified(_) | Step::Rejected(_))
        // Judged anew when it was approved.
        | (Some(AwaitingApproval), Step::Verified(_))
        | (Some(Verified), Step::AwaitingApproval { .. }) => true,
        (
            Some(Verified | AwaitingApproval),
            Step::Switching { .. } | Step::Activated { .. } | Step::Conflicted { .. },
        ) => true,
        (
            Some(Staged | Verified | AwaitingApproval | Conflicted | Switching),
            Step::Aborted { .. },
        ) => true,
        (Some(Accepted | Staged | Verified | Switching), Step::Abandoned { .. }) => true,
        (Some(Switching), Step::Activated { .. } | Step::Conflicted { .. }) => true,
        (
            Some(Activated),
            Step::Confirmed { .. } | Step::RolledBack { .. } | Step::Superseded { .. },
        ) => true,
        (Some(Conflicted | AwaitingApproval), Step::Superseded { .. }) => true,
        _ => false,
    }
}
