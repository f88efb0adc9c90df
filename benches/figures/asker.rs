//! Sends requests with a body over one connection that stays open, and says how they were answered.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    os::unix::net::UnixStream,
    path::Path,
};

pub(crate) struct Asker {
    stream: UnixStream,
    answers: BufReader<UnixStream>,
}

impl Asker {
    pub(crate) fn connect(socket: &Path) -> Self {
        let stream = UnixStream::connect(socket).unwrap();
        let answers = BufReader::new(stream.try_clone().unwrap());
        Self { stream, answers }
    }

    /// The status of the answer, once all of it is here.
    pub(crate) fn post(&mut self, target: &str, body: &str) -> u16 {
        let length = body.len();
        let request = format!(
            "POST {target} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        self.stream.write_all(request.as_bytes()).unwrap();
        let (mut status, mut length) = (None, None);
        loop {
            let mut line = String::new();
            self.answers.read_line(&mut line).unwrap();
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(rest) = line.strip_prefix("http/1.1 ") {
                status = rest.get(..3).and_then(|it| it.parse().ok());
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse::<usize>().ok();
            }
        }
        let mut body = vec![0; length.unwrap()];
        self.answers.read_exact(&mut body).unwrap();
        status.unwrap()
    }
}
