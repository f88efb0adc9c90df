//! Every command's output in each of its forms, as files that are read in review: on a terminal of 80 × 24 with its
//! colours named, in a pipe, and as JSON; and what a package installs of them, `share/`. `KNOWNGOOD_WRITE_FORMS=1 cargo test
//! forms` writes them anew.

mod answers;
mod classes;
mod configuration;
mod deploys;
mod shadow;

use std::{collections::BTreeSet, fmt::Write as _, fs, path::Path};

use clap::CommandFactory as _;
use similar::TextDiff;

use self::answers::world;
use super::{ClientCommand, command};
use crate::cli::{
    args::{Global, Typed},
    client, commands,
    exit::Exit,
    failure::Failure,
    fake::{Daemon, Shared},
    print,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Terminal,
    Pipe,
    Json,
}

const ALL: [Form; 3] = [Form::Terminal, Form::Pipe, Form::Json];

/// What a person would see who typed it.
fn shown(daemon: &Daemon, form: Form, line: &[&str]) -> String {
    let ClientCommand { global, command } = command(line);
    let client = client::Client::new(daemon.socket()).unwrap();
    let text = formed(form, line, &global, |out| commands::run(&command, &client, out));
    // Where the socket is differs from run to run.
    text.replace(&daemon.socket().display().to_string(), "SOCKET")
}

/// The same of whatever prints.
fn formed(
    form: Form,
    line: &[&str],
    global: &Global,
    run: impl FnOnce(&mut print::Out) -> Result<Exit, Failure>,
) -> String {
    let (stdout, stderr) = (Shared::default(), Shared::default());
    let now = answers::NOW.parse().unwrap();
    let mut out = print::Out::test(Box::new(stdout.clone()), Box::new(stderr.clone()), now);
    if form == Form::Terminal {
        out = out.on_terminal();
    }
    (out.json, out.quiet) = (global.json || form == Form::Json, global.quiet);
    let done = run(&mut out);
    let exit = out.finish(done).code();
    let typed = line.join(" ");
    let mut text = match form {
        Form::Terminal => format!("$ knowngood {typed}\n"),
        Form::Pipe => format!("$ knowngood {typed} | cat\n"),
        Form::Json => format!("$ knowngood {typed} --json | jq .\n"),
    };
    text += &match form {
        Form::Json => each_indented(&stdout.text()),
        Form::Terminal | Form::Pipe => named(&stdout.text()),
    };
    for line in named(&stderr.text()).lines() {
        writeln!(text, "stderr: {line}").unwrap();
    }
    if exit != 0 {
        writeln!(text, "[exit code {exit}]").unwrap();
    }
    text + "\n"
}

/// As `jq .` shows documents.
fn each_indented(documents: &str) -> String {
    let documents = serde_json::Deserializer::from_str(documents).into_iter::<serde_json::Value>();
    documents.flat_map(|it| [format!("{:#}", it.unwrap()), "\n".to_owned()]).collect()
}

/// Colours by name: `<red>x</>`.
fn named(text: &str) -> String {
    let names = [
        ("0", "</>"),
        ("1", "<bold>"),
        ("2", "<dim>"),
        ("7", "<marked>"),
        ("31", "<red>"),
        ("32", "<green>"),
        ("33", "<yellow>"),
        ("36", "<cyan>"),
    ];
    let text = text.replace("\r\u{1b}[K", "<anew>");
    names.iter().fold(text, |text, it| text.replace(&format!("\u{1b}[{}m", it.0), it.1))
}

/// Compares with what was committed.
fn compare(name: &str, found: &str) {
    compare_file(&format!("src/cli/tests/forms/shown/{name}.txt"), found);
}

/// The same of a file anywhere in the project.
fn compare_file(name: &str, found: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    if std::env::vars_os().any(|it| it.0 == "KNOWNGOOD_WRITE_FORMS") {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        return fs::write(path, found).unwrap();
    }
    let wanted = fs::read_to_string(&path).unwrap_or_default();
    let diff = TextDiff::from_lines(wanted.as_str(), found);
    let diff = diff.unified_diff().header("committed", "found").to_string();
    assert!(wanted == found, "{name} looks different:\n{diff}");
}

fn all_forms(name: &str, lines: &[&[&str]]) {
    let daemon = world();
    let forms = |line: &&[&str]| ALL.map(|it| shown(&daemon, it, line)).concat();
    compare(name, &lines.iter().map(forms).collect::<String>());
}

#[test]
fn status() {
    all_forms("status", &[&["status"], &["status", "--state", "stale"]]);
    let other = |body: &str| shown(&answers::only_status(body), Form::Terminal, &["status"]);
    let many = answers::many_issues();
    compare("status_in_sync", &other(answers::IN_SYNC));
    compare("status_narrow", &other(answers::LONG_NAMES));
    compare("status_troubled_roots", &other(answers::TROUBLED));
    compare("status_many", &other(&many));
    let late = shown(&answers::only_status(answers::LATE), Form::Terminal, &["status", "--sync"]);
    compare("status_late", &late);
}

#[test]
fn reading() {
    all_forms("list", &[&["list"]]);
    all_forms(
        "history",
        &[&["history", "search"], &["history", "search", "-n", "1"], &["history", "search", "-p"]],
    );
    all_forms("show", &[&["show", "search"], &["show", "search@v2"]]);
    all_forms("check", &[&["check", "search"], &["check", "fetch.sh"], &["check", "link"]]);
    all_forms("runtimes", &[&["runtimes"]]);
    all_forms("events", &[&["events"], &["events", "-n", "2"], &["events", "--since", "30s"]]);
    compare(
        "cat",
        &[Form::Pipe, Form::Json].map(|it| shown(&world(), it, &["cat", "search@v1"])).concat(),
    );
}

#[test]
fn diff() {
    all_forms("diff", &[&["diff", "search"], &["diff", "fetch.sh"], &["diff", "logo"]]);
    all_forms("diff_all", &[&["diff"], &["diff", "--stat"], &["diff", "-q"]]);
    let with_tool: &[&str] = &["diff", "search", "--tool", "cmp -s"];
    compare("diff_tool", &shown(&world(), Form::Pipe, with_tool));
}

#[test]
fn acting() {
    all_forms(
        "accept",
        &[
            &["accept", "search"],
            &["accept", "--all"],
            &["accept", "search", "--disk", "sha256:00000000"],
        ],
    );
    all_forms("admin", &[&["rescan"], &["reload"], &["verify"]]);
    all_forms("api", &[&["api", "get", "v1/info"], &["api", "GET", "/v1/tools/t/x"]]);
}

#[test]
fn deploying() {
    all_forms(
        "deploy",
        &[
            &["deploy", "search", "/dev/null", "--base", "v3", "-m", "handle an empty query"],
            &["deploy", "search", "/dev/null"],
            &["confirm", "17"],
            &["abort", "17"],
        ],
    );
    all_forms("rollback", &[&["rollback", "search@v1"], &["restore", "search"]]);
    all_forms(
        "deploys",
        &[
            &["deploys"],
            &["deploys", "17"],
            &["deploys", "18"],
            &["deploys", "19"],
            &["deploys", "99"],
        ],
    );
    let refused = |status, body| {
        let line = ["deploy", "search", "/dev/null", "--base", "v2"];
        ALL.map(|it| shown(&answers::refusing("POST /v1/deploys", status, body), it, &line))
            .concat()
    };
    let told = [refused(409, deploys::CONFLICT), refused(422, deploys::REJECTED)];
    compare("deploy_refused", &told.concat());
    compare(
        "resolve",
        &shown(&world(), Form::Pipe, &["resolve", "search", "/dev/null", "--base", "v2"]),
    );
}

#[test]
fn shadow() {
    let forms = |body: &serde_json::Value, line: &[&str]| {
        ALL.map(|it| shown(&shadow::telling(body), it, line)).concat()
    };
    let told = [
        forms(&shadow::regressed(), &["shadow", "search", "/dev/null", "--base", "v3"]),
        forms(&shadow::equivalent(), &["shadow", "search", "/dev/null", "--input", "{\"q\":1}"]),
        forms(&shadow::inconclusive(), &["shadow", "search", "/dev/null"]),
        forms(&shadow::inconclusive(), &["shadow", "search", "/dev/null", "--input", "{"]),
    ];
    compare("shadow", &told.concat());
}

#[test]
fn failures() {
    let line: &[&[&str]] = &[
        &["history", "nothing"],
        &["history", "fetch"],
        &["cat", "search@v9"],
        &["api", "GET", "/v1/events?after=x y"],
    ];
    all_forms("failures", line);
    let refused = |begin, status, body, line: &[&str]| {
        ALL.map(|it| shown(&answers::refusing(begin, status, body), it, line)).concat()
    };
    let told = [
        refused(
            "POST /v1/accept",
            409,
            answers::CONFLICT,
            &["accept", "search", "--disk", "sha256:0"],
        ),
        refused("POST /v1/rescan", 403, answers::FORBIDDEN, &["rescan"]),
        refused("POST /v1/reload", 400, answers::REJECTED, &["reload"]),
        refused("GET /v1/events", 410, answers::EXPIRED, &["events", "--after", "3"]),
        refused("GET /v1/status", 503, answers::STARTING, &["status", "--watch"]),
    ];
    compare("refused", &told.concat());
    let away = |form| {
        let daemon = world();
        fs::remove_file(daemon.socket()).unwrap();
        shown(&daemon, form, &["status"])
    };
    compare("unreachable", &ALL.map(away).concat());
}

#[test]
fn help() {
    let mut text = String::new();
    let mut root = Typed::command().term_width(100);
    root.build();
    text += &root.render_help().to_string();
    for command in root.get_subcommands_mut().filter(|it| it.get_name() != "help") {
        write!(text, "\n---\n\n{}", command.clone().render_long_help()).unwrap();
    }
    compare("help", &text);
}

#[test]
fn manual() {
    compare("man", &shown(&world(), Form::Pipe, &["man", "history"]));
    let done = shown(&world(), Form::Pipe, &["man", "histories"]);
    assert!(
        done.contains("there is no command \"histories\"") && done.contains("[exit code 5]"),
        "{done}"
    );
    let place = tempfile::tempdir().unwrap();
    let pages = place.path().join("man1");
    shown(&world(), Form::Pipe, &["man", "--dir", pages.to_str().unwrap()]);
    let made = names(&pages);
    for command in Typed::command().get_subcommands().filter(|it| !it.is_hide_set()) {
        let page = format!("knowngood-{}.1", command.get_name());
        assert!(made.contains(&page), "{page}");
    }
    // The package takes them from there.
    for page in &made {
        compare_file(&format!("share/man/{page}"), &fs::read_to_string(pages.join(page)).unwrap());
    }
    let kept = names(&Path::new(env!("CARGO_MANIFEST_DIR")).join("share/man"));
    assert_eq!(made, kept, "share/man has other pages than there are commands");
}

#[test]
fn completions() {
    let of = |shell| {
        let text = shown(&world(), Form::Pipe, &["completions", shell]);
        text.split_once('\n').unwrap().1.trim_end().to_owned() + "\n"
    };
    compare_file("src/cli/commands/completions.bash", &of("bash"));
    compare_file("share/completions/_knowngood", &of("zsh"));
    compare_file("share/completions/knowngood.fish", &of("fish"));
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|it| it.unwrap().file_name().into_string().unwrap()).collect()
}
