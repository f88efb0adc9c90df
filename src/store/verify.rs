//! Reads everything there is and compares: frames, chain, contents against their hashes, index against journal.
//! Changes nothing, and goes on after a problem as far as it can.

use sha2::{Digest as _, Sha256};

use super::{
    Shared, entry,
    fact::from_json,
    frame::{self, HEADER, Header, Kind},
    pack::unpack,
    recovery::{Chain, opening},
    segment::{self, Head, Pointer, Scanner, Step},
};
use crate::{
    model::{ChainHash, Digest, Fact, Seq, Version},
    ports::{StoreError, Verified},
};

/// Enough to see what is wrong; a disk that is gone would give one for every frame.
const MOST_PROBLEMS: usize = 1000;

pub(super) fn run(shared: &Shared) -> Result<Verified, StoreError> {
    let (last_segment, last_end) = {
        let it = shared.index.meta();
        (it.segment, it.end)
    };
    let head = Head::default();
    let mut check = Check {
        shared,
        found: Verified::default(),
        chain: Chain { head },
        versions: 0,
        damaged: false,
    };
    for segment in 1..=last_segment {
        let end = (segment == last_segment).then_some(last_end);
        match check.segment(segment, end) {
            Err(StoreError::Io { doing, path, source }) => {
                return Err(StoreError::Io { doing, path, source });
            }
            Err(it) => check.damage(it.to_string()),
            Ok(()) => (),
        }
    }
    if last_segment != 0 {
        check.index(Pointer {
            segment: last_segment,
            offset: u32::try_from(last_end).unwrap_or(u32::MAX),
        })?;
    }
    Ok(check.found)
}

struct Check<'a> {
    shared: &'a Shared,
    found: Verified,
    chain: Chain,
    versions: u64,
    /// The log itself has problems: nobody may be told to remove what else is left of it.
    damaged: bool,
}

impl Check<'_> {
    fn problem(&mut self, what: String) {
        if self.found.problems.len() < MOST_PROBLEMS {
            self.found.problems.push(what);
        }
    }

    fn at(&mut self, segment: u32, offset: u64, what: &str) {
        let path = segment::path(&self.shared.log, segment);
        self.damage(format!("{} is damaged at byte {offset}: {what}", path.display()));
    }

    fn damage(&mut self, what: String) {
        self.damaged = true;
        self.problem(what);
    }

    /// The index is to blame, not the log.
    fn lacking(&mut self, what: &str, at: Pointer) {
        let (path, index) = (segment::path(&self.shared.log, at.segment), &self.shared.index.path);
        let (index, path) = (index.join("db"), path.display());
        let what =
            format!("{}: the index lacks {what}, at byte {} of {path}", index.display(), at.offset);
        self.problem(what);
    }

    fn segment(&mut self, segment: u32, end: Option<u64>) -> Result<(), StoreError> {
        let (_, head, offset) = opening(&self.shared.log, segment)?;
        if head != self.chain.head {
            self.at(segment, 0, "it does not continue the segment before it");
            self.chain.head = head;
        }
        let mut scanner = Scanner::open(&self.shared.log, segment, offset)?;
        let end = match end {
            Some(it) => it,
            None => opening(&self.shared.log, segment + 1).map_or(u64::MAX, |it| it.0.previous_end),
        };
        while scanner.at() < end {
            match scanner.next()? {
                Step::Frame { at, header, body } => {
                    let body = body.to_vec();
                    self.frame(segment, at, &header, body)?;
                }
                Step::End => {
                    if end != u64::MAX {
                        self.at(segment, scanner.at(), "frames are missing");
                    }
                    break;
                }
                Step::Bad { at, header, what } => {
                    self.at(segment, at, what);
                    match next_frame(&scanner, at, header)? {
                        Some(it) => scanner.skip_to(it),
                        None => break,
                    }
                }
            }
        }
        Ok(())
    }

    fn frame(
        &mut self,
        segment: u32,
        at: u64,
        header: &Header,
        body: Vec<u8>,
    ) -> Result<(), StoreError> {
        let offset = u32::try_from(at).unwrap_or(u32::MAX);
        let pointer = Pointer { segment, offset };
        match header.kind {
            Kind::Fact => self.fact(pointer, header, &body),
            Kind::Content => self.content(pointer, header, body),
            Kind::Segment => {
                self.at(segment, at, "a segment begins within a segment");
                Ok(())
            }
        }
    }

    fn fact(&mut self, at: Pointer, header: &Header, body: &[u8]) -> Result<(), StoreError> {
        self.found.facts += 1;
        let path = segment::path(&self.shared.log, at.segment);
        let followed = self.chain.follow(&path, at.offset.into(), header, body);
        let text = match followed {
            Ok(it) => it,
            Err(it) => {
                self.damage(it.to_string());
                // Take it for the start of a new chain, or every fact after it would be a problem.
                self.chain.head = Head { seq: Seq(header.seq - 1), chain: ChainHash(header.name) };
                match self.chain.follow(&path, at.offset.into(), header, body) {
                    Ok(it) => it,
                    Err(_) => return Ok(()),
                }
            }
        };
        match from_json(Seq(header.seq), &text).map(|it| it.fact) {
            Ok(Fact::VersionRecorded(it)) => return self.version(at, &it),
            Ok(_) => (),
            Err(what) => self.at(at.segment, at.offset.into(), &what),
        }
        Ok(())
    }

    /// Its content is there, and the index knows where it stands.
    fn version(&mut self, at: Pointer, version: &Version) -> Result<(), StoreError> {
        self.versions += 1;
        let Version { tool, number, digest, .. } = version;
        let index = &self.shared.index;
        let entry = index.tool(tool)?;
        let mut known = entry.newest.iter().any(|it| (it.number, it.pointer) == (*number, at));
        for chunk in (0..entry.chunks).rev() {
            known = known
                || index
                    .older(tool, chunk)?
                    .iter()
                    .any(|it| (it.number, it.pointer) == (*number, at));
        }
        if !known {
            self.lacking(&format!("{tool} {number}"), at);
        }
        if self.shared.find(digest)?.is_none() {
            let what = format!("the content {digest} of {tool} {number} is not there");
            self.at(at.segment, at.offset.into(), &what);
        }
        Ok(())
    }

    fn content(&mut self, at: Pointer, header: &Header, body: Vec<u8>) -> Result<(), StoreError> {
        self.found.contents += 1;
        let digest = Digest(header.name);
        let whole = unpack(header.codec, header.size, body)
            .is_some_and(|it| Sha256::digest(it).as_slice() == header.name);
        if !whole {
            self.at(at.segment, at.offset.into(), &format!("the content is not {digest}"));
        }
        if !self.shared.index.content(&digest)?.contains(&at) {
            self.lacking(&format!("the content {digest}"), at);
        }
        Ok(())
    }

    /// The index knows of nothing that the journal does not have. What came in meanwhile does not count.
    fn index(&mut self, end: Pointer) -> Result<(), StoreError> {
        let (mut versions, mut contents) = (0_u64, 0_u64);
        let count = |all: &[entry::VersionEntry]| all.iter().filter(|it| it.pointer < end).count();
        self.shared.index.walk(&[], |key, value| {
            if entry::is_bucket(key) {
                contents += entry::contents(value).filter(|it| it.1 < end).count() as u64;
            } else if key >= entry::FIRST_TOOL && key.contains(&0) {
                versions += entry::read_versions(value).map_or(0, |it| count(&it)) as u64;
            }
            Ok(true)
        })?;
        self.shared.index.walk_tools(|_, it| {
            versions += count(&it.newest) as u64;
            Ok(())
        })?;
        let indexed =
            [("versions", versions, self.versions), ("contents", contents, self.found.contents)];
        for (what, index, journal) in indexed {
            if index != journal {
                let path = self.shared.index.path.join("db");
                let way_out = self.way_out();
                self.problem(format!(
                    "{}: the index has {index} {what}, the whole part of the log {journal}; {way_out}",
                    path.display()
                ));
            }
        }
        Ok(())
    }

    /// The index is made again from the log, if that can be trusted.
    fn way_out(&self) -> String {
        let (index, place) = (&self.shared.index.path, self.shared.place.dir().display());
        if !self.damaged {
            let index = index.display();
            return format!(
                "stop the daemon, remove {index}, start it: it is made again from the log"
            );
        }
        format!(
            "the log is damaged, so the index may hold the only trace of what it lost: remove nothing; stop the \
             daemon, copy the whole of {place} away before anything else, then put a good copy in its place"
        )
    }
}

/// Where reading can go on after a bad frame.
fn next_frame(
    scanner: &Scanner,
    bad: u64,
    header: Option<Header>,
) -> Result<Option<u64>, StoreError> {
    if let Some(it) = header {
        return Ok(Some(bad + it.length()));
    }
    let from = bad + 1;
    let rest = scanner.rest(from)?;
    let found = frame::candidates(&rest).find(|at| {
        let bytes = rest.get(*at..).unwrap_or_default();
        bytes.first_chunk::<HEADER>().is_some_and(|it| frame::parse(it).is_ok())
    });
    Ok(found.map(|it| from + it as u64))
}
