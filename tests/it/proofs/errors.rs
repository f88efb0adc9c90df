//! The disk says no, once, at any one of the calls by which a deploy changes something: it is full, or broken. Who is
//! told that a deploy is live can rely on it; everybody else finds a whole file.

use super::{
    shapes::{self, Round, Shape},
    trace::{Point, Trace},
    wait_cleared,
};
use crate::world::World;

const ERRORS: [&str; 2] = ["EIO", "ENOSPC"];

#[test]
fn some_calls_fail() {
    fail_at(|all| shapes::some(&all, 40));
}

#[test]
#[ignore = "takes minutes"]
fn any_call_fails_in_the_long_run() {
    fail_at(|all| all);
}

type Case = (Shape, Point, &'static str);

fn fail_at(choose: impl Fn(Vec<Case>) -> Vec<Case>) {
    let Some(all) = shapes::calls() else { return };
    let both = |it: &(Shape, Point)| ERRORS.map(|error| (it.0, it.1.clone(), error));
    let all: Vec<Case> = all.iter().flat_map(both).collect();
    let known = all.len();
    let chosen = choose(all);
    let mut world = shapes::world();
    let (mut failed, mut refused, mut live) = (0, 0, 0);
    for (number, (shape, point, error)) in chosen.iter().enumerate() {
        let round = Round::prepare(&world, *shape, number);
        let (has_failed, was_told) = prevented(&world, &round, point, error);
        failed += usize::from(has_failed);
        refused += usize::from(!was_told);
        round.is_whole(&world);
        world.kill();
        world.start();
        println!("{} {point} {error}: failed {has_failed}, told {was_told}", shape.name);
        live += usize::from(round.judge(&world, was_told));
    }
    let tried = chosen.len();
    println!(
        "{known} calls that may fail; of {tried} tried {failed} did: {refused} refused, {live} live"
    );
    assert!(failed * 10 > tried * 7 && refused > 0, "{failed} of {tried}");
    world.verify();
}

/// Whether it failed, and whether the deploy was acknowledged.
fn prevented(world: &World, round: &Round, point: &Point, error: &str) -> (bool, bool) {
    let Some(trace) = Trace::prevent(world, point, &format!("error={error}")) else {
        return (false, round.deploy(world).is_some_and(|it| it.status == 201));
    };
    let answer = round.deploy(world);
    let failed_before = trace.has_struck();
    let was_told = answer.as_ref().is_some_and(|it| it.status == 201);
    if let Some(answer) = answer.as_ref().filter(|_| !was_told) {
        assert!(failed_before, "{point}: {}", answer.detail());
        assert!(
            [500, 503, 507, 409].contains(&answer.status),
            "{}: {}",
            answer.status,
            answer.detail()
        );
    }
    assert!(
        !(was_told && failed_before && point.is_sync()),
        "{point} failed, and it was told as done"
    );
    if was_told {
        wait_cleared(world, || trace.has_struck());
    }
    let has_failed = trace.has_struck();
    trace.end();
    (has_failed, was_told)
}
