//! `events`: what happened, and with `-f` what happens, in order, without a gap and without a duplicate: a
//! connection that breaks is taken up again after the last fact that was printed.

use std::{thread::sleep, time::Duration};

use serde_json::{Map, Value};

use crate::{
    cli::{
        args::EventsArgs,
        client::{Client, Flow, Target},
        exit::Exit,
        failure::Failure,
        print::{BOLD, DIM, Out, visible},
        resolve, view,
    },
    model::ToolId,
};

const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

pub(super) fn run(args: &EventsArgs, client: &Client, out: &mut Out) -> Result<Exit, Failure> {
    let tool = args.tool.as_deref().map(|it| resolve::tool(client, it)).transpose()?;
    // Who follows and names no place to begin wants to see what happens from now on.
    let after = match args.after {
        None if args.follow => {
            view::number(&client.get(&Target::new("/v1/info"))?, "/log/seq").unwrap_or(0)
        }
        given => given.unwrap_or(0),
    };
    let target = |after: u64| {
        Target::new("/v1/events")
            .query("after", Some(after))
            .query("types", args.types.as_deref())
            .query("tool", tool.as_ref().map(ToolId::as_str))
            .query("follow", args.follow.then_some(true))
    };
    let mut reader = Reader { last: after, out };
    if args.follow {
        follow(client, target, &mut reader)?;
    } else {
        client.lines(&target(after), |line| reader.take(line))?;
    }
    Ok(Exit::Ok)
}

/// Ends when nobody reads any more, or when the daemon refuses.
fn follow(
    client: &Client,
    target: impl Fn(u64) -> Target,
    reader: &mut Reader<'_>,
) -> Result<(), Failure> {
    let mut connected = false;
    let mut pause = SHORTEST_PAUSE;
    loop {
        let before = reader.last;
        match client.lines(&target(before), |line| reader.take(line)) {
            Ok(Flow::Enough) => return Ok(()),
            Ok(Flow::More) => connected = true,
            // A daemon that was there before comes back; one that starts or stops says so.
            Err(it) if connected && may_pass(&it) => (),
            Err(it) => return Err(it),
        }
        pause = if reader.last > before { SHORTEST_PAUSE } else { (pause * 2).min(LONGEST_PAUSE) };
        sleep(pause);
    }
}

fn may_pass(failure: &Failure) -> bool {
    failure.exit == Exit::Unreachable
        || matches!(view::number(&failure.problem, "/status"), Some(429 | 503))
}

struct Reader<'a> {
    last: u64,
    out: &'a mut Out,
}

impl Reader<'_> {
    fn take(&mut self, line: &[u8]) -> Result<Flow, Failure> {
        let event: Value = serde_json::from_slice(line)
            .map_err(|it| Failure::other("the daemon's event is no JSON", &it.to_string()))?;
        let Some(seq) = view::number(&event, "/seq").filter(|it| *it > self.last) else {
            return Ok(Flow::More);
        };
        self.last = seq;
        let text = if self.out.json { event.to_string() } else { told(&event, self.out) };
        self.out.line(&text);
        self.out.flush();
        Ok(if self.out.is_closed() { Flow::Enough } else { Flow::More })
    }
}

fn told(event: &Value, out: &Out) -> String {
    let name = format!("{:<16}", visible(view::text(event, "/event")));
    let mut words = vec![
        format!("{:>6}", view::number(event, "/seq").unwrap_or(0)),
        out.paint(DIM, &visible(&out.time(view::text(event, "/time")))),
        out.paint(BOLD, &name),
    ];
    words.extend([
        view::text(event, "/tool").to_owned(),
        view::number(event, "/version").map_or_else(String::new, |it| format!("v{it}")),
        event
            .get("author")
            .filter(|it| it.is_object())
            .map_or_else(String::new, |_| view::author(event)),
    ]);
    let nothing = Map::new();
    let detail = event.get("detail").and_then(Value::as_object).unwrap_or(&nothing);
    words.extend(detail.iter().filter_map(|it| member(it.0, it.1)));
    words.retain(|it| !it.is_empty());
    words.join(" ")
}

/// Whole hashes are for programs.
fn member(key: &str, value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) if text.starts_with("sha256:") => {
            text.get(7..19).map(|it| format!("{key}={it}"))
        }
        Value::String(text) => Some(format!("{key}={}", visible(text))),
        Value::Array(all) if all.is_empty() => None,
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            Some(format!("{key}={}", visible(&value.to_string())))
        }
    }
}
