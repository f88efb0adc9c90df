//! The daemon is killed before any one of the calls by which a deploy changes something. After its next start, which may
//! be killed, too, all of it is old or all of it is new.

use super::{
    shapes::{self, Round, Shape},
    trace::{Point, Trace},
    wait_cleared,
};
use crate::world::World;

#[test]
fn killed_at_some_calls() {
    kill_at(|all| shapes::some(&all, 40));
}

#[test]
#[ignore = "takes minutes"]
fn killed_at_any_call_in_the_long_run() {
    kill_at(|all| all);
}

fn kill_at(choose: impl Fn(Vec<(Shape, Point)>) -> Vec<(Shape, Point)>) {
    let Some(all) = shapes::calls() else { return };
    let known = all.len();
    let chosen = choose(all);
    let mut world = shapes::world();
    let (mut kills, mut old, mut acknowledged) = (0, 0, 0);
    for (number, (shape, point)) in chosen.iter().enumerate() {
        let round = Round::prepare(&world, *shape, number);
        let (was_killed, was_told) = killed(&world, &round, point);
        kills += usize::from(was_killed);
        acknowledged += usize::from(was_told);
        world.kill();
        world.start();
        println!("{} {point}: killed {was_killed}, told {was_told}", shape.name);
        let is_new = round.judge(&world, was_told);
        old += usize::from(!is_new);
        assert!(is_new || was_killed, "{} {point}", shape.name);
    }
    let tried = chosen.len();
    println!(
        "{known} calls change something; of {tried} tried {kills} were reached: {old} old afterwards, {acknowledged} \
         acknowledged before the kill or not killed"
    );
    assert!(kills * 10 > tried * 7 && old > 0 && old < kills, "{kills} of {tried}, {old} old");
    world.verify();
}

/// Whether it was killed, and whether the deploy was acknowledged before.
fn killed(world: &World, round: &Round, point: &Point) -> (bool, bool) {
    let Some(trace) = Trace::prevent(world, point, "signal=KILL") else {
        return (false, round.deploy(world).is_some_and(|it| it.status == 201));
    };
    let answer = round.deploy(world);
    if let Some(answer) = &answer {
        assert_eq!(answer.status, 201, "{}", answer.detail());
    }
    // What is left is cleared after the answer.
    wait_cleared(world, || trace.has_struck());
    let was_killed = trace.has_struck();
    assert!(was_killed || answer.is_some());
    trace.end();
    (was_killed, answer.is_some())
}
