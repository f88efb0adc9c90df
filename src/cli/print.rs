//! The only file that writes to the terminal. Results go to stdout, the rest to stderr; a reader that has
//! seen enough and closes the pipe is no error, and does not change the exit code.

use std::io::{self, BufWriter, IsTerminal as _, Write};

use anstyle::{AnsiColor, Style};
use jiff::Timestamp;
use serde_json::Value;

use super::{
    args::Colour,
    exit::Exit,
    failure::Failure,
    table::{self, Cell},
};

pub(super) const RED: Style = AnsiColor::Red.on_default();
pub(super) const GREEN: Style = AnsiColor::Green.on_default();
pub(super) const YELLOW: Style = AnsiColor::Yellow.on_default();
pub(super) const CYAN: Style = AnsiColor::Cyan.on_default();
pub(super) const DIM: Style = Style::new().dimmed();
pub(super) const BOLD: Style = Style::new().bold();
pub(super) const PLAIN: Style = Style::new();

#[expect(clippy::struct_excessive_bools, reason = "four switches, none of which implies another")]
pub(super) struct Out {
    pub(super) json: bool,
    pub(super) quiet: bool,
    /// A person is looking.
    pub(super) terminal: bool,
    colour: bool,
    /// Of the word `error`.
    alarm: Style,
    stdout: Box<dyn Write>,
    stderr: Box<dyn Write>,
    now: Timestamp,
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
            colour: wanted(anstream::AutoStream::choice(&io::stdout())),
            alarm: if wanted(anstream::AutoStream::choice(&io::stderr())) {
                RED.bold()
            } else {
                PLAIN
            },
            stdout: Box::new(BufWriter::new(io::stdout())),
            stderr: Box::new(io::stderr()),
            now: Timestamp::now(),
            pipe: Pipe::Open,
        }
    }

    /// Writes elsewhere, at the given moment, as for a pipe.
    #[cfg(test)]
    pub(super) fn test(stdout: Box<dyn Write>, stderr: Box<dyn Write>, now: Timestamp) -> Self {
        Self {
            stdout,
            stderr,
            now,
            terminal: false,
            colour: false,
            alarm: PLAIN,
            ..Self::new(false, false, Colour::Never)
        }
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        if !self.is_closed() {
            let done = self.stdout.write_all(bytes);
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

    pub(super) fn document(&mut self, value: &Value) {
        let text = if self.terminal { format!("{value:#}") } else { value.to_string() };
        self.line(&text);
    }

    /// `-q` leaves the heading out.
    pub(super) fn table(&mut self, head: &[&str], rows: &[Vec<Cell>]) {
        let head = Some(head).filter(|_| !self.quiet);
        for line in table::lines(head, rows, self.colour) {
            self.line(&line);
        }
    }

    /// A table without a heading.
    pub(super) fn rows(&mut self, rows: &[Vec<Cell>]) {
        for line in table::lines(None, rows, self.colour) {
            self.line(&line);
        }
    }

    pub(super) fn paint(&self, style: Style, text: &str) -> String {
        if self.colour { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    /// A diff as it is, for `patch`; for a person in colours and with control characters shown.
    pub(super) fn diff(&mut self, diff: &str) {
        if !self.terminal && !self.colour {
            return self.bytes(diff.as_bytes());
        }
        for line in diff.lines() {
            let style = match line.as_bytes() {
                [b'+', b'+', b'+', ..] | [b'-', b'-', b'-', ..] => BOLD,
                [b'+', ..] => GREEN,
                [b'-', ..] => RED,
                [b'@', b'@', ..] => CYAN,
                _ => PLAIN,
            };
            let shown: Vec<_> = line.split('\t').map(visible).collect();
            let painted = self.paint(style, &shown.join("\t"));
            self.line(&painted);
        }
    }

    /// `12 s ago` for a person, the time itself for a program.
    pub(super) fn time(&self, time: &str) -> String {
        match time.parse::<Timestamp>() {
            Ok(then) if self.terminal => ago(self.now, then),
            _ => time.to_owned(),
        }
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
            Err(it) if it.kind() == io::ErrorKind::BrokenPipe => self.pipe = Pipe::Closed,
            Err(it) => self.pipe = Pipe::Broken(it),
        }
    }

    /// Tells a failure, in the one form in which all are told, and names the exit code.
    pub(super) fn finish(&mut self, done: Result<Exit, Failure>) -> Exit {
        self.flush();
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

/// Control characters, and those that turn the direction of a line, escaped: a name cannot steer a
/// terminal.
pub(super) fn visible(text: &str) -> String {
    let hidden = |it: char| {
        it.is_control() || matches!(it, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().fold(String::with_capacity(text.len()), |out, it| {
        if hidden(it) {
            out + &it.escape_unicode().to_string()
        } else {
            out + it.encode_utf8(&mut [0; 4])
        }
    })
}

fn ago(now: Timestamp, then: Timestamp) -> String {
    let seconds = now.duration_since(then).as_secs();
    let (amount, unit) = match seconds {
        // The clocks of two programs may differ a little, and a clock may jump.
        ..=0 => return "now".to_owned(),
        1..60 => (seconds, "s"),
        60..3_600 => (seconds / 60, "min"),
        3_600..86_400 => (seconds / 3_600, "h"),
        _ => (seconds / 86_400, "d"),
    };
    format!("{amount} {unit} ago")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_for_people() {
        let now: Timestamp = "2026-01-02T00:00:00Z".parse().unwrap();
        for (then, shown) in [
            ("2026-01-02T00:00:09Z", "now"),
            ("2026-01-01T23:59:48Z", "12 s ago"),
            ("2026-01-01T23:56:01Z", "3 min ago"),
            ("2026-01-01T12:00:00Z", "12 h ago"),
            ("2025-12-01T00:00:00Z", "32 d ago"),
        ] {
            assert_eq!(ago(now, then.parse().unwrap()), shown);
        }
    }

    #[test]
    fn a_detail_of_several_lines_begins_on_its_own() {
        let failure = Failure::other("bad", "a:1: no\n  1 | \u{1b}x\n    | ^");
        assert_eq!(told(&failure, PLAIN), "error: bad:\na:1: no\n  1 | \\u{1b}x\n    | ^\n");
    }

    #[test]
    fn a_diff_for_a_person_shows_what_would_steer_the_terminal() {
        let mut out = Out { terminal: true, ..Out::new(false, false, Colour::Never) };
        let seen = super::super::fake::Shared::default();
        out.stdout = Box::new(seen.clone());
        out.diff("+a\tb\u{1b}[2J\n");
        assert_eq!(seen.text(), "+a\tb\\u{1b}[2J\n");
    }
}
