//! What the crew finds out about a proposal before it is judged: what each content can do, beside what it replaces, and
//! how both do on the same inputs. It decides nothing.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use sha2::{Digest as _, Sha256};

use super::{classes::Proposed, prepare::content, works::Works};
use crate::{
    decide::{Exam, Purpose, Run, StageOrder},
    model::{
        AuthorKind, Capability, Change, DeployKind, Digest, Examined, Followed, Observed, Proposal,
        ShadowOutcome, ShadowProof, ShadowSummary, ToolId, Verdict,
    },
    ports::{
        Archive, RecordedInput, ShadowContent, ShadowOrder, ShadowReport, StopFlag, json_of,
        value_of,
    },
    shadow::{Finding, Input, Origin, Pattern, Side},
};

/// Recorded inputs that are chosen from.
const RECORDED: usize = 200;
/// Of one tool, and of all tools of a deploy: they stand in the log, and in every answer.
const MOST_FINDINGS: usize = 10;
const MOST_OF_ALL: usize = 40;
const MOST_LISTED: usize = 5;
/// Of one text in a finding.
const LONGEST: usize = 500;
/// For all shadow runs of a deploy: whoever proposes much waits no longer for it, and neither does anybody else.
const BUDGET: Duration = Duration::from_mins(1);
const LEAST: Duration = Duration::from_secs(2);

type Contents = BTreeMap<ToolId, Option<Vec<u8>>>;

/// What the contents can do. What goes back is not asked: it was live before.
pub(super) fn analyzed(works: &Works, archive: &dyn Archive, order: &StageOrder) -> Vec<Examined> {
    let automatic = matches!(order.proposal.kind, DeployKind::Automatic(_) | DeployKind::Regressed);
    if automatic || order.purpose == Purpose::Dispute {
        return Vec::new();
    }
    let beside = contents(archive, &order.proposal, &order.contents);
    let against = order.against.iter().copied().chain(std::iter::repeat(None));
    let each = order.proposal.changes.iter().zip(against);
    each.map(|(change, live)| one(works, archive, change, live, &beside)).collect()
}

fn one(
    works: &Works,
    archive: &dyn Archive,
    change: &Change,
    live: Option<Digest>,
    beside: &Contents,
) -> Examined {
    let tool = &change.tool;
    let bytes = beside.get(tool).and_then(Option::as_deref);
    let proposed = change.to.zip(bytes).map(|(to, bytes)| {
        let proposed = Proposed { tool, bytes, beside };
        works.classes.proposed(&proposed, to.digest)
    });
    let read =
        |digest: Digest| works.classes.analysis(tool, digest, || content(archive, &digest).ok());
    let has_inputs = !works.inputs.inputs(tool, 1).is_empty() || works.shadows.has_examples(tool);
    let rests_on = proposed.as_ref().and_then(|it| rests_on(&it.followed));
    let (tool, live) = (tool.clone(), live.and_then(read));
    Examined { tool, proposed, live, rests_on, has_inputs, shadow: None }
}

/// Of the other files that an answer rests on. `None`: there are none.
fn rests_on(followed: &[Followed]) -> Option<Digest> {
    let mut sum = Sha256::new();
    for it in followed {
        sum.update(it.path.as_bytes());
        sum.update([0, u8::from(it.digest.is_some())]);
        sum.update(it.digest.map_or([0; 32], |it| it.0));
    }
    (!followed.is_empty()).then(|| Digest(sum.finalize().into()))
}

/// What is to stand in the place of each tool. What cannot be read is left out, and nobody vouches for it.
fn contents(archive: &dyn Archive, proposal: &Proposal, brought: &[(Digest, Vec<u8>)]) -> Contents {
    let bytes = |digest: Digest| match brought.iter().find(|it| it.0 == digest) {
        Some((_, bytes)) => Some(bytes.clone()),
        None => content(archive, &digest).ok(),
    };
    let of = |it: &Change| match it.to {
        Some(to) => Some((it.tool.clone(), Some(bytes(to.digest)?))),
        None => Some((it.tool.clone(), None)),
    };
    proposal.changes.iter().filter_map(of).collect()
}

/// Runs both versions of the tools that were asked for.
pub(super) fn examine(
    works: &Works,
    archive: &dyn Archive,
    proposal: &Proposal,
    exam: &Exam,
    stop: &StopFlag,
) -> Vec<Examined> {
    let beside = contents(archive, proposal, &exam.contents);
    let until = Instant::now() + BUDGET;
    let most = (MOST_OF_ALL / exam.shadow.len().max(1)).clamp(1, MOST_FINDINGS);
    let mut examined = exam.examined.clone();
    for run in &exam.shadow {
        let Some(it) = examined.iter_mut().find(|it| it.tool == run.tool) else { continue };
        let left = until.saturating_duration_since(Instant::now());
        let report = match beside.get(&run.tool) {
            _ if stop.is_set() => without(Verdict::Error, "stopped: nobody waits for it any more"),
            _ if left < LEAST => without(Verdict::Inconclusive, "no_time: the others took it all"),
            Some(Some(bytes)) => {
                let order = ordered(works, archive, proposal, run, (bytes, &beside));
                works.shadows.shadow(&ShadowOrder { budget: left, ..order }, &|_| (), stop)
            }
            Some(None) | None => without(Verdict::Error, "content: it is not to be had"),
        };
        if let Some(proposed) = &mut it.proposed {
            proposed.observed.extend(observed(&report));
        }
        it.shadow = Some(summary(&report, most));
    }
    examined
}

fn without(verdict: Verdict, why: &str) -> ShadowReport {
    ShadowReport::without_runs(verdict, why)
}

/// What was seen of contents that are to go live is known of them from now on; a rehearsal leaves nothing behind.
pub(super) fn remember(works: &Works, proposal: &Proposal, examined: &[Examined]) {
    for (change, it) in proposal.changes.iter().zip(examined) {
        let seen = it.proposed.as_ref().map(|it| it.observed.clone()).unwrap_or_default();
        if let (Some(to), false) = (change.to, seen.is_empty()) {
            works.classes.observe(&change.tool, to.digest, seen);
        }
    }
}

fn ordered(
    works: &Works,
    archive: &dyn Archive,
    proposal: &Proposal,
    run: &Run,
    (bytes, beside): (&[u8], &Contents),
) -> ShadowOrder {
    let tool = &run.tool;
    // The bit of the file is not known here; what has no interpreter is run by its first line.
    let plain = |bytes: Vec<u8>| ShadowContent { bytes, executable: true };
    let control = run.against.and_then(|it| content(archive, &it).ok()).map(plain);
    let candidate = plain(bytes.to_vec());
    let recorded = works.inputs.inputs(tool, RECORDED);
    let others = beside.iter().filter(|it| it.0 != tool && it.0.root() == tool.root());
    ShadowOrder {
        tool: tool.clone(),
        seed: seed_of(run.against, &candidate.bytes),
        control,
        candidate,
        beside: others.map(|(id, bytes)| (id.clone(), bytes.clone())).collect(),
        class: run.class.to_string(),
        accepted: run.accepted.iter().map(ToString::to_string).collect(),
        inputs: recorded.iter().filter_map(input).collect(),
        limit: None,
        expect_changes: declared(proposal),
        budget: BUDGET,
    }
}

/// An `ai` does not excuse an answer as a whole: what it declares lies below one.
fn declared(proposal: &Proposal) -> Vec<Pattern> {
    let by_ai = proposal.author.kind == AuthorKind::Ai;
    let counts = |it: &&String| !by_ai || it.matches('/').count() > 1;
    proposal.expect_changes.iter().filter(counts).filter_map(|it| it.parse().ok()).collect()
}

/// Arguments that were never JSON, or are too deep, are left out.
fn input(it: &RecordedInput) -> Option<Input> {
    let args = value_of(serde_json::from_str(&it.args).ok()?);
    Some(Input { args, origin: Origin::Recorded, failed: it.failed, ..Input::default() })
}

/// The same two contents are run in the same order.
fn seed_of(control: Option<Digest>, candidate: &[u8]) -> u64 {
    let mixed =
        control.map_or(0, |it| it.0.iter().take(8).fold(0, |all, it| all << 8 | u64::from(*it)));
    candidate.iter().fold(mixed, |all, it| (all ^ u64::from(*it)).wrapping_mul(0x0100_0000_01b3))
}

fn observed(report: &ShadowReport) -> Vec<Observed> {
    let seen = report.observed.iter().filter_map(|it| {
        let cap: Capability = it.capability.parse().ok()?;
        let event = format!("ran:{}", it.capability);
        Some(Observed { cap, event, detail: Some(it.place.clone()), count: 1 })
    });
    seen.collect()
}

fn summary(report: &ShadowReport, most: usize) -> ShadowSummary {
    let many = |it: usize| u64::try_from(it).unwrap_or(u64::MAX);
    let permille = |it: f64| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share between 0 and 1"
        )]
        let it = (it.clamp(0.0, 1.0) * 1000.0).ceil() as u32;
        it
    };
    ShadowSummary {
        verdict: report.verdict,
        why: report.why.clone(),
        sandbox: report.sandbox.to_owned(),
        inputs: many(report.counts.total + report.left_out),
        compared: many(report.counts.comparable),
        runs: many(report.runs),
        took_ms: report.wall_ms,
        differ_at_most: report.bound95.map(permille),
        findings: report.findings.iter().take(most).map(proof).collect(),
    }
}

fn proof(it: &Finding) -> ShadowProof {
    let told = |it: &Option<String>| it.as_deref().map(cut);
    let difference =
        |it: &(String, Option<String>, Option<String>)| (it.0.clone(), told(&it.1), told(&it.2));
    ShadowProof {
        kind: it.kind.as_str().to_owned(),
        origin: it.origin.to_owned(),
        args: cut(&json_of(&it.args).to_string()),
        control: side(&it.control),
        candidate: side(&it.candidate),
        differences: it.differences.iter().take(MOST_LISTED).map(difference).collect(),
        new_effects: it.new_effects.iter().take(MOST_LISTED).cloned().collect(),
        why: told(&it.why),
    }
}

fn side(it: &Side) -> ShadowOutcome {
    ShadowOutcome {
        status: it.status.to_owned(),
        value: it.value.as_deref().map(cut),
        error: it.error.as_ref().map(|it| (it.0.clone(), cut(&it.1))),
        frames: it.frames.iter().rev().take(MOST_LISTED).rev().cloned().collect(),
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
