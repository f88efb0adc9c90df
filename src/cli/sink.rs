//! Where results go: straight out, or through a pager once they are longer than the screen.

use std::io::{self, Write};

use super::pager::{Pager, Running};

pub(super) struct Sink {
    direct: Box<dyn Write>,
    state: State,
}

enum State {
    Direct,
    /// It may still turn out to be short.
    Holding(Held),
    Paged(Running),
}

struct Held {
    bytes: Vec<u8>,
    screen: Screen,
    pager: Pager,
}

/// In characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Screen {
    pub(super) width: usize,
    pub(super) height: usize,
}

impl Sink {
    pub(super) fn new(direct: Box<dyn Write>) -> Self {
        Self { direct, state: State::Direct }
    }

    /// From now on, what is longer than the screen goes through a pager.
    pub(super) fn page(&mut self, screen: Screen, pager: Pager) {
        self.state = State::Holding(Held { bytes: Vec::new(), screen, pager });
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.state {
            State::Direct => self.direct.write_all(bytes),
            State::Paged(pager) => pager.write_all(bytes),
            State::Holding(held) => {
                held.bytes.extend_from_slice(bytes);
                if held.fits() { Ok(()) } else { self.start() }
            }
        }
    }

    fn start(&mut self) -> io::Result<()> {
        let State::Holding(held) = std::mem::replace(&mut self.state, State::Direct) else {
            return Ok(());
        };
        match held.pager.start() {
            Ok(mut running) => {
                let done = running.write_all(&held.bytes);
                self.state = State::Paged(running);
                done
            }
            // Without one, all of it is still there to be read.
            Err(_) => self.direct.write_all(&held.bytes),
        }
    }

    /// What was written shows now, unless it is being held back.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        match &mut self.state {
            State::Direct => self.direct.flush(),
            State::Paged(pager) => pager.flush(),
            State::Holding(_) => Ok(()),
        }
    }

    /// Nothing comes any more. Waits until the pager was left.
    pub(super) fn end(&mut self) -> io::Result<()> {
        match std::mem::replace(&mut self.state, State::Direct) {
            State::Direct => (),
            State::Holding(held) => self.direct.write_all(&held.bytes)?,
            State::Paged(running) => {
                if !running.end()? {
                    return Err(io::Error::other(
                        "the pager that KNOWNGOOD_PAGER or PAGER names cannot be run; there is --no-pager",
                    ));
                }
            }
        }
        self.direct.flush()
    }
}

impl Held {
    /// With a line left for the prompt.
    fn fits(&self) -> bool {
        let text = String::from_utf8_lossy(&self.bytes);
        let taken: usize = text.lines().map(|it| rows(it, self.screen.width)).sum();
        taken < self.screen.height
    }
}

/// How many a line takes on the screen.
pub(super) fn rows(line: &str, width: usize) -> usize {
    let shown: usize = anstream::adapter::strip_str(line).map(|it| it.chars().count()).sum();
    shown.div_ceil(width.max(1)).max(1)
}

#[cfg(test)]
mod tests {
    use super::{super::fake::Shared, *};

    const SCREEN: Screen = Screen { width: 10, height: 4 };

    fn written(text: &str, to: &std::path::Path) -> (io::Result<()>, String, Option<String>) {
        let direct = Shared::default();
        let mut sink = Sink::new(Box::new(direct.clone()));
        let line = format!("cat > '{}'", to.display());
        sink.page(SCREEN, Pager::Chosen(line.into()));
        sink.write(text.as_bytes()).unwrap();
        (sink.end(), direct.text(), std::fs::read_to_string(to).ok())
    }

    #[test]
    fn what_fits_on_the_screen_needs_no_pager() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("paged");
        let short = "1\n2\n\u{1b}[31m1234567890\u{1b}[0m\n";
        assert!(matches!(written(short, &file), (Ok(()), it, None) if it == short));
        for long in ["1\n2\n3\n4\n", "1\n2\n12345678901\n"] {
            assert!(
                matches!(written(long, &file), (Ok(()), it, Some(paged)) if it.is_empty() && paged == long)
            );
        }
    }

    #[test]
    fn a_pager_that_is_none_is_told() {
        let mut sink = Sink::new(Box::new(Shared::default()));
        sink.page(SCREEN, Pager::Chosen("exit 127".into()));
        // The shell may have ended already.
        sink.write(b"1\n2\n3\n4\n").unwrap_or(());
        assert!(sink.end().unwrap_err().to_string().contains("--no-pager"));
    }
}
