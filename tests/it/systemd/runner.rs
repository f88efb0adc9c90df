//! The runner's unit: what `checks` and shadow runs promise is tried over its socket, by the same tests, in a guest.

use super::{
    guest::{Guest, in_guest},
    units::install,
};
use crate::world::stdout;

#[test]
fn the_runner_is_the_rung_that_runs() {
    in_guest(|guest| {
        install(guest);
        guest.sh("systemctl start knowngood-runner.socket");
        let mode = guest.sh("stat -c '%U:%G %a' /run/knowngood/runner.sock");
        assert_eq!(mode, "knowngood:knowngood 600\n");
        guest.sh("useradd --create-home ana");
        let (_, told) = guest.fails("su ana -c 'knowngood doctor --json'; false");
        assert!(told.contains("only root may ask the runner's unit"), "{told}");
        let told = guest.sh("knowngood doctor --json || true");
        assert!(told.contains("checks run in the runner's unit"), "{told}");
        // Whoever the daemon is: nobody else's socket it is.
        let told = guest.sh("su -s /bin/sh knowngood -c 'knowngood doctor --json' || true");
        assert!(told.contains("checks run in the runner's unit"), "{told}");
        what_checks_promise_is_kept(guest);
        nothing_is_left(guest);
    });
}

/// The tests of `checks` take every rung that works, and here this is one of them.
fn what_checks_promise_is_kept(guest: &Guest) {
    let tests = std::env::current_exe().unwrap();
    let tests = tests.display();
    let ran = guest.run(&format!("{tests} --nocapture --test-threads 1 checks:: 2>&1"));
    let told = stdout(&ran);
    println!("{told}");
    assert!(ran.status.success() && told.contains("test result: ok."), "{told}");
    assert!(!told.contains("no rung Runner"), "{told}");
    let figures = guest.sh(&format!("{tests} --ignored --nocapture what_a_compile_check_costs"));
    assert!(figures.contains("Runner: p50"), "{figures}");
    println!("{figures}");
}

/// Candidates that mean no good, on the same rung: shadow runs take every one that isolates, and here the unit is the first.
#[test]
fn shadow_runs_are_contained_by_the_runner() {
    in_guest(|guest| {
        install(guest);
        guest.sh("systemctl start knowngood-runner.socket");
        let tests = std::env::current_exe().unwrap();
        let parts = "shadow::escapes shadow::verdicts shadow::programs shadow::course";
        let tests = tests.display();
        let ran = guest.run(&format!("{tests} --nocapture --test-threads 1 {parts} 2>&1"));
        let told = stdout(&ran);
        println!("{told}");
        assert!(ran.status.success() && told.contains("test result: ok."), "{told}");
        assert!(told.contains("rungs: [Runner"), "{told}");
        nothing_is_left(guest);
    });
}

fn nothing_is_left(guest: &Guest) {
    guest.wait_for("end of all runners", |it| {
        let units = it.sh("systemctl list-units --all --no-legend 'knowngood-runner@*'");
        units.trim().is_empty().then_some(())
    });
    guest.sh("systemctl is-active knowngood-runner.socket");
    let ran = guest.sh("journalctl -q -u 'knowngood-runner@*' | wc -l");
    println!("lines of the runners in the journal: {}", ran.trim());
}
