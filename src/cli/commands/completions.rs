//! `completions`: what a shell has to run so that it asks this program. Bash gets a script of our own: it cuts words at
//! `@`, `=` and `:`, which stand in what is completed here.

use clap_complete::env::{EnvCompleter as _, Fish, Zsh};

use crate::cli::{args::Shell, complete::VARIABLE, exit::Exit, failure::Failure, print::Out};

const NAME: &str = "knowngood";
const BASH: &str = include_str!("completions.bash");
/// Where zsh loads the script by itself (a package's, under its name in `fpath`), it does so for the first key, which
/// wants an answer too.
const ZSH_FIRST: &str = r#"[[ $funcstack[1] != _knowngood ]] || _clap_dynamic_completer_knowngood "$@"
"#;

pub(super) fn run(shell: Shell, out: &mut Out) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    let done = match shell {
        Shell::Bash => {
            script.extend_from_slice(BASH.as_bytes());
            Ok(())
        }
        Shell::Zsh => {
            let done = Zsh.write_registration(VARIABLE, NAME, NAME, NAME, &mut script);
            script.extend_from_slice(ZSH_FIRST.as_bytes());
            done
        }
        Shell::Fish => Fish.write_registration(VARIABLE, NAME, NAME, NAME, &mut script),
    };
    done.map_err(|it| Failure::other("cannot make the script", &it.to_string()))?;
    out.bytes(&script);
    Ok(Exit::Ok)
}
