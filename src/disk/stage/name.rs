//! The names under which the stage keeps things. All that a start has to know is in them: no file has to be read, and
//! nothing is believed that somebody else wrote.

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::atomic::{AtomicU64, Ordering},
};

use crate::{
    model::{DeployNo, Digest, Timestamp},
    switching::Verdict,
};

/// An ending longer than this says nothing to a checker.
const ENDING: usize = 16;
/// Of the link that leads from what is kept to its tool.
pub(super) const LEADS: &str = ".of";
/// Of the second link to a live file, where files cannot change places.
pub(super) const LINK: &str = ".out";

/// Of one staged file: `<token>.<depth>.<missing>.<mtime>[.<ending>]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StageName {
    token: String,
    /// How many directories below the root the stage's folder is that was used.
    pub(super) depth: usize,
    /// How many directories above the file did not exist.
    pub(super) missing: usize,
    pub(super) mtime: Timestamp,
    /// The tool's own, so that checkers know what it is.
    ending: Option<String>,
}

/// Of a file that came out: `<deploy>.<live, or undone>.<digest, or none>.<its name in the stage>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KeptName {
    pub(super) deploy: DeployNo,
    pub(super) verdict: Verdict,
    pub(super) was: Option<Digest>,
    pub(super) staged: String,
}

/// Tokens of one process: what it made itself is no litter.
pub(super) struct Tokens {
    session: String,
    next: AtomicU64,
}

impl Default for Tokens {
    fn default() -> Self {
        // The keys of a hash map's state come from the kernel's random numbers.
        let session = format!("{:016x}", RandomState::new().hash_one(0));
        Self { session, next: AtomicU64::default() }
    }
}

impl Tokens {
    pub(super) fn next(&self) -> String {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        format!("{}{:08x}", self.session, number)
    }

    pub(super) fn made(&self, name: &str) -> bool {
        name.starts_with(&self.session)
    }
}

impl StageName {
    pub(super) fn new(token: String, depth: usize, missing: usize) -> Self {
        Self { token, depth, missing, mtime: Timestamp(0), ending: None }
    }

    #[must_use]
    pub(super) fn with_ending_of(self, name: &[u8]) -> Self {
        let ending = name.iter().rposition(|it| *it == b'.').and_then(|it| name.get(it + 1..));
        let fits = |it: &&[u8]| {
            !it.is_empty() && it.len() <= ENDING && it.iter().all(u8::is_ascii_alphanumeric)
        };
        let ending = ending.filter(fits).map(|it| String::from_utf8_lossy(it).into_owned());
        Self { ending, ..self }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let token = parts.next().filter(|it| it.len() == 24 && is_hex(it))?.to_owned();
        let depth = parts.next()?.parse().ok()?;
        let missing = parts.next()?.parse().ok()?;
        let mtime = Timestamp(parts.next()?.parse().ok()?);
        let ending = parts.next().map(str::to_owned);
        let name = Self { token, depth, missing, mtime, ending };
        (name.to_string() == text).then_some(name)
    }
}

impl std::fmt::Display for StageName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { token, depth, missing, mtime, ending } = self;
        write!(f, "{token}.{depth}.{missing}.{}", mtime.0)?;
        ending.as_ref().map_or(Ok(()), |it| write!(f, ".{it}"))
    }
}

impl KeptName {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(4, '.');
        let deploy = DeployNo(parts.next()?.parse().ok()?);
        let verdict = match parts.next()? {
            "live" => Verdict::Live,
            "undone" => Verdict::Undone,
            _ => return None,
        };
        let was = match parts.next()? {
            "none" => None,
            hex => Some(hex.parse().ok()?),
        };
        let staged = parts.next().filter(|it| StageName::parse(it).is_some())?.to_owned();
        Some(Self { deploy, verdict, was, staged })
    }

    pub(super) fn depth(&self) -> usize {
        StageName::parse(&self.staged).map_or(0, |it| it.depth)
    }
}

impl std::fmt::Display for KeptName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let was = self.was.map_or_else(|| "none".to_owned(), |it| it.hex());
        let verdict = match self.verdict {
            Verdict::Live => "live",
            Verdict::Undone => "undone",
        };
        write!(f, "{}.{verdict}.{was}.{}", self.deploy, self.staged)
    }
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|it| it.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        let tokens = Tokens::default();
        for file in [&b"a.py"[..], b"a", b"a.", b"a.p y", b"a.tar.gz", b".x", b"\xff.\xff"] {
            let mut name = StageName::new(tokens.next(), 2, 1).with_ending_of(file);
            name.mtime = Timestamp(17);
            assert_eq!(StageName::parse(&name.to_string()), Some(name.clone()), "{name}");
            for was in [None, Some(Digest([7; 32]))] {
                for verdict in [Verdict::Live, Verdict::Undone] {
                    let (deploy, staged) = (DeployNo(3), name.to_string());
                    let kept = KeptName { deploy, verdict, was, staged };
                    assert_eq!(KeptName::parse(&kept.to_string()), Some(kept.clone()));
                    assert!(kept.to_string().len() < 200);
                }
            }
        }
        let name = StageName::new(tokens.next(), 0, 0).with_ending_of(b"a.py");
        assert_eq!(name.ending.as_deref(), Some("py"));
    }

    #[test]
    fn what_others_put_there_is_no_name() {
        for text in ["", "a.py", "../x", "0.0.0.0", "00000000000000000000000g.0.0.1", "probe"] {
            assert_eq!(StageName::parse(text), None, "{text}");
            assert_eq!(KeptName::parse(text), None, "{text}");
        }
        let two = Tokens::default();
        assert!(!two.made(&Tokens::default().next()) && two.made(&two.next()));
    }
}
