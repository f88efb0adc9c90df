//! Walks the journal from a place that is known good to its end: checks every frame, the chain and the
//! numbering, hands over whole groups, and says where the log ends.
//!
//! What does not fit is either a torn tail, a group that was being written when the power failed, or
//! damage. A torn tail is cut; damage is refused with file and offset, never cut. They are told apart so:
//! - Damage, if a whole frame of a *later* group follows: a group is written only after the one before
//!   it was synced, so what is broken had been acknowledged.
//! - Damage, if nothing of the broken frame is missing: a sector is written or it is not, so a torn frame
//!   has a part, in some sector, that is still all zeroes.
//! - Damage, if the file is shorter than the multiple that it always is, or if a segment is missing.
//! - Damage, if the checkpoint or the index knows of a later fact than the log ends with.
//!
//! What cannot be told from a torn tail: the last group or groups overwritten *with zeroes*, or the file cut at
//! exactly a multiple of its step, since the index last wrote to disk and the last checkpoint.
//!
//! A damaged *content* whose header is whole hides nothing of the facts. It is passed over and handed to the caller,
//! who refuses the log unless the same content was stored again later (`sound::unhealed`).

use std::path::Path;

use super::{
    fact::chained,
    frame::{self, HEADER, Header, Kind},
    pack::unpack,
    segment::{self, Head, Opening, Pointer, Scanner, Step, corrupt},
};
use crate::{
    model::{ChainHash, Digest, Seq},
    ports::StoreError,
};

const SECTOR: u64 = 512;

/// A place in the journal at which a group begins, and what came before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    pub(super) segment: u32,
    pub(super) offset: u64,
    pub(super) head: Head,
}

/// A whole frame with its place. A fact's text is unpacked.
pub(super) struct Found {
    pub(super) pointer: Pointer,
    pub(super) header: Header,
    pub(super) text: Vec<u8>,
}

/// A content whose bytes are not the ones that were stored.
pub(super) struct Spoilt {
    pub(super) pointer: Pointer,
    pub(super) digest: Digest,
}

/// Frames that were written together.
#[derive(Default)]
pub(super) struct Group {
    pub(super) frames: Vec<Found>,
    pub(super) segment: u32,
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) head: Head,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    pub(super) segment: u32,
    pub(super) offset: u64,
    pub(super) head: Head,
    /// A group that was never acknowledged lies behind the end, up to the end of the file.
    pub(super) torn: bool,
}

pub(super) struct Recovery<'a> {
    pub(super) log: &'a Path,
    pub(super) last_segment: u32,
    pub(super) spoilt: Vec<Spoilt>,
    /// Gets each group with the number of bytes that were read so far.
    pub(super) visit: &'a mut dyn FnMut(Group) -> Result<(), StoreError>,
}

impl Recovery<'_> {
    pub(super) fn run(&mut self, start: Start) -> Result<End, StoreError> {
        let mut at = start;
        loop {
            let end = self.segment(at)?;
            if at.segment == self.last_segment {
                return Ok(end);
            }
            at = self.cross(end)?;
        }
    }

    /// From one segment to the next, which says where this one ends.
    pub(super) fn cross(&self, end: End) -> Result<Start, StoreError> {
        let (path, next) = (segment::path(self.log, end.segment), end.segment + 1);
        let (opening, head, offset) = opening(self.log, next)?;
        if opening.segment != next {
            return Err(corrupt(&segment::path(self.log, next), 0, "another segment's file"));
        }
        if opening.previous_end != end.offset {
            let what = format!("facts are missing up to byte {}", opening.previous_end);
            return Err(corrupt(&path, end.offset, what));
        }
        let rest = Scanner::open(self.log, end.segment, end.offset)?.rest(end.offset)?;
        if let Some(stray) = rest.iter().position(|it| *it != 0) {
            let what = "something stands behind the segment's end";
            return Err(corrupt(&path, end.offset + stray as u64, what));
        }
        if head != end.head {
            let what = "it does not continue the segment before it";
            return Err(corrupt(&segment::path(self.log, next), 0, what));
        }
        Ok(Start { segment: next, offset, head })
    }

    /// From here to the segment's end.
    pub(super) fn segment(&mut self, start: Start) -> Result<End, StoreError> {
        let mut scanner = Scanner::open(self.log, start.segment, start.offset)?;
        let is_last = start.segment == self.last_segment;
        let mut newest = (!is_last).then_some(u64::MAX);
        let mut end =
            End { segment: start.segment, offset: start.offset, head: start.head, torn: false };
        let mut group = Group { start: start.offset, ..Group::default() };
        let mut chain = Chain { head: start.head };
        loop {
            let path = scanner.path().to_owned();
            let (at, header) = match scanner.next()? {
                Step::Frame { at, header, body } => {
                    if header.group != group.start {
                        return Err(corrupt(&path, at, "a frame of another group"));
                    }
                    group.frames.push(chain.found(&path, start.segment, at, &header, body)?);
                    (at, header)
                }
                Step::Bad { at, header: Some(header), .. }
                    if header.kind == Kind::Content
                        && header.group == group.start
                        && header.group
                            < newest_group(&mut newest, self.log, start.segment, at)? =>
                {
                    scanner.skip_to(at + header.length());
                    let pointer = pointer(&path, start.segment, at)?;
                    self.spoilt.push(Spoilt { pointer, digest: Digest(header.name) });
                    (at, header)
                }
                Step::End | Step::Bad { .. } if is_last => {
                    end.torn = torn(&mut scanner, end.offset)?;
                    return Ok(end);
                }
                Step::End if group.frames.is_empty() => return Ok(end),
                Step::End => return Err(corrupt(&path, scanner.at(), "frames are missing")),
                Step::Bad { at, what, .. } => return Err(corrupt(&path, at, what)),
            };
            if header.last {
                end.offset = at + header.length();
                end.head = chain.head;
                group = self.hand_over(group, end)?;
            }
        }
    }

    fn hand_over(&mut self, group: Group, end: End) -> Result<Group, StoreError> {
        (self.visit)(Group { segment: end.segment, end: end.offset, head: end.head, ..group })?;
        Ok(Group { start: end.offset, ..Group::default() })
    }
}

/// Follows the facts: each is the next one, and names the hash of the one before it.
pub(super) struct Chain {
    pub(super) head: Head,
}

impl Chain {
    fn found(
        &mut self,
        path: &Path,
        segment: u32,
        at: u64,
        header: &Header,
        body: &[u8],
    ) -> Result<Found, StoreError> {
        let text = match header.kind {
            Kind::Fact => self.follow(path, at, header, body)?,
            Kind::Content => Vec::new(),
            Kind::Segment => return Err(corrupt(path, at, "a segment begins within a segment")),
        };
        Ok(Found { pointer: pointer(path, segment, at)?, header: *header, text })
    }

    /// The fact's text.
    pub(super) fn follow(
        &mut self,
        path: &Path,
        at: u64,
        header: &Header,
        body: &[u8],
    ) -> Result<Vec<u8>, StoreError> {
        let seq = Seq(header.seq);
        if seq != self.head.seq.next() {
            let what = format!("fact {seq} stands where fact {} should", self.head.seq.next());
            return Err(corrupt(path, at, what));
        }
        if ChainHash(header.name) != self.head.chain {
            return Err(corrupt(path, at, format!("fact {seq} does not continue the chain")));
        }
        let text = unpack(header.codec, header.size, body.to_vec())
            .ok_or_else(|| corrupt(path, at, format!("fact {seq} cannot be unpacked")))?;
        self.head = Head { seq, chain: chained(self.head.chain, seq, &text) };
        Ok(text)
    }
}

fn pointer(path: &Path, segment: u32, at: u64) -> Result<Pointer, StoreError> {
    let offset = u32::try_from(at).map_err(|_| corrupt(path, at, "a segment this long"))?;
    Ok(Pointer { segment, offset })
}

/// Where the log begins.
pub(super) fn beginning(log: &Path) -> Result<Start, StoreError> {
    let (opening, head, offset) = opening(log, 1)?;
    if opening.segment == 1 && head == Head::default() {
        return Ok(Start { segment: 1, offset, head });
    }
    Err(corrupt(&segment::path(log, 1), 0, "the first segment does not begin the chain"))
}

/// What a segment says at its beginning, and where its first group stands.
pub(super) fn opening(log: &Path, segment: u32) -> Result<(Opening, Head, u64), StoreError> {
    let mut scanner = Scanner::open(log, segment, 0)?;
    let path = scanner.path().to_owned();
    if let Step::Frame { header, body, .. } = scanner.next()?
        && header.kind == Kind::Segment
    {
        let opening = serde_json::from_slice(body)
            .map_err(|it| corrupt(&path, 0, format!("its opening cannot be read: {it}")))?;
        let head = Head { seq: Seq(header.seq), chain: ChainHash(header.name) };
        return Ok((opening, head, header.length()));
    }
    Err(corrupt(&path, 0, "its opening is damaged"))
}

/// What lies behind the last whole group of the last segment: nothing (`false`), a group that was never
/// acknowledged (`true`), or damage (an error).
fn torn(scanner: &mut Scanner, end: u64) -> Result<bool, StoreError> {
    let rest = scanner.rest(end)?;
    if rest.iter().all(|it| *it == 0) {
        return Ok(false);
    }
    let path = scanner.path().to_owned();
    if newest_whole(&rest).is_some_and(|it| it > end) {
        return Err(corrupt(&path, end, "a broken group with whole ones behind it"));
    }
    scanner.skip_to(end);
    loop {
        match scanner.next()? {
            // The group's first frames can be whole.
            Step::Frame { header, .. } if header.group == end => {}
            Step::Frame { at, .. } => return Err(corrupt(&path, at, "a frame of another group")),
            Step::End => return Ok(true),
            Step::Bad { at, header, what } => {
                let from = header.map_or(at, |_| at + HEADER as u64);
                let length = header.map_or(HEADER as u64, |it| u64::from(it.stored) + 1);
                if has_hole(&rest, end, from, length) {
                    return Ok(true);
                }
                return Err(corrupt(&path, at, what));
            }
        }
    }
}

/// The newest group that has a whole frame behind this place; looked for once.
fn newest_group(
    known: &mut Option<u64>,
    log: &Path,
    segment: u32,
    at: u64,
) -> Result<u64, StoreError> {
    if let Some(it) = known {
        return Ok(*it);
    }
    let rest = Scanner::open(log, segment, at)?.rest(at)?;
    Ok(*known.insert(newest_whole(&rest).unwrap_or_default()))
}

fn newest_whole(rest: &[u8]) -> Option<u64> {
    let groups = frame::candidates(rest).filter_map(|at| {
        let bytes = rest.get(at..)?;
        let header = frame::parse(bytes.first_chunk()?).ok()?;
        let length = usize::try_from(header.length()).ok()?;
        header.fits(bytes.get(HEADER..length)?).then_some(header.group)
    });
    groups.max()
}

/// Whether some sector holds nothing but zeroes where these bytes should be.
fn has_hole(rest: &[u8], base: u64, from: u64, length: u64) -> bool {
    let mut at = from;
    while at < from + length {
        let next = (at / SECTOR + 1) * SECTOR;
        let range = usize::try_from(at - base).unwrap_or(usize::MAX)
            ..usize::try_from(next.min(from + length) - base).unwrap_or(usize::MAX);
        if rest.get(range).is_none_or(|it| it.iter().all(|it| *it == 0)) {
            return true;
        }
        at = next;
    }
    false
}
