//! What lets a deploy go live, in words: what its root demands of it, what was found out about each change, and what was
//! decided. How it is decided is a rule (`decide::policy`).

use std::collections::BTreeSet;

use super::{Analysis, Capability, Class, Digest, Evidence, ToolId};

/// What an activation that nobody looks at needs. Each demands all that the ones before it do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Demand {
    /// Verification says nothing against it.
    Verify,
    /// A shadow run is made where there are inputs, and what does worse is stopped.
    Advise,
    /// It can do nothing new, and a shadow run proves that it is as good.
    Shadow,
    /// Somebody other than an `ai` has to look.
    Approve,
}

/// What two versions come to that were run side by side, from the worst to the best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Nothing could be compared, through no fault of the candidate.
    Error,
    Unsafe,
    Regressed,
    Changed,
    /// Changed, and only where whoever made it said so.
    ChangedAsDeclared,
    Inconclusive,
    Improved,
    Equivalent,
}

/// One question that is asked of a change, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Gate {
    Verification,
    /// What it can do, and what of that is new.
    Class,
    Shadow,
    Approval,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GateResult {
    /// Nobody asked, or it does not matter here.
    Skipped,
    Passed,
    /// It is told and stops nothing.
    Warned,
    /// Somebody has to look.
    Waits,
    Blocked,
}

/// How a gate answered for one tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GateRun {
    pub gate: Gate,
    pub result: GateResult,
    /// In a sentence; empty where the result says it all.
    pub why: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Decision {
    Activate,
    Pending,
    Reject,
}

/// What is known of a proposed content before it is judged. Waivers are not applied: they are facts, and whoever judges has
/// them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Examined {
    pub tool: ToolId,
    /// `None`: the file goes.
    pub proposed: Option<Analysis>,
    /// Of what it is compared with. `None`: there is nothing.
    pub live: Option<Analysis>,
    /// Of the other files that the answer rests on: those that it imports.
    pub rests_on: Option<Digest>,
    /// Somebody recorded calls of it, or gave examples.
    pub has_inputs: bool,
    /// `None`: nobody ran it.
    pub shadow: Option<ShadowSummary>,
}

/// What a shadow run came to, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShadowSummary {
    pub verdict: Verdict,
    /// Where the counts do not say it: `no_sandbox: …`, `no_control: …`, `no_inputs: …`.
    pub why: Option<String>,
    /// The rung that it ran on; `none` where nothing ran.
    pub sandbox: String,
    pub inputs: u64,
    pub compared: u64,
    pub runs: u64,
    pub took_ms: u64,
    /// At most so many of a thousand inputs differ, with 95 % confidence; `None`: some differ, or none was compared.
    pub differ_at_most: Option<u32>,
    /// The worst first, no more than ten.
    pub findings: Vec<ShadowProof>,
}

/// An input on which the two differ: enough to see what broke, and to try it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShadowProof {
    /// `new_effect`, `broken`, `new_error`, `changed`, …
    pub kind: String,
    /// `given`, `recorded`, `example`, `synthetic`, `load`.
    pub origin: String,
    /// JSON, cut where it is long.
    pub args: String,
    pub control: ShadowOutcome,
    pub candidate: ShadowOutcome,
    /// Where they differ: path, there, here.
    pub differences: Vec<(String, Option<String>, Option<String>)>,
    pub new_effects: Vec<String>,
    pub why: Option<String>,
}

/// How one version took the input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShadowOutcome {
    pub status: String,
    pub value: Option<String>,
    /// Type and message.
    pub error: Option<(String, String)>,
    pub frames: Vec<String>,
}

/// The class of a proposed content beside that of the live one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassSummary {
    pub class: Class,
    /// By what was read of it alone: what runs show does not count.
    pub read: Class,
    /// `None`: there is nothing to compare it with.
    pub before: Option<Class>,
    /// By what was read of both, the class goes up.
    pub raised: bool,
    pub added: BTreeSet<Capability>,
    pub removed: BTreeSet<Capability>,
    /// For what is added, no more than twenty.
    pub evidence: Vec<Evidence>,
}

/// One change as it was judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolJudged {
    pub tool: ToolId,
    /// `None`: the file goes.
    pub class: Option<ClassSummary>,
    pub shadow: Option<ShadowSummary>,
    pub gates: Vec<GateRun>,
    /// Of the other files that it rests on.
    pub rests_on: Option<Digest>,
    /// Of the root's policy as it was asked, in its canonical text.
    pub policy: Digest,
}

/// What was decided about a deploy, and from what. An approval is of exactly this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    pub decision: Decision,
    pub tools: Vec<ToolJudged>,
}

impl Demand {
    pub const ALL: [Self; 4] = [Self::Verify, Self::Advise, Self::Shadow, Self::Approve];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Advise => "advise",
            Self::Shadow => "shadow",
            Self::Approve => "approve",
        }
    }
}

impl Verdict {
    pub const ALL: [Self; 8] = [
        Self::Error,
        Self::Unsafe,
        Self::Regressed,
        Self::Changed,
        Self::ChangedAsDeclared,
        Self::Inconclusive,
        Self::Improved,
        Self::Equivalent,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Unsafe => "unsafe",
            Self::Regressed => "regressed",
            Self::Changed => "changed",
            Self::ChangedAsDeclared => "changed_as_declared",
            Self::Inconclusive => "inconclusive",
            Self::Improved => "improved",
            Self::Equivalent => "equivalent",
        }
    }
}

impl Gate {
    pub const ALL: [Self; 4] = [Self::Verification, Self::Class, Self::Shadow, Self::Approval];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Verification => "verification",
            Self::Class => "class",
            Self::Shadow => "shadow",
            Self::Approval => "approval",
        }
    }
}

impl GateResult {
    pub const ALL: [Self; 5] =
        [Self::Skipped, Self::Passed, Self::Warned, Self::Waits, Self::Blocked];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Skipped => "skipped",
            Self::Passed => "passed",
            Self::Warned => "warned",
            Self::Waits => "waits",
            Self::Blocked => "blocked",
        }
    }
}

impl Decision {
    pub const ALL: [Self; 3] = [Self::Activate, Self::Pending, Self::Reject];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Activate => "activate",
            Self::Pending => "pending",
            Self::Reject => "reject",
        }
    }
}

impl Judgement {
    /// Of all gates, those with this result: the tool and what was said.
    pub fn with_result(&self, result: GateResult) -> impl Iterator<Item = (&ToolId, &GateRun)> {
        let each = self.tools.iter().flat_map(|it| it.gates.iter().map(|gate| (&it.tool, gate)));
        each.filter(move |it| it.1.result == result)
    }

    pub fn failed_verification(&self) -> bool {
        self.with_result(GateResult::Blocked).any(|it| it.1.gate == Gate::Verification)
    }
}
