//! What one group of the journal means for the index: where its facts and contents stand. Made while a group is
//! written, and again while it is read: both give the same.

use super::{
    fact::from_json,
    frame::Kind,
    recovery::Group,
    segment::{self, Head, Pointer, corrupt},
};
use crate::{
    model::{Digest, Fact, Record, Seq, ToolId, VersionNo},
    ports::StoreError,
};

pub(super) struct Change {
    pub(super) segment: u32,
    pub(super) start: u64,
    pub(super) end: u64,
    /// After it.
    pub(super) head: Head,
    /// The first fact, if it has any.
    pub(super) first: Option<(Seq, Pointer)>,
    pub(super) versions: Vec<NewVersion>,
    pub(super) contents: Vec<(Digest, Pointer)>,
}

pub(super) struct NewVersion {
    pub(super) tool: ToolId,
    pub(super) number: VersionNo,
    pub(super) digest: Digest,
    pub(super) pointer: Pointer,
}

impl Change {
    pub(super) fn new(segment: u32, start: u64, head: Head) -> Self {
        let (versions, contents) = (Vec::new(), Vec::new());
        Self { segment, start, end: start, head, first: None, versions, contents }
    }

    pub(super) fn fact(&mut self, record: &Record, head: Head, pointer: Pointer) {
        self.head = head;
        self.first.get_or_insert((record.seq, pointer));
        if let Fact::VersionRecorded(it) = &record.fact {
            let (tool, number, digest) = (it.tool.clone(), it.number, it.digest);
            self.versions.push(NewVersion { tool, number, digest, pointer });
        }
    }

    pub(super) fn read(log: &std::path::Path, group: &Group) -> Result<Self, StoreError> {
        let mut change = Self::new(group.segment, group.start, group.head);
        for it in &group.frames {
            match it.header.kind {
                Kind::Fact => {
                    let record = from_json(Seq(it.header.seq), &it.text).map_err(|what| {
                        let path = segment::path(log, group.segment);
                        corrupt(&path, it.pointer.offset.into(), what)
                    })?;
                    change.fact(&record, group.head, it.pointer);
                }
                Kind::Content => change.contents.push((Digest(it.header.name), it.pointer)),
                Kind::Segment => (),
            }
        }
        change.end = group.end;
        Ok(change)
    }
}
