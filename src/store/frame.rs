//! One frame of the journal: a header of 76 bytes, the body, and a closing byte. The header is the same
//! in every format, so that a newer one can be told from damage. Knows bytes only: no file, no meaning.
//!
//! Frames that were written together form a group; each says where its group begins and the last one
//! says that it is the last. So a group counts whole or not at all, and a whole frame of a *later*
//! group proves that everything before it had been acknowledged.

/// The newest format that this program reads, and the one it writes.
pub(super) const FORMAT: u8 = 1;
pub(super) const HEADER: usize = 76;
/// Closes a frame. Not zero: the part of a frame in its last sector is then never all zeroes.
const CLOSING: u8 = b'\n';
const MAGIC: [u8; 4] = *b"kG\xF1\x0D";
const LAST_OF_GROUP: u8 = 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Opens a segment; `name` is the chain up to here.
    Segment,
    /// `name` is the chain before this fact.
    Fact,
    /// `name` is the content's sha256.
    Content,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) kind: Kind,
    pub(super) codec: u8,
    pub(super) last: bool,
    /// Bytes of the body as it stands here, and unpacked.
    pub(super) stored: u32,
    pub(super) size: u64,
    /// The fact's own; for a content that of the fact it comes before.
    pub(super) seq: u64,
    /// Where the group begins in this segment.
    pub(super) group: u64,
    pub(super) name: [u8; 32],
    pub(super) body_crc: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadHeader {
    Newer(u8),
    Damaged,
}

impl Kind {
    fn byte(self) -> u8 {
        match self {
            Self::Segment => 1,
            Self::Fact => 2,
            Self::Content => 3,
        }
    }

    fn of(byte: u8) -> Option<Self> {
        [Self::Segment, Self::Fact, Self::Content].into_iter().find(|it| it.byte() == byte)
    }
}

impl Header {
    /// Bytes that the whole frame takes.
    pub(super) fn length(&self) -> u64 {
        HEADER as u64 + u64::from(self.stored) + 1
    }

    /// Whether these bytes (body and closing byte) are the ones that the header was made for.
    pub(super) fn fits(&self, body_and_closing: &[u8]) -> bool {
        body_and_closing.split_last().is_some_and(|(closing, body)| {
            *closing == CLOSING && crc32fast::hash(body) == self.body_crc
        })
    }
}

/// Appends a frame to `out`. `stored` and `body_crc` are filled in from the body.
pub(super) fn put(out: &mut Vec<u8>, header: &Header, body: &[u8]) -> Result<(), BodyTooLong> {
    let stored = u32::try_from(body.len()).map_err(|_| BodyTooLong)?;
    let start = out.len();
    out.reserve(HEADER + body.len() + 1);
    out.extend_from_slice(&MAGIC);
    let flags = if header.last { LAST_OF_GROUP } else { 0 };
    out.extend_from_slice(&[FORMAT, header.kind.byte(), header.codec, flags]);
    out.extend_from_slice(&stored.to_be_bytes());
    out.extend_from_slice(&header.size.to_be_bytes());
    out.extend_from_slice(&header.seq.to_be_bytes());
    out.extend_from_slice(&header.group.to_be_bytes());
    out.extend_from_slice(&header.name);
    out.extend_from_slice(&crc32fast::hash(body).to_be_bytes());
    let crc = crc32fast::hash(out.get(start..).unwrap_or_default());
    out.extend_from_slice(&crc.to_be_bytes());
    out.extend_from_slice(body);
    out.push(CLOSING);
    Ok(())
}

#[derive(Debug)]
pub(super) struct BodyTooLong;

pub(super) fn parse(bytes: &[u8; HEADER]) -> Result<Header, BadHeader> {
    let mut fields = Fields(bytes);
    let magic: [u8; 4] = fields.take();
    let [format, kind, codec, flags] = fields.take();
    let header = Header {
        kind: Kind::Fact,
        codec,
        last: flags & LAST_OF_GROUP != 0,
        stored: u32::from_be_bytes(fields.take()),
        size: u64::from_be_bytes(fields.take()),
        seq: u64::from_be_bytes(fields.take()),
        group: u64::from_be_bytes(fields.take()),
        name: fields.take(),
        body_crc: u32::from_be_bytes(fields.take()),
    };
    let crc = u32::from_be_bytes(fields.take());
    let whole = bytes.split_last_chunk::<4>().is_some_and(|it| crc32fast::hash(it.0) == crc);
    if magic != MAGIC || !whole {
        return Err(BadHeader::Damaged);
    }
    if format > FORMAT {
        return Err(BadHeader::Newer(format));
    }
    Kind::of(kind).map(|kind| Header { kind, ..header }).ok_or(BadHeader::Damaged)
}

/// Where frames may begin in these bytes.
pub(super) fn candidates(bytes: &[u8]) -> impl Iterator<Item = usize> + '_ {
    bytes.windows(MAGIC.len()).enumerate().filter(|it| it.1 == MAGIC).map(|it| it.0)
}

struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        self.0.split_first_chunk::<N>().map_or([0; N], |(field, rest)| {
            self.0 = rest;
            *field
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> (Header, Vec<u8>) {
        let header = Header {
            kind: Kind::Content,
            codec: 1,
            last: true,
            stored: 5,
            size: 9,
            seq: 77,
            group: 4096,
            name: [7; 32],
            body_crc: crc32fast::hash(b"hello"),
        };
        let mut bytes = Vec::new();
        put(&mut bytes, &header, b"hello").unwrap();
        (header, bytes)
    }

    #[test]
    fn reads_what_it_writes() {
        let (header, bytes) = sample();
        assert_eq!(parse(bytes.first_chunk().unwrap()), Ok(header));
        assert_eq!(bytes.len() as u64, header.length());
        assert!(header.fits(&bytes[HEADER..]));
        assert_eq!(candidates(&bytes).collect::<Vec<_>>(), [0]);
    }

    #[test]
    fn every_flipped_bit_is_seen() {
        let (header, bytes) = sample();
        for bit in 0..bytes.len() * 8 {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let same = parse(bytes.first_chunk().unwrap()) == Ok(header);
            assert!(!same || !header.fits(&bytes[HEADER..]), "bit {bit}");
        }
    }

    #[test]
    fn a_newer_format_is_not_damage() {
        let (_, mut bytes) = sample();
        bytes[4] = FORMAT + 1;
        let crc = crc32fast::hash(&bytes[..HEADER - 4]).to_be_bytes();
        bytes[HEADER - 4..HEADER].copy_from_slice(&crc);
        assert_eq!(parse(bytes.first_chunk().unwrap()), Err(BadHeader::Newer(FORMAT + 1)));
    }
}
