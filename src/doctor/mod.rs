//! What keeps the daemon from doing its work, or soon will: the machine's limits, rights, the store, systemd, the clock,
//! and what the daemon says of itself. It looks and tells, each time with the command that mends it; it changes nothing,
//! and it works when no daemon runs.

mod clock;
mod daemon;
mod inotify;
mod roots;
pub mod sandbox;
mod socket;
mod space;
pub mod systemd;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use crate::{
    checks::sandbox::Standing,
    config::{Config, ConfigErrors},
    wire::{Info, Status},
};

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// `daemon`, `config`, `inotify`, `root`, `sandbox`, `socket`, `store`, `systemd`, `clock`.
    pub check: &'static str,
    pub verdict: Verdict,
    pub what: String,
    /// A command, or a line of configuration.
    pub mend: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    Ok,
    /// It works, and somebody may want to know.
    Note,
    Broken,
}

/// What is looked at. Everything that a test plants is in here.
#[derive(Debug)]
pub struct Patient {
    pub socket: PathBuf,
    /// What `run` would read.
    pub request: crate::config::Request,
    pub config: Result<Config, ConfigErrors>,
    /// What the daemon said, or why it said nothing.
    pub daemon: Result<Answers, Away>,
    /// What `systemctl show knowngood.service` said. `None`: there is no systemd here.
    pub unit: Option<String>,
    /// What `timedatectl show` said, where there is one.
    pub time: Option<String>,
    /// Each rung on which checks could run, and whether it works for whoever asks.
    pub ladder: Vec<Standing>,
    /// `/proc`, where it is not another.
    pub proc: PathBuf,
    /// This program's version.
    pub version: &'static str,
}

#[derive(Debug)]
pub struct Answers {
    pub info: Info,
    pub status: Status,
    /// What the daemon would say to a reload, by its keys: those that differ from what is in force. `None`: it may not be
    /// asked.
    pub changed: Option<Vec<String>>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Away {
    /// No socket there: nobody was started, or elsewhere.
    NoSocket,
    /// It lives, and says that one may not ask.
    Refused(String),
    /// A socket, and nobody behind it; no answer in time, or one that makes no sense.
    Silent(String),
}

/// Everything, in the order in which it is to be mended.
pub fn examine(patient: &Patient) -> Vec<Finding> {
    let mut findings = daemon::examine(patient);
    findings.extend(systemd::examine(patient));
    findings.extend(daemon::configuration(patient));
    findings.extend(socket::examine(patient));
    findings.extend(roots::examine(patient));
    findings.extend(sandbox::examine(patient));
    findings.extend(inotify::examine(patient));
    findings.extend(space::examine(patient));
    findings.extend(clock::examine(patient));
    findings
}

impl Finding {
    fn ok(check: &'static str, what: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Ok, what: what.into(), mend: None }
    }

    fn note(check: &'static str, what: impl Into<String>) -> Self {
        Self { verdict: Verdict::Note, ..Self::ok(check, what) }
    }

    fn broken(check: &'static str, what: impl Into<String>) -> Self {
        Self { verdict: Verdict::Broken, ..Self::ok(check, what) }
    }

    fn mend(self, command: impl Into<String>) -> Self {
        Self { mend: Some(command.into()), ..self }
    }
}

impl Verdict {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Broken => "broken",
        }
    }
}

impl Patient {
    fn answers(&self) -> Option<&Answers> {
        self.daemon.as_ref().ok()
    }

    fn config(&self) -> Option<&Config> {
        self.config.as_ref().ok()
    }

    /// The roots' names and directories: the daemon's own, else those that are configured.
    fn roots(&self) -> Vec<(String, PathBuf)> {
        if let Some(it) = self.answers() {
            return it.info.roots.iter().map(|it| (it.root.clone(), (&*it.path).into())).collect();
        }
        let roots = self.config().map(|it| &*it.roots).unwrap_or_default().iter();
        roots.map(|it| (it.watched.name.to_string(), it.watched.path.clone())).collect()
    }

    /// The daemon's user: the owner of its socket, else of its state directory, else whoever asks.
    fn uid(&self) -> u32 {
        use std::os::unix::fs::MetadataExt as _;
        let owner = |it: &Path| std::fs::metadata(it).ok().map(|it| it.uid());
        owner(&self.socket)
            .or_else(|| owner(&self.config()?.state_dir))
            .unwrap_or_else(|| nix::unistd::geteuid().as_raw())
    }
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |it: char| it.is_ascii_alphanumeric() || "/._-+".contains(it);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}
