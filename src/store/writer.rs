//! The writing half: journal, sync, link check, index, in this order, and only then `Ok`. Keeps no opinion about
//! facts; only that they follow the head.

use std::{collections::HashSet, sync::Arc};

use super::{
    Shared,
    change::Change,
    checkpoint::{self, Checkpoint},
    deploy,
    entry::{self, PIECE, piece, pieces},
    index::{Draft, unusable},
    journal::Journal,
    monitor, rebuild, rows,
    segment::{self, Head},
};
use crate::{
    model::{ChainHash, Digest, Seq, Tool, ToolId},
    ports::{Batch, Log, Packed, Rows, StoreError},
};

/// Rows that are refreshed together when there are many.
const PORTION: usize = 1024;

pub(super) struct Writer {
    pub(super) shared: Arc<Shared>,
    pub(super) journal: Journal,
    pub(super) poison: Option<String>,
}

impl Log for Writer {
    fn head(&self) -> (Seq, ChainHash) {
        let it = self.journal.head();
        (it.seq, it.chain)
    }

    fn append(&mut self, batch: &Batch) -> Result<(), StoreError> {
        self.refuse_if_poisoned()?;
        self.follows(batch)?;
        let done = if batch.records.is_empty() && batch.contents.is_empty() {
            self.refresh(&batch.rows)
        } else {
            self.commit(batch)
        };
        self.poison_unless_harmless(done)
    }

    fn checkpoint(&mut self) -> Result<(), StoreError> {
        self.refuse_if_poisoned()?;
        self.journal.room(0)?;
        let flushed = rebuild::flush(&self.shared.index);
        self.poison_unless_harmless(flushed)?;
        let ((segment, offset), Head { seq, chain }) = (self.journal.place(), self.journal.head());
        let it = Checkpoint { segment, offset, seq, chain };
        checkpoint::write(self.shared.place.dir(), it)
    }
}

impl Writer {
    fn refuse_if_poisoned(&self) -> Result<(), StoreError> {
        self.poison.as_ref().map_or(Ok(()), |it| Err(StoreError::Poisoned(it.clone())))
    }

    fn poison_unless_harmless(&mut self, done: Result<(), StoreError>) -> Result<(), StoreError> {
        match &done {
            Ok(()) | Err(StoreError::NotNext { .. }) => (),
            // sled never gets over a write that failed.
            Err(StoreError::Full { path, .. }) if !path.starts_with(&self.shared.index.path) => (),
            Err(it) => self.poison = Some(it.to_string()),
        }
        done
    }

    fn follows(&self, batch: &Batch) -> Result<(), StoreError> {
        let mut found = self.journal.head().seq;
        for record in &batch.records {
            if record.seq != found.next() {
                return Err(StoreError::NotNext {
                    expected: Seq(record.seq.0.saturating_sub(1)),
                    found,
                });
            }
            found = record.seq;
        }
        Ok(())
    }

    fn commit(&mut self, batch: &Batch) -> Result<(), StoreError> {
        if self.journal.is_full() {
            self.journal.roll()?;
            // So that a segment that vanishes later is missed.
            self.checkpoint()?;
        }
        let mut draft = Draft::new(&self.shared.index);
        let contents = self.new_contents(batch, &mut draft)?;
        if batch.records.is_empty() && contents.is_empty() {
            return self.refresh(&batch.rows);
        }
        let change = self.journal.append(&batch.records, &contents)?;
        // From here on the facts are durable: a full disk is no excuse any more.
        index(draft, &change, &batch.rows).map_err(|it| {
            unusable(&self.shared.index.path, format!("facts are safe but not indexed: {it}"))
        })
    }

    fn new_contents<'a>(
        &self,
        batch: &'a Batch,
        draft: &mut Draft<'_>,
    ) -> Result<Vec<&'a Packed>, StoreError> {
        let mut new: Vec<&Packed> = Vec::with_capacity(batch.contents.len());
        let mut seen = HashSet::new();
        for it in &batch.contents {
            if seen.insert(it.digest) && !self.is_stored(&it.digest, draft)? {
                new.push(it);
            }
        }
        Ok(new)
    }

    /// Whether it is there and whole. In place of a damaged one the same content is stored again.
    fn is_stored(&self, digest: &Digest, draft: &mut Draft<'_>) -> Result<bool, StoreError> {
        let places = draft.content(digest)?;
        match self.shared.tell(segment::is_whole(&self.shared.log, digest, places)) {
            Err(StoreError::Corrupt { path, .. }) if path.starts_with(&self.shared.log) => {
                Ok(false)
            }
            other => other,
        }
    }

    /// Rows alone: all that changed since the rows were complete, so they are complete now.
    fn refresh(&self, rows: &Rows) -> Result<(), StoreError> {
        self.journal.room(0)?;
        let index = &self.shared.index;
        for tools in rows.tools.chunks(PORTION) {
            let mut draft = Draft::new(index);
            put_tools(&mut draft, tools)?;
            draft.commit()?;
        }
        let mut draft = Draft::new(index);
        put_rows(&mut draft, &Rows { tools: Vec::new(), ..rows.clone() })?;
        draft.meta.rows_as_of = draft.meta.head().seq.0;
        draft.commit()
    }
}

fn index(mut draft: Draft<'_>, change: &Change, rows: &Rows) -> Result<(), StoreError> {
    let rows_were_complete = draft.meta.rows_as_of == draft.meta.head().seq.0;
    draft.take(change)?;
    put_rows(&mut draft, rows)?;
    if rows_were_complete {
        draft.meta.rows_as_of = change.head.seq.0;
    }
    draft.commit()
}

fn put_tools(draft: &mut Draft<'_>, tools: &[(ToolId, Tool)]) -> Result<(), StoreError> {
    for (id, tool) in tools {
        let row = rows::of_tool(tool).map_err(|it| draft.unusable(it))?;
        draft.edit_tool(id, |entry| entry.row = row)?;
    }
    Ok(())
}

fn put_rows(draft: &mut Draft<'_>, rows: &Rows) -> Result<(), StoreError> {
    put_tools(draft, &rows.tools)?;
    for (name, root) in &rows.roots {
        let bytes = rows::of_root(root).map_err(|it| draft.unusable(it))?;
        put_long(draft, entry::ROOTS, name.as_str(), Some(&bytes))?;
    }
    for (name, runtime) in &rows.runtimes {
        let bytes = runtime.as_ref().map(rows::of_runtime).transpose();
        let bytes = bytes.map_err(|it| draft.unusable(it))?;
        put_long(draft, entry::RUNTIMES, name.as_str(), bytes.as_deref())?;
    }
    for (id, health) in &rows.health {
        let bytes = monitor::of_health(health).map_err(|it| draft.unusable(it))?;
        put_long(draft, entry::HEALTH, id.as_str(), Some(&bytes))?;
    }
    for it in &rows.deploys {
        let bytes = deploy::to_row(it).map_err(|it| draft.unusable(it))?;
        put_long(draft, entry::DEPLOYS, &entry::deploy_name(it.number), Some(&bytes))?;
        draft.put(entry::waiting(it.number), it.waits().then(Vec::new))?;
    }
    Ok(())
}

/// In pieces: a runtime can have loaded many tools.
fn put_long(
    draft: &mut Draft<'_>,
    kind: u8,
    name: &str,
    bytes: Option<&[u8]>,
) -> Result<(), StoreError> {
    let mut number = 0;
    for it in bytes.unwrap_or_default().chunks(PIECE) {
        draft.put(piece(kind, name, number), Some(it.to_vec()))?;
        number += 1;
    }
    for key in draft.keys_from(&piece(kind, name, number), &pieces(kind, name))? {
        draft.put(key, None)?;
    }
    Ok(())
}
