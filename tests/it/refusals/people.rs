//! People beside root and the daemon's own user: whoever has a right can reach the socket, and everybody else is told
//! what is missing.

use std::process::Command;

use rustix::process::geteuid;

use crate::world::World;

/// Users that no account has.
const READER: u32 = 61_001;
const STRANGER: u32 = 61_002;

fn ask(world: &World, uid: u32, arguments: &[&str]) -> String {
    let mut command = Command::new("setpriv");
    command.args([format!("--reuid={uid}"), format!("--regid={uid}"), "--clear-groups".into()]);
    command.args(["curl", "-sS", "--unix-socket"]).arg(world.socket());
    let output = command.args(arguments).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn a_right_lets_its_owner_in_and_a_stranger_is_told_what_is_missing() {
    if !geteuid().is_root() {
        return println!("SKIPPED: only root can become somebody else");
    }
    let mut world = World::new();
    world.write("x.py", "one\n");
    world.config = format!("[access]\nread = [\"uid:{READER}\", \"root\"]\n");
    world.start();
    // The test's own directory is private; what lies above it is the machine's.
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&world.home, open).unwrap();
    let status = "http://k/v1/status";
    assert!(ask(&world, READER, &[status]).contains("\"in_sync\":true"));
    let accept = ["-X", "POST", "http://k/v1/accept", "-d", "{\"all\":true}"];
    for (uid, arguments, right) in [
        (STRANGER, &[status][..], "access.read"),
        (READER, &accept[..], "access.accept"),
        (65_534, &[status][..], "access.read"),
    ] {
        let refused = ask(&world, uid, arguments);
        assert!(refused.contains("\"forbidden\"") && refused.contains(right), "{uid}: {refused}");
        assert!(refused.contains(&uid.to_string()), "{uid}: {refused}");
    }
}
