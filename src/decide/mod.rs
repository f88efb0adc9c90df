//! Rules: what became true and what to do about it, as a value. No I/O, no clock, no randomness: the
//! same state and input give the same plan, in production, in replay and in the simulation.

mod accept;
mod aftermath;
mod class;
mod counts;
mod deploy;
mod deploys;
mod drift;
mod health;
mod manifest;
mod observe;
mod on_drift;
mod policy;
mod recover;
mod runtimes;
mod scope;
mod state;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

pub use aftermath::aftermath;
pub use class::{Compared, class_of, classified, covers, delta, mcp};
pub use counts::Counts;
pub use deploy::{Exam, Prepared, Purpose, Rehearsal, StageOrder, Staged, Task};
pub use health::{HealthRules, RecordArgs, ReplayOrder, chance, cool_down, judged};
pub use policy::Run;
pub use recover::consequences;
pub use state::State;

use crate::{
    model::{
        Author, Calls, CheckRun, DeployNo, Digest, Dirty, Examined, Fact, Glance, Late, Marker,
        Origin, Packed, Policy, Proposal, Refusal, Replayed, RootName, RuntimeName, Seen, Seq,
        Switched, Timestamp, ToolId, Waiver,
    },
    roots::Globs,
};

/// What the configuration says about each root. A tool of any other root is left alone.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    pub roots: BTreeMap<RootName, RootRules>,
    pub health: HealthRules,
}

#[derive(Clone, Debug)]
pub struct RootRules {
    /// To whom edits that are found on disk are put down.
    pub edits_by: Author,
    /// A manifest sets the baselines; the first scan does not.
    pub has_manifest: bool,
    /// Which files are tools.
    pub globs: Arc<Globs>,
    /// Deploys that ask for nothing else are provisional for so long.
    pub confirm_within_ms: Option<u64>,
    pub on_drift: OnDrift,
    pub policy: Policy,
}

/// What is done about an edit that nobody deployed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnDrift {
    /// It is told.
    #[default]
    Flag,
    /// It is told, and examined like a deploy of it: what speaks against it raises an alert.
    Examine,
    /// It becomes the baseline if it passes verification.
    Accept,
    /// The baseline is put back; the edit is a version.
    Restore,
}

impl RootRules {
    /// What holds where nothing else is said.
    pub fn new(globs: Arc<Globs>) -> Self {
        Self {
            edits_by: Author::unknown(),
            has_manifest: false,
            globs,
            confirm_within_ms: None,
            on_drift: OnDrift::Flag,
            policy: Policy::default(),
        }
    }
}

#[derive(Clone, Debug)]
pub enum Input {
    /// Something may differ.
    Dirty(Dirty),
    /// Paths were looked at, not before this fact was true; each appears once.
    Looked {
        as_of: Seq,
        seen: Vec<(Origin, Seen)>,
    },
    /// A walk reached the end of a root after listing these.
    Walked {
        root: RootName,
        present: BTreeSet<ToolId>,
    },
    /// All that the walk led to has been answered for.
    Scanned(RootName),
    /// The root's directory is away, or there again.
    RootGone(RootName),
    RootBack(RootName),
    /// The root's manifest, whose bytes have this digest, names these contents.
    Manifest {
        root: RootName,
        digest: Digest,
        entries: BTreeMap<ToolId, Digest>,
    },
    Request(Command),
    /// A runtime did not renew its report in time.
    LeaseEnded(RuntimeName),
    /// The process begins: what was on its way when the one before ended?
    Started,
    Staged(Staged),
    Verified {
        deploy: DeployNo,
        checks: Vec<CheckRun>,
        examined: Vec<Examined>,
    },
    /// A rehearsal was verified.
    Rehearsed {
        proposal: Arc<Proposal>,
        markers: Vec<Marker>,
        checks: Vec<CheckRun>,
        examined: Vec<Examined>,
    },
    Switched {
        deploy: DeployNo,
        outcome: Switched,
    },
    /// The time to confirm this deploy is over.
    Deadline(DeployNo),
    /// The time has come to do something about this tool's drift.
    OnDrift(ToolId),
    /// A file that a deploy had displaced is closed.
    Late(Late),
    /// A version and the one before it were classified.
    Compared(Box<Compared>),
    /// Calls that runtimes reported within a moment.
    Reported(Vec<Calls>),
    /// What failed was run again on both versions, or could not be.
    Replayed {
        tool: ToolId,
        version: Digest,
        replayed: Replayed,
        now: Timestamp,
    },
    /// It is this late.
    TimePassed(Timestamp),
    /// What stands there does worse than the known good.
    Regressed(ToolId),
}

/// What people and programs may ask the loop to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    Accept {
        what: Accept,
        author: Author,
    },
    Report {
        runtime: RuntimeName,
        loaded: BTreeMap<ToolId, Digest>,
        failed: BTreeMap<ToolId, String>,
        ttl_ms: u64,
    },
    Forget {
        runtime: RuntimeName,
    },
    Propose {
        proposal: Box<Proposal>,
        /// Contents that the log does not have.
        contents: Vec<(Digest, Vec<u8>)>,
        /// Do everything but make it true.
        rehearsal: bool,
    },
    /// A proposal that does not fit what stands there, to be kept until somebody decides it.
    Dispute {
        proposal: Box<Proposal>,
        contents: Vec<(Digest, Vec<u8>)>,
    },
    Confirm {
        deploy: DeployNo,
        author: Author,
    },
    Abort {
        deploy: DeployNo,
        author: Author,
    },
    Approve {
        deploy: DeployNo,
        author: Author,
        /// What was looked at: the deploy as of this moment.
        as_of: Option<Seq>,
    },
    /// Something that the tool can do is all right, or (`withdrawn`) not any more.
    Waive {
        tool: ToolId,
        waiver: Waiver,
        withdrawn: bool,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accept {
    All,
    /// With a digest: only if the content on disk still has it.
    Tools(Vec<(ToolId, Option<Digest>)>),
}

/// Facts in order, then what to do. Nothing here has happened yet.
#[must_use = "a plan that is not executed is a lost decision"]
#[derive(Clone, Debug, Default)]
pub struct Plan {
    pub facts: Vec<Fact>,
    /// New contents that the facts speak of.
    pub contents: Vec<Packed>,
    pub looks: Vec<Look>,
    pub scans: BTreeSet<RootName>,
    /// What is to be done for deploys.
    pub tasks: Vec<Task>,
    pub refusal: Option<Refusal>,
    /// The same request was made before, and led to this deploy.
    pub known: Option<DeployNo>,
    pub rehearsal: Option<Rehearsal>,
}

/// Look at a path, not before some milliseconds have passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    pub glance: Glance,
    pub wait: Wait,
}

/// Why one waits before a look. The lengths are measured (`design`: empty 30 ms, vanished 20 ms).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wait {
    None,
    /// A save by rename or by delete-and-create leaves the name empty for some milliseconds.
    Vanished,
    /// A save begins by truncating.
    Empty,
    /// An audit found what no hint told of: if one is on its way, it comes first.
    Audited,
    /// A deploy is at it: what is seen says nothing.
    Switching,
    /// A writer is at it; the wait doubles with each try.
    Unsettled,
}

/// Decides what to do about `input`.
pub fn decide(state: &State, rules: &Rules, input: Input) -> Plan {
    match input {
        Input::Dirty(dirty) => observe::dirty(state, rules, dirty),
        Input::Looked { as_of, seen } => observe::looked(state, rules, as_of, seen),
        Input::Walked { root, present } => observe::walked(state, &root, &present),
        Input::Scanned(root) => observe::scanned(state, rules, root),
        Input::RootGone(root) => recover::root_gone(state, rules, root),
        Input::RootBack(root) => recover::root_back(state, rules, root),
        Input::Manifest { root, digest, entries } => {
            manifest::applied(state, &root, digest, &entries)
        }
        Input::Request(Command::Accept { what, author }) => {
            accept::accept(state, rules, &what, &author)
        }
        Input::Request(Command::Report { runtime, loaded, failed, ttl_ms }) => {
            runtimes::report(state, &runtime, &loaded, &failed, ttl_ms)
        }
        Input::Request(Command::Forget { runtime }) => runtimes::expired(state, runtime, true),
        Input::LeaseEnded(runtime) => runtimes::expired(state, runtime, false),
        Input::Request(Command::Propose { proposal, contents, rehearsal }) => {
            deploy::propose(state, rules, *proposal, contents, rehearsal)
        }
        Input::Request(Command::Dispute { proposal, contents }) => {
            deploy::dispute(state, rules, *proposal, contents)
        }
        Input::Request(Command::Confirm { deploy, author }) => {
            deploy::confirm(state, deploy, &author)
        }
        Input::Request(Command::Abort { deploy, author }) => deploy::abort(state, deploy, &author),
        Input::Request(Command::Approve { deploy, author, as_of }) => {
            deploy::approve(state, deploy, &author, as_of)
        }
        Input::Request(Command::Waive { tool, waiver, withdrawn }) => {
            class::waive(state, tool, waiver, withdrawn)
        }
        Input::Started => deploy::interrupted(state, rules),
        Input::Staged(staged) => deploy::staged(state, rules, staged),
        Input::Verified { deploy, checks, examined } => {
            deploy::verified(state, rules, deploy, (checks, examined))
        }
        Input::Rehearsed { proposal, markers, checks, examined } => {
            deploy::rehearsed(state, rules, &proposal, &markers, (checks, examined))
        }
        Input::Switched { deploy, outcome } => deploy::switched(state, rules, deploy, outcome),
        Input::Deadline(deploy) => deploy::deadline(state, deploy),
        Input::OnDrift(tool) => on_drift::act(state, rules, &tool),
        Input::Late(late) => deploy::late(state, rules, late),
        Input::Compared(it) => class::compared(state, *it),
        Input::Reported(batch) => health::reported(state, batch),
        Input::Replayed { tool, version, replayed, now } => {
            health::replayed(state, &tool, &version, &replayed, now)
        }
        Input::TimePassed(now) => health::time_passed(state, now),
        Input::Regressed(tool) => health::taken_back(state, &tool),
    }
}

impl Plan {
    fn of(facts: Vec<Fact>) -> Self {
        Self { facts, ..Self::default() }
    }

    fn refused(refusal: Refusal) -> Self {
        Self { refusal: Some(refusal), ..Self::default() }
    }

    /// What is known of it was said by somebody else than a look.
    fn look_again(&mut self, tool: ToolId) {
        self.look(tool, false, true, Wait::None);
    }

    fn look(&mut self, tool: ToolId, firm: bool, fresh: bool, wait: Wait) {
        self.looks.push(Look { glance: Glance { tool, firm, fresh }, wait });
    }
}
