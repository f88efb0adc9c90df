//! One staged content, as it was read once: what is checked is what was read, whatever is done to the file meanwhile.

use std::{
    ffi::OsString,
    fs::{self, OpenOptions},
    io::Read as _,
    os::unix::{ffi::OsStrExt as _, fs::OpenOptionsExt as _},
    path::Path,
};

use sha2::Digest as _;

use super::sandbox::JobFile;
use crate::{
    model::{Digest, ToolId},
    ports::CheckPart,
};

#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) tool: ToolId,
    /// The last part of the tool's path.
    pub(super) name: OsString,
    /// None where the file is to go.
    pub(super) staged: Option<JobFile>,
    pub(super) baseline: JobFile,
}

/// More than any tool may have.
const MOST: u64 = 1 << 30;

impl Part {
    pub(super) fn read(part: &CheckPart) -> Result<Self, String> {
        let path = part.tool.path();
        let name = Path::new(std::ffi::OsStr::from_bytes(path.as_bytes()));
        let name = name.file_name().unwrap_or_default().to_owned();
        let file = |bytes: Vec<u8>, executable| JobFile { name: name.clone(), executable, bytes };
        let staged = match &part.staged {
            Some(path) => Some(file(read(path, part.digest)?, part.executable)),
            None => None,
        };
        let baseline = file(part.baseline.clone().unwrap_or_default(), part.executable);
        Ok(Self { tool: part.tool.clone(), staged, baseline, name })
    }
}

fn read(path: &Path, digest: Option<Digest>) -> Result<Vec<u8>, String> {
    let said = |it: std::io::Error| format!("cannot read the staged file {}: {it}", path.display());
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_CLOEXEC;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(said)?;
    if !file.metadata().as_ref().is_ok_and(fs::Metadata::is_file) {
        return Err(format!("{} is no file any more", path.display()));
    }
    let mut bytes = Vec::new();
    file.take(MOST).read_to_end(&mut bytes).map_err(said)?;
    let is = Digest(sha2::Sha256::digest(&bytes).into());
    if digest.is_some_and(|it| it != is) {
        return Err(format!("{} is not what was staged: it is {is} now", path.display()));
    }
    Ok(bytes)
}
