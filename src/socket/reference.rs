//! Version references: what `v3`, a hash, `head`, `baseline`, `disk` or a time mean for one tool, at one
//! moment.

use super::{
    call::Call,
    problem::{Code, Problem},
};
use crate::{
    model::{Base, Baseline, Change, Digest, Disk, Head, Timestamp, Tool, ToolId, VersionNo},
    reconcile::View,
    wire::{self, Side},
};

/// A content that a reference led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Point {
    pub(super) digest: Digest,
    /// `None`: known by its hash alone.
    pub(super) version: Option<VersionNo>,
    pub(super) executable: Option<bool>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Reference {
    Version(VersionNo),
    Hash(String),
    Head,
    Baseline,
    Disk,
    KnownGood,
    Time(Timestamp),
}

/// One tool at one moment, and the log behind it.
pub(super) struct Place<'a> {
    pub(super) call: &'a Call,
    pub(super) view: &'a View,
    pub(super) id: &'a ToolId,
    pub(super) tool: &'a Tool,
}

const FORMS: &str = "a version reference is v3, a hash or at least 8 of its first digits, head, baseline, disk, \
                     known_good, or a time such as 2026-01-31T12:00:00Z";
const VERSIONS_AT_ONCE: usize = 256;

impl<'a> Place<'a> {
    pub(super) fn of(call: &'a Call, view: &'a View, id: &'a ToolId) -> Result<Self, Problem> {
        let tool = view.state.tool(id).ok_or_else(|| Problem::no_such_tool(id))?;
        Ok(Self { call, view, id, tool })
    }

    /// `None`: the tool has no baseline, or nothing stands on disk.
    pub(super) fn find(&self, reference: &str) -> Result<Option<Point>, Problem> {
        match parse(reference)? {
            Reference::Head => self.head().map(Some),
            Reference::Baseline => Ok(self.baseline()),
            Reference::KnownGood => Ok(self.tool.known_good().map(Point::from)),
            Reference::Disk => self.disk(),
            Reference::Version(number) => self.numbered(number).map(Some),
            Reference::Hash(hex) => self.hashed(&hex).map(Some),
            Reference::Time(time) => self.newest_at(time).map(Some),
        }
    }

    fn head(&self) -> Result<Point, Problem> {
        let head = self.tool.head.as_ref().map(Point::from);
        head.ok_or_else(|| self.no_version("it has no version yet"))
    }

    pub(super) fn baseline(&self) -> Option<Point> {
        self.tool.baseline.as_ref().map(Point::from)
    }

    fn disk(&self) -> Result<Option<Point>, Problem> {
        match self.view.state.disk(self.id, self.tool) {
            Disk::Absent => Ok(None),
            // The head may be a version that stands nowhere.
            Disk::Standing(_) => Ok(self.tool.on_disk().map(Point::from)),
            Disk::Unreadable(cause) => {
                let why = format!("what stands on disk is unreadable: {}", cause.as_str());
                Err(self.no_version(&why).with("cause", cause.as_str()))
            }
        }
    }

    fn numbered(&self, number: VersionNo) -> Result<Point, Problem> {
        let version = self.call.handle()?.archive().version(self.id, number)?;
        let version = version.ok_or_else(|| self.no_version(&format!("it has no {number}")))?;
        Ok(Point {
            digest: version.digest,
            version: Some(number),
            executable: Some(version.executable),
        })
    }

    fn hashed(&self, hex: &str) -> Result<Point, Problem> {
        let found = self.call.handle()?.archive().versions_by_hash(self.id, hex)?;
        match found.as_slice() {
            [] if self.was_proposed(hex) => {
                let digest = whole_hash(hex).ok_or_else(|| self.no_version(hex))?;
                Ok(Point { digest, version: None, executable: None })
            }
            [] => {
                Err(self
                    .no_version(&format!("none of its versions has a hash that begins with {hex}")))
            }
            [(_, number)] => self.numbered(*number),
            many => {
                let candidates: Vec<String> = many.iter().map(|it| it.0.to_string()).collect();
                Err(Problem::invalid(format!("{hex} is the beginning of {} hashes", many.len()))
                    .hint("name more digits")
                    .with("candidates", candidates))
            }
        }
    }

    /// Whether a deploy at hand wanted this content here: one that was refused stays the content of its deploy.
    fn was_proposed(&self, hex: &str) -> bool {
        let Some(digest) = whole_hash(hex) else { return false };
        let wanted =
            |it: &Change| it.tool == *self.id && it.to.is_some_and(|to| to.digest == digest);
        self.view.state.deploys().any(|it| it.proposal.changes.iter().any(wanted))
    }

    /// The version that was the newest at that time.
    fn newest_at(&self, time: Timestamp) -> Result<Point, Problem> {
        let archive = self.call.handle()?.archive();
        let mut below = None;
        loop {
            let page = archive.versions(self.id, below, VERSIONS_AT_ONCE)?;
            if let Some(version) = page.iter().find(|it| it.time <= time) {
                return self.numbered(version.number);
            }
            below = page.last().map(|it| it.number);
            if below.is_none() {
                return Err(self.no_version(&format!("it had no version at {}", wire::stamp(time))));
            }
        }
    }

    pub(super) fn content(&self, point: &Point) -> Result<Vec<u8>, Problem> {
        let content = self.call.handle()?.archive().content(&point.digest)?;
        content
            .ok_or_else(|| self.no_version(&format!("the content {} was never seen", point.digest)))
    }

    pub(super) fn no_version(&self, why: &str) -> Problem {
        Problem::new(Code::NoSuchVersion, format!("{}: {why}", self.id))
            .hint(format!("GET /v1/history/{} lists its versions", self.id))
    }
}

impl Point {
    pub(super) fn side(&self) -> Side {
        Side {
            version: self.version.map(|it| it.0),
            sha256: self.digest.to_string(),
            executable: self.executable,
        }
    }

    /// `v3`, or the beginning of the hash.
    pub(super) fn label(&self) -> String {
        let short = || self.digest.hex().get(..8).unwrap_or_default().to_owned();
        self.version.map_or_else(short, |it| it.to_string())
    }

    /// Whether both are the same file, as far as both are known.
    pub(super) fn is(&self, other: &Self) -> bool {
        let bits = self.executable.zip(other.executable);
        self.digest == other.digest && bits.is_none_or(|it| it.0 == it.1)
    }
}

/// As a proposal keeps what it started from.
impl From<&Base> for Point {
    fn from(base: &Base) -> Self {
        Self { digest: base.digest, version: base.version, executable: None }
    }
}

impl From<&Baseline> for Point {
    fn from(it: &Baseline) -> Self {
        Self { digest: it.digest, version: it.version, executable: it.executable }
    }
}

impl From<&Head> for Point {
    fn from(head: &Head) -> Self {
        Self { digest: head.digest, version: Some(head.number), executable: Some(head.executable) }
    }
}

/// Whether the text is a whole hash, so that it names a content even where no version has it.
pub(super) fn whole_hash(text: &str) -> Option<Digest> {
    text.to_ascii_lowercase().parse().ok()
}

fn parse(text: &str) -> Result<Reference, Problem> {
    match text {
        "head" => return Ok(Reference::Head),
        "baseline" => return Ok(Reference::Baseline),
        "disk" => return Ok(Reference::Disk),
        "known_good" => return Ok(Reference::KnownGood),
        _ => (),
    }
    let bad = || Problem::invalid(format!("{text:?} is no version reference")).hint(FORMS);
    if let Some(number) = text.strip_prefix('v') {
        let plain = number.bytes().all(|it| it.is_ascii_digit()) && !number.starts_with('0');
        let number = number.parse().ok().filter(|_| plain);
        return number.map(|it| Reference::Version(VersionNo(it))).ok_or_else(bad);
    }
    let lower = text.to_ascii_lowercase();
    let hex = lower.strip_prefix("sha256:").unwrap_or(&lower);
    if (8..=64).contains(&hex.len()) && hex.bytes().all(|it| it.is_ascii_hexdigit()) {
        return Ok(Reference::Hash(hex.to_owned()));
    }
    wire::time(text).map(Reference::Time).ok_or_else(bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_known_and_no_other() {
        assert_eq!(parse("v3"), Ok(Reference::Version(VersionNo(3))));
        assert_eq!(parse("sha256:DEADBEEF"), Ok(Reference::Hash("deadbeef".to_owned())));
        assert_eq!(parse("12345678"), Ok(Reference::Hash("12345678".to_owned())));
        assert_eq!(parse("1970-01-01T00:00:01Z"), Ok(Reference::Time(Timestamp(1_000_000))));
        let long = "a".repeat(65);
        for text in [
            "",
            "v",
            "v0",
            "v03",
            "v-1",
            "v99999999999",
            "1234567",
            "main",
            "HEAD",
            "2026-01-01",
            &long,
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
