//! What was found out about a deploy against what its roots demand: each gate of each change answers, and the worst answer
//! is the decision.

use super::{
    ClassSummary, Policy, Run, classified, compared_with, exempt, is_back, is_wider, summary,
    unseen,
};
use crate::model::{
    AuthorKind, Change, CheckOutcome, CheckRun, Class, Decision, Demand, Examined, Gate,
    GateResult, GateRun, Judgement, Proposal, ShadowSummary, Tool, ToolId, ToolJudged, Verdict,
    Waivers,
};

/// One change with all that is asked about it.
pub(in crate::decide) struct Subject<'a> {
    pub(super) change: &'a Change,
    pub(super) policy: &'a Policy,
    /// `None`: nobody found anything out.
    pub(super) examined: Option<&'a Examined>,
    pub(super) known: Option<&'a Tool>,
    pub(super) class: Option<ClassSummary>,
    /// It is what another tool is examined with.
    is_exam: bool,
}

impl<'a> Subject<'a> {
    pub(in crate::decide) fn new(
        change: &'a Change,
        policy: &'a Policy,
        examined: Option<&'a Examined>,
        known: Option<&'a Tool>,
        is_exam: bool,
    ) -> Self {
        let waivers: &Waivers = known.map_or(&[], |it| it.waivers());
        let class = summary(change, examined, waivers);
        Self { change, policy, examined, known, class, is_exam }
    }

    pub(super) fn demand(&self, proposal: &Proposal) -> Demand {
        let column = match proposal.author.kind {
            AuthorKind::Ai => &self.policy.ai,
            AuthorKind::Human | AuthorKind::Unknown => &self.policy.human,
        };
        let Some(class) = &self.class else { return column.deleted };
        let own = column.of(class.class);
        if is_wider(class) || self.turns_bit() { own.max(column.widened) } else { own }
    }

    /// Who may run it is a part of what it can do; without its bit it may be no tool at all.
    fn turns_bit(&self) -> bool {
        let to = self.change.to.and_then(|it| it.executable);
        let is = self.known.and_then(|it| it.on_disk()).map(|it| it.executable);
        to.zip(is).is_some_and(|(to, is)| to != is)
    }

    pub(super) fn run(&self) -> Run {
        let waivers: &Waivers = self.known.map_or(&[], |it| it.waivers());
        let live = self.examined.and_then(|it| it.live.clone()).map(|it| classified(it, waivers));
        // What its text shows is asked by another gate: here it is what a run does beyond that.
        let shown = self.examined.and_then(|it| it.proposed.as_ref());
        let shown = shown.map(|it| classified(unseen(it), waivers).effective).unwrap_or_default();
        let class = live.as_ref().map_or(Class::Unknown, |it| it.class);
        let accepted = live.map(|it| it.effective).unwrap_or_default().into_iter().chain(shown);
        let (tool, against) = (self.change.tool.clone(), compared_with(self.known));
        Run { tool, against, class, accepted: accepted.collect() }
    }
}

pub(in crate::decide) fn judge(
    subjects: Vec<Subject<'_>>,
    proposal: &Proposal,
    checks: &[CheckRun],
) -> Judgement {
    let tools = subjects.into_iter().map(|it| judged(it, proposal, checks)).collect::<Vec<_>>();
    let worst = tools.iter().flat_map(|it| it.gates.iter().map(|gate| gate.result)).max();
    let decision = match worst.unwrap_or(GateResult::Passed) {
        GateResult::Skipped | GateResult::Passed | GateResult::Warned => Decision::Activate,
        GateResult::Waits => Decision::Pending,
        GateResult::Blocked => Decision::Reject,
    };
    Judgement { decision, tools }
}

fn judged(subject: Subject<'_>, proposal: &Proposal, checks: &[CheckRun]) -> ToolJudged {
    let gates = if is_back(proposal.kind) { Vec::new() } else { gates(&subject, proposal, checks) };
    ToolJudged {
        tool: subject.change.tool.clone(),
        shadow: subject.examined.and_then(|it| it.shadow.clone()),
        rests_on: subject.examined.and_then(|it| it.rests_on),
        policy: subject.policy.digest,
        class: subject.class,
        gates,
    }
}

fn gates(subject: &Subject<'_>, proposal: &Proposal, checks: &[CheckRun]) -> Vec<GateRun> {
    let by_ai = proposal.author.kind == AuthorKind::Ai;
    let mut gates = vec![verification(&subject.change.tool, by_ai, checks)];
    if let Some(why) = exempt(subject.change, subject.known) {
        gates.push(run(Gate::Class, GateResult::Passed, why));
        return gates;
    }
    let demand = subject.demand(proposal);
    gates.push(class(subject, demand, by_ai));
    gates.extend(shadow(subject, demand, proposal));
    if by_ai && subject.is_exam {
        let why = "it says how another tool is examined; an ai does not change its own exam";
        gates.push(run(Gate::Approval, GateResult::Waits, why));
    }
    gates
}

fn run(gate: Gate, result: GateResult, why: impl Into<String>) -> GateRun {
    GateRun { gate, result, why: why.into() }
}

/// Verification of an `ai`'s content that did not take place is looked at by somebody.
fn verification(tool: &ToolId, by_ai: bool, checks: &[CheckRun]) -> GateRun {
    let gate = |result, why: &str| run(Gate::Verification, result, why);
    let of = || checks.iter().filter(|it| it.tool.as_ref().is_none_or(|it| it == tool));
    let failed = of().find_map(|it| match &it.outcome {
        CheckOutcome::Failed(failure) => Some(format!("`{}` {}", it.check, failure.why)),
        CheckOutcome::Passed | CheckOutcome::Skipped(_) => None,
    });
    if let Some(why) = failed {
        return gate(GateResult::Blocked, &why);
    }
    // A check that was left out beside one that ran says nothing; one that stands alone does.
    if of().any(|it| it.outcome == CheckOutcome::Passed) {
        return gate(GateResult::Passed, "");
    }
    let skipped = of().find_map(|it| match &it.outcome {
        CheckOutcome::Skipped(why) => Some(why.as_str()),
        CheckOutcome::Passed | CheckOutcome::Failed(_) => None,
    });
    match skipped {
        Some(why) if by_ai => gate(GateResult::Waits, &format!("it was skipped: {why}")),
        Some(why) => gate(GateResult::Skipped, why),
        None => gate(GateResult::Passed, ""),
    }
}

fn class(subject: &Subject<'_>, demand: Demand, by_ai: bool) -> GateRun {
    let gate = |result, why: String| run(Gate::Class, result, why);
    let waits = demand == Demand::Approve;
    let Some(class) = &subject.class else {
        let result = if waits { GateResult::Waits } else { GateResult::Passed };
        return gate(result, "the tool is to go".to_owned());
    };
    let bit = || subject.turns_bit().then(|| "its executable bit changes".to_owned());
    let wider = is_wider(class).then(|| widened(class)).or_else(bit);
    match wider {
        // Of a shadow demand, nothing new is a part.
        Some(why) if waits || demand == Demand::Shadow => gate(GateResult::Waits, why),
        Some(why) => gate(GateResult::Warned, why),
        None if waits => {
            let who = if by_ai { "an ai" } else { "anybody" };
            let why = format!("it is {}: what {who} changes there is looked at first", class.class);
            gate(GateResult::Waits, why)
        }
        None => gate(GateResult::Passed, format!("{}, as before", class.class)),
    }
}

fn widened(class: &ClassSummary) -> String {
    let added: Vec<String> = class.added.iter().map(ToString::to_string).collect();
    let from = class.before.map_or("nothing", Class::as_str);
    let places: Vec<String> = class
        .evidence
        .iter()
        .take(3)
        .map(|it| match it.line {
            Some(line) => format!("{} in {} line {line}", it.via, it.file),
            None => format!("{} in {}", it.via, it.file),
        })
        .collect();
    let mut why = if added.is_empty() {
        format!("its class goes from {from} to {}", class.class)
    } else {
        format!("it can do more than before: {} ({from} → {})", added.join(", "), class.class)
    };
    if !places.is_empty() {
        why.push_str(": ");
        why.push_str(&places.join("; "));
    }
    why
}

/// `None`: nobody asked, and nobody ran it.
fn shadow(subject: &Subject<'_>, demand: Demand, proposal: &Proposal) -> Option<GateRun> {
    let gate = |result, why: String| Some(run(Gate::Shadow, result, why));
    if subject.change.to.is_none() || demand == Demand::Verify {
        return None;
    }
    if proposal.force {
        let why = "not asked: a person forces it".to_owned();
        return gate(GateResult::Skipped, why);
    }
    let Some(ran) = subject.examined.and_then(|it| it.shadow.as_ref()) else {
        // Whoever looks decides without it; nothing else goes without it.
        let result = if demand == Demand::Shadow { GateResult::Waits } else { GateResult::Skipped };
        let has_inputs = subject.examined.is_some_and(|it| it.has_inputs);
        let why = if has_inputs { "nothing was run" } else { "no inputs are known" };
        return gate(result, why.to_owned());
    };
    let result = of_verdict(ran.verdict, demand, subject.class.as_ref().map(|it| it.class));
    gate(result, said(ran))
}

fn of_verdict(verdict: Verdict, demand: Demand, class: Option<Class>) -> GateResult {
    // What changes nothing outside may answer otherwise where its author said so.
    let reads = class.is_some_and(|it| it <= Class::NetRead);
    match verdict {
        Verdict::Unsafe | Verdict::Regressed => GateResult::Blocked,
        Verdict::Equivalent | Verdict::Improved => GateResult::Passed,
        Verdict::ChangedAsDeclared if reads => GateResult::Passed,
        Verdict::ChangedAsDeclared | Verdict::Changed | Verdict::Inconclusive | Verdict::Error => {
            match demand {
                Demand::Shadow => GateResult::Waits,
                Demand::Verify | Demand::Advise | Demand::Approve => GateResult::Warned,
            }
        }
    }
}

fn said(ran: &ShadowSummary) -> String {
    let verdict = ran.verdict.as_str();
    let mut said = vec![format!("{verdict} on {} of {} inputs", ran.compared, ran.inputs)];
    said.extend(ran.differ_at_most.map(|most| {
        let (whole, tenth) = (most / 10, most % 10);
        format!("at most {whole}.{tenth} % of all differ (95 %)")
    }));
    said.extend(ran.findings.first().map(|it| format!("{} on {}", it.kind, it.args)));
    said.extend(ran.why.clone());
    said.join("; ")
}
