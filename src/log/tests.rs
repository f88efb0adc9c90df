//! The forms of a line, what a value cannot do to them, and readers that do not read.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Condvar, Mutex, mpsc},
};

use serde_json::Value;

use super::*;

/// Lines as they were written, and a gate that can be shut.
#[derive(Clone, Default)]
struct Reader(Arc<(Mutex<Read>, Condvar)>);

#[derive(Default)]
struct Read {
    lines: Vec<String>,
    shut: bool,
    broken: bool,
}

impl Reader {
    fn sink(&self) -> Sink {
        let reader = self.clone();
        Box::new(move |line| {
            let (read, changed) = &*reader.0;
            let mut read = changed.wait_while(read.lock().unwrap(), |it| it.shut).unwrap();
            if read.broken {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            read.lines.push(String::from_utf8_lossy(line).into_owned());
            Ok(())
        })
    }

    fn change(&self, change: impl FnOnce(&mut Read)) {
        change(&mut self.0.0.lock().unwrap());
        self.0.1.notify_all();
    }

    fn lines(&self) -> Vec<String> {
        self.0.0.lock().unwrap().lines.clone()
    }
}

const LONG: Duration = Duration::from_mins(1);

fn logged(form: Form, level: Level, act: impl FnOnce(&Control)) -> String {
    let reader = Reader::default();
    let (subscriber, control) =
        subscriber(form, level, Box::new(|| 1_500_000), reader.sink()).unwrap();
    tracing::subscriber::with_default(subscriber, || act(&control));
    control.flush(LONG);
    reader.lines().concat()
}

fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

/// A datagram's fields.
fn journal_fields(datagram: &[u8]) -> BTreeMap<String, String> {
    let (mut fields, mut rest) = (BTreeMap::new(), datagram);
    while !rest.is_empty() {
        let end = rest.iter().position(|it| *it == b'\n').unwrap();
        let (name, value) = (String::from_utf8(rest[..end].to_vec()).unwrap(), &rest[end + 1..]);
        let (length, value) = value.split_at(8);
        let length = usize::try_from(u64::from_le_bytes(length.try_into().unwrap())).unwrap();
        fields.insert(name, String::from_utf8(value[..length].to_vec()).unwrap());
        assert_eq!(value[length], b'\n');
        rest = &value[length + 1..];
    }
    fields
}

fn in_journal(act: impl FnOnce()) -> BTreeMap<String, String> {
    let (sender, receiver) = mpsc::channel();
    let sink: Sink = Box::new(move |it| sender.send(it.to_vec()).map_err(io::Error::other));
    let (subscriber, _) = subscriber(Form::Journal, Level::Trace, Box::new(|| 0), sink).unwrap();
    tracing::subscriber::with_default(subscriber, act);
    journal_fields(&receiver.recv().unwrap())
}

#[test]
fn json_is_flat_and_keeps_its_order() {
    let tool = "tools/a.py";
    let lines = logged(Form::Json, Level::Info, |_| {
        tracing::info!(late = true, %tool, seq = 4_u64, event = "version.recorded", "seen \"it\"");
    });
    assert_eq!(
        lines,
        "{\"ts\":\"1970-01-01T00:00:01.500000Z\",\"level\":\"info\",\"event\":\"version.recorded\",\
         \"msg\":\"seen \\\"it\\\"\",\"seq\":4,\"tool\":\"tools/a.py\",\"late\":true}\n"
    );
}

#[test]
fn text_reads_as_a_sentence() {
    let text = logged(Form::Text, Level::Info, |_| {
        tracing::error!(
            event = "watch.degraded",
            root = "tools",
            why = "no watches left",
            "polling"
        );
    });
    assert_eq!(
        plain(&text),
        "1970-01-01T00:00:01.500Z error watch.degraded polling root=tools why=\"no watches left\"\n"
    );
}

#[test]
fn the_journal_has_every_field_by_its_name() {
    let fields = in_journal(|| {
        tracing::warn!(event = "drift.detected", seq = 4_u64, tool = "tools/a.py", took_ms = 7_u64);
    });
    let expected = [
        ("KNOWNGOOD_EVENT", "drift.detected"),
        ("KNOWNGOOD_SEQ", "4"),
        ("KNOWNGOOD_TOOK_MS", "7"),
        ("KNOWNGOOD_TOOL", "tools/a.py"),
        ("MESSAGE", "drift.detected seq=4 tool=tools/a.py took_ms=7"),
        ("PRIORITY", "4"),
        ("SYSLOG_IDENTIFIER", "knowngood"),
    ];
    assert_eq!(fields, expected.map(|(name, it)| (name.to_owned(), it.to_owned())).into());
}

#[test]
fn levels_are_those_of_syslog() {
    let priority = |act: fn()| in_journal(act)["PRIORITY"].clone();
    assert_eq!(priority(|| tracing::error!("it")), "3");
    assert_eq!(priority(|| tracing::warn!("it")), "4");
    assert_eq!(priority(|| tracing::info!("it")), "6");
    assert_eq!(priority(|| tracing::debug!("it")), "7");
    assert_eq!(priority(|| tracing::trace!("it")), "7");
}

#[test]
fn a_value_cannot_forge_a_line_a_field_or_a_colour() {
    let evil = "a\nPRIORITY=0\nb\u{1b}[31m\u{7f}\u{9b}\u{202e}c";
    let json = logged(Form::Json, Level::Info, |_| tracing::warn!(tool = evil, "{evil}"));
    assert_eq!(json.lines().count(), 1);
    assert!(!json.trim_end().contains(|it: char| it.is_control() || it == '\u{202e}'));
    let back: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(back.get("tool").unwrap(), evil);
    assert_eq!(back.get("msg").unwrap(), evil);
    let text = logged(Form::Text, Level::Info, |_| tracing::warn!(tool = evil, "it"));
    let shown = r#"tool="a\nPRIORITY=0\nb\u001b[31m\u{7f}\u{9b}\u{202e}c""#;
    assert!(plain(&text).ends_with(&format!(" it {shown}\n")), "{text}");
    let fields = in_journal(|| tracing::warn!(tool = evil, "{evil}"));
    assert_eq!((&*fields["PRIORITY"], &*fields["KNOWNGOOD_TOOL"]), ("4", evil));
    assert!(!fields["MESSAGE"].contains(char::is_control), "{fields:?}");
}

#[test]
fn an_entry_fits_into_a_datagram() {
    let long = "ä".repeat(200_000);
    let fields = in_journal(|| tracing::error!(errors = long, "it"));
    assert_eq!(fields["KNOWNGOOD_ERRORS"].len(), 32 << 10);
    assert_eq!(fields["MESSAGE"].len(), 32 << 10);
}

#[test]
fn the_journal_is_taken_where_stderr_leads_there() {
    let stderr = rustix::fs::fstat(io::stderr()).unwrap();
    let ours = format!("{}:{}", stderr.st_dev, stderr.st_ino);
    let of_a_parent = format!("{}:{}", stderr.st_dev, stderr.st_ino + 1);
    assert!(journal::is_stderr(Some(OsStr::new(&ours))));
    assert!(!journal::is_stderr(Some(OsStr::new(&of_a_parent))));
    assert!(!journal::is_stderr(None));
}

#[test]
fn the_level_changes_while_it_runs() {
    let lines = logged(Form::Json, Level::Warn, |control| {
        tracing::info!("one");
        control.set_level(Level::Debug);
        tracing::debug!("two");
        tracing::trace!("three");
    });
    assert!(lines.contains("two") && lines.lines().count() == 1, "{lines}");
}

#[test]
fn who_logs_does_not_wait_for_a_reader_that_is_gone() {
    const LINES: usize = 40_000;
    let reader = Reader::default();
    reader.change(|it| it.shut = true);
    let (subscriber, control) =
        subscriber(Form::Json, Level::Info, Box::new(|| 0), reader.sink()).unwrap();
    let began = std::time::Instant::now();
    tracing::subscriber::with_default(subscriber, || {
        for number in 0..LINES {
            tracing::info!(number);
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
        reader.change(|it| it.shut = false);
        control.flush(LONG);
        tracing::info!(number = LINES);
        control.flush(LONG);
    });
    let lines: Vec<Value> =
        reader.lines().iter().map(|it| serde_json::from_str(it).unwrap()).collect();
    let at = lines.iter().position(|it| it["event"] == "log.lost").unwrap();
    let lost = usize::try_from(lines[at]["lines"].as_u64().unwrap()).unwrap();
    assert_eq!((at + lost, lines.len()), (LINES, at + 2), "each was written or counted");
    assert!((0..at).all(|it| lines[it]["number"] == it), "what was written is whole");
    assert_eq!(lines[at + 1]["number"], LINES, "and it goes on");
}

#[test]
fn lines_that_could_not_be_written_are_counted_once_it_works_again() {
    let reader = Reader::default();
    reader.change(|it| it.broken = true);
    let (subscriber, control) =
        subscriber(Form::Json, Level::Info, Box::new(|| 0), reader.sink()).unwrap();
    tracing::subscriber::with_default(subscriber, || {
        tracing::info!("one");
        tracing::info!("two");
        control.flush(LONG);
        reader.change(|it| it.broken = false);
        tracing::info!("three");
        control.flush(LONG);
    });
    let lines = reader.lines();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].contains("three"), "{lines:?}");
    assert!(lines[1].contains("\"log.lost\"") && lines[1].contains("\"lines\":2"), "{lines:?}");
}
