//! Reports of runtimes, and what leaves them behind.

use super::*;
use crate::{decide::Accept, model::Refusal};

fn report(loaded: &[(&str, u8)], failed: &[&str]) -> Command {
    let failed = failed.iter().map(|it| (id(it), "no".to_owned())).collect();
    Command::Report { runtime: planner(), loaded: contents(loaded), failed, ttl_ms: 1000 }
}

#[test]
fn only_what_is_new_is_told() {
    let mut story = Story::adopted(&[("a", 1), ("b", 1)]);
    for (name, command, facts) in [
        ("first", report(&[("a", 1)], &[]), &["runtime.loaded"][..]),
        ("a renewal", report(&[("a", 1)], &[]), &[]),
        ("it is behind", report(&[("a", 2)], &[]), &["runtime.loaded", "runtime.stale"]),
        ("still", report(&[("a", 2), ("b", 1)], &[]), &["runtime.loaded"]),
        ("a failure", report(&[("a", 2)], &["b"]), &["runtime.loaded", "runtime.failed"]),
        ("the same failure", report(&[("a", 1)], &["b"]), &["runtime.loaded"]),
        ("of a tool that nobody knows", report(&[("x", 1)], &[]), &["runtime.loaded"]),
    ] {
        assert_eq!(events(&story.requests(command)), facts, "{name}");
    }
}

#[test]
fn a_baseline_that_moves_leaves_runtimes_behind() {
    let mut story = Story::adopted(&[("a", 1)]);
    story.requests(report(&[("a", 1)], &[]));
    story.sees("a", file(2));
    let facts = story.requests(Command::Accept { what: Accept::All, author: ana() });
    assert_eq!(events(&facts), ["baseline.moved", "drift.cleared", "runtime.stale"]);
}

#[test]
fn a_lease_ends_once_and_a_goodbye_is_answered() {
    let forget = || Command::Forget { runtime: planner() };
    let mut story = Story::adopted(&[]);
    assert!(story.tell(Input::LeaseEnded(planner())).is_empty(), "it said goodbye before");
    for end in [Input::LeaseEnded(planner()), Input::Request(forget())] {
        let asked = matches!(end, Input::Request(_));
        story.requests(report(&[], &[]));
        let expired = Fact::RuntimeExpired { runtime: planner(), asked };
        assert_eq!(story.tell(end), [expired]);
        assert!(story.state.runtime(&planner()).is_none());
    }
    let refusal = story.asks(Input::Request(forget())).refusal;
    assert_eq!(refusal, Some(Refusal::NoSuchRuntime(planner())));
}

#[test]
fn what_is_expected_no_more_is_stale_while_it_is_loaded() {
    let mut story = Story::adopted(&[("a", 1)]);
    story.requests(report(&[("a", 1), ("later", 1)], &[]));
    story.sees("a", Sight::Gone);
    let facts = story.requests(Command::Accept { what: Accept::All, author: ana() });
    let stale = |name| Fact::RuntimeStale {
        runtime: planner(),
        tool: id(name),
        loaded: digest(1),
        expected: None,
    };
    assert_eq!(facts.last(), Some(&stale("a")));
    let facts = story.sees("later", file(1));
    assert_eq!(facts.last(), Some(&stale("later")), "on disk, never accepted");
    assert!(!events(&story.sees("later", file(2))).contains(&"runtime.stale"), "told once");
    story.requests(report(&[], &[]));
    let facts = story.requests(report(&[("a", 1)], &[]));
    assert_eq!(facts.last(), Some(&stale("a")));
    assert!(!story.state.is_stale(&id("nobody_knows_it"), &digest(1)));
}
