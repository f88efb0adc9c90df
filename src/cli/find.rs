//! Where the daemon's socket is: `--socket`, `$KNOWNGOOD_SOCKET`, the nearest `.knowngood` upward from
//! here, the system's. It connects to none of them.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

const NEAR: &str = ".knowngood/knowngood.sock";
const SYSTEM: &str = "/run/knowngood/knowngood.sock";

/// What the choice depends on, apart from the flag.
pub(super) struct Surroundings {
    pub(super) variable: Option<OsString>,
    pub(super) here: PathBuf,
}

impl Surroundings {
    pub(super) fn real() -> Self {
        let variable = variable("KNOWNGOOD_SOCKET");
        Self { variable, here: std::env::current_dir().unwrap_or_default() }
    }
}

/// Of the environment. An empty one may mean something.
pub(super) fn variable(name: &str) -> Option<OsString> {
    std::env::vars_os().find(|it| it.0 == name).map(|it| it.1)
}

pub(super) fn socket(flag: Option<&Path>, around: &Surroundings) -> PathBuf {
    let variable = around.variable.as_ref().filter(|it| !it.is_empty()).map(PathBuf::from);
    let near = || around.here.ancestors().map(|it| it.join(NEAR)).find(|it| it.exists());
    flag.map(Path::to_owned).or(variable).or_else(near).unwrap_or_else(|| PathBuf::from(SYSTEM))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_the_search() {
        let site = tempfile::tempdir().unwrap();
        let deep = site.path().join("a/b");
        std::fs::create_dir_all(site.path().join("a/.knowngood")).unwrap();
        std::fs::create_dir_all(&deep).unwrap();
        let mut around = Surroundings { variable: None, here: deep };
        assert_eq!(socket(None, &around), Path::new(SYSTEM));
        let near = site.path().join("a").join(NEAR);
        std::fs::write(&near, "").unwrap();
        assert_eq!(socket(None, &around), near);
        around.variable = Some("".into());
        assert_eq!(socket(None, &around), near, "an empty variable is none");
        around.variable = Some("/v.sock".into());
        assert_eq!(socket(None, &around), Path::new("/v.sock"));
        assert_eq!(socket(Some(Path::new("f.sock")), &around), Path::new("f.sock"));
    }
}
