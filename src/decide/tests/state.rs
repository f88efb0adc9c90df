//! Applying: once, and in whatever order rows and facts come back.

use super::*;
use crate::{decide::Accept, model::Cause};

/// Something of everything.
fn story() -> Story {
    let mut story = Story::adopted(&[("a", 1), ("b", 1), ("c", 1)]);
    story.sees("a", file(2));
    story.sees("b", Sight::Gone);
    story.sees("d", Sight::Unreadable(Cause::Fifo));
    let loaded = |content| Command::Report {
        runtime: planner(),
        loaded: contents(&[("a", content)]),
        failed: BTreeMap::new(),
        ttl_ms: 1000,
    };
    story.requests(loaded(1));
    story.requests(loaded(2));
    story.requests(Command::Accept { what: Accept::All, author: ana() });
    story.sees("b", file(3));
    story.tell(Input::RootGone(root()));
    story.tell(Input::RootBack(root()));
    story
}

#[test]
fn rows_of_any_moment_and_the_facts_after_any_moment_before_it_give_the_same_state() {
    let story = story();
    let mut rows = State::default();
    for moment in 0..=story.log.len() {
        for after in 0..=moment {
            let mut state = State::restore(
                Seq(after as u64),
                rows.tools_after(None).map(|it| (it.0.clone(), it.1.clone())).collect(),
                rows.roots().map(|it| (it.0.clone(), it.1.clone())).collect(),
                rows.runtimes().map(|it| (it.0.clone(), it.1.clone())).collect(),
                rows.deploys().map(|it| (**it).clone()).collect(),
            );
            state.set_rules(&story.rules);
            for record in &story.log[after..] {
                state.apply(record);
            }
            assert!(state == story.state, "rows as of {moment}, facts after {after}");
        }
        if let Some(record) = story.log.get(moment) {
            rows.apply(record);
        }
    }
}

#[test]
fn a_fact_that_is_known_already_changes_nothing() {
    let story = story();
    for record in &story.log {
        let mut state = story.state.clone();
        state.apply(record);
        assert!(state == story.state, "{:?}", record.fact);
    }
}

#[test]
fn the_summary_is_the_sum_of_the_list() {
    let story = story();
    let mut state = State::default();
    for record in &story.log {
        state.apply(record);
        let counts = state.counts(&root());
        let away = state.is_root_missing(&root());
        let of = |wanted: &str| {
            let listed = state.tools_after(None).filter(|it| it.1.is_listed());
            listed.filter(|it| state.sync(it.0, it.1).as_str() == wanted).count() as u64
        };
        let wanted = [of("in_sync"), of("modified"), of("orphaned"), of("missing")];
        let counted = [counts.in_sync, counts.modified, counts.orphaned, counts.missing];
        assert!(away || counted == wanted, "{:?}: {counted:?}, not {wanted:?}", record.fact);
        let drifted = state.drifted().len() as u64;
        assert!(away || drifted == counts.tools() - counts.in_sync, "{:?}", record.fact);
    }
}
