//! Settling a conflict by hand: in the merge tool of whoever is there, or in an editor between marks. The files lie in
//! a directory of their own, which stays until what came of it is deployed.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    cli::{failure::Failure, find::variable, print::Out, text::quoted},
    merge,
};

/// What a person has worked on. Nothing of it goes before it is deployed, whatever else goes wrong.
pub(super) struct Work {
    directory: PathBuf,
    result: PathBuf,
}

enum Tool {
    /// A command for the shell, given the four files.
    Given(String),
    /// Of git: the four files stand in its variables.
    OfGit(String),
    /// Opens the result alone.
    Editor(String),
}

const NAMES: [&str; 3] = ["base", "disk", "proposed"];

/// `sides`: base, disk and proposed. `marked`: what there is to begin with.
pub(super) fn settle(
    name: &str,
    sides: [&[u8]; 3],
    marked: Option<&[u8]>,
    with: Option<&str>,
    out: &mut Out,
) -> Result<Work, Failure> {
    let directory = tempfile::Builder::new().prefix("knowngood-").tempdir();
    let directory = directory.map_err(|it| failed("making a temporary directory", &it))?.keep();
    let place = |side: &str| directory.join(side).join(name);
    let mut files = Vec::new();
    for (side, bytes) in NAMES.into_iter().chain(["result"]).zip(sides.iter().chain([&sides[1]])) {
        let path = place(side);
        let bytes = if side == "result" { marked.unwrap_or(bytes) } else { *bytes };
        write(&path, bytes).map_err(|it| failed("writing a temporary file", &it))?;
        files.push(path);
    }
    let work = Work { result: place("result"), directory };
    let done = Tool::find(with, marked.is_some())?.run(&files, out);
    match done {
        Ok(true) => Ok(work),
        Ok(false) => Err(work.kept("the tool ended with an error", "nothing is deployed")),
        Err(it) => Err(failed("starting a shell", &it)),
    }
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)?;
    fs::write(path, bytes)
}

impl Tool {
    /// An editor can do nothing with what has no lines.
    fn find(with: Option<&str>, editable: bool) -> Result<Self, Failure> {
        let set = |name: &str| variable(name).and_then(|it| it.into_string().ok());
        let set = |name: &str| set(name).filter(|it| !it.is_empty());
        if let Some(command) = with.map(str::to_owned).or_else(|| set("KNOWNGOOD_MERGETOOL")) {
            return Ok(Self::Given(command));
        }
        let tool = git_config("merge.tool");
        if let Some(command) = tool.and_then(|it| git_config(&format!("mergetool.{it}.cmd"))) {
            return Ok(Self::OfGit(command));
        }
        if !editable {
            let detail = "it is binary, or too long to be merged line by line";
            let hint = "--tool names a command that can, given base, disk, proposed and result";
            return Err(Failure::conflict(detail, hint));
        }
        let editor = set("VISUAL").or_else(|| set("EDITOR"));
        Ok(Self::Editor(editor.unwrap_or_else(|| "vi".to_owned())))
    }

    /// Whether it says that all went well.
    fn run(&self, files: &[PathBuf], out: &mut Out) -> io::Result<bool> {
        out.flush();
        let mut shell = Command::new("sh");
        match self {
            Self::Given(command) => {
                shell.args(["-c", &format!("{command} \"$@\""), "sh"]).args(files);
            }
            Self::OfGit(command) => {
                shell.args(["-c", command]);
                for (name, file) in ["BASE", "LOCAL", "REMOTE", "MERGED"].iter().zip(files) {
                    shell.env(name, file);
                }
            }
            Self::Editor(command) => {
                let result = files.last().map_or(Path::new(""), PathBuf::as_path);
                shell.args(["-c", &format!("{command} \"$@\""), "sh"]).arg(result);
            }
        }
        shell.status().map(|it| it.success())
    }
}

/// `None` where there is no git, too.
fn git_config(key: &str) -> Option<String> {
    let asked = Command::new("git").args(["config", "--get", key]).output().ok()?;
    let value = String::from_utf8(asked.stdout).ok().filter(|_| asked.status.success())?;
    Some(value.trim_end().to_owned()).filter(|it| !it.is_empty())
}

impl Work {
    /// What came out of it, if everything is settled.
    pub(super) fn result(&self) -> Result<Vec<u8>, Failure> {
        let bytes = fs::read(&self.result).map_err(|it| failed("reading the result", &it))?;
        match merge::first_mark(&bytes) {
            None => Ok(bytes),
            Some(line) => {
                let path = self.result.display();
                let detail = format!("{path}:{line}: there is a mark of a conflict still");
                Err(self.kept(&detail, "nothing is deployed"))
            }
        }
    }

    fn kept(&self, detail: &str, what: &str) -> Failure {
        let path = quoted(&self.result.to_string_lossy());
        let hint = format!(
            "{what}; when {path} is as you want it: knowngood deploy TOOL {path} --base disk"
        );
        Failure::conflict(detail, &hint)
    }

    /// `deployed`: nobody needs the files any more.
    pub(super) fn end(self, deployed: bool, out: &mut Out) {
        if !deployed {
            out.note(&format!("what you made of it is kept: {}", self.result.display()));
        } else if let Err(it) = fs::remove_dir_all(&self.directory) {
            out.note(&format!("{} is left over: {it}", self.directory.display()));
        }
    }
}

fn failed(doing: &str, error: &io::Error) -> Failure {
    Failure::other("cannot settle the conflict", &format!("{doing}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_tool_is_given_its_files() {
        let place = tempfile::tempdir().unwrap();
        let files: Vec<PathBuf> =
            ["a b", "disk", "proposed", "it's"].map(|it| place.path().join(it)).to_vec();
        let mut out = Out::new(false, true, crate::cli::args::Colour::Never);
        for (tool, result) in [
            (Tool::Given(r#"sh -c 'cat "$1" "$2" "$3" > "$4"' sh"#.to_owned()), "123"),
            (Tool::OfGit(r#"cat "$REMOTE" "$LOCAL" "$BASE" > "$MERGED""#.to_owned()), "321"),
            (Tool::Editor("sed -i s/x/y/".to_owned()), "y"),
        ] {
            for (path, bytes) in files.iter().zip(["1", "2", "3", "x"]) {
                fs::write(path, bytes).unwrap();
            }
            assert!(tool.run(&files, &mut out).unwrap());
            assert_eq!(fs::read_to_string(&files[3]).unwrap(), result);
        }
        assert!(!Tool::Given("false".to_owned()).run(&files, &mut out).unwrap());
        assert!(matches!(Tool::find(Some("x"), false), Ok(Tool::Given(it)) if it == "x"));
    }
}
