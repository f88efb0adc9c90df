//! What tools can do, in each form.

use super::{ALL, all_forms, answers::true_to, compare, shown};
use crate::{cli::fake::Daemon, wire};

const SEARCH: &str = r#"{"tool":"t/search.py","version":3,"sha256":"HASH","analyzer":"py-caps/1","parse":"ok",
 "declared":{"class":"net_read","idempotent":true,"destructive":false,"file":"search.toml","line":null},
 "inferred":[
  {"cap":"exec","via":"subprocess.run","file":"helpers/shell.py","line":12,"path":["execute","_log","helpers/shell.py:run"]},
  {"cap":"fs_read","via":"open","file":"search.py","line":7,"path":["execute"],"waived":true},
  {"cap":"net_read","via":"requests.get","file":"search.py","line":41,"path":["execute","_fetch"]},
  {"cap":"net_read","via":"requests.get","file":"search.py","line":44,"path":["execute","_fetch"]},
  {"cap":"opaque:notion","via":"import notion","file":"search.py","line":3,"path":[]}],
 "unresolved":["opaque:notion"],
 "observed":[{"cap":"net_read","event":"socket.connect","detail":"api.example.org:443","n":12}],
 "waived":[{"cap":"fs_read","detail":"open","reason":"its own cache","author":{"kind":"human","name":"ana"},"time":"2026-01-01T12:00:00Z","applies":true}],
 "effective":{"class":"unknown","safe":false,"nondeterministic":false,"capabilities":["net_read","exec","opaque:notion"]},
 "mcp":{"readOnlyHint":false,"destructiveHint":false,"idempotentHint":true,"openWorldHint":true},
 "delta":{"vs":"HASH","added":["exec"],"removed":[],"class_change":4},"as_of":412}"#;

const PURE: &str = r#"{"tool":"t/fetch.sh","version":2,"sha256":"HASH","analyzer":"py-caps/1","parse":"ok","declared":null,"inferred":[],
 "unresolved":[],"observed":[],"waived":[],"effective":{"class":"pure","safe":true,"nondeterministic":false,"capabilities":[]},
 "mcp":{"readOnlyHint":true,"destructiveHint":false,"idempotentHint":true,"openWorldHint":false},"delta":null,"as_of":412}"#;

const UNREAD: &str = r#"{"tool":"TOOL","version":1,"sha256":"HASH","analyzer":"py-caps/1","parse":"none","parse_problem":"there is no reader for a compiled program",
 "declared":null,"inferred":[{"cap":"unanalyzed","via":"a compiled program","file":"x","line":null,"path":[]}],"unresolved":["unanalyzed"],"observed":[],"waived":[],
 "effective":{"class":"unknown","safe":false,"nondeterministic":false,"capabilities":["unanalyzed"]},
 "mcp":{"readOnlyHint":false,"destructiveHint":true,"idempotentHint":false,"openWorldHint":true},"delta":null,"as_of":412}"#;

pub(super) fn answered(path: &str) -> Vec<u8> {
    let tool = path.split_once("/v1/class/").unwrap().1;
    true_to::<wire::Classification>(&match tool {
        "t/search.py" => SEARCH.to_owned(),
        "t/fetch.sh" => PURE.to_owned(),
        other => UNREAD.replace("TOOL", other),
    })
}

#[test]
fn class() {
    all_forms(
        "class",
        &[
            &["class"],
            &["class", "search"],
            &["class", "fetch.sh", "logo"],
            &["class", "search", "--waive", "exec:subprocess.run", "--reason", "git log only"],
            &["class", "search", "--waive", "net_read", "--reason", "x"],
        ],
    );
}

#[test]
fn what_is_signed_for_is_named_in_full() {
    let bodies = |line: &[&str]| {
        let daemon: Daemon = super::answers::world();
        for form in &ALL[..1] {
            drop(shown(&daemon, *form, line));
        }
        let posted = daemon.asked().into_iter().filter(|it| it.line.starts_with("POST"));
        posted.map(|it| it.body).collect::<Vec<_>>()
    };
    let waive = |what| bodies(&["class", "search", "--waive", what, "--reason", "read"]);
    let exec = r#"{"cap":"exec","detail":"subprocess.run","reason":"read"}"#;
    assert_eq!(waive("exec"), [exec]);
    assert_eq!(waive("exec:subprocess.run"), [exec]);
    assert_eq!(
        waive("opaque:notion"),
        [r#"{"cap":"opaque:notion","detail":"import notion","reason":"read"}"#]
    );
    assert_eq!(waive("net_read:socket.connect").len(), 1);
    assert_eq!(waive("net_read"), [""; 0], "it may be two");
    assert_eq!(waive("exec:os.system"), [""; 0]);
    assert_eq!(
        bodies(&["class", "search", "--withdraw", "fs_read:open"]),
        [r#"{"cap":"fs_read","detail":"open","withdraw":true}"#]
    );
    assert_eq!(bodies(&["class", "search", "--withdraw", "exec"]), [""; 0]);
    compare(
        "class_two",
        &shown(&super::answers::world(), ALL[1], &["class", "search", "logo", "--withdraw", "x"]),
    );
}
