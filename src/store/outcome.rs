//! Serde twins of reported calls and of what changes of health rest on, version 1. Calls are many, so their fields have short
//! names and what is usual is left out: 40 bytes for one that did not fail, before the journal packs them.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{
    fact::{Text, text, tool_id},
    twin::{BadText, Hex, words},
};
use crate::model::{
    AlertKind, Bar, Blame, Call, CallStatus, Calls, Failure, Grounds, HealthBase, HealthState,
    ReplayTable, Replayed, Rule, ToolId,
};

#[derive(Serialize, Deserialize)]
pub(super) struct CallsV1<'a> {
    #[serde(borrow)]
    tool: Text<'a>,
    version: Hex,
    #[serde(borrow)]
    calls: Vec<CallV1<'a>>,
}

#[derive(Serialize, Deserialize)]
struct CallV1<'a> {
    #[serde(rename = "i")]
    id: u64,
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    status: Option<StatusV1>,
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    blame: Option<BlameV1>,
    #[serde(rename = "t")]
    duration_ms: u32,
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    args: Option<u64>,
    #[serde(rename = "f", default, skip_serializing_if = "Option::is_none", borrow)]
    failure: Option<FailureV1<'a>>,
}

#[derive(Serialize, Deserialize)]
struct FailureV1<'a> {
    #[serde(borrow)]
    call_id: Text<'a>,
    #[serde(borrow)]
    kind: Text<'a>,
    #[serde(rename = "print")]
    fingerprint: u64,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    programming: bool,
}

#[derive(Serialize, Deserialize)]
pub(super) struct EvidenceV1 {
    rule: RuleV1,
    calls: u32,
    failures: u32,
    score: u32,
    bar: BarV1,
    base: BaseV1,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    failing: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    replay: Option<ReplayedV1>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    returns: Option<bool>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct BarV1 {
    percent: u8,
    weight: u32,
    low: u32,
    high: u32,
}

#[derive(Serialize, Deserialize)]
pub(super) struct BaseV1 {
    version: Option<Hex>,
    calls: u32,
    failures: u32,
    caller: u32,
    env: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ReplayedV1 {
    Table { runs: u32, new: u32, old: u32 },
    Cannot(String),
}

words!(StatusV1 of CallStatus { Ok, Error, Timeout, Crash, Cancelled });
words!(BlameV1 of Blame { Tool, Env, Caller, User });
words!(HealthStateV1 of HealthState {
    Unknown, Baking, Suspect, Regressed, Environment, Healthy, Inconclusive
});
words!(RuleV1 of Rule {
    Load, NovelError, FailureRate, Replay, Proven, Noise, Recovered, TooFewCalls, Reported
});
words!(AlertKindV1 of AlertKind {
    Regressed, Frozen, Failing, Environment, InterfaceChanged, Slow, Inconclusive,
    UnsafeCandidate, EditRejected
});

impl<'a> From<&'a Calls> for CallsV1<'a> {
    fn from(it: &'a Calls) -> Self {
        let calls = it.calls.iter().map(Into::into).collect();
        Self { tool: text(it.tool.as_str()), version: Hex(it.version), calls }
    }
}

impl CallsV1<'_> {
    pub(super) fn read(self) -> Result<Calls, BadText> {
        let calls = self.calls.into_iter().map(CallV1::read).collect();
        Ok(Calls { tool: tool_id(&self.tool)?, version: self.version.0, calls })
    }
}

/// Every tool of a batch, in order.
pub(super) fn tools(batch: &[Calls]) -> Vec<ToolId> {
    let mut tools: Vec<ToolId> = batch.iter().map(|it| it.tool.clone()).collect();
    tools.sort_unstable();
    tools.dedup();
    tools
}

impl<'a> From<&'a Call> for CallV1<'a> {
    fn from(it: &'a Call) -> Self {
        Self {
            id: it.id,
            status: (it.status != CallStatus::Ok).then(|| it.status.into()),
            blame: it.blame.map(Into::into),
            duration_ms: it.duration_ms,
            args: it.args,
            failure: it.failure.as_ref().map(|it| FailureV1 {
                call_id: text(&it.call_id),
                kind: text(&it.kind),
                fingerprint: it.fingerprint,
                programming: it.programming,
            }),
        }
    }
}

impl CallV1<'_> {
    fn read(self) -> Call {
        Call {
            id: self.id,
            status: self.status.map_or(CallStatus::Ok, Into::into),
            blame: self.blame.map(Into::into),
            duration_ms: self.duration_ms,
            args: self.args,
            failure: self.failure.map(|it| Failure {
                call_id: Cow::into_owned(it.call_id),
                kind: Cow::into_owned(it.kind),
                fingerprint: it.fingerprint,
                programming: it.programming,
            }),
        }
    }
}

impl From<&Grounds> for EvidenceV1 {
    fn from(it: &Grounds) -> Self {
        Self {
            rule: it.rule.into(),
            calls: it.calls,
            failures: it.failures,
            score: it.score,
            bar: it.bar.into(),
            base: it.base.into(),
            failing: it.failing.clone(),
            replay: it.replay.as_ref().map(Into::into),
            returns: it.returns,
        }
    }
}

impl From<EvidenceV1> for Grounds {
    fn from(it: EvidenceV1) -> Self {
        Self {
            rule: it.rule.into(),
            calls: it.calls,
            failures: it.failures,
            score: it.score,
            bar: it.bar.into(),
            base: it.base.into(),
            failing: it.failing,
            replay: it.replay.map(Into::into),
            returns: it.returns,
        }
    }
}

impl From<Bar> for BarV1 {
    fn from(it: Bar) -> Self {
        Self { percent: it.percent, weight: it.weight, low: it.low, high: it.high }
    }
}

impl From<BarV1> for Bar {
    fn from(it: BarV1) -> Self {
        Self { percent: it.percent, weight: it.weight, low: it.low, high: it.high }
    }
}

impl From<HealthBase> for BaseV1 {
    fn from(it: HealthBase) -> Self {
        let HealthBase { version, calls, failures, caller, env } = it;
        Self { version: version.map(Hex), calls, failures, caller, env }
    }
}

impl From<BaseV1> for HealthBase {
    fn from(it: BaseV1) -> Self {
        let BaseV1 { version, calls, failures, caller, env } = it;
        Self { version: version.map(|it| it.0), calls, failures, caller, env }
    }
}

impl From<&Replayed> for ReplayedV1 {
    fn from(it: &Replayed) -> Self {
        match it {
            Replayed::Table(ReplayTable { runs, new, old }) => {
                Self::Table { runs: *runs, new: *new, old: *old }
            }
            Replayed::Cannot(why) => Self::Cannot(why.clone()),
        }
    }
}

impl From<ReplayedV1> for Replayed {
    fn from(it: ReplayedV1) -> Self {
        match it {
            ReplayedV1::Table { runs, new, old } => Self::Table(ReplayTable { runs, new, old }),
            ReplayedV1::Cannot(why) => Self::Cannot(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{Digest, Fact, Record, Seq, Timestamp, VersionNo},
        store::fact::{from_json, to_json},
    };

    fn call(id: u64, failed: bool) -> Call {
        Call {
            id,
            status: if failed { CallStatus::Error } else { CallStatus::Ok },
            blame: failed.then_some(Blame::Tool),
            duration_ms: 120,
            args: failed.then_some(u64::MAX),
            failure: failed.then(|| Failure {
                call_id: "c \"1\"".to_owned(),
                kind: "KeyError".to_owned(),
                fingerprint: 7,
                programming: true,
            }),
        }
    }

    fn round(fact: Fact) -> String {
        let record = Record { seq: Seq(3), time: Timestamp(5), fact };
        let mut text = Vec::new();
        to_json(&record, &mut text).unwrap();
        assert_eq!(from_json(Seq(3), &text).unwrap(), record);
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn calls_and_health_are_read_as_they_were_written_and_calls_are_short() {
        let tool: ToolId = "t/a".parse().unwrap();
        let batch = |calls| Fact::OutcomesRecorded {
            tools: vec![tool.clone()],
            batch: vec![Calls { tool: tool.clone(), version: Digest([1; 32]), calls }],
        };
        let one = round(batch(vec![call(u64::MAX, false)])).len();
        let two = round(batch(vec![call(u64::MAX, false), call(u64::MAX, false)])).len();
        assert_eq!(two - one, "{\"i\":18446744073709551615,\"t\":120},".len());
        round(batch(vec![call(1, true), call(2, false)]));
        let table = ReplayTable { runs: 10, new: 9, old: 0 };
        for replay in
            [None, Some(Replayed::Table(table)), Some(Replayed::Cannot("no runner".to_owned()))]
        {
            round(Fact::HealthChanged {
                tool: tool.clone(),
                version: Digest([1; 32]),
                number: VersionNo(2),
                from: HealthState::Baking,
                to: HealthState::Regressed,
                evidence: Box::new(Grounds {
                    rule: Rule::FailureRate,
                    calls: 4,
                    failures: 4,
                    score: 24,
                    bar: Bar { percent: 5, weight: 6, low: 16, high: 21 },
                    base: HealthBase {
                        version: Some(Digest([2; 32])),
                        calls: 20,
                        ..HealthBase::default()
                    },
                    failing: vec!["c1".to_owned()],
                    replay,
                    returns: Some(false),
                }),
            });
        }
        let (kind, why) = (AlertKind::InterfaceChanged, "why".to_owned());
        let (version, number) = (Digest([1; 32]), VersionNo(2));
        round(Fact::AlertRaised { tool, version, number, kind, why });
    }
}
