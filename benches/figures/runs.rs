//! What a run of a tool in a sandbox costs: one call of a trivial tool beside a bare fork of the same interpreter that calls the
//! same function, on every rung that isolates here; and a shadow run of thirty inputs over the daemon's socket.

use std::{
    cell::RefCell,
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use knowngood::{
    checks::{
        Checker,
        sandbox::{Ladder, Settings, survey},
    },
    model::{RelPath, RootName, ToolId},
    ports::{
        CheckRules, ShadowContent, ShadowOrder, ShadowReport, Shadows as _, StopFlag, value_of,
    },
    shadow::{Input, Origin, Verdict},
};
use serde_json::json;

use crate::{
    asker::Asker,
    daemon::Place,
    options::Options,
    table::{Table, median, ms, quantile, ratio},
};

const CALLS: usize = 100;
const INPUTS: usize = 30;
const WANTED: Duration = Duration::from_secs(3);
const TOOL: &str = "def trivial(n):\n    return {'n': n, 'next': n + 1}\n";
const SAME: &str =
    "def trivial(n):\n    made = {'n': n}\n    made['next'] = n + 1\n    return made\n";
/// The tool, then how it is forked: with nothing around it but what brings the answer back.
const FORKED: &str = r"
import json, os, time
def once(n):
    began = time.perf_counter()
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(w, json.dumps(trivial(n)).encode())
        os._exit(0)
    os.close(w)
    json.loads(os.read(r, 65536))
    os.waitpid(pid, 0)
    os.close(r)
    return time.perf_counter() - began
print(json.dumps([once(n) for n in range(200)]))
";

pub(crate) fn run(options: &Options, home: &Path) -> [Table; 2] {
    [calls(options, home), shadows(options, home)]
}

fn calls(options: &Options, home: &Path) -> Table {
    let mut table = Table::new(
        format!(
            "a call of a trivial Python tool, {CALLS} inputs on two versions, {} rounds",
            options.rounds
        ),
        ["", "p50", "p99", "to a bare fork"],
    );
    let root = home.join("called");
    write(&root.join("trivial.py"), TOOL);
    let settings =
        Settings { program: env!("CARGO_BIN_EXE_knowngood").into(), ..Settings::default() };
    let works = survey(&settings).into_iter().filter(|it| it.works.is_ok() && it.rung.isolates());
    let (mut bare, mut ours) = (Vec::new(), Vec::new());
    for rung in works.map(|it| it.rung) {
        let rules = CheckRules::new(RootName::new("tools").unwrap(), root.clone());
        let checker = Checker::new(Ladder::at(rung, settings.clone()), vec![rules]);
        let (mut times, mut inside) = (Vec::new(), Vec::new());
        for _ in 0..options.rounds {
            bare.extend(forked());
            let (took, report) = called(&checker);
            times.extend(took);
            inside.push(report.latency.unwrap().control_p50_ms);
        }
        ours.push((rung, times, inside));
    }
    if bare.is_empty() {
        table.note("no rung isolates a run here, or there is no python3".to_owned());
        return table;
    }
    table.row("a bare fork that calls it", cells(&bare, &bare));
    for (rung, times, mut inside) in ours {
        table.row(&format!("a call on {rung:?}"), cells(&times, &bare));
        inside.sort_by(f64::total_cmp);
        let p50 = Duration::from_secs_f64(inside[inside.len() / 2] / 1000.0);
        let to_bare = format!("{:.1}", ratio(p50, median(&bare)));
        table.row("  of it, from fork to end", [ms(p50), String::new(), to_bare]);
    }
    table
}

fn cells(times: &[Duration], bare: &[Duration]) -> [String; 3] {
    let to_bare = ratio(median(times), median(bare));
    [ms(median(times)), ms(quantile(times, (99, 100))), format!("{to_bare:.1}")]
}

fn forked() -> Vec<Duration> {
    let script = format!("{TOOL}{FORKED}");
    let Ok(output) = Command::new("python3").args(["-c", &script]).output() else {
        return Vec::new();
    };
    let times: Vec<f64> = serde_json::from_slice(&output.stdout).unwrap();
    times.into_iter().map(Duration::from_secs_f64).collect()
}

/// Between two inputs both versions were called once.
fn called(checker: &Checker) -> (Vec<Duration>, ShadowReport) {
    let content = |text: &str| ShadowContent { bytes: text.as_bytes().to_vec(), executable: false };
    let input =
        |n| Input { args: value_of(json!({ "n": n })), origin: Origin::Given, ..Input::default() };
    let order = ShadowOrder {
        tool: ToolId::new(&RootName::new("tools").unwrap(), &RelPath::new(b"trivial.py").unwrap()),
        control: Some(content(TOOL)),
        candidate: content(SAME),
        beside: std::collections::BTreeMap::new(),
        budget: Duration::from_mins(1),
        class: "unknown".to_owned(),
        accepted: BTreeSet::new(),
        inputs: (0..CALLS).map(input).collect(),
        limit: Some(CALLS),
        expect_changes: Vec::new(),
        seed: 7,
    };
    let told = RefCell::new(Vec::new());
    let tell = |_| told.borrow_mut().push(Instant::now());
    let report = checker.shadow(&order, &tell, &StopFlag::default());
    assert_eq!(report.verdict, Verdict::Equivalent, "{report:#?}");
    let told = told.into_inner();
    (told.windows(2).map(|it| (it[1] - it[0]) / 2).collect(), report)
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
}

fn shadows(options: &Options, home: &Path) -> Table {
    let mut table = Table::new(
        format!("a shadow run of {INPUTS} inputs on a trivial tool, over the socket"),
        ["", "p50", "at most"],
    );
    let root = home.join("shadowed");
    write(&root.join("trivial.py"), TOOL);
    let place = Place::new(home, &root);
    let (daemon, _) = place.start();
    let mut asker = Asker::connect(daemon.socket());
    let inputs: Vec<_> = (0..INPUTS).map(|n| json!({ "n": n })).collect();
    let body =
        json!({"tool": "shadowed/trivial.py", "content": SAME, "inputs": inputs}).to_string();
    let mut times = Vec::new();
    // The first one finds out what isolates.
    for _ in 0..=options.rounds {
        let began = Instant::now();
        assert_eq!(asker.post("/v1/shadow", &body), 200);
        times.push(began.elapsed());
    }
    let sandbox = daemon.ask("/v1/info").unwrap()["sandbox"].to_string();
    daemon.stop();
    let p50 = median(&times[1..]);
    table.row(&format!("sandbox {sandbox}"), [ms(p50), ms(quantile(&times, (1, 1)))]);
    table.wish(&format!("at most {} s", WANTED.as_secs()), p50 <= WANTED);
    table
}
