//! The only file that writes to the terminal. Results go to stdout, the rest to stderr; a reader that has
//! seen enough and closes the pipe is no error, and does not change the exit code.

use std::io::{self, BufWriter, IsTerminal as _, Write};

use anstyle::Style;
use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value;

use super::{
    args::Colour,
    exit::Exit,
    failure::Failure,
    pager::Pager,
    patch,
    sink::{Screen, Sink, rows},
    table::{self, Cell},
    text::{ago, local},
};

pub(super) use super::text::{BOLD, CYAN, DIM, GREEN, PLAIN, RED, YELLOW, visible};

#[expect(clippy::struct_excessive_bools, reason = "four switches, none of which implies another")]
pub(super) struct Out {
    pub(super) json: bool,
    pub(super) quiet: bool,
    /// A person is looking.
    pub(super) terminal: bool,
    size: Box<dyn Fn() -> Screen>,
    colour: bool,
    /// Of the word `error`.
    alarm: Style,
    stdout: Sink,
    stderr: Box<dyn Write>,
    now: Box<dyn Fn() -> Timestamp>,
    zone: TimeZone,
    pager: Option<Pager>,
    pipe: Pipe,
}

enum Pipe {
    Open,
    /// The reader has gone.
    Closed,
    Broken(io::Error),
}

impl Out {
    pub(super) fn new(json: bool, quiet: bool, colour: Colour) -> Self {
        let wanted = |auto: anstream::ColorChoice| match colour {
            Colour::Auto => auto != anstream::ColorChoice::Never,
            Colour::Always => true,
            Colour::Never => false,
        };
        Self {
            json,
            quiet,
            terminal: io::stdout().is_terminal(),
            size: Box::new(size),
            colour: wanted(anstream::AutoStream::choice(&io::stdout())),
            alarm: if wanted(anstream::AutoStream::choice(&io::stderr())) {
                RED.bold()
            } else {
                PLAIN
            },
            stdout: Sink::new(Box::new(BufWriter::new(io::stdout()))),
            stderr: Box::new(io::stderr()),
            now: Box::new(Timestamp::now),
            zone: TimeZone::system(),
            pager: None,
            pipe: Pipe::Open,
        }
    }

    /// What [`Self::page`] may use.
    pub(super) fn with_pager(self, pager: Option<Pager>) -> Self {
        Self { pager, ..self }
    }

    /// Writes elsewhere, at the given moment, as for a pipe.
    #[cfg(test)]
    pub(super) fn test(stdout: Box<dyn Write>, stderr: Box<dyn Write>, now: Timestamp) -> Self {
        Self {
            stdout: Sink::new(stdout),
            stderr,
            now: Box::new(move || now),
            zone: TimeZone::UTC,
            size: Box::new(|| Screen { width: 80, height: 24 }),
            terminal: false,
            colour: false,
            alarm: PLAIN,
            ..Self::new(false, false, Colour::Never)
        }
    }

    /// As for a person who sees colours.
    #[cfg(test)]
    pub(super) fn on_terminal(self) -> Self {
        Self { terminal: true, colour: true, alarm: RED.bold(), ..self }
    }

    /// What comes may be long: a person reads it in a pager then.
    pub(super) fn page(&mut self) {
        if let (true, Some(pager)) = (self.terminal, self.pager.take()) {
            self.stdout.page(self.screen(), pager);
        }
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        if !self.is_closed() {
            let done = self.stdout.write(bytes);
            self.remember(done);
        }
    }

    /// What was asked for.
    pub(super) fn line(&mut self, line: &str) {
        self.bytes(line.as_bytes());
        self.bytes(b"\n");
    }

    /// What `-q` leaves out.
    pub(super) fn result(&mut self, line: &str) {
        if !self.quiet {
            self.line(line);
        }
    }

    /// On stderr, beside the result.
    pub(super) fn note(&mut self, line: &str) {
        if !self.quiet {
            // There is nowhere to say that stderr cannot be written.
            writeln!(self.stderr, "{line}").unwrap_or(());
        }
    }

    /// How far something is, for a person who waits: one line on stderr, written over by the next. Empty: it goes.
    pub(super) fn progress(&mut self, text: &str) {
        if self.terminal && !self.json && !self.quiet {
            let line = text.chars().take(self.width()).collect::<String>();
            write!(self.stderr, "\r\x1b[K{line}").unwrap_or(());
            self.stderr.flush().unwrap_or(());
        }
    }

    pub(super) fn document(&mut self, value: &Value) {
        let text = if self.terminal { format!("{value:#}") } else { value.to_string() };
        self.line(&text);
    }

    /// The whole screen anew. What does not fit on it is left out.
    pub(super) fn redraw(&mut self, lines: &[String]) {
        let Screen { width, height } = self.screen();
        let mut taken = 0;
        self.bytes(b"\x1b[H");
        for line in lines {
            taken += rows(line, width);
            if taken >= height {
                break;
            }
            self.line(&format!("{line}\x1b[K"));
        }
        self.bytes(b"\x1b[J");
        self.flush();
    }

    /// `-q` leaves the heading out. On a terminal no line is longer than it is wide.
    pub(super) fn table(&mut self, head: &[&str], rows: &[Vec<Cell>]) {
        let head = Some(head).filter(|_| !self.quiet);
        for line in table::lines(head, rows, self.colour, self.width()) {
            self.line(&line);
        }
    }

    /// A table without a heading.
    pub(super) fn rows(&mut self, rows: &[Vec<Cell>]) {
        for line in table::lines(None, rows, self.colour, usize::MAX) {
            self.line(&line);
        }
    }

    /// How long a line may be, where that matters.
    pub(super) fn width(&self) -> usize {
        if self.terminal { self.screen().width } else { usize::MAX }
    }

    pub(super) fn screen(&self) -> Screen {
        (self.size)()
    }

    pub(super) fn colours(&self) -> bool {
        self.colour
    }

    pub(super) fn paint(&self, style: Style, text: &str) -> String {
        let plain = !self.colour || text.is_empty();
        if plain { text.to_owned() } else { format!("{style}{text}{style:#}") }
    }

    /// A diff as it is, for `patch`; for a person in colours and with control characters shown.
    pub(super) fn diff(&mut self, diff: &str) {
        if !self.terminal && !self.colour {
            return self.bytes(diff.as_bytes());
        }
        for line in patch::painted(diff) {
            let shown = |text: &str| text.split('\t').map(visible).collect::<Vec<_>>().join("\t");
            let pieces: String = line.iter().map(|it| self.paint(it.0, &shown(it.1))).collect();
            self.line(&pieces);
        }
    }

    /// `12 s ago` for a person, the time itself for a program.
    pub(super) fn time(&self, time: &str) -> String {
        match time.parse::<Timestamp>() {
            Ok(then) if self.terminal => ago((self.now)(), then),
            _ => time.to_owned(),
        }
    }

    /// The time of day where the person is, the time itself for a program.
    pub(super) fn clock(&self, time: &str) -> String {
        match time.parse::<Timestamp>() {
            Ok(then) if self.terminal => local(self.now(), then, &self.zone),
            _ => time.to_owned(),
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        (self.now)()
    }

    pub(super) fn flush(&mut self) {
        if !self.is_closed() {
            let done = self.stdout.flush();
            self.remember(done);
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        !matches!(self.pipe, Pipe::Open)
    }

    fn remember(&mut self, done: io::Result<()>) {
        match done {
            Ok(()) => (),
            // What broke first is what is told.
            Err(_) if matches!(self.pipe, Pipe::Broken(_)) => (),
            Err(it) if it.kind() == io::ErrorKind::BrokenPipe => self.pipe = Pipe::Closed,
            Err(it) => self.pipe = Pipe::Broken(it),
        }
    }

    /// Tells a failure, in the one form in which all are told, and names the exit code.
    pub(super) fn finish(&mut self, done: Result<Exit, Failure>) -> Exit {
        // A pager that was left early has closed the pipe, and is waited for all the same.
        let ended = self.stdout.end();
        self.remember(ended);
        let done = match &self.pipe {
            Pipe::Broken(it) => Err(Failure::other("cannot write the output", &it.to_string())),
            Pipe::Open | Pipe::Closed => done,
        };
        done.unwrap_or_else(|failure| {
            self.failure(&failure);
            failure.exit
        })
    }

    fn failure(&mut self, failure: &Failure) {
        let text =
            if self.json { format!("{}\n", failure.problem) } else { told(failure, self.alarm) };
        self.stderr.write_all(text.as_bytes()).unwrap_or(());
    }
}

fn told(failure: &Failure, style: Style) -> String {
    let mut text = format!("{style}error:{style:#} {}", visible(failure.member("title")));
    let detail = failure.member("detail");
    if !detail.is_empty() {
        text += if detail.contains('\n') { ":\n" } else { ": " };
        text += &detail.lines().map(visible).collect::<Vec<_>>().join("\n");
    }
    for error in failure.problem.get("errors").and_then(Value::as_array).into_iter().flatten() {
        let line = error.as_str().map_or_else(|| error.to_string(), str::to_owned);
        text += "\n  ";
        text += &line.lines().map(visible).collect::<Vec<_>>().join("\n  ");
    }
    let hint = failure.member("hint");
    if !hint.is_empty() {
        text += "\nhint: ";
        text += &visible(hint);
    }
    text + "\n"
}

/// What clap has to say: help and version on stdout, mistakes on stderr.
pub(super) fn usage(error: &clap::Error) -> Exit {
    error.print().unwrap_or(());
    if error.use_stderr() { Exit::Usage } else { Exit::Ok }
}

/// Of a terminal that does not tell, what terminals have had since the VT100.
fn size() -> Screen {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok();
    let (width, height) = size.map_or((0, 0), |it| (it.ws_col, it.ws_row));
    let or = |it: u16, usual: usize| if it == 0 { usual } else { usize::from(it) };
    Screen { width: or(width, 80), height: or(height, 24) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detail_of_several_lines_begins_on_its_own() {
        let failure = Failure::other("bad", "a:1: no\n  1 | \u{1b}x\n    | ^");
        assert_eq!(told(&failure, PLAIN), "error: bad:\na:1: no\n  1 | \\u{1b}x\n    | ^\n");
    }

    #[test]
    fn a_diff_for_a_person_shows_what_would_steer_the_terminal() {
        let mut out = Out { terminal: true, ..Out::new(false, false, Colour::Never) };
        let seen = super::super::fake::Shared::default();
        out.stdout = Sink::new(Box::new(seen.clone()));
        out.diff("+a\tb\u{1b}[2J\n");
        assert_eq!(seen.text(), "+a\tb\\u{1b}[2J\n");
    }

    #[test]
    fn a_screen_is_not_drawn_beyond_its_end() {
        let seen = super::super::fake::Shared::default();
        let mut out = Out { terminal: true, ..Out::new(false, false, Colour::Never) };
        out.stdout = Sink::new(Box::new(seen.clone()));
        out.size = Box::new(|| Screen { width: 4, height: 4 });
        out.redraw(&["1".to_owned(), "12345".to_owned(), "one too many".to_owned()]);
        assert_eq!(seen.text(), "\u{1b}[H1\u{1b}[K\n12345\u{1b}[K\n\u{1b}[J");
    }
}
