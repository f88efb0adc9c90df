//! The command line as people and scripts use it: on a terminal (of `script`), in a shell, beside a daemon that
//! restarts.

use std::{
    io::{BufRead as _, BufReader, Lines},
    process::{Child, ChildStdout, Command, Output, Stdio},
};

use serde_json::Value;

use crate::world::{World, stdout};

const PROGRAM: &str = env!("CARGO_BIN_EXE_knowngood");

/// A command that goes on, killed at the latest when the test ends.
struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Running {
    fn start(world: &World, arguments: &[&str]) -> Self {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).arg("--socket").arg(world.socket());
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    fn document(&mut self) -> Value {
        serde_json::from_str(&self.lines.next().unwrap().unwrap()).unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// In a shell that finds the program and the daemon, and no configuration of the person who runs the tests.
fn shell(world: &World, script: &str) -> Output {
    let bin = std::path::Path::new(PROGRAM).parent().unwrap();
    let script = format!("PATH={}:$PATH\n{script}", bin.display());
    let mut command = Command::new("bash");
    command.args(["--norc", "-c", &script]).env("KNOWNGOOD_SOCKET", world.socket());
    for name in ["KNOWNGOOD_PAGER", "KNOWNGOOD_DIFFTOOL", "NO_COLOR", "PAGER", "LESS"] {
        command.env_remove(name);
    }
    command.env("TERM", "xterm").stdin(Stdio::null()).output().unwrap()
}

/// What stands on the screen after a command on a terminal, and its exit code.
fn terminal(world: &World, line: &str) -> String {
    let script = format!("script -qec '{line}; echo \"[$?]\"' /dev/null");
    stdout(&shell(world, &script)).replace('\r', "")
}

#[test]
fn a_terminal_gets_colours_and_a_pager_for_what_is_long() {
    let world = World::with(&[("search_tool.py", "first\n")]);
    world.write("search_tool.py", "second\n");
    world.sync();
    let screen = terminal(&world, "knowngood status");
    assert!(screen.contains("\u{1b}[33mM modified"), "{screen}");
    assert!(screen.contains("now") && screen.ends_with("[1]\n"), "{screen}");
    let paged = "KNOWNGOOD_PAGER=\"sed s/^/paged:/\" knowngood history search_tool";
    assert!(!terminal(&world, paged).contains("paged:"), "two versions fit on the screen");
    let screen = terminal(&world, &format!("{paged} -p --color never"));
    assert!(screen.starts_with("paged:tools/search_tool.py v2\n"), "{screen}");
    assert!(screen.ends_with("[0]\n"), "{screen}");
    let plain = terminal(&world, &format!("{paged} -p --no-pager"));
    assert!(!plain.contains("paged:") && plain.contains("search_tool.py v2"), "{plain}");
    let gone = terminal(&world, "PAGER=no-such-pager knowngood history -p search_tool");
    assert!(gone.contains("there is --no-pager") && gone.ends_with("[9]\n"), "{gone}");
}

#[test]
fn a_difference_is_shown_by_any_tool() {
    let world = World::with(&[("a/search.py", "first\n"), ("b.py", "same\n")]);
    world.write("a/search.py", "second\n");
    world.write("new.py", "new\n");
    world.sync();
    let tool = stdout(&shell(&world, "knowngood diff search --tool 'diff -u'; echo $?"));
    assert!(tool.contains("-first\n+second\n") && tool.ends_with("\n1\n"), "{tool}");
    let usual = terminal(&world, "KNOWNGOOD_DIFFTOOL=echo knowngood diff");
    assert!(usual.contains("/v1/search.py /tmp") || usual.contains("/v2/search.py\n"), "{usual}");
    assert!(usual.contains("/dev/null "), "what is new has nothing on its left side: {usual}");
    let piped = stdout(&shell(&world, "KNOWNGOOD_DIFFTOOL=echo knowngood diff | cat"));
    assert!(piped.contains("+second\n"), "a script gets the diff: {piped}");
    let none = shell(&world, "knowngood diff b.py --tool false; echo $?");
    assert_eq!(stdout(&none), "0\n");
    let wrong = shell(&world, "knowngood diff search --tool no-such-tool");
    assert_eq!(wrong.status.code(), Some(2));
}

#[test]
fn following_goes_on_across_a_restart_without_a_gap() {
    let mut world = World::with(&[("a.py", "0\n")]);
    let head = world.head();
    let mut events = Running::start(&world, &["events", "-f", "--json", "-n", "1"]);
    assert_eq!(events.document()["seq"], head, "the last one comes first");
    world.write("a.py", "1\n");
    assert_eq!(events.document()["seq"], head + 1);
    world.restart();
    world.write("a.py", "2\n");
    world.sync();
    for seq in head + 2..=world.head() {
        assert_eq!(events.document()["seq"], seq);
    }
}

#[test]
fn watching_shows_each_change() {
    let world = World::with(&[("a.py", "0\n")]);
    let mut status = Running::start(&world, &["status", "--watch=3600", "--json"]);
    assert_eq!(status.document()["in_sync"], true);
    world.write("a.py", "1\n");
    while status.document()["in_sync"] == true {}
    world.accept(&["tools/a.py"]).ok();
    while status.document()["in_sync"] == false {}
}

#[test]
fn the_api_by_hand() {
    let world = World::with(&[("a.py", "0\n")]);
    let hash = world.tool("tools/a.py")["disk"]["sha256"].as_str().unwrap().to_owned();
    let report = format!("{{\"loaded\": {{\"tools/a.py\": \"{hash}\"}}, \"ttl\": \"1h\"}}");
    let file = world.home.join("report.json");
    std::fs::write(&file, report).unwrap();
    for data in [format!("@{}", file.display()), format!("- < {}", file.display())] {
        let done = shell(&world, &format!("knowngood api PUT /v1/runtimes/planner -d {data}"));
        let answer: Value = serde_json::from_slice(&done.stdout).unwrap();
        assert_eq!(answer["loaded"], 1, "{data}");
    }
    let lines =
        "knowngood api GET '/v1/events?after=0' -H 'Accept: application/x-ndjson' | head -1";
    let first: Value = serde_json::from_slice(&shell(&world, lines).stdout).unwrap();
    assert_eq!(first["seq"], 1);
    for (request, exit) in [
        ("GET /v1/ready", 0),
        ("POST /v1/accept -d '{}'", 2),
        ("POST /v1/accept -d '{'", 2),
        ("GET /v1/tools/tools/none.py", 5),
        ("GET /v1/info -H nonsense", 2),
        ("GET /v1/info --socket /nowhere", 3),
    ] {
        let done = shell(&world, &format!("knowngood api {request}"));
        assert_eq!(done.status.code(), Some(exit), "{request}");
    }
}

/// What bash would offer after this line.
fn offered(world: &World, line: &str, last: &str) -> Vec<String> {
    // Bash cuts words at blanks, and at `@`, `=` and `:`, which become words.
    let script = r#"
        source <(knowngood completions bash)
        COMP_LINE=$1 COMP_POINT=${#1}
        mapfile -t COMP_WORDS < <(sed 's/[@=:]/\n&\n/g; s/ /\n/g' <<< "$1" | sed '1!{$!{/^$/d}}')
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        _knowngood knowngood "$2"
        printf '%s\n' "${COMPREPLY[@]}"
    "#;
    let quoted = |it: &str| format!("'{it}'");
    let whole = format!("set -- {} {}\n{script}", quoted(line), quoted(last));
    stdout(&shell(world, &whole)).lines().filter(|it| !it.is_empty()).map(str::to_owned).collect()
}

#[test]
fn a_shell_completes_names_that_the_daemon_knows() {
    let world = World::with(&[("search.py", "0\n"), ("web/fetch.sh", "0\n")]);
    world.write("search.py", "1\n");
    world.sync();
    world.put("/v1/runtimes/planner", &serde_json::json!({"loaded": {}})).ok();
    for (line, last, wanted) in [
        ("knowngood stat", "stat", &["status"][..]),
        ("knowngood diff ", "", &["tools/search.py", "tools/web/fetch.sh"]),
        ("knowngood diff fe", "fe", &["fetch.sh"]),
        ("knowngood diff search.py v", "v", &["v2", "v1"]),
        ("knowngood show search.py@v", "@v", &["@v2", "@v1"]),
        ("knowngood cat search --at ba", "ba", &["baseline"]),
        ("knowngood status --state=mo", "mo", &["modified"]),
        ("knowngood status --root t", "t", &["tools"]),
        ("knowngood check search --runtime p", "p", &["planner"]),
        (
            "knowngood events --types drift.cleared,safety.s",
            "drift.cleared,safety.s",
            &["drift.cleared,safety.stopped"],
        ),
        ("knowngood --socket /nowhere cat s", "s", &[]),
    ] {
        let offered = offered(&world, line, last);
        let names: Vec<_> = offered.iter().filter(|it| !it.starts_with("--")).collect();
        assert_eq!(names, wanted, "{line}");
    }
    for shell_name in ["zsh", "fish"] {
        let done = shell(&world, &format!("knowngood completions {shell_name}"));
        assert!(stdout(&done).contains("KNOWNGOOD_COMPLETE"), "{shell_name}");
    }
}
