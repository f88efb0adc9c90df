//! `events`: what happened, and with `-f` what happens, in order, without a gap and without a duplicate: a
//! connection that breaks is taken up again after the last fact that was printed.

mod line;
mod start;

use std::{thread::sleep, time::Duration};

use serde_json::Value;

use crate::{
    cli::{
        args::EventsArgs,
        client::{Client, Target},
        exit::Exit,
        failure::Failure,
        print::Out,
        resolve,
        stream::Next,
        view,
    },
    model::ToolId,
};

const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

pub(super) fn run(args: &EventsArgs, client: &Client, out: &mut Out) -> Result<Exit, Failure> {
    let tool = args.tool.as_deref().map(|it| resolve::tool(client, it)).transpose()?;
    let wanted = Wanted { types: args.types.as_deref(), tool: tool.as_ref() };
    let after = start::after(args, &wanted, client, out.now())?;
    if !args.follow {
        out.page();
    }
    let mut reader = Reader { last: after, live: args.follow, out };
    if args.follow {
        follow(client, &wanted, &mut reader)?;
    } else {
        once(client, &wanted.target(after), &mut reader)?;
    }
    Ok(Exit::Ok)
}

/// Which events.
struct Wanted<'a> {
    types: Option<&'a str>,
    tool: Option<&'a ToolId>,
}

impl Wanted<'_> {
    fn target(&self, after: u64) -> Target {
        Target::new("/v1/events")
            .query("after", Some(after))
            .query("types", self.types)
            .query("tool", self.tool.map(ToolId::as_str))
    }
}

/// Whether to go on after a stream has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    More,
    /// Nobody reads any more.
    Enough,
}

fn once(client: &Client, target: &Target, reader: &mut Reader<'_>) -> Result<Flow, Failure> {
    let mut stream = client.lines(target)?;
    while let Next::Some(line) = stream.line(None) {
        if reader.take(&line)? == Flow::Enough {
            return Ok(Flow::Enough);
        }
    }
    Ok(Flow::More)
}

/// Ends when nobody reads any more, or when the daemon refuses.
fn follow(client: &Client, wanted: &Wanted<'_>, reader: &mut Reader<'_>) -> Result<(), Failure> {
    let mut connected = false;
    let mut pause = SHORTEST_PAUSE;
    loop {
        let before = reader.last;
        match once(client, &wanted.target(before).query("follow", Some(true)), reader) {
            Ok(Flow::Enough) => return Ok(()),
            Ok(Flow::More) => connected = true,
            // A daemon that was there before comes back; one that starts or stops says so.
            Err(it) if connected && it.may_pass() => (),
            Err(it) => return Err(it),
        }
        pause = if reader.last > before { SHORTEST_PAUSE } else { (pause * 2).min(LONGEST_PAUSE) };
        sleep(pause);
    }
}

struct Reader<'a> {
    last: u64,
    /// Each line is wanted at once.
    live: bool,
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
        let text = if self.out.json { event.to_string() } else { line::told(&event, self.out) };
        self.out.line(&text);
        if self.live {
            self.out.flush();
        }
        Ok(if self.out.is_closed() { Flow::Enough } else { Flow::More })
    }
}
