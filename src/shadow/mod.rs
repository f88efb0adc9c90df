//! Shadow runs: is a candidate as good as the version that is live, on the same inputs? Says which inputs to run and in
//! which order (`choice`, `made_up`), what differs between two runs (`document`, `compare`), what repeating them shows
//! (`triage`, `flakes`), and what all of it comes to (`verdict`, `finding`). It runs nothing and reads nothing: what was seen
//! is handed in.

mod choice;
mod compare;
mod document;
mod finding;
mod flakes;
mod made_up;
mod normal;
mod path;
mod rules;
mod seen;
mod triage;
mod value;
mod verdict;

#[cfg(test)]
mod tests;

pub use self::{
    choice::{Coins, Input, Origin, choose},
    compare::{Difference, fits},
    finding::{Finding, Kind, Side},
    flakes::MORE_ROUNDS,
    made_up::made_up,
    path::{BadPattern, Pattern},
    rules::{ErrorRule, Normalize, Part, Rules},
    seen::{Effect, ErrorSeen, FileChange, RunSeen, Status},
    triage::{Compared, Judged, Judgement, judge},
    value::Value,
    verdict::{Counts, bound95, findings, verdict},
};
pub use crate::model::Verdict;
