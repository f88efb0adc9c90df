//! What the disk looked like when it was last at rest, kept beside the index. A lost entry costs one read of
//! a file, nothing else: so what cannot be read here is forgotten, and nothing is synced.

use std::sync::Arc;

use super::{
    Shared,
    fact::tool_id,
    index::{contained, unusable},
    rows,
};
use crate::{
    model::ToolId,
    ports::{Memory, Remembered, StoreError},
};

/// Changed together: small enough for sled's buffers.
const PORTION: usize = 256;

pub(super) struct Stats {
    pub(super) shared: Arc<Shared>,
}

impl Memory for Stats {
    fn load(&self) -> Result<Vec<Remembered>, StoreError> {
        let index = &self.shared.index;
        let mut entries = index.stats.iter();
        let mut known = Vec::new();
        while let Ok(Some((key, value))) = contained(&index.path, || entries.next().transpose()) {
            let tool = tool_id(&String::from_utf8_lossy(&key));
            known.extend(tool.and_then(|it| rows::stat(it, &value)));
        }
        Ok(known)
    }

    fn save(&self, known: &[Remembered], gone: &[ToolId]) -> Result<(), StoreError> {
        if self.shared.place.is_cramped() {
            return Err(self.shared.place.full());
        }
        for it in known.chunks(PORTION) {
            let mut batch = sled::Batch::default();
            for it in it {
                let row = rows::of_stat(it).map_err(|it| unusable(&self.shared.index.path, it))?;
                batch.insert(it.tool.as_str(), row);
            }
            self.apply(batch)?;
        }
        for it in gone.chunks(PORTION) {
            let mut batch = sled::Batch::default();
            for it in it {
                batch.remove(it.as_str());
            }
            self.apply(batch)?;
        }
        Ok(())
    }
}

impl Stats {
    fn apply(&self, batch: sled::Batch) -> Result<(), StoreError> {
        let index = &self.shared.index;
        contained(&index.path, || index.stats.apply_batch(batch))
    }
}
