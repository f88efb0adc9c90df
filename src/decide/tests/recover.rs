//! The safety stop: what goes together may have gone by accident.

use super::*;
use crate::{decide::Accept, model::SafetyCause};

const NAMES: [&str; 12] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];

fn story(tools: usize, gone: usize) -> Story {
    let files: Vec<_> = NAMES[..tools].iter().map(|it| (*it, 1)).collect();
    let mut story = Story::adopted(&files);
    for name in &NAMES[..gone] {
        story.sees(name, Sight::Gone);
    }
    story
}

#[test]
fn more_than_half_and_at_least_five() {
    for (tools, gone, stopped) in [
        (4, 4, false),
        (5, 4, false),
        (5, 5, true),
        (10, 5, false),
        (10, 6, true),
        (12, 6, false),
        (12, 7, true),
    ] {
        let safety = story(tools, gone).state.root(&root()).safety;
        assert_eq!(safety, stopped.then_some(SafetyCause::MassRemoval), "{gone} of {tools}");
    }
}

#[test]
fn it_ends_when_files_return_or_their_absence_is_accepted() {
    let mut returned = story(10, 6);
    assert_eq!(events(&returned.sees("a", file(1))), ["drift.cleared", "safety.cleared"]);
    let mut accepted = story(10, 6);
    accepted.requests(Command::Accept { what: Accept::All, author: ana() });
    assert_eq!(accepted.state.root(&root()).safety, None);
    let last = &accepted.log.last().unwrap().fact;
    assert_eq!(*last, Fact::SafetyCleared { root: root(), accepted: true });
}

#[test]
fn a_root_that_goes_takes_nothing_with_it_and_is_scanned_when_it_returns() {
    let mut story = story(3, 0);
    assert_eq!(events(&story.tell(Input::RootGone(root()))), ["safety.stopped"]);
    assert!(story.tell(Input::RootGone(root())).is_empty(), "once");
    assert_eq!(story.sync("a"), "missing");
    assert_eq!(story.state.counts(&root()).missing, 3);
    let plan = story.asks(Input::RootBack(root()));
    assert_eq!((events(&plan.facts), plan.scans), (vec!["safety.cleared"], [root()].into()));
    story.tell(Input::RootBack(root()));
    assert_eq!(story.sync("a"), "in_sync");
    assert_eq!(story.state.counts(&root()).in_sync, 3);
}
