//! Is all as it should be? Counts are kept by the state; issues are walked; diffs are made in passing,
//! as far as a small budget goes.

use std::time::{Duration, Instant};

use super::{
    call::Call,
    compare::{Compared, text},
    problem::Problem,
    route::{Json, NoBody},
    shape,
};
use crate::{
    model::{Baseline, Disk, Head, RootName, Sync, Tool, ToolId},
    ports::Archive,
    reconcile::{LogState, NotReady, Synced, View},
    wire::{self, Issue, IssueState, RootStatus, Stats, Status, StatusQuery, Summary},
};

/// Per answer, for diffs that were not made before.
const DIFF_BUDGET: Duration = Duration::from_millis(50);
const LONGEST_DIFFED: u64 = 256 << 10;

pub(super) async fn status(
    call: Call,
    query: StatusQuery,
    _: NoBody,
) -> Result<Json<Status>, Problem> {
    let limit = timeout(query.timeout.as_deref())?;
    let synced = match query.sync {
        Some(true) => Some(call.handle()?.sync(limit).await?),
        Some(false) | None => None,
    };
    call.blocking(move |call| told(call, &query, synced.as_ref())).await.map(Json)
}

fn timeout(text: Option<&str>) -> Result<Duration, Problem> {
    let limit = wire::duration(text.unwrap_or("10s"));
    let bounds = Duration::from_millis(1)..=Duration::from_mins(5);
    limit.filter(|it| bounds.contains(it)).ok_or_else(|| {
        Problem::invalid("timeout must be a number with a unit (ms, s, m) from `1ms` to `5m`")
            .with("field", "timeout")
    })
}

/// One moment, and whose part of it was asked for.
struct Asked<'a> {
    call: &'a Call,
    view: &'a View,
    archive: &'a dyn Archive,
    root: Option<RootName>,
    state: Option<IssueState>,
    diffs_until: Instant,
}

fn told(call: &Call, query: &StatusQuery, synced: Option<&Synced>) -> Result<Status, Problem> {
    let view = call.view()?;
    let asked = Asked {
        call,
        view: &view,
        archive: call.handle()?.archive().as_ref(),
        root: query.root.as_deref().map(|it| shape::root(&view, it)).transpose()?,
        state: query.state,
        diffs_until: Instant::now() + DIFF_BUDGET,
    };
    let unsettled = asked.unsettled(synced);
    let loads = asked.loads()?;
    let mut summary = asked.summary();
    summary.unsettled = unsettled.len() as u64;
    summary.stale = loads.iter().filter(|it| it.state() == IssueState::Stale).count() as u64;
    let mut issues = asked.files()?;
    let conflicts = asked.conflicts();
    summary.conflicted = conflicts.len() as u64;
    let apart = loads.into_iter().chain(conflicts).chain(asked.quarantined());
    issues.extend(apart.filter(|it| asked.wants(it.state())));
    Ok(Status {
        as_of: view.as_of().0,
        in_sync: summary.modified + summary.orphaned + summary.missing + summary.unreadable == 0,
        synced: synced.map(|it| !it.timed_out),
        log_not_writable: log_not_writable(&view),
        roots: asked.roots().map(|it| root(&view, it)).collect(),
        summary,
        health: super::health::summary(&view, |it| asked.has(it)),
        issues,
        unsettled,
    })
}

fn log_not_writable(view: &View) -> Option<String> {
    match &view.log {
        LogState::Writable => None,
        LogState::DiskFull(why) => Some(NotReady::DiskFull(why.clone()).to_string()),
        LogState::Broken(why) => Some(NotReady::LogBroken(why.clone()).to_string()),
    }
}

impl Asked<'_> {
    fn roots(&self) -> impl Iterator<Item = &RootName> {
        self.view.rules.roots.keys().filter(|it| self.root.as_ref().is_none_or(|root| root == *it))
    }

    fn has(&self, id: &ToolId) -> bool {
        self.root.as_ref().is_none_or(|it| id.is_in(it)) && !self.view.state.is_outside(id)
    }

    fn wants(&self, state: IssueState) -> bool {
        self.state.is_none_or(|it| it == state)
    }

    /// Those that somebody is writing now, and those that the barrier waited for in vain.
    fn unsettled(&self, synced: Option<&Synced>) -> Vec<String> {
        let mut all = (*self.view.unsettled).clone();
        all.extend(synced.iter().flat_map(|it| it.unsettled.iter().cloned()));
        all.iter().filter(|it| self.has(it)).map(ToString::to_string).collect()
    }

    fn summary(&self) -> Summary {
        self.roots().fold(Summary::default(), |mut sum, root| {
            let counts = self.view.counts(root);
            sum.in_sync += counts.in_sync;
            sum.modified += counts.modified;
            sum.orphaned += counts.orphaned;
            sum.missing += counts.missing;
            sum.unreadable += counts.unreadable;
            sum
        })
    }

    fn files(&self) -> Result<Vec<Issue>, Problem> {
        let drifted = self.view.drifted().into_iter();
        let drifted = drifted.filter(|it| self.has(it.0) && self.wants(state(it.2)));
        drifted.map(|(id, tool, sync)| self.file(id, tool, sync)).collect()
    }

    fn file(&self, id: &ToolId, tool: &Tool, sync: Sync) -> Result<Issue, Problem> {
        let name = id.to_string();
        let since = self.view.state.drift_since(tool).map(wire::stamp);
        let loaded_by = shape::loaded_by(self.view, self.archive, id, tool)?;
        let baseline = tool.baseline.as_ref().and_then(|it| it.version).map(|it| it.0);
        let baseline_sha256 = tool.baseline.as_ref().map(|it| it.digest.to_string());
        let standing = tool.on_disk();
        let disk = standing.map_or(0, |it| it.number.0);
        Ok(match sync {
            Sync::Modified | Sync::InSync => Issue::FileModified {
                tool: name,
                baseline,
                baseline_sha256,
                disk,
                author: standing.map_or_else(unknown, |it| (&it.author).into()),
                since,
                stats: self.stats(tool.baseline.as_ref(), standing),
                loaded_by,
            },
            Sync::Orphaned => Issue::OrphanedFile { tool: name, disk, since, loaded_by },
            Sync::Missing => {
                Issue::MissingFile { tool: name, baseline, baseline_sha256, since, loaded_by }
            }
            Sync::Unreadable => Issue::UnreadableFile { tool: name, cause: cause(tool), since },
        })
    }

    /// `None` where it would take long: an answer about all tools must not wait for the diff of one.
    fn stats(&self, baseline: Option<&Baseline>, standing: Option<&Head>) -> Option<Stats> {
        let (baseline, standing) = (baseline?, standing?);
        let pair = (baseline.digest, standing.digest);
        if let Some(known) = self.call.service.stats.get(pair) {
            return Some(known);
        }
        let time = self.diffs_until.checked_duration_since(Instant::now())?;
        if standing.size > LONGEST_DIFFED {
            return None;
        }
        let old = self.archive.content(&pair.0).ok()??;
        let new = self.archive.content(&pair.1).ok()??;
        if old.len() as u64 > LONGEST_DIFFED {
            return None;
        }
        let stats = Compared::within(text(&old)?, text(&new)?, time).stats();
        self.call.service.stats.put(pair, stats);
        Some(stats)
    }

    /// Merges that could not be made and that nobody has decided yet.
    fn conflicts(&self) -> Vec<Issue> {
        let all = self.view.state.unresolved();
        let each = all.flat_map(|deploy| deploy.tools().map(move |id| (deploy.number, id)));
        each.filter(|it| self.has(it.1))
            .map(|(deploy, id)| Issue::UnresolvedConflict {
                tool: id.to_string(),
                deploy: deploy.0,
            })
            .collect()
    }

    /// Contents that were taken out of circulation and came back without a deploy. No baseline is one of them, so that
    /// they are all among what has drifted.
    fn quarantined(&self) -> Vec<Issue> {
        let drifted = self.view.drifted().into_iter().filter(|it| self.has(it.0));
        let back = drifted.filter_map(|(id, tool, _)| {
            let stands = tool.on_disk().filter(|it| tool.is_quarantined(&it.digest))?;
            Some(Issue::QuarantinedContent {
                tool: id.to_string(),
                disk: stands.number.0,
                sha256: stands.digest.to_string(),
            })
        });
        back.collect()
    }

    /// What runtimes have loaded other than expected, or could not load.
    fn loads(&self) -> Result<Vec<Issue>, Problem> {
        let mut issues = Vec::new();
        for (name, runtime) in self.view.state.runtimes() {
            for it in super::runtimes::stale(self.view, self.archive, runtime, |it| self.has(it))? {
                issues.push(Issue::StaleRuntime {
                    runtime: name.to_string(),
                    tool: it.tool,
                    loaded: it.loaded,
                    loaded_sha256: it.loaded_sha256,
                    expected: it.expected,
                    expected_sha256: it.expected_sha256,
                });
            }
            let failed = runtime.failed.iter().filter(|it| self.has(it.0));
            issues.extend(failed.map(|(tool, message)| Issue::FailedLoad {
                runtime: name.to_string(),
                tool: tool.to_string(),
                message: message.clone(),
            }));
        }
        Ok(issues)
    }
}

fn state(sync: Sync) -> IssueState {
    match sync {
        Sync::InSync => IssueState::InSync,
        Sync::Modified => IssueState::Modified,
        Sync::Orphaned => IssueState::Orphaned,
        Sync::Missing => IssueState::Missing,
        Sync::Unreadable => IssueState::Unreadable,
    }
}

fn unknown() -> wire::Author {
    (&crate::model::Author::unknown()).into()
}

fn cause(tool: &Tool) -> String {
    match tool.disk {
        Disk::Unreadable(cause) => cause.as_str().to_owned(),
        Disk::Absent | Disk::Standing(_) => String::new(),
    }
}

fn root(view: &View, name: &RootName) -> RootStatus {
    let (watch, watch_why) = shape::watch(view, name);
    RootStatus {
        root: name.to_string(),
        watch,
        watch_why,
        tools: view.counts(name).tools(),
        last_scan: view.roots.get(name).and_then(|it| it.last_scan).map(wire::stamp),
        safety_stop: view.state.root(name).safety.map(|it| it.as_str().to_owned()),
    }
}
