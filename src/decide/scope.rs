//! Which of the known ids are tools, by the globs of their roots. It follows from the configuration alone, and is
//! judged anew when that changes.

use std::{collections::BTreeMap, sync::Arc};

use super::Rules;
use crate::{
    model::{RootName, Tool, ToolId},
    roots::Globs,
};

/// The globs that are in force. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope(Arc<BTreeMap<RootName, Arc<Globs>>>);

impl Scope {
    pub(super) fn of(rules: &Rules) -> Self {
        let globs = rules.roots.iter().map(|(root, it)| (root.clone(), Arc::clone(&it.globs)));
        Self(Arc::new(globs.collect()))
    }

    /// Whether what is known of the id is known of a tool; of what was never seen, whether it can be one. Of a root that
    /// is not configured nothing is said.
    pub(super) fn holds(&self, id: &ToolId, tool: &Tool) -> bool {
        let by_mode = tool.by_mode || tool.head.is_none();
        self.0.get(&id.root()).is_none_or(|it| it.is_tool(&id.path(), by_mode))
    }
}

/// The same globs, not only equal ones: a root of which nothing changed keeps its own.
impl PartialEq for Scope {
    fn eq(&self, other: &Self) -> bool {
        let same = |(name, globs)| other.0.get(name).is_some_and(|it| Arc::ptr_eq(it, globs));
        self.0.len() == other.0.len() && self.0.iter().all(same)
    }
}
