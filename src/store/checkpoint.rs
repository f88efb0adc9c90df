//! The checkpoint file: a fact that was durable, and in the index, when this was written. It anchors the head of
//! the log: one that ends before it was cut. One line of JSON with its checksum, for people too.

use std::{fs, io, path::Path};

use serde::{Deserialize, Serialize};

use super::{
    frame::FORMAT,
    place::{failed, replace},
    twin::Hex,
};
use crate::{
    model::{ChainHash, Digest, Seq},
    ports::StoreError,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Checkpoint {
    pub(super) segment: u32,
    pub(super) offset: u64,
    pub(super) seq: Seq,
    pub(super) chain: ChainHash,
}

pub(super) enum Found {
    Whole(Checkpoint),
    /// Damaged, or not there.
    Lost(&'static str),
}

#[derive(Serialize, Deserialize)]
struct CheckpointV1 {
    format: u8,
    segment: u32,
    offset: u64,
    seq: u64,
    chain: Hex,
}

pub(super) fn write(dir: &Path, it: Checkpoint) -> Result<(), StoreError> {
    let path = dir.join("checkpoint");
    let Checkpoint { segment, offset, seq: Seq(seq), chain } = it;
    let chain = Hex(Digest(chain.0));
    let twin = CheckpointV1 { format: FORMAT, segment, offset, seq, chain };
    let json =
        serde_json::to_string(&twin).map_err(|it| failed("write", &path)(io::Error::other(it)))?;
    replace(&path, format!("{json} {:08x}\n", crc32fast::hash(json.as_bytes())).as_bytes())
}

pub(super) fn read(dir: &Path) -> Result<Found, StoreError> {
    let path = dir.join("checkpoint");
    let bytes = match fs::read(&path) {
        Ok(it) => it,
        Err(it) if it.kind() == io::ErrorKind::NotFound => return Ok(Found::Lost("is missing")),
        Err(it) => return Err(failed("read", &path)(it)),
    };
    let Some(twin) = parse(&bytes) else { return Ok(Found::Lost("is damaged")) };
    if twin.format > FORMAT {
        let (found, known) = (twin.format.into(), FORMAT.into());
        return Err(StoreError::Newer { path, found, known });
    }
    Ok(Found::Whole(Checkpoint {
        segment: twin.segment,
        offset: twin.offset,
        seq: Seq(twin.seq),
        chain: ChainHash(twin.chain.0.0),
    }))
}

fn parse(bytes: &[u8]) -> Option<CheckpointV1> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (json, crc) = text.strip_suffix('\n')?.rsplit_once(' ')?;
    let whole = crc == format!("{:08x}", crc32fast::hash(json.as_bytes()));
    if whole { serde_json::from_str(json).ok() } else { None }
}
