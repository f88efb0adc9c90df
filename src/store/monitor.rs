//! The row of a tool's health, as the index keeps it: postcard. Derived from the log like every row, so a change of shape
//! needs a new number in the index and nothing else.

use serde::{Deserialize, Serialize};

use super::{
    outcome::{AlertKindV1, BarV1, BaseV1, BlameV1, HealthStateV1, ReplayedV1},
    twin::{BadText, Hex, words},
};
use crate::model::{
    DeployNo, Gauge, Health, Latency, Level, Past, Seq, Tally, Timestamp, VersionHealth, VersionNo,
    Watch,
};

#[derive(Serialize, Deserialize)]
struct HealthRow {
    watch: Option<WatchRow>,
    versions: Vec<VersionRow>,
    recent: Vec<u64>,
    errors: Vec<(u64, u64)>,
    rollbacks: Vec<i64>,
    quiet: u32,
    setbacks: Vec<i64>,
    quarantines: Vec<(Hex, i64)>,
    as_of: u64,
}

#[derive(Serialize, Deserialize)]
struct VersionRow {
    version: Hex,
    tally: [u64; 6],
    /// Each a little later than the one before: a few bytes for the difference.
    window: Vec<(i64, u32, Option<BlameV1>)>,
    failed: Vec<(u64, i64)>,
}

#[derive(Serialize, Deserialize)]
struct WatchRow {
    version: Hex,
    number: u32,
    deploy: Option<u64>,
    by_ai: bool,
    state: HealthStateV1,
    began: i64,
    since: i64,
    base: BaseV1,
    bar: BarV1,
    calls: u32,
    failures: u32,
    score: u32,
    passed: Option<LevelV1>,
    armed: bool,
    caller: GaugeRow,
    env: GaugeRow,
    novel: Vec<(u64, Option<u64>)>,
    is_broken: bool,
    failing: Vec<String>,
    durations: Vec<u32>,
    latency: Option<(u32, u32, i32, bool)>,
    streak: u32,
    replay: Option<ReplayedV1>,
    returns: Option<bool>,
    told: Vec<AlertKindV1>,
}

#[derive(Serialize, Deserialize)]
struct GaugeRow {
    bar: BarV1,
    score: u32,
    over: bool,
}

words!(LevelV1 of Level { Low, High });

pub(super) fn of_health(it: &Health) -> Result<Vec<u8>, BadText> {
    let times = |all: &[Timestamp]| all.iter().map(|it| it.0).collect();
    let row = HealthRow {
        watch: it.watch.as_ref().map(Into::into),
        versions: it.versions.iter().map(Into::into).collect(),
        recent: it.recent.iter().copied().collect(),
        errors: it.errors.iter().copied().collect(),
        rollbacks: times(&it.rollbacks),
        quiet: it.quiet,
        setbacks: times(&it.setbacks),
        quarantines: it.quarantines.iter().map(|it| (Hex(it.0), it.1.0)).collect(),
        as_of: it.as_of.0,
    };
    postcard::to_allocvec(&row).map_err(|it| it.to_string())
}

pub(super) fn health(bytes: &[u8]) -> Result<Health, BadText> {
    let row: HealthRow = postcard::from_bytes(bytes).map_err(|it| it.to_string())?;
    let times = |all: Vec<i64>| all.into_iter().map(Timestamp).collect();
    Ok(Health {
        watch: row.watch.map(Into::into),
        versions: row.versions.into_iter().map(Into::into).collect(),
        recent: row.recent.into(),
        errors: row.errors.into(),
        rollbacks: times(row.rollbacks),
        quiet: row.quiet,
        setbacks: times(row.setbacks),
        quarantines: row.quarantines.into_iter().map(|it| (it.0.0, Timestamp(it.1))).collect(),
        as_of: Seq(row.as_of),
    })
}

impl From<&VersionHealth> for VersionRow {
    fn from(it: &VersionHealth) -> Self {
        let Tally { calls, tool, env, caller, user, repeats } = it.tally;
        let mut before = 0_i64;
        let step = |it: &Past| {
            let at = it.at.0.wrapping_sub(std::mem::replace(&mut before, it.at.0));
            (at, it.duration_ms, it.blame.map(Into::into))
        };
        Self {
            version: Hex(it.version),
            tally: [calls, tool, env, caller, user, repeats],
            window: it.window.iter().map(step).collect(),
            failed: it.failed.iter().map(|it| (it.0, it.1.0)).collect(),
        }
    }
}

impl From<VersionRow> for VersionHealth {
    fn from(it: VersionRow) -> Self {
        let [calls, tool, env, caller, user, repeats] = it.tally;
        let mut before = 0_i64;
        let step = |(at, duration_ms, blame): (i64, u32, Option<BlameV1>)| {
            before = before.wrapping_add(at);
            Past { at: Timestamp(before), duration_ms, blame: blame.map(Into::into) }
        };
        Self {
            version: it.version.0,
            tally: Tally { calls, tool, env, caller, user, repeats },
            window: it.window.into_iter().map(step).collect(),
            failed: it.failed.into_iter().map(|it| (it.0, Timestamp(it.1))).collect(),
        }
    }
}

impl From<&Watch> for WatchRow {
    fn from(it: &Watch) -> Self {
        Self {
            version: Hex(it.version),
            number: it.number.0,
            deploy: it.deploy.map(|it| it.0),
            by_ai: it.by_ai,
            state: it.state.into(),
            began: it.began.0,
            since: it.since.0,
            base: it.base.into(),
            bar: it.bar.into(),
            calls: it.calls,
            failures: it.failures,
            score: it.score,
            passed: it.passed.map(Into::into),
            armed: it.armed,
            caller: it.caller.into(),
            env: it.env.into(),
            novel: it.novel.clone(),
            is_broken: it.is_broken,
            failing: it.failing.iter().cloned().collect(),
            durations: it.durations.clone(),
            latency: it.latency.map(|it| (it.calls, it.ratio_percent, it.z_milli, it.slow)),
            streak: it.streak,
            replay: it.replay.as_ref().map(Into::into),
            returns: it.returns,
            told: it.told.iter().copied().map(Into::into).collect(),
        }
    }
}

impl From<WatchRow> for Watch {
    fn from(it: WatchRow) -> Self {
        let latency =
            |(calls, ratio_percent, z_milli, slow)| Latency { calls, ratio_percent, z_milli, slow };
        Self {
            version: it.version.0,
            number: VersionNo(it.number),
            deploy: it.deploy.map(DeployNo),
            by_ai: it.by_ai,
            state: it.state.into(),
            began: Timestamp(it.began),
            since: Timestamp(it.since),
            base: it.base.into(),
            bar: it.bar.into(),
            calls: it.calls,
            failures: it.failures,
            score: it.score,
            passed: it.passed.map(Into::into),
            armed: it.armed,
            caller: it.caller.into(),
            env: it.env.into(),
            novel: it.novel,
            is_broken: it.is_broken,
            failing: it.failing.into(),
            durations: it.durations,
            latency: it.latency.map(latency),
            streak: it.streak,
            replay: it.replay.map(Into::into),
            returns: it.returns,
            told: it.told.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<Gauge> for GaugeRow {
    fn from(it: Gauge) -> Self {
        Self { bar: it.bar.into(), score: it.score, over: it.over }
    }
}

impl From<GaugeRow> for Gauge {
    fn from(it: GaugeRow) -> Self {
        Self { bar: it.bar.into(), score: it.score, over: it.over }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        AlertKind, Bar, Blame, Digest, HealthBase, HealthState, ReplayTable, Replayed,
    };

    #[test]
    fn a_row_is_read_as_it_was_written() {
        let bar = Bar { percent: 5, weight: 6, low: 16, high: 21 };
        let gauge = Gauge { bar, score: 3, over: true };
        let past = |at, blame| Past { at: Timestamp(at), duration_ms: 9, blame };
        let watch = Watch {
            version: Digest([1; 32]),
            number: VersionNo(4),
            deploy: Some(DeployNo(2)),
            by_ai: true,
            state: HealthState::Suspect,
            began: Timestamp(1),
            since: Timestamp(2),
            base: HealthBase {
                version: Some(Digest([2; 32])),
                calls: 5,
                failures: 1,
                caller: 2,
                env: 3,
            },
            bar,
            calls: 7,
            failures: 3,
            score: 18,
            passed: Some(Level::Low),
            armed: false,
            caller: gauge,
            env: gauge,
            novel: vec![(1, None), (2, Some(3))],
            is_broken: true,
            failing: ["a".to_owned()].into(),
            durations: vec![1, 2],
            latency: Some(Latency { calls: 10, ratio_percent: 150, z_milli: -3, slow: true }),
            streak: 2,
            replay: Some(Replayed::Table(ReplayTable { runs: 10, new: 9, old: 1 })),
            returns: Some(true),
            told: vec![AlertKind::Slow],
        };
        let version = VersionHealth {
            version: Digest([1; 32]),
            tally: Tally { calls: 6, tool: 5, env: 4, caller: 3, user: 2, repeats: 1 },
            window: [past(1_000_000, None), past(2_000_000, Some(Blame::Env)), past(1, None)]
                .into(),
            failed: vec![(5, Timestamp(6))],
        };
        let health = Health {
            watch: Some(watch),
            versions: vec![version],
            recent: [1, u64::MAX].into(),
            errors: [(1, 2)].into(),
            rollbacks: vec![Timestamp(3)],
            quiet: 20,
            setbacks: vec![Timestamp(4)],
            quarantines: vec![(Digest([3; 32]), Timestamp(5))],
            as_of: Seq(6),
        };
        assert_eq!(super::health(&of_health(&health).unwrap()).unwrap(), health);
        assert_eq!(
            super::health(&of_health(&Health::default()).unwrap()).unwrap(),
            Health::default()
        );
    }
}
