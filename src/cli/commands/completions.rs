//! `completions`: what a shell has to run so that it asks this program. Bash gets a script of our own: it cuts words at
//! `@`, `=` and `:`, which stand in what is completed here.

use clap_complete::env::{EnvCompleter as _, Fish, Zsh};

use crate::cli::{args::Shell, complete::VARIABLE, exit::Exit, failure::Failure, print::Out};

const NAME: &str = "knowngood";
const BASH: &str = include_str!("completions.bash");

pub(super) fn run(shell: Shell, out: &mut Out) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    let done = match shell {
        Shell::Bash => {
            script.extend_from_slice(BASH.as_bytes());
            Ok(())
        }
        Shell::Zsh => Zsh.write_registration(VARIABLE, NAME, NAME, NAME, &mut script),
        Shell::Fish => Fish.write_registration(VARIABLE, NAME, NAME, NAME, &mut script),
    };
    done.map_err(|it| Failure::other("cannot make the script", &it.to_string()))?;
    out.bytes(&script);
    Ok(Exit::Ok)
}
