//! Many who start from the same: one of them is first, all the others are told so.

#![expect(clippy::assigning_clones, reason = "a world is made once")]

use std::sync::Barrier;

use super::{left_over, on_disk, send, to};
use crate::world::World;

const CLIENTS: usize = 64;

#[test]
fn one_of_many_wins_each_round() {
    compete(20);
}

#[test]
#[ignore = "takes minutes"]
fn one_of_many_wins_each_round_in_the_long_run() {
    compete(1000);
}

fn compete(rounds: usize) {
    let mut world = World::new();
    world.config = "[limits]\nconnections = 128\nconnections_per_peer = 128\n".to_owned();
    world.write("x.ts", "start\n");
    world.start();
    for round in 1..=rounds {
        let gate = Barrier::new(CLIENTS);
        let answers: Vec<_> = std::thread::scope(|scope| {
            let asked = (0..CLIENTS).map(|client| {
                let (world, gate) = (&world, &gate);
                let request = to("tools/x.ts", format!("v{round}"), &format!("{round} {client}\n"));
                scope.spawn(move || {
                    gate.wait();
                    send(world, &request)
                })
            });
            let asked: Vec<_> = asked.collect();
            asked.into_iter().map(|it| it.join().unwrap()).collect()
        });
        let won: Vec<_> = (0..CLIENTS).filter(|it| answers[*it].status == 201).collect();
        assert_eq!(won.len(), 1, "round {round}: {won:?}");
        for answer in answers.iter().filter(|it| it.status != 201) {
            let (status, code) = answer.refusal();
            assert_eq!(status, 409, "round {round}: {code}: {}", answer.detail());
            assert!(["conflict", "deploy_open"].contains(&&*code), "{code}");
        }
        assert_eq!(on_disk(&world, "x.ts"), format!("{round} {}\n", won[0]));
    }
    world.sync();
    assert_eq!(world.versions("tools/x.ts").len(), rounds + 1);
    assert_eq!(left_over(&world), [""; 0]);
    world.verify();
}
