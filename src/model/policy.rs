//! What a root demands of contents before they go live without anybody looking: a table of plain data. What is made of it is
//! a rule (`decide::policy`).

use super::{Class, Demand, Digest};

/// What a root demands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Of what an `ai` proposes.
    pub ai: Column,
    /// Of what anybody else does.
    pub human: Column,
    /// How long an approval is waited for, in milliseconds.
    pub approval_ms: u64,
    /// Of all of this as text, so that a decision says which one it was made by.
    pub digest: Digest,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// By class, from `pure` to `unknown`.
    pub classes: [Demand; 7],
    /// Where it can do more than what it replaces, or its class goes up.
    pub widened: Demand,
    /// Where the tool is to go.
    pub deleted: Demand,
}

impl Column {
    pub const AI: Self = Self {
        classes: [
            Demand::Shadow,
            Demand::Shadow,
            Demand::Shadow,
            Demand::Shadow,
            Demand::Approve,
            Demand::Approve,
            Demand::Approve,
        ],
        widened: Demand::Approve,
        deleted: Demand::Approve,
    };
    pub const HUMAN: Self = Self {
        classes: [
            Demand::Verify,
            Demand::Verify,
            Demand::Verify,
            Demand::Advise,
            Demand::Advise,
            Demand::Advise,
            Demand::Advise,
        ],
        widened: Demand::Verify,
        deleted: Demand::Verify,
    };

    pub fn of(&self, class: Class) -> Demand {
        self.classes.get(class as usize).copied().unwrap_or(Demand::Approve)
    }
}

impl Policy {
    /// Where a root says nothing else.
    pub const USUAL: Self = Self {
        ai: Column::AI,
        human: Column::HUMAN,
        approval_ms: 86_400_000,
        digest: Digest([0; 32]),
    };
}

impl Default for Policy {
    fn default() -> Self {
        Self::USUAL
    }
}
