//! Rows as the index keeps them: postcard, small. They are derived, so a change of shape only needs a new
//! number in the index and costs one rebuild; nothing older is ever read here.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{
    class::WaiverV1,
    fact::by_tool,
    twin::{AuthorV1, BadText, BaselineV1, DiskV1, Hex, SafetyCauseV1},
};
use crate::{
    model::{
        DeployNo, Head, Provisional, PutBack, Rare, Root, Runtime, Seq, Timestamp, Tool, VersionNo,
    },
    ports::{Remembered, StatKey},
};

#[derive(Serialize, Deserialize)]
struct ToolRow<'a> {
    #[serde(borrow)]
    head: Option<HeadRow<'a>>,
    baseline: Option<BaselineV1>,
    disk: DiskV1,
    drift_since: Option<i64>,
    by_mode: bool,
    #[serde(borrow)]
    rare: Option<RareRow<'a>>,
    as_of: u64,
}

#[derive(Serialize, Deserialize)]
struct RareRow<'a> {
    #[serde(borrow)]
    stands: Option<HeadRow<'a>>,
    provisional: Option<(u64, Option<BaselineV1>)>,
    before: Option<BaselineV1>,
    quarantined: Vec<Hex>,
    #[serde(borrow)]
    waivers: Vec<WaiverV1<'a>>,
    proven: Option<BaselineV1>,
    put_back: Option<(Option<Hex>, u32, i64)>,
    settled: u64,
}

#[derive(Serialize, Deserialize)]
struct HeadRow<'a> {
    number: u32,
    digest: Hex,
    size: u64,
    executable: bool,
    #[serde(borrow)]
    author: AuthorV1<'a>,
    mtime: i64,
    seq: u64,
}

#[derive(Serialize, Deserialize)]
struct RootRow {
    adopted: bool,
    manifest: Option<Hex>,
    safety: Option<SafetyCauseV1>,
    as_of: u64,
}

#[derive(Serialize, Deserialize)]
struct RuntimeRow<'a> {
    #[serde(borrow)]
    loaded: BTreeMap<Cow<'a, str>, Hex>,
    #[serde(borrow)]
    failed: BTreeMap<Cow<'a, str>, Cow<'a, str>>,
    ttl_ms: u64,
    reported: i64,
    as_of: u64,
}

#[derive(Serialize, Deserialize)]
struct StatRow {
    dev: u64,
    ino: u64,
    size: u64,
    mode: u32,
    mtime_ns: i64,
    ctime_ns: i64,
    digest: Hex,
}

fn bytes<T: Serialize>(row: &T) -> Result<Vec<u8>, BadText> {
    postcard::to_allocvec(row).map_err(|it| it.to_string())
}

fn row<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, BadText> {
    postcard::from_bytes(bytes).map_err(|it| it.to_string())
}

pub(super) fn of_tool(tool: &Tool) -> Result<Vec<u8>, BadText> {
    bytes(&ToolRow {
        head: tool.head.as_ref().map(of_head),
        baseline: tool.baseline.as_ref().map(Into::into),
        disk: tool.disk.into(),
        drift_since: tool.drift_since.map(|it| it.0),
        by_mode: tool.by_mode,
        rare: tool.rare.as_deref().map(|it| RareRow {
            stands: it.stands.as_ref().map(of_head),
            provisional: it
                .provisional
                .as_ref()
                .map(|it| (it.deploy.0, it.expected.as_ref().map(Into::into))),
            before: it.before.as_ref().map(Into::into),
            quarantined: it.quarantined.iter().copied().map(Hex).collect(),
            waivers: it.waivers.iter().map(Into::into).collect(),
            proven: it.proven.as_ref().map(Into::into),
            put_back: it.put_back.as_ref().map(|it| (it.away.map(Hex), it.times, it.at.0)),
            settled: it.settled.0,
        }),
        as_of: tool.as_of.0,
    })
}

fn of_head(it: &Head) -> HeadRow<'_> {
    HeadRow {
        number: it.number.0,
        digest: Hex(it.digest),
        size: it.size,
        executable: it.executable,
        author: (&it.author).into(),
        mtime: it.mtime.0,
        seq: it.seq.0,
    }
}

fn head(it: HeadRow<'_>) -> Head {
    Head {
        number: VersionNo(it.number),
        digest: it.digest.0,
        size: it.size,
        executable: it.executable,
        author: it.author.into(),
        mtime: Timestamp(it.mtime),
        seq: Seq(it.seq),
    }
}

fn rare(it: RareRow<'_>) -> Result<Rare, BadText> {
    let provisional = it.provisional.map(|(deploy, expected)| Provisional {
        deploy: DeployNo(deploy),
        expected: expected.map(Into::into),
    });
    let waivers = it.waivers.into_iter().map(WaiverV1::read).collect::<Result<_, _>>()?;
    Ok(Rare {
        stands: it.stands.map(head),
        provisional,
        before: it.before.map(Into::into),
        quarantined: it.quarantined.into_iter().map(|it| it.0).collect(),
        waivers,
        proven: it.proven.map(Into::into),
        put_back: it.put_back.map(|(away, times, at)| PutBack {
            away: away.map(|it| it.0),
            times,
            at: Timestamp(at),
        }),
        settled: Seq(it.settled),
    })
}

pub(super) fn tool(bytes: &[u8]) -> Result<Tool, BadText> {
    let row: ToolRow<'_> = row(bytes)?;
    Ok(Tool {
        head: row.head.map(head),
        baseline: row.baseline.map(Into::into),
        disk: row.disk.into(),
        drift_since: row.drift_since.map(Timestamp),
        by_mode: row.by_mode,
        rare: row.rare.map(rare).transpose()?.map(Arc::new),
        as_of: Seq(row.as_of),
    })
}

pub(super) fn of_root(root: &Root) -> Result<Vec<u8>, BadText> {
    bytes(&RootRow {
        adopted: root.adopted,
        manifest: root.manifest.map(Hex),
        safety: root.safety.map(Into::into),
        as_of: root.as_of.0,
    })
}

pub(super) fn root(bytes: &[u8]) -> Result<Root, BadText> {
    let row: RootRow = row(bytes)?;
    Ok(Root {
        adopted: row.adopted,
        manifest: row.manifest.map(|it| it.0),
        safety: row.safety.map(Into::into),
        as_of: Seq(row.as_of),
    })
}

pub(super) fn of_runtime(runtime: &Runtime) -> Result<Vec<u8>, BadText> {
    let loaded = runtime.loaded.iter().map(|it| (it.0.as_str().into(), Hex(*it.1)));
    let failed = runtime.failed.iter().map(|it| (it.0.as_str().into(), it.1.into()));
    bytes(&RuntimeRow {
        loaded: loaded.collect(),
        failed: failed.collect(),
        ttl_ms: runtime.ttl_ms,
        reported: runtime.reported.0,
        as_of: runtime.as_of.0,
    })
}

pub(super) fn runtime(bytes: &[u8]) -> Result<Runtime, BadText> {
    let row: RuntimeRow<'_> = row(bytes)?;
    Ok(Runtime {
        loaded: by_tool(row.loaded, |it| it.0)?,
        failed: by_tool(row.failed, Cow::into_owned)?,
        ttl_ms: row.ttl_ms,
        reported: Timestamp(row.reported),
        as_of: Seq(row.as_of),
    })
}

pub(super) fn of_stat(known: &Remembered) -> Result<Vec<u8>, BadText> {
    let StatKey { dev, ino, size, mode, mtime_ns, ctime_ns } = known.key;
    bytes(&StatRow { dev, ino, size, mode, mtime_ns, ctime_ns, digest: Hex(known.digest) })
}

pub(super) fn stat(tool: crate::model::ToolId, bytes: &[u8]) -> Result<Remembered, BadText> {
    let StatRow { dev, ino, size, mode, mtime_ns, ctime_ns, digest } = row(bytes)?;
    let key = StatKey { dev, ino, size, mode, mtime_ns, ctime_ns };
    Ok(Remembered { tool, key, digest: digest.0 })
}
