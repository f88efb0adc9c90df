//! Asks a server on a Unix socket the same question again and again over connections that stay open.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    os::unix::net::UnixStream,
    path::Path,
    thread,
    time::{Duration, Instant},
};

/// Connections at once.
const CLIENTS: usize = 4;

/// Times of all answers, and how long it all took.
pub(crate) struct Load {
    pub(crate) times: Vec<Duration>,
    pub(crate) took: Duration,
}

impl Load {
    /// Answers a second.
    pub(crate) fn rate(&self) -> f64 {
        self.times.len() as f64 / self.took.as_secs_f64()
    }
}

/// Asks for as long as told.
pub(crate) fn ask(socket: &Path, target: &str, length: Duration) -> Load {
    let began = Instant::now();
    let times = thread::scope(|scope| {
        let ask = || one(socket, target, began + length);
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(ask)).collect();
        clients.into_iter().flat_map(|it| it.join().unwrap()).collect()
    });
    Load { times, took: began.elapsed() }
}

fn one(socket: &Path, target: &str, until: Instant) -> Vec<Duration> {
    let mut stream = UnixStream::connect(socket).unwrap();
    let mut answers = BufReader::new(stream.try_clone().unwrap());
    let request = format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n");
    let (mut times, mut body) = (Vec::new(), Vec::new());
    while Instant::now() < until {
        let asked = Instant::now();
        stream.write_all(request.as_bytes()).unwrap();
        read(&mut answers, &mut body);
        times.push(asked.elapsed());
    }
    times
}

fn read(answers: &mut BufReader<UnixStream>, body: &mut Vec<u8>) {
    let mut length = None;
    let mut line = String::new();
    loop {
        line.clear();
        answers.read_line(&mut line).unwrap();
        let header = line.trim_end().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        assert!(!header.starts_with("http/1.1") || header.contains(" 200"), "{header}");
        if let Some(value) = header.strip_prefix("content-length:") {
            length = Some(value.trim().parse::<usize>().unwrap());
        }
    }
    body.resize(length.unwrap(), 0);
    answers.read_exact(body).unwrap();
}
