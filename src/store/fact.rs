//! A record as the journal keeps it: JSON, version 1, and the chain that runs through all of them.
//! The record's seq stands in the frame, not in the text. Nothing is looked up or written here.

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{
    class::{ChangedV1, WaivedV1},
    outcome::{AlertKindV1, CallsV1, EvidenceV1, HealthStateV1, tools},
    step::StepV1,
    twin::{
        AuthorV1, BadText, BaselineV1, DiskV1, Hex, OriginV1, SafetyCauseV1, SyncV1, read, reason,
    },
    version::VersionV1,
};
use crate::model::{
    ChainHash, DeployNo, Fact, Record, RootName, RuntimeName, Seq, Timestamp, ToolId, VersionNo,
};

/// The hash that ends the chain after a fact: over the one before it, its seq, and its text.
pub(super) fn chained(before: ChainHash, seq: Seq, text: &[u8]) -> ChainHash {
    let hash = Sha256::new().chain_update(before.0).chain_update(seq.0.to_be_bytes());
    ChainHash(hash.chain_update(text).finalize().into())
}

pub(super) fn to_json(record: &Record, out: &mut Vec<u8>) -> Result<(), BadText> {
    let twin = RecordV1 { time: record.time.0, fact: FactV1::from(&record.fact) };
    serde_json::to_writer(out, &twin).map_err(|it| it.to_string())
}

pub(super) fn from_json(seq: Seq, text: &[u8]) -> Result<Record, BadText> {
    let twin: RecordV1<'_> = serde_json::from_slice(text).map_err(|it| it.to_string())?;
    let time = Timestamp(twin.time);
    Ok(Record { seq, time, fact: twin.fact.read(seq, time)? })
}

#[derive(Serialize, Deserialize)]
struct RecordV1<'a> {
    time: i64,
    #[serde(borrow)]
    fact: FactV1<'a>,
}

pub(super) type Text<'a> = Cow<'a, str>;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum FactV1<'a> {
    #[serde(borrow)]
    VersionRecorded(VersionV1<'a>),
    ToolRemoved {
        tool: Text<'a>,
        origin: OriginV1,
    },
    DriftDetected {
        tool: Text<'a>,
        sync: SyncV1,
        disk: DiskV1,
        expected: Option<BaselineV1>,
    },
    DriftCleared {
        tool: Text<'a>,
        disk: DiskV1,
    },
    BaselineMoved {
        tool: Text<'a>,
        from: Option<BaselineV1>,
        to: Option<BaselineV1>,
        author: AuthorV1<'a>,
        reason: Text<'a>,
    },
    BaselineAdopted {
        root: Text<'a>,
        tools: u64,
        manifest: Option<Hex>,
        reason: Text<'a>,
    },
    RuntimeLoaded {
        runtime: Text<'a>,
        loaded: BTreeMap<Text<'a>, Hex>,
        failed: BTreeMap<Text<'a>, Text<'a>>,
        ttl_ms: u64,
    },
    RuntimeStale {
        runtime: Text<'a>,
        tool: Text<'a>,
        loaded: Hex,
        /// Before it could be absent it was always there.
        expected: Option<Hex>,
    },
    RuntimeFailed {
        runtime: Text<'a>,
        tool: Text<'a>,
        message: Text<'a>,
    },
    RuntimeExpired {
        runtime: Text<'a>,
        asked: bool,
    },
    SafetyStopped {
        root: Text<'a>,
        cause: SafetyCauseV1,
    },
    SafetyCleared {
        root: Text<'a>,
        accepted: bool,
    },
    DeployMoved {
        deploy: u64,
        tools: Vec<Text<'a>>,
        step: StepV1,
    },
    ContentQuarantined {
        tool: Text<'a>,
        digest: Hex,
        deploy: Option<u64>,
        author: AuthorV1<'a>,
    },
    ContentReleased {
        tool: Text<'a>,
        digest: Hex,
        author: AuthorV1<'a>,
    },
    ClassChanged(#[serde(borrow)] ChangedV1<'a>),
    ClassWaived(#[serde(borrow)] WaivedV1<'a>),
    OutcomesRecorded {
        #[serde(borrow)]
        batch: Vec<CallsV1<'a>>,
    },
    HealthChanged {
        tool: Text<'a>,
        version: Hex,
        number: u32,
        from: HealthStateV1,
        to: HealthStateV1,
        evidence: Box<EvidenceV1>,
    },
    AlertRaised {
        tool: Text<'a>,
        version: Hex,
        number: u32,
        kind: AlertKindV1,
        why: Text<'a>,
    },
}

pub(super) fn text(it: &str) -> Text<'_> {
    Cow::Borrowed(it)
}

impl<'a> From<&'a Fact> for FactV1<'a> {
    #[expect(clippy::too_many_lines, reason = "one arm for each fact")]
    fn from(fact: &'a Fact) -> Self {
        match fact {
            Fact::VersionRecorded(it) => Self::VersionRecorded(it.into()),
            Fact::ToolRemoved { tool, origin } => {
                Self::ToolRemoved { tool: text(tool.as_str()), origin: (*origin).into() }
            }
            Fact::DriftDetected { tool, sync, disk, expected } => Self::DriftDetected {
                tool: text(tool.as_str()),
                sync: (*sync).into(),
                disk: (*disk).into(),
                expected: expected.as_ref().map(Into::into),
            },
            Fact::DriftCleared { tool, disk } => {
                Self::DriftCleared { tool: text(tool.as_str()), disk: (*disk).into() }
            }
            Fact::BaselineMoved { tool, from, to, author, reason } => Self::BaselineMoved {
                tool: text(tool.as_str()),
                from: from.as_ref().map(Into::into),
                to: to.as_ref().map(Into::into),
                author: author.into(),
                reason: text(reason.as_str()),
            },
            Fact::BaselineAdopted { root, tools, manifest, reason } => Self::BaselineAdopted {
                root: text(root.as_str()),
                tools: *tools,
                manifest: manifest.map(Hex),
                reason: text(reason.as_str()),
            },
            Fact::SafetyStopped { root, cause } => {
                Self::SafetyStopped { root: text(root.as_str()), cause: (*cause).into() }
            }
            Fact::SafetyCleared { root, accepted } => {
                Self::SafetyCleared { root: text(root.as_str()), accepted: *accepted }
            }
            Fact::RuntimeLoaded { .. }
            | Fact::RuntimeStale { .. }
            | Fact::RuntimeFailed { .. }
            | Fact::RuntimeExpired { .. } => Self::of_runtime(fact),
            Fact::DeployMoved { deploy, tools, step } => Self::DeployMoved {
                deploy: deploy.0,
                tools: tools.iter().map(|it| text(it.as_str())).collect(),
                step: step.into(),
            },
            Fact::ContentQuarantined { tool, digest, deploy, author } => Self::ContentQuarantined {
                tool: text(tool.as_str()),
                digest: Hex(*digest),
                deploy: deploy.map(|it| it.0),
                author: author.into(),
            },
            Fact::ContentReleased { tool, digest, author } => Self::ContentReleased {
                tool: text(tool.as_str()),
                digest: Hex(*digest),
                author: author.into(),
            },
            Fact::ClassChanged { tool, from, to, before, after, added, removed } => {
                let (classes, capabilities) = ((*before, *after), (added, removed));
                Self::ClassChanged(ChangedV1::of(tool, (from, to), classes, capabilities))
            }
            Fact::ClassWaived { tool, waiver, withdrawn } => {
                Self::ClassWaived(WaivedV1::of(tool, waiver, *withdrawn))
            }
            Fact::OutcomesRecorded { batch, .. } => {
                Self::OutcomesRecorded { batch: batch.iter().map(Into::into).collect() }
            }
            Fact::HealthChanged { tool, version, number, from, to, evidence } => {
                Self::HealthChanged {
                    tool: text(tool.as_str()),
                    version: Hex(*version),
                    number: number.0,
                    from: (*from).into(),
                    to: (*to).into(),
                    evidence: Box::new((&**evidence).into()),
                }
            }
            Fact::AlertRaised { tool, version, number, kind, why } => Self::AlertRaised {
                tool: text(tool.as_str()),
                version: Hex(*version),
                number: number.0,
                kind: (*kind).into(),
                why: text(why),
            },
        }
    }
}

impl<'a> FactV1<'a> {
    fn of_runtime(fact: &'a Fact) -> Self {
        let name = |it: &'a RuntimeName| text(it.as_str());
        match fact {
            Fact::RuntimeLoaded { runtime, loaded, failed, ttl_ms } => Self::RuntimeLoaded {
                runtime: name(runtime),
                loaded: loaded.iter().map(|it| (text(it.0.as_str()), Hex(*it.1))).collect(),
                failed: failed.iter().map(|it| (text(it.0.as_str()), text(it.1))).collect(),
                ttl_ms: *ttl_ms,
            },
            Fact::RuntimeStale { runtime, tool, loaded, expected } => Self::RuntimeStale {
                runtime: name(runtime),
                tool: text(tool.as_str()),
                loaded: Hex(*loaded),
                expected: expected.map(Hex),
            },
            Fact::RuntimeFailed { runtime, tool, message } => Self::RuntimeFailed {
                runtime: name(runtime),
                tool: text(tool.as_str()),
                message: text(message),
            },
            Fact::RuntimeExpired { runtime, asked } => {
                Self::RuntimeExpired { runtime: name(runtime), asked: *asked }
            }
            Fact::VersionRecorded(_)
            | Fact::ToolRemoved { .. }
            | Fact::DriftDetected { .. }
            | Fact::DriftCleared { .. }
            | Fact::BaselineMoved { .. }
            | Fact::BaselineAdopted { .. }
            | Fact::SafetyStopped { .. }
            | Fact::SafetyCleared { .. }
            | Fact::DeployMoved { .. }
            | Fact::ContentQuarantined { .. }
            | Fact::ContentReleased { .. }
            | Fact::ClassChanged { .. }
            | Fact::ClassWaived { .. }
            | Fact::OutcomesRecorded { .. }
            | Fact::HealthChanged { .. }
            | Fact::AlertRaised { .. } => Self::from(fact),
        }
    }

    #[expect(clippy::too_many_lines, reason = "one arm for each kind of fact")]
    fn read(self, seq: Seq, time: Timestamp) -> Result<Fact, BadText> {
        Ok(match self {
            Self::VersionRecorded(it) => Fact::VersionRecorded(it.read(seq, time)?),
            Self::ToolRemoved { tool, origin } => {
                Fact::ToolRemoved { tool: tool_id(&tool)?, origin: origin.into() }
            }
            Self::DriftDetected { tool, sync, disk, expected } => Fact::DriftDetected {
                tool: tool_id(&tool)?,
                sync: sync.into(),
                disk: disk.into(),
                expected: expected.map(Into::into),
            },
            Self::DriftCleared { tool, disk } => {
                Fact::DriftCleared { tool: tool_id(&tool)?, disk: disk.into() }
            }
            Self::BaselineMoved { tool, from, to, author, reason: why } => Fact::BaselineMoved {
                tool: tool_id(&tool)?,
                from: from.map(Into::into),
                to: to.map(Into::into),
                author: author.into(),
                reason: reason(&why)?,
            },
            Self::BaselineAdopted { root, tools, manifest, reason: why } => Fact::BaselineAdopted {
                root: root_name(&root)?,
                tools,
                manifest: manifest.map(|it| it.0),
                reason: reason(&why)?,
            },
            Self::SafetyStopped { root, cause } => {
                Fact::SafetyStopped { root: root_name(&root)?, cause: cause.into() }
            }
            Self::SafetyCleared { root, accepted } => {
                Fact::SafetyCleared { root: root_name(&root)?, accepted }
            }
            Self::RuntimeLoaded { runtime, loaded, failed, ttl_ms } => Fact::RuntimeLoaded {
                runtime: runtime_name(&runtime)?,
                loaded: by_tool(loaded, |it| it.0)?,
                failed: by_tool(failed, Cow::into_owned)?,
                ttl_ms,
            },
            Self::RuntimeStale { runtime, tool, loaded, expected } => Fact::RuntimeStale {
                runtime: runtime_name(&runtime)?,
                tool: tool_id(&tool)?,
                loaded: loaded.0,
                expected: expected.map(|it| it.0),
            },
            Self::RuntimeFailed { runtime, tool, message } => Fact::RuntimeFailed {
                runtime: runtime_name(&runtime)?,
                tool: tool_id(&tool)?,
                message: message.into_owned(),
            },
            Self::RuntimeExpired { runtime, asked } => {
                Fact::RuntimeExpired { runtime: runtime_name(&runtime)?, asked }
            }
            Self::DeployMoved { deploy, tools, step } => Fact::DeployMoved {
                deploy: DeployNo(deploy),
                tools: tools.iter().map(|it| tool_id(it)).collect::<Result<_, _>>()?,
                step: step.read()?,
            },
            Self::ContentQuarantined { tool, digest, deploy, author } => Fact::ContentQuarantined {
                tool: tool_id(&tool)?,
                digest: digest.0,
                deploy: deploy.map(DeployNo),
                author: author.into(),
            },
            Self::ContentReleased { tool, digest, author } => Fact::ContentReleased {
                tool: tool_id(&tool)?,
                digest: digest.0,
                author: author.into(),
            },
            Self::ClassChanged(it) => it.read()?,
            Self::ClassWaived(it) => it.read()?,
            Self::OutcomesRecorded { batch } => {
                let batch: Vec<_> =
                    batch.into_iter().map(CallsV1::read).collect::<Result<_, _>>()?;
                Fact::OutcomesRecorded { tools: tools(&batch), batch }
            }
            Self::HealthChanged { tool, version, number, from, to, evidence } => {
                Fact::HealthChanged {
                    tool: tool_id(&tool)?,
                    version: version.0,
                    number: VersionNo(number),
                    from: from.into(),
                    to: to.into(),
                    evidence: Box::new((*evidence).into()),
                }
            }
            Self::AlertRaised { tool, version, number, kind, why } => Fact::AlertRaised {
                tool: tool_id(&tool)?,
                version: version.0,
                number: VersionNo(number),
                kind: kind.into(),
                why: why.into_owned(),
            },
        })
    }
}

pub(super) fn tool_id(text: &str) -> Result<ToolId, BadText> {
    read("a tool's id", text)
}

pub(super) fn root_name(text: &str) -> Result<RootName, BadText> {
    RootName::new(text).map_err(|it| it.to_string())
}

pub(super) fn runtime_name(text: &str) -> Result<RuntimeName, BadText> {
    RuntimeName::new(text).map_err(|_| format!("{text:?} is not a runtime's name"))
}

pub(super) fn by_tool<A, B>(
    map: BTreeMap<Text<'_>, A>,
    value: impl Fn(A) -> B,
) -> Result<BTreeMap<ToolId, B>, BadText> {
    map.into_iter().map(|(tool, it)| Ok((tool_id(&tool)?, value(it)))).collect()
}
