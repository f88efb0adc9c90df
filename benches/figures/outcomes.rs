//! Calls that are reported, a hundred in one request, beside a request that reports none: over one connection, in turns.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    asker::Asker,
    daemon::Place,
    options::Options,
    table::{Table, median, ms, quantile, ratio},
};

const BATCH: usize = 100;
const WANTED: f64 = 3.0;

/// What each row reports.
const ROWS: [(&str, Kind); 5] = [
    ("none", Kind::None),
    ("100 that went well", Kind::Bare),
    ("100 with arguments that are known", Kind::Known),
    ("100 with arguments of their own", Kind::Own),
    ("100 that failed, with frames", Kind::Failed),
];

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    None,
    Bare,
    Known,
    Own,
    Failed,
}

pub(crate) fn run(options: &Options, home: &Path) -> Table {
    let root = home.join("reported");
    fs::create_dir_all(&root).unwrap();
    fs::write(root.join("tool.py"), "def tool(q):\n    return q\n").unwrap();
    let place = Place::new(home, &root);
    let (daemon, _) = place.start();
    let mut asker = Asker::connect(daemon.socket());
    let mut times: [Vec<Duration>; ROWS.len()] = Default::default();
    for round in 0..options.saves {
        for (row, times) in ROWS.iter().zip(&mut times) {
            let body = body(row.1, round);
            let began = Instant::now();
            assert_eq!(asker.post("/v1/outcomes", &body), 202, "{}", row.0);
            times.push(began.elapsed());
        }
    }
    daemon.stop();
    told(&times)
}

fn told(times: &[Vec<Duration>; ROWS.len()]) -> Table {
    let mut table = Table::new(
        format!("reported calls, {} requests of each kind in turns", times[0].len()),
        ["", "p50", "p99", "to none"],
    );
    for (row, its) in ROWS.iter().zip(times) {
        let to_none = ratio(median(its), median(&times[0]));
        let cells = [ms(median(its)), ms(quantile(its, (99, 100))), format!("{to_none:.1}")];
        table.row(row.0, cells);
    }
    let to_none = ratio(median(&times[1]), median(&times[0]));
    table.wish(&format!("{BATCH} that went well at most {WANTED} × none"), to_none <= WANTED);
    table
}

fn body(kind: Kind, round: usize) -> String {
    let count = if kind == Kind::None { 0 } else { BATCH };
    let outcomes: Vec<Value> = (0..count).map(|it| outcome(kind, round, it)).collect();
    json!({ "outcomes": outcomes }).to_string()
}

fn outcome(kind: Kind, round: usize, number: usize) -> Value {
    let id = format!("{}-{round}-{number}", kind as usize);
    let mut it = json!({"tool": "reported/tool.py", "version": "v1", "call_id": id, "status": "ok", "duration_ms": 12});
    match kind {
        Kind::None | Kind::Bare => (),
        Kind::Known => it["args"] = json!({ "q": "always the same" }),
        Kind::Own => it["args"] = json!({ "q": id, "limit": number }),
        Kind::Failed => {
            it["status"] = "error".into();
            let frames: Vec<Value> = (0..8)
                .map(|line| json!({"file": "tool.py", "line": line, "function": "tool"}))
                .collect();
            it["error"] = json!({"type": "KeyError", "message": "'q'", "frames": frames});
        }
    }
    it
}
