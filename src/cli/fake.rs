//! For tests: a daemon that gives prepared answers, and a stream that can be read afterwards.

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write},
    os::unix::net::{UnixListener, UnixStream},
    path::PathBuf,
    sync::{Arc, Mutex},
    thread,
};

#[derive(Clone, Default)]
pub(super) struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What was asked: `GET /v1/status`, what it accepts, and the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) line: String,
    pub(super) accept: String,
    pub(super) body: String,
}

/// Answers until it is dropped.
pub(super) struct Daemon {
    directory: tempfile::TempDir,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Daemon {
    /// `answer` gives a whole HTTP answer to a request line; what it gives is sent, then the connection closes.
    pub(super) fn start(answer: impl Fn(&str) -> Vec<u8> + Send + 'static) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(directory.path().join("s.sock")).unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = asked.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let Some(request) = read(&stream) else { continue };
                log.lock().unwrap().push(request.clone());
                // A client that has enough goes away in the middle of a stream.
                stream.write_all(&answer(&request.line)).unwrap_or(());
            }
        });
        Self { directory, asked }
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.directory.path().join("s.sock")
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.asked().into_iter().map(|it| it.line).collect()
    }
}

pub(super) fn ok(body: &str) -> Vec<u8> {
    answer(200, body)
}

pub(super) fn answer(status: u16, body: &str) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} Status\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    );
    (head + body).into_bytes()
}

/// A stream that breaks off after these lines.
pub(super) fn broken_stream(lines: &str) -> Vec<u8> {
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n";
    format!("{head}{:x}\r\n{lines}\r\n", lines.len()).into_bytes()
}

fn read(stream: &UnixStream) -> Option<Asked> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|it| *it > 0)?;
    let (mut length, mut accept) = (0, String::new());
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        match header.trim().split_once(": ") {
            Some(("content-length", value)) => length = value.parse().unwrap(),
            Some(("accept", value)) => value.clone_into(&mut accept),
            Some(_) => (),
            None => break,
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let line = line.trim().strip_suffix(" HTTP/1.1")?.to_owned();
    Some(Asked { line, accept, body: String::from_utf8(body).unwrap() })
}
