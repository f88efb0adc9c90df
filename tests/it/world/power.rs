//! Power cuts on a file system of our own: `tests/power-cut` makes it, cuts it, and asks who checks.

use std::{path::Path, process::Command};

/// What the script printed last, and whether nothing was lost. `None`: it cannot run here. In both lines of shell `{dir}`
/// stands for the directory whose power is cut.
pub(crate) fn cut_power(
    rounds: u32,
    options: &[&str],
    writer: &str,
    checker: &str,
) -> Option<(bool, String)> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/power-cut");
    let mut command = Command::new(script);
    command.args(["--rounds", &rounds.to_string()]).args(options);
    let Ok(out) = command.args(["--writer", writer, "--checker", checker]).output() else {
        println!("SKIPPED: python3 is not here");
        return None;
    };
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    match out.status.code() {
        Some(0) => Some((true, text)),
        Some(1) if text.contains("cuts with a loss") => Some((false, text)),
        Some(3) => {
            println!("SKIPPED: {text}");
            None
        }
        _ => panic!("{text}{}", String::from_utf8_lossy(&out.stderr)),
    }
}
