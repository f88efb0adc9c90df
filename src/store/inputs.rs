//! Inputs of calls, kept to run them again: a file for each tool, a line for each input, the newest last. No truth: nothing is
//! synced, what cannot be read is forgotten, and on a disk that is nearly full nothing is kept. Secrets were taken out
//! before they came here.

mod select;

use std::{
    collections::HashMap,
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{
    place::{FLOOR, RESERVE, free},
    twin::Hex,
};
use crate::{
    model::{Digest, ToolId},
    ports::{Inputs, RecordedInput},
};

/// Different inputs of one tool.
const RING: usize = 200;
/// A file with more lines than this is written anew.
const LINES: usize = 2 * RING;
/// Tools whose inputs are held in memory at the same time.
const AT_HAND: usize = 64;
/// One that failed no differently and is among so many of the newest is not written again.
const FRESH: usize = 10;

pub struct RecordedInputs {
    dir: PathBuf,
    rings: Mutex<HashMap<ToolId, Ring>>,
}

#[derive(Default)]
struct Ring {
    /// Oldest first.
    inputs: Vec<RecordedInput>,
    /// In the file.
    lines: usize,
}

#[derive(Serialize, Deserialize)]
struct LineV1 {
    tool: String,
    args: String,
    digest: Hex,
    failed: bool,
    version: Hex,
}

impl RecordedInputs {
    /// Nothing is made before there is something to keep.
    pub fn open(state: &Path) -> Self {
        Self { dir: state.join("inputs"), rings: Mutex::default() }
    }

    fn rings(&self) -> MutexGuard<'_, HashMap<ToolId, Ring>> {
        self.rings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, tool: &ToolId, work: impl FnOnce(&mut Ring) -> T) -> T {
        let mut rings = self.rings();
        if !rings.contains_key(tool) {
            if rings.len() >= AT_HAND
                && let Some(other) = rings.keys().next().cloned()
            {
                rings.remove(&other);
            }
            rings.insert(tool.clone(), self.load(tool));
        }
        work(rings.entry(tool.clone()).or_default())
    }

    fn path(&self, tool: &ToolId) -> PathBuf {
        let name = Digest(Sha256::digest(tool.as_str()).into()).hex();
        self.dir.join(name).with_extension("jsonl")
    }

    fn load(&self, tool: &ToolId) -> Ring {
        let text = fs::read_to_string(self.path(tool)).unwrap_or_default();
        let mut ring = Ring::default();
        for line in text.lines() {
            ring.lines += 1;
            if let Ok(it) = serde_json::from_str::<LineV1>(line)
                && it.tool == tool.as_str()
            {
                ring.take(it.into());
            }
        }
        ring
    }

    /// The lines that are new, or all of it where it has become long.
    fn write(&self, tool: &ToolId, ring: &mut Ring, new_lines: &[u8]) -> io::Result<()> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.dir)?;
        if free(&File::open(&self.dir)?)? < FLOOR + RESERVE {
            return Ok(());
        }
        let (path, new) = (self.path(tool), self.path(tool).with_extension("new"));
        let count = new_lines.split_inclusive(|it| *it == b'\n').count();
        if ring.lines + count > LINES {
            let mut text = Vec::new();
            for it in &ring.inputs {
                line(tool, it, &mut text)?;
            }
            private(&new, OpenOptions::new().write(true).create(true).truncate(true))?
                .write_all(&text)?;
            fs::rename(&new, &path)?;
            ring.lines = ring.inputs.len();
            return Ok(());
        }
        private(&path, OpenOptions::new().append(true).create(true))?.write_all(new_lines)?;
        ring.lines += count;
        Ok(())
    }
}

impl Inputs for RecordedInputs {
    fn record(&self, tool: &ToolId, inputs: Vec<RecordedInput>) {
        self.with(tool, |ring| {
            let mut lines = Vec::new();
            for input in inputs {
                let kept =
                    if ring.has(&input) { Ok(()) } else { ring.put(tool, input, &mut lines) };
                if let Err(error) = kept {
                    tracing::debug!(%tool, %error, "the input of a call is not kept");
                }
            }
            if lines.is_empty() {
                return;
            }
            if let Err(error) = self.write(tool, ring, &lines) {
                tracing::debug!(%tool, %error, "the inputs of calls are not kept");
            }
        });
    }

    fn inputs(&self, tool: &ToolId, most: usize) -> Vec<RecordedInput> {
        self.with(tool, |ring| select::selected(&ring.inputs, most))
    }

    fn failing(&self, tool: &ToolId, version: &Digest, most: usize) -> Vec<RecordedInput> {
        let wanted = |it: &&RecordedInput| it.failed && it.version == *version;
        self.with(tool, |ring| {
            ring.inputs.iter().rev().filter(wanted).take(most).cloned().collect()
        })
    }
}

impl Ring {
    /// Among the newest, and it failed no differently.
    fn has(&self, input: &RecordedInput) -> bool {
        self.inputs.iter().rev().take(FRESH).any(|it| {
            it.digest == input.digest && (!input.failed || it.failed && it.version == input.version)
        })
    }

    /// With its line.
    fn put(&mut self, tool: &ToolId, input: RecordedInput, lines: &mut Vec<u8>) -> io::Result<()> {
        self.take(input);
        self.inputs.last().map_or(Ok(()), |it| line(tool, it, lines))
    }

    /// One that failed once stays one that failed, until it is too old.
    fn take(&mut self, mut input: RecordedInput) {
        if let Some(at) = self.inputs.iter().position(|it| it.digest == input.digest) {
            let before = self.inputs.remove(at);
            if before.failed && !input.failed {
                (input.failed, input.version) = (true, before.version);
            }
        }
        if self.inputs.len() >= RING {
            self.inputs.remove(0);
        }
        self.inputs.push(input);
    }
}

impl From<LineV1> for RecordedInput {
    fn from(it: LineV1) -> Self {
        let LineV1 { args, digest, failed, version, .. } = it;
        Self { args, digest: digest.0, failed, version: version.0 }
    }
}

fn line(tool: &ToolId, it: &RecordedInput, to: &mut Vec<u8>) -> io::Result<()> {
    let line = LineV1 {
        tool: tool.to_string(),
        args: it.args.clone(),
        digest: Hex(it.digest),
        failed: it.failed,
        version: Hex(it.version),
    };
    serde_json::to_writer(&mut *to, &line)?;
    to.push(b'\n');
    Ok(())
}

fn private(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    options.mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(number: u8, failed: bool) -> RecordedInput {
        RecordedInput {
            args: format!("{{\"q\":{number}}}"),
            digest: Digest([number; 32]),
            failed,
            version: Digest([200; 32]),
        }
    }

    #[test]
    fn what_is_kept_is_there_after_a_restart_once_each_and_not_for_ever() {
        let dir = tempfile::tempdir().unwrap();
        let (tool, other): (ToolId, ToolId) = ("t/a".parse().unwrap(), "t/b".parse().unwrap());
        let kept = RecordedInputs::open(dir.path());
        for round in 0..3_u8 {
            for number in 0..150 {
                kept.record(&tool, vec![input(number, round == 1 && number == 149)]);
            }
        }
        let lines = fs::read_to_string(kept.path(&tool)).unwrap().lines().count();
        assert!(lines <= LINES, "{lines}");
        assert_eq!(kept.inputs(&tool, 1000).len(), 150);
        kept.record(&tool, (150..250).map(|it| input(it, false)).collect());
        let kept = RecordedInputs::open(dir.path());
        assert_eq!(kept.inputs(&tool, 1000).len(), RING);
        let failed = kept.failing(&tool, &Digest([200; 32]), 5);
        assert_eq!(failed, [input(149, true)], "it failed once");
        assert!(kept.failing(&tool, &Digest([1; 32]), 5).is_empty(), "not on this version");
        assert!(kept.inputs(&other, 10).is_empty());
    }

    #[test]
    fn damage_is_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let tool: ToolId = "t/a".parse().unwrap();
        let kept = RecordedInputs::open(dir.path());
        kept.record(&tool, vec![input(1, false)]);
        let path = kept.path(&tool);
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"{\"tool\":\"t/a\",\"ar\n\xff").unwrap();
        drop(file);
        let kept = RecordedInputs::open(dir.path());
        kept.record(&tool, vec![input(2, false)]);
        assert!(kept.inputs(&tool, 10).contains(&input(2, false)));
    }
}
