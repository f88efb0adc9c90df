//! What daemon and runner say to each other: one job there, one answer back. A frame is a length (4 bytes, big-endian),
//! so much JSON, and behind it the bytes whose lengths the JSON tells. Both sides may be of different age after an
//! upgrade, so the frame has a version; neither side believes the other's lengths without a bound.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::job::{Ended, HEAD_BYTES, How, Job, TAIL_BYTES};

const VERSION: u32 = 2;
const MAX_JSON: u32 = 4 << 20;
/// All files of a job.
const MAX_FILES: u64 = 2 << 30;

#[derive(Serialize, Deserialize)]
struct Asked {
    version: u32,
    job: Job,
    sizes: Vec<u64>,
}

#[derive(Serialize, Deserialize)]
struct Answered {
    version: u32,
    how: How,
    head: u64,
    tail: u64,
}

pub(super) fn ask(job: &Job, to: &mut impl Write) -> io::Result<()> {
    let sizes = job.files.iter().map(|it| it.bytes.len() as u64).collect();
    write_json(&Asked { version: VERSION, job: without_bytes(job), sizes }, to)?;
    job.files.iter().try_for_each(|it| to.write_all(&it.bytes))
}

pub(super) fn read_asked(from: &mut impl Read) -> io::Result<Job> {
    let Asked { version, mut job, sizes } = read_json(from)?;
    is_known(version)?;
    let total = sizes.iter().try_fold(0_u64, |sum, it| sum.checked_add(*it));
    if sizes.len() != job.files.len() || total.is_none_or(|it| it > MAX_FILES) {
        return Err(bad("the files of the job do not fit together"));
    }
    for (file, size) in job.files.iter_mut().zip(sizes) {
        file.bytes = read_bytes(size, from)?;
    }
    Ok(job)
}

pub(super) fn answer(ended: &Ended, to: &mut impl Write) -> io::Result<()> {
    let Ended { how, head, tail } = ended;
    let (head_len, tail_len) = (head.len() as u64, tail.len() as u64);
    let how = how.clone();
    write_json(&Answered { version: VERSION, how, head: head_len, tail: tail_len }, to)?;
    to.write_all(head)?;
    to.write_all(tail)
}

pub(super) fn read_answered(from: &mut impl Read) -> io::Result<Ended> {
    let Answered { version, how, head, tail } = read_json(from)?;
    is_known(version)?;
    if head > HEAD_BYTES as u64 || tail > TAIL_BYTES as u64 {
        return Err(bad("the answer is longer than it may be"));
    }
    Ok(Ended { how, head: read_bytes(head, from)?, tail: read_bytes(tail, from)? })
}

fn without_bytes(job: &Job) -> Job {
    let Job { program, arguments, files, readable, limits, talks } = job;
    let bare = |it: &super::job::JobFile| super::job::JobFile {
        name: it.name.clone(),
        executable: it.executable,
        bytes: Vec::new(),
    };
    Job {
        program: program.clone(),
        arguments: arguments.clone(),
        files: files.iter().map(bare).collect(),
        readable: readable.clone(),
        limits: *limits,
        talks: *talks,
    }
}

fn write_json(it: &impl Serialize, to: &mut impl Write) -> io::Result<()> {
    let json = serde_json::to_vec(it)?;
    let length = u32::try_from(json.len()).ok().filter(|it| *it <= MAX_JSON);
    let length = length.ok_or_else(|| bad("the job is too long"))?;
    to.write_all(&length.to_be_bytes())?;
    to.write_all(&json)
}

fn read_json<T: DeserializeOwned>(from: &mut impl Read) -> io::Result<T> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length);
    if length > MAX_JSON {
        return Err(bad("the frame is longer than it may be"));
    }
    Ok(serde_json::from_slice(&read_bytes(length.into(), from)?)?)
}

fn read_bytes(size: u64, from: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(size).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == size { Ok(bytes) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

fn is_known(version: u32) -> io::Result<()> {
    if version == VERSION {
        return Ok(());
    }
    Err(bad("daemon and runner are of different versions; restart the daemon"))
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use std::{ffi::OsString, os::unix::ffi::OsStringExt as _};

    use super::*;
    use crate::checks::sandbox::job::{JobFile, Limits, Piece};

    fn job() -> Job {
        let name = OsString::from_vec(b"a\xff.py".to_vec());
        Job {
            program: Job::text("cat"),
            arguments: vec![vec![Piece::Text("--x=".into()), Piece::File(0)]],
            files: vec![JobFile { name, executable: true, bytes: vec![0, 255, 10] }],
            readable: vec!["/srv".into()],
            limits: Limits::default(),
            talks: true,
        }
    }

    #[test]
    fn what_is_said_is_what_is_heard() {
        let mut wire = Vec::new();
        ask(&job(), &mut wire).unwrap();
        assert_eq!(read_asked(&mut &*wire).unwrap(), job());
        let ended = Ended { how: How::Exited(3), head: b"abc".to_vec(), tail: b"c".to_vec() };
        wire.clear();
        answer(&ended, &mut wire).unwrap();
        assert_eq!(read_answered(&mut &*wire).unwrap(), ended);
    }

    #[test]
    fn a_frame_that_is_cut_or_lies_is_refused() {
        let mut wire = Vec::new();
        ask(&job(), &mut wire).unwrap();
        for end in 0..wire.len() {
            assert!(read_asked(&mut &wire[..end]).is_err(), "cut at {end}");
        }
        let huge = [&u32::MAX.to_be_bytes()[..], &wire[4..]].concat();
        assert!(read_asked(&mut &*huge).is_err());
        wire.clear();
        let lie = Answered { version: VERSION, how: How::TimedOut, head: u64::MAX, tail: 0 };
        write_json(&lie, &mut wire).unwrap();
        assert!(read_answered(&mut &*wire).is_err());
    }
}
