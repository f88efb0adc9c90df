//! Programs that checks need: whether they are there, and what must be readable for them to run. They are looked at and
//! never run to find out: a root's own interpreter may be writable by those whose tools are checked.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::sandbox::SEARCH_PATH;

/// A name as it is found in the search path of every check.
pub(super) fn find(name: &str) -> Option<PathBuf> {
    SEARCH_PATH.split(':').map(|it| Path::new(it).join(name)).find(|it| is_program(it))
}

pub(super) fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
}

/// The directories that it lives in: that of an installation or a virtual environment as a whole, with the one that the
/// latter was made from; else its own.
pub(super) fn homes(program: &Path) -> Vec<PathBuf> {
    let mut homes = Vec::new();
    for path in [Some(program.to_owned()), program.canonicalize().ok()].into_iter().flatten() {
        let Some(home) = home(&path) else { continue };
        homes.extend(made_from(&home));
        homes.push(home);
    }
    homes.sort();
    homes.dedup();
    homes
}

fn home(path: &Path) -> Option<PathBuf> {
    let folder = path.parent()?;
    let above = folder.parent().filter(|it| folder.ends_with("bin") && it.parent().is_some());
    let whole = above.filter(|it| it.join("pyvenv.cfg").is_file() || it.join("lib").is_dir());
    Some(whole.unwrap_or(folder).to_owned()).filter(|it| it.parent().is_some())
}

/// `home = /usr/bin` in `pyvenv.cfg`.
fn made_from(home: &Path) -> Option<PathBuf> {
    let text = fs::read_to_string(home.join("pyvenv.cfg")).ok()?;
    let line = text.lines().find_map(|it| it.strip_prefix("home"))?;
    let bin = Path::new(line.trim_start().strip_prefix('=')?.trim());
    bin.parent().filter(|it| bin.is_absolute() && it.parent().is_some()).map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_virtual_environment_brings_what_it_was_made_from() {
        let site = tempfile::tempdir().unwrap();
        let venv = site.path().canonicalize().unwrap().join("venv");
        fs::create_dir_all(venv.join("bin")).unwrap();
        fs::write(venv.join("pyvenv.cfg"), "home = /opt/python/bin\nversion = 3\n").unwrap();
        std::os::unix::fs::symlink("/bin/sh", venv.join("bin/python")).unwrap();
        let homes = homes(&venv.join("bin/python"));
        assert!(homes.contains(&venv) && homes.contains(&"/opt/python".into()), "{homes:?}");
        assert!(is_program(&venv.join("bin/python")) && !is_program(&venv));
    }

    #[test]
    fn the_whole_machine_is_nobodys_home() {
        for path in ["/bin/sh", "/sh"] {
            assert!(homes(Path::new(path)).iter().all(|it| it != Path::new("/")), "{path}");
        }
        assert!(find("sh").is_some() && find("no-such-program").is_none());
    }
}
