//! The fact after which `events` begins. It reads, and prints nothing.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::Wanted;
use crate::{
    cli::{
        args::EventsArgs,
        client::{Client, Target},
        failure::Failure,
        stream::Next,
        view,
    },
    wire,
};

/// What who follows and says no more is shown of the past.
const USUAL: u64 = 10;

pub(super) fn after(
    args: &EventsArgs,
    wanted: &Wanted<'_>,
    client: &Client,
    now: Timestamp,
) -> Result<u64, Failure> {
    let begin = match (&args.since, args.after) {
        (Some(since), _) => Some(before_time(time(since, now)?, client)?),
        (None, after) => after,
    };
    let usual = (args.follow && begin.is_none()).then_some(USUAL);
    let last = args.number.or(usual).map(|it| before_last(it, wanted, client)).transpose()?;
    Ok(begin.max(last).unwrap_or(0))
}

/// The seq that exactly `number` of the wanted events come after, read in steps that grow.
fn before_last(number: u64, wanted: &Wanted<'_>, client: &Client) -> Result<u64, Failure> {
    let head = head(client)?;
    if number == 0 {
        return Ok(head);
    }
    let mut step = number;
    loop {
        let from = head.saturating_sub(step);
        let seqs = seqs(&wanted.target(from), head, client)?;
        let most = usize::try_from(number).unwrap_or(usize::MAX);
        if let Some(first) = seqs.len().checked_sub(most).and_then(|it| seqs.get(it)) {
            return Ok(first - 1);
        }
        if from == 0 {
            return Ok(0);
        }
        step = step.saturating_mul(8);
    }
}

/// Of those up to `head`: what comes later belongs to the last ones too, but need not be counted.
fn seqs(target: &Target, head: u64, client: &Client) -> Result<Vec<u64>, Failure> {
    let mut stream = client.lines(target)?;
    let mut seqs = Vec::new();
    while let Next::Some(line) = stream.line(None) {
        let seq =
            serde_json::from_slice(&line).ok().and_then(|it: Value| view::number(&it, "/seq"));
        seqs.extend(seq.filter(|it| *it <= head));
    }
    Ok(seqs)
}

/// Seqs count up with time: halving the log finds the last fact before it.
fn before_time(since: Timestamp, client: &Client) -> Result<u64, Failure> {
    let (mut before, mut after) = (0, head(client)? + 1);
    while before + 1 < after {
        let middle = before + (after - before) / 2;
        let target =
            Target::new("/v1/events").query("after", Some(middle - 1)).query("limit", Some(1));
        let page = client.get(&target)?;
        let time = view::items(&page, "/items").first().map(|it| view::text(it, "/time"));
        let is_before =
            time.and_then(|it| it.parse::<Timestamp>().ok()).is_some_and(|it| it < since);
        if is_before { before = middle } else { after = middle }
    }
    Ok(before)
}

fn head(client: &Client) -> Result<u64, Failure> {
    Ok(view::number(&client.get(&Target::new("/v1/info"))?, "/log/seq").unwrap_or(0))
}

/// A time, or how long ago.
fn time(text: &str, now: Timestamp) -> Result<Timestamp, Failure> {
    let wrong = || {
        let detail = format!("--since {text:?} is no time and no duration");
        Failure::usage(&detail, "write 2026-01-02T03:04:05Z, 90s, 10m, 2h or 7d")
    };
    if let Ok(time) = text.parse() {
        return Ok(time);
    }
    let days = text.strip_suffix('d').and_then(|it| it.parse::<u32>().ok());
    let ago = match days {
        Some(days) => Some(SignedDuration::from_hours(i64::from(days) * 24)),
        None => wire::duration(text).and_then(|it| SignedDuration::try_from(it).ok()),
    };
    ago.and_then(|it| now.checked_sub(it).ok()).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn since_when() {
        let now: Timestamp = "2026-01-10T00:00:00Z".parse().unwrap();
        for (text, then) in [
            ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"),
            ("90s", "2026-01-09T23:58:30Z"),
            ("2h", "2026-01-09T22:00:00Z"),
            ("7d", "2026-01-03T00:00:00Z"),
        ] {
            assert_eq!(time(text, now).unwrap(), then.parse().unwrap(), "{text}");
        }
        for wrong in ["", "yesterday", "d", "-1d", "4294967295d", "9999999999999999999d"] {
            assert!(time(wrong, now).is_err(), "{wrong}");
        }
    }
}
