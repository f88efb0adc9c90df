//! HTTP over the daemon's socket, blocking, one connection a request, written apart from the product's own
//! client so that the two check each other. Judges no answer.

use std::{
    io::{self, BufReader, Read, Write as _},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

use serde_json::Value;

/// Longer than anything takes on a busy machine; who waits so long has found a bug.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// The body of an answer, as it arrives.
pub(crate) struct Body {
    inner: BufReader<UnixStream>,
    shape: Shape,
}

enum Shape {
    Length(usize),
    /// What is left of the chunk in progress; `None`: the last one has ended.
    Chunked(Option<usize>),
    UntilClose,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|it| panic!("{it}: {}", String::from_utf8_lossy(&self.body)))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|it| it.0 == name).map(|it| it.1.as_str())
    }

    /// The JSON of a success; anything else ends the test with what was said.
    pub(crate) fn ok(&self) -> Value {
        assert!((200..300).contains(&self.status), "{}", String::from_utf8_lossy(&self.body));
        self.json()
    }

    /// Status and code of a refusal.
    pub(crate) fn refusal(&self) -> (u16, String) {
        (self.status, self.json()["code"].as_str().unwrap().to_owned())
    }

    pub(crate) fn detail(&self) -> String {
        self.json()["detail"].as_str().unwrap_or_default().to_owned()
    }
}

pub(crate) fn connect(socket: &Path) -> io::Result<UnixStream> {
    let stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Asks, and reads all of the answer.
pub(crate) fn ask(
    socket: &Path,
    method: &str,
    target: &str,
    headers: &str,
    body: &[u8],
) -> io::Result<Answer> {
    let (mut answer, mut rest) = begin(socket, method, target, headers, body)?;
    rest.read_to_end(&mut answer.body)?;
    Ok(answer)
}

/// Asks, and leaves the body to be read.
pub(crate) fn begin(
    socket: &Path,
    method: &str,
    target: &str,
    headers: &str,
    body: &[u8],
) -> io::Result<(Answer, Body)> {
    let mut stream = connect(socket)?;
    let length = body.len();
    let kind = if body.is_empty() { "" } else { "Content-Type: application/json\r\n" };
    let head = format!(
        "{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{kind}Content-Length: {length}\r\n{headers}\r\n"
    );
    // The daemon may answer and close before it has read all of it.
    drop(stream.write_all(&[head.as_bytes(), body].concat()));
    answer(stream)
}

/// Reads the head of an answer.
pub(crate) fn answer(stream: UnixStream) -> io::Result<(Answer, Body)> {
    let mut inner = BufReader::new(stream);
    let status = line(&mut inner)?;
    let status = status.split(' ').nth(1).and_then(|it| it.parse().ok());
    let status = status.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
    let mut headers = Vec::new();
    loop {
        let header = line(&mut inner)?;
        let Some((name, value)) = header.split_once(": ") else { break };
        headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let answer = Answer { status, headers, body: Vec::new() };
    let length = answer.header("content-length").map(|it| it.parse().unwrap());
    let shape = match (length, answer.header("transfer-encoding")) {
        (Some(length), _) => Shape::Length(length),
        (None, Some("chunked")) => Shape::Chunked(Some(0)),
        (None, _) => Shape::UntilClose,
    };
    Ok((answer, Body { inner, shape }))
}

fn line(from: &mut impl io::BufRead) -> io::Result<String> {
    let mut line = String::new();
    from.read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}

impl Read for Body {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = match &mut self.shape {
            Shape::Chunked(Some(0)) => return self.next_chunk(into),
            Shape::Length(left) | Shape::Chunked(Some(left)) => left,
            Shape::Chunked(None) => return Ok(0),
            Shape::UntilClose => return self.inner.read(into),
        };
        let most = into.len().min(*left);
        let count = self.inner.read(&mut into[..most])?;
        *left -= count;
        Ok(count)
    }
}

impl Body {
    fn next_chunk(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut size = line(&mut self.inner)?;
        if size.is_empty() {
            // The end of the chunk before, or of the stream.
            size = line(&mut self.inner)?;
        }
        let size = usize::from_str_radix(&size, 16).unwrap_or(0);
        self.shape = Shape::Chunked((size > 0).then_some(size));
        self.read(into)
    }
}
