//! The directory in which a run finds its files, an empty directory to work in, and one for what is temporary.

use std::{
    ffi::OsString,
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _, chown},
    path::{Path, PathBuf},
};

use super::job::{Job, Piece};

#[derive(Debug)]
pub(super) struct Place {
    pub(super) work: PathBuf,
    pub(super) temporary: PathBuf,
    /// In the order of the job's.
    files: Vec<PathBuf>,
}

impl Place {
    /// Everything belongs to `owner` afterwards, where that is not ourselves.
    pub(super) fn make(scratch: &Path, job: &Job, owner: Option<u32>) -> io::Result<Self> {
        let (work, temporary) = (scratch.join("work"), scratch.join("tmp"));
        let mut made = vec![work.clone(), temporary.clone(), scratch.join("files")];
        let mut files = Vec::new();
        for (index, file) in job.files.iter().enumerate() {
            let name = Path::new(&file.name);
            if name.components().count() != 1 || name.file_name().is_none() {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidInput,
                    "a file has no plain name",
                ));
            }
            let folder = scratch.join("files").join(index.to_string());
            files.push(folder.join(name));
            made.push(folder);
        }
        for path in &made {
            DirBuilder::new().mode(0o700).create(path)?;
        }
        for (path, given) in files.iter().zip(&job.files) {
            let bits = if given.executable { 0o700 } else { 0o600 };
            let mut written =
                OpenOptions::new().write(true).create_new(true).mode(bits).open(path)?;
            written.write_all(&given.bytes)?;
        }
        if let Some(uid) = owner {
            let all = made.iter().chain(&files).map(PathBuf::as_path).chain([scratch]);
            all.into_iter().try_for_each(|it| chown(it, Some(uid), Some(uid)))?;
        }
        Ok(Self { work, temporary, files })
    }

    /// A word of the command line with the paths put in.
    pub(super) fn word(&self, pieces: &[Piece]) -> OsString {
        let mut word = OsString::new();
        for piece in pieces {
            match piece {
                Piece::Text(it) => word.push(it),
                Piece::File(index) => {
                    word.push(self.files.get(*index).map_or(Path::new(""), |it| it));
                }
            }
        }
        word
    }
}

/// What files and directories below take up, as far as it can be seen; counting ends once it is over `limit`.
pub(super) fn size_of(directory: &Path, limit: u64) -> u64 {
    let (mut total, mut next) = (0, vec![directory.to_owned()]);
    while let Some(path) = next.pop() {
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            let Ok(it) = entry.metadata() else { continue };
            if it.is_dir() {
                next.push(entry.path());
            }
            total += std::os::unix::fs::MetadataExt::blocks(&it) * 512;
            if total > limit {
                return total;
            }
        }
    }
    total
}

/// Removes a directory whatever rights were taken from what is in it.
pub(super) fn remove(directory: &Path) {
    if fs::remove_dir_all(directory).is_ok() {
        return;
    }
    let mut next = vec![directory.to_owned()];
    while let Some(path) = next.pop() {
        drop(fs::set_permissions(&path, fs::Permissions::from_mode(0o700)));
        let entries = fs::read_dir(path).into_iter().flatten().flatten();
        // A link is no directory by this question, and is not followed.
        next.extend(
            entries.filter(|it| it.file_type().is_ok_and(|it| it.is_dir())).map(|it| it.path()),
        );
    }
    drop(fs::remove_dir_all(directory));
}
