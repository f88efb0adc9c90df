//! The program that long output is read in: `$KNOWNGOOD_PAGER`, `$PAGER`, or `less -FRX` where it is installed.

use std::{
    ffi::OsString,
    io::{self, Write},
    process::{Child, Command, Stdio},
    sync::{Arc, atomic::AtomicBool},
};

use super::find::variable;

/// Which program; it does not run yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pager {
    Less,
    /// A line for the shell.
    Chosen(OsString),
}

/// It runs, and is being written to.
pub(super) struct Running(Child);

impl Pager {
    /// `None`: the person wants none.
    pub(super) fn wanted() -> Option<Self> {
        Self::of(variable("KNOWNGOOD_PAGER").or_else(|| variable("PAGER")))
    }

    fn of(chosen: Option<OsString>) -> Option<Self> {
        match chosen {
            None => Some(Self::Less),
            Some(none) if none.is_empty() || none == "cat" => None,
            Some(chosen) => Some(Self::Chosen(chosen)),
        }
    }

    pub(super) fn start(&self) -> io::Result<Running> {
        // Ctrl-C is for the pager to understand; who leaves it closes the pipe.
        signal_hook::flag::register(signal_hook::consts::SIGINT, Arc::new(AtomicBool::new(false)))?;
        let mut command = match self {
            Self::Less => Command::new("less"),
            Self::Chosen(line) => {
                let mut shell = Command::new("sh");
                shell.arg("-c").arg(line);
                shell
            }
        };
        if variable("LESS").is_none() {
            command.env("LESS", "FRX");
        }
        if *self == Self::Less {
            command.arg("-FRX");
        }
        command.stdin(Stdio::piped()).spawn().map(Running)
    }
}

impl Running {
    /// Closes its input and waits until it was left. False: the shell found no such program.
    pub(super) fn end(mut self) -> io::Result<bool> {
        drop(self.0.stdin.take());
        Ok(!matches!(self.0.wait()?.code(), Some(126 | 127)))
    }
}

impl Write for Running {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.stdin.as_mut().map_or(Err(io::ErrorKind::BrokenPipe.into()), |it| it.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.stdin.as_mut().map_or(Ok(()), Write::flush)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_one() {
        assert_eq!(Pager::of(None), Some(Pager::Less));
        assert_eq!(Pager::of(Some("most -x".into())), Some(Pager::Chosen("most -x".into())));
        assert_eq!(Pager::of(Some("".into())), None);
        assert_eq!(Pager::of(Some("cat".into())), None);
    }
}
