//! What lies in a directory that may be read and is nobody's business there: our own folder, with the log, the stage and
//! the socket, through which a run would speak with the daemon's own rights.

use std::{
    fs,
    path::{Path, PathBuf},
};

use landlock::{ABI, AccessFs, BitFlags};

use crate::roots::STATE_FOLDER;

const KNOWN: ABI = ABI::V6;

/// Those of them that are there.
pub(super) fn hidden(readable: &[PathBuf]) -> Vec<PathBuf> {
    let mut all: Vec<_> = readable.iter().map(|it| it.join(STATE_FOLDER)).collect();
    all.retain(|it| it.is_dir());
    all.sort();
    all.dedup();
    all
}

/// What may be read of a directory, with the rights that each part is given: all of it, or its list and everything in
/// it but what is ours.
pub(super) fn shown(readable: &Path) -> Vec<(PathBuf, BitFlags<AccessFs>)> {
    let all = |path: PathBuf| {
        let rights = AccessFs::from_read(KNOWN);
        // A plain file has no entries to list.
        let fitting = if path.is_dir() { rights } else { rights & AccessFs::from_file(KNOWN) };
        (path, fitting)
    };
    if !readable.join(STATE_FOLDER).is_dir() {
        return vec![all(readable.to_owned())];
    }
    let entries = fs::read_dir(readable).into_iter().flatten().flatten();
    let entries = entries.filter(|it| it.file_name() != STATE_FOLDER).map(|it| all(it.path()));
    entries.chain([(readable.to_owned(), AccessFs::ReadDir.into())]).collect()
}
