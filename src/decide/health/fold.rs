//! Counting: what one more call makes of what is known. Used live and in replay alike, so it knows nothing of the
//! configuration; what is over a limit is kept until somebody has judged it.

use super::{
    bucket, latency,
    score::{PROVEN, step},
};
use crate::model::{
    Blame, Call, Digest, Gauge, Health, HealthBase, HealthState, Level, Past, Timestamp,
    VersionHealth, Watch,
};

/// Calls of a version that are remembered one by one, and for how long they count.
const WINDOW: usize = 200;
const WINDOW_DAYS: i64 = 30;
/// Versions of a tool that are remembered, and its latest calls and failures.
const VERSIONS: usize = 8;
const RECENT: usize = 512;
const ERRORS: usize = 200;
/// The same arguments fail once in this time, however often they are tried.
const REPEAT: Timestamp = Timestamp(60_000_000);
const REPEATS: usize = 64;
/// A new programming error says something among the first calls.
pub(super) const EARLY: u32 = 50;
const NOVEL: usize = 8;
const FAILING: usize = 5;
/// Calls after which a known good is measured by its own.
const SETTLED: u32 = 50;

/// One call of a version. `known_good`: which content is.
pub(super) fn take(
    health: &mut Health,
    version: Digest,
    call: &Call,
    at: Timestamp,
    known_good: Option<Digest>,
) {
    if health.recent.contains(&call.id) {
        return;
    }
    push(&mut health.recent, call.id, RECENT);
    health.quiet = health.quiet.saturating_sub(1);
    let is_novel = is_novel(health, version, call);
    let repeated = count(remembered(health, version, known_good), call, at);
    let old = known_good.filter(|_| looks_next(health, call)).and_then(|it| health.version(&it));
    let old = old.map_or_else(Vec::new, durations);
    let own = (known_good == Some(version)).then(|| base(health, Some(version), at));
    let Some(watch) = health.watch.as_mut().filter(|it| it.version == version) else { return };
    if repeated {
        return;
    }
    measure(watch, call, known_good == Some(version));
    if is_novel {
        novel(watch, call);
    }
    if call.blame.is_none() && known_good != Some(version) {
        compare(watch, call, &old);
    }
    if let Some(own) = own.filter(|_| watch.calls == SETTLED && watch.score < watch.bar.low) {
        watch.bar = bucket::against(own.failures, own.calls);
        watch.base = own;
    }
}

/// Begins to measure a content.
pub(super) fn begin(health: &mut Health, content: Watch, known_good: Option<Digest>) {
    let base = base(health, known_good, content.began);
    let bar = |failures| bucket::against(failures, base.calls);
    health.watch = Some(Watch {
        base,
        bar: bar(base.failures),
        caller: Gauge::new(bar(base.caller)),
        env: Gauge::new(bar(base.env)),
        ..content
    });
}

/// A watch before anything was measured.
pub(super) fn content(version: Digest, number: crate::model::VersionNo, began: Timestamp) -> Watch {
    let bar = bucket::against(0, 0);
    Watch {
        version,
        number,
        deploy: None,
        by_ai: false,
        state: HealthState::Unknown,
        began,
        since: began,
        base: HealthBase::default(),
        bar,
        calls: 0,
        failures: 0,
        score: 0,
        passed: None,
        armed: true,
        caller: Gauge::new(bar),
        env: Gauge::new(bar),
        novel: Vec::new(),
        is_broken: false,
        failing: std::collections::VecDeque::new(),
        durations: Vec::new(),
        latency: None,
        streak: 0,
        replay: None,
        returns: None,
        told: Vec::new(),
    }
}

/// What the known good did lately.
fn base(health: &Health, version: Option<Digest>, now: Timestamp) -> HealthBase {
    let since = now.0.saturating_sub(WINDOW_DAYS * 86_400_000_000);
    let known = version.and_then(|it| health.version(&it));
    let window = known.iter().flat_map(|it| &it.window).filter(|it| it.at.0 >= since);
    let mut base = HealthBase { version, ..HealthBase::default() };
    for past in window {
        match past.blame {
            None => base.calls += 1,
            Some(Blame::Tool) => {
                base.calls += 1;
                base.failures += 1;
            }
            Some(Blame::Caller) => base.caller += 1,
            Some(Blame::Env) => base.env += 1,
            Some(Blame::User) => (),
        }
    }
    base
}

/// Counts the call for its version; whether it is one failure with an earlier one.
fn count(known: &mut VersionHealth, call: &Call, at: Timestamp) -> bool {
    known.tally.calls += 1;
    known.failed.retain(|it| at.0.saturating_sub(it.1.0) < REPEAT.0);
    if call.blame.is_some_and(|it| it != Blame::User)
        && let Some(args) = call.args
    {
        if known.failed.iter().any(|it| it.0 == args) {
            known.tally.repeats += 1;
            return true;
        }
        if known.failed.len() < REPEATS {
            known.failed.push((args, at));
        }
    }
    match call.blame {
        None => (),
        Some(Blame::Tool) => known.tally.tool += 1,
        Some(Blame::Env) => known.tally.env += 1,
        Some(Blame::Caller) => known.tally.caller += 1,
        Some(Blame::User) => known.tally.user += 1,
    }
    let past = Past { at, duration_ms: call.duration_ms, blame: call.blame };
    push(&mut known.window, past, WINDOW);
    false
}

/// The version's own count, made where there is none. The oldest that matters to nobody goes for it.
fn remembered(
    health: &mut Health,
    version: Digest,
    known_good: Option<Digest>,
) -> &mut VersionHealth {
    let watched = health.watch.as_ref().map(|it| it.version);
    let known = health.versions.iter().position(|it| it.version == version);
    let last = known.map_or_else(
        || VersionHealth {
            version,
            tally: crate::model::Tally::default(),
            window: std::collections::VecDeque::new(),
            failed: Vec::new(),
        },
        |at| health.versions.remove(at),
    );
    if health.versions.len() >= VERSIONS {
        let matters =
            |it: &VersionHealth| Some(it.version) == known_good || Some(it.version) == watched;
        if let Some(at) = health.versions.iter().position(|it| !matters(it)) {
            health.versions.remove(at);
        }
    }
    let at = health.versions.len();
    health.versions.insert(at, last);
    // It was put there just now.
    #[expect(clippy::indexing_slicing, reason = "the place is the one that was filled")]
    &mut health.versions[at]
}

/// A failure that no other version had lately.
fn is_novel(health: &mut Health, version: Digest, call: &Call) -> bool {
    let Some(failure) = &call.failure else { return false };
    let ours = key(&version);
    let known = health.errors.iter().any(|it| it.0 == failure.fingerprint && it.1 != ours);
    let entry = (failure.fingerprint, ours);
    health.errors.retain(|it| *it != entry);
    push(&mut health.errors, entry, ERRORS);
    failure.programming && !known
}

fn key(version: &Digest) -> u64 {
    version.0.first_chunk().map_or(0, |it| u64::from_be_bytes(*it))
}

fn measure(watch: &mut Watch, call: &Call, is_proven: bool) {
    match call.blame {
        Some(Blame::User) => return,
        Some(Blame::Caller) => return watch.caller.take(true),
        Some(Blame::Env) => return watch.env.take(true),
        None => {
            watch.caller.take(false);
            watch.env.take(false);
            watch.streak += 1;
        }
        Some(Blame::Tool) => {
            watch.failures += 1;
            watch.streak = 0;
            let id = call.failure.as_ref().map(|it| it.call_id.clone());
            push(&mut watch.failing, id.unwrap_or_default(), FAILING);
        }
    }
    watch.calls = watch.calls.saturating_add(1);
    watch.score = step(watch.score, watch.bar.weight, call.blame.is_some());
    if is_proven {
        if watch.score >= PROVEN * watch.bar.high {
            watch.passed = Some(Level::High);
        }
    } else if watch.score >= watch.bar.high {
        watch.passed = Some(Level::High);
    } else if watch.score >= watch.bar.low && watch.armed {
        watch.armed = false;
        watch.passed = watch.passed.max(Some(Level::Low));
    }
    watch.armed |= watch.score < watch.bar.low / 2;
}

fn novel(watch: &mut Watch, call: &Call) {
    let Some(failure) = call.failure.as_ref().filter(|_| watch.calls <= EARLY) else { return };
    let before = watch.novel.iter().filter(|it| it.0 == failure.fingerprint);
    watch.is_broken |=
        before.filter_map(|it| it.1).any(|it| call.args.is_some_and(|ours| ours != it));
    if watch.novel.len() < NOVEL {
        watch.novel.push((failure.fingerprint, call.args));
    }
}

/// Whether this call is the last one before a look at the durations.
fn looks_next(health: &Health, call: &Call) -> bool {
    let watch = health.watch.as_ref().filter(|_| call.blame.is_none());
    watch.is_some_and(|it| latency::LOOKS.contains(&(it.durations.len() + 1)))
}

fn compare(watch: &mut Watch, call: &Call, old: &[u32]) {
    let [.., last] = latency::LOOKS;
    if watch.durations.len() < last {
        watch.durations.push(call.duration_ms);
        if latency::LOOKS.contains(&watch.durations.len()) {
            let was = watch.latency.is_some_and(|it| it.slow);
            let now = latency::compare(&watch.durations, old);
            let now = now.map(|it| crate::model::Latency { slow: it.slow || was, ..it });
            watch.latency = now.or(watch.latency);
        }
    }
}

fn durations(of: &VersionHealth) -> Vec<u32> {
    of.window.iter().filter(|it| it.blame.is_none()).map(|it| it.duration_ms).collect()
}

fn push<T>(ring: &mut std::collections::VecDeque<T>, it: T, most: usize) {
    if ring.len() >= most {
        ring.pop_front();
    }
    ring.push_back(it);
}
