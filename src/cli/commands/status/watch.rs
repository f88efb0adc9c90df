//! `status --watch`: the status again whenever a fact becomes true. What makes no fact (a file that is being written, a
//! root that is watched worse, time that goes by) is seen when the interval is over.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::{exit, screen, show, target};
use crate::cli::{
    args::StatusArgs,
    client::{Client, Target},
    exit::Exit,
    failure::Failure,
    print::{Out, RED, visible},
    stream::{Next, Stream},
    view,
};

/// A burst is shown as it goes on, but not fact by fact.
const BURST: Duration = Duration::from_millis(100);

pub(super) fn run(
    args: &StatusArgs,
    every: Duration,
    client: &Client,
    out: &mut Out,
) -> Result<Exit, Failure> {
    let mut last = client.get(&target(args))?;
    let mut stream = None;
    print(&last, args, out);
    while !out.is_closed() {
        wait(&mut stream, view::count(&last, "/as_of"), every, client);
        match client.get(&target(args)) {
            Ok(status) if out.terminal || status != last => {
                print(&status, args, out);
                last = status;
            }
            Ok(_) => (),
            Err(it) if it.may_pass() => away(&last, &it, out),
            Err(it) => return Err(it),
        }
    }
    Ok(exit(&last, args))
}

/// Until something happened, or it is time.
fn wait<'a>(stream: &mut Option<Stream<'a>>, after: u64, every: Duration, client: &'a Client) {
    let until = Instant::now() + every;
    if stream.is_none() {
        let target =
            Target::new("/v1/events").query("after", Some(after)).query("follow", Some(true));
        *stream = client.lines(&target).ok();
    }
    let first = stream.as_mut().map_or(Next::End, |it| it.line(Some(every)));
    match first {
        Next::Idle => (),
        Next::Some(_) => drain(stream),
        Next::End => {
            *stream = None;
            std::thread::sleep(until.saturating_duration_since(Instant::now()));
        }
    }
}

fn drain(stream: &mut Option<Stream<'_>>) {
    let until = Instant::now() + BURST;
    while let Some(stream) = stream {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() || !matches!(stream.line(Some(left)), Next::Some(_)) {
            break;
        }
    }
}

fn print(status: &Value, args: &StatusArgs, out: &mut Out) {
    if out.terminal && !out.json && !out.quiet {
        let lines = screen::lines(status, false, out);
        out.redraw(&lines);
    } else {
        show(status, args, out);
        out.flush();
    }
}

/// What was true last stays on the screen.
fn away(last: &Value, failure: &Failure, out: &mut Out) {
    if out.terminal && !out.json && !out.quiet {
        let why = format!("{}: {}", failure.member("title"), failure.member("detail"));
        let mut lines = vec![out.paint(RED, &visible(&why)), String::new()];
        lines.extend(screen::lines(last, false, out));
        out.redraw(&lines);
    }
}
