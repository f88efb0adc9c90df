//! Deploys to a root of another owner: refused by the unit as it comes, with the name of the drop-in that is missing;
//! done with the drop-ins, and checked by the runner's unit.

use serde_json::{Value, json};

use super::{
    guest::Guest,
    units::{drop_in, file, ship},
};

const TOOL: &str = "private/b.py";
const PATH: &str = "/home/ana/tools/b.py";
const BEFORE: &str = "ana knowngood 664 one\ntwo\n";

/// The daemon runs, may write to its other root, and has none of the drop-ins for this one.
pub(super) fn a_root_of_another_owner_takes_the_drop_ins(guest: &Guest) {
    guest.sh(&format!("printf 'one\\ntwo\\n' > {PATH}; knowngood accept --all"));
    it_is_read_only_as_it_comes(guest);
    it_can_be_written_but_not_given_away(guest);
    its_files_stay_their_owners(guest);
    a_rollback_keeps_the_owner_as_well(guest);
    new_directories_hand_the_group_down(guest);
    what_its_owner_keeps_to_himself_takes_one_more(guest);
    without_its_group_it_takes_the_rest(guest);
}

fn it_is_read_only_as_it_comes(guest: &Guest) {
    let (status, refused) = deploy(guest, "one\nthree\n");
    refused_for(&refused, "root_read_only", "writable-roots.conf");
    assert_eq!(status, 409);
}

fn it_can_be_written_but_not_given_away(guest: &Guest) {
    let shipped = std::fs::read_to_string(file("systemd/drop-ins/writable-roots.conf")).unwrap();
    let folder = "/home/ana/tools";
    let commands = shipped.lines().filter_map(|it| it.strip_prefix("#   "));
    for command in commands {
        guest.sh(&command.replace("/srv/agents/tools", folder));
    }
    ship(guest, "writable-roots.conf", "ana-roots.conf");
    let unit = "/etc/systemd/system/knowngood.service.d/ana-roots.conf";
    guest.sh(&format!("sed -i s,/srv/agents/tools,{folder}, {unit}"));
    restart(guest);
    assert_eq!(root(guest)["switched_by"], "exchange");
    assert_eq!(stands(guest), BEFORE);
    let (status, refused) = deploy(guest, "one\nthree\n");
    refused_for(&refused, "cannot_keep_owner", "other-owners.conf");
    assert_eq!(status, 409);
    assert_eq!(stands(guest), BEFORE);
    let told = guest.sh("knowngood doctor --json || true");
    assert!(told.contains("other-owners.conf"), "{told}");
}

fn its_files_stay_their_owners(guest: &Guest) {
    ship(guest, "other-owners.conf", "other-owners.conf");
    restart(guest);
    // Only who may write to a file may note something on it: that is not the daemon, once the file is ana's.
    let attribute = "import os, sys; os.setxattr(sys.argv[1], 'user.note', b'mine')";
    guest.sh(&format!("python3 -c \"{attribute}\" {PATH}"));
    let (status, done) = deploy(guest, "one\nthree\n");
    assert_eq!((status, &done["state"]), (201, &json!("confirmed")), "{done}");
    checked_by_the_runner(&done);
    assert_eq!(stands(guest), "ana knowngood 664 one\nthree\n");
    let attribute = "import os, sys; print(os.getxattr(sys.argv[1], 'user.note'))";
    assert_eq!(guest.sh(&format!("python3 -c \"{attribute}\" {PATH}")), "b'mine'\n");
    let told = guest.sh("knowngood doctor --json || true");
    assert!(!told.contains("other-owners.conf"), "{told}");
}

fn a_rollback_keeps_the_owner_as_well(guest: &Guest) {
    let (status, done) = post(guest, "/v1/rollback", &json!({"tools": [{"tool": TOOL}]}));
    assert_eq!((status, &done["state"]), (201, &json!("confirmed")), "{done}");
    assert_eq!(stands(guest), BEFORE);
}

/// What is new there is of the group that its directory hands down, as far down as it goes.
fn new_directories_hand_the_group_down(guest: &Guest) {
    let make = |tool: &str| {
        let change = json!({"tool": format!("private/{tool}"), "base": null, "content": "3"});
        let (status, done) = post(guest, "/v1/deploys", &json!({"changes": [change]}));
        assert_eq!((status, &done["state"]), (201, &json!("confirmed")), "{done}");
        checked_by_the_runner(&done);
    };
    make("new/er/c.py");
    let modes = guest.sh("cd /home/ana/tools; stat -c '%G %a' new new/er new/er/c.py");
    assert_eq!(modes, "knowngood 2755\nknowngood 2755\nknowngood 644\n");
    // Without the drop-in's mask the unit lets nobody set that bit again: everybody may read there all the same.
    drop_in(guest, "zz-mask", "[Service]\nUMask=0077");
    restart(guest);
    make("closed/d.py");
    let modes = guest.sh("cd /home/ana/tools; stat -c '%G %a' closed closed/d.py");
    assert_eq!(modes, "knowngood 755\nknowngood 644\n");
}

fn what_its_owner_keeps_to_himself_takes_one_more(guest: &Guest) {
    guest.sh("cd /home/ana/tools; echo 1 > own.py; chown ana: own.py; chmod 600 own.py");
    let unreadable = || guest.get("/v1/status?sync=true")["summary"]["unreadable"].clone();
    assert_eq!(unreadable(), 1);
    ship(guest, "unreadable-tools.conf", "unreadable-tools.conf");
    restart(guest);
    assert_eq!(unreadable(), 0);
    let change = json!({"tool": "private/own.py", "base": "disk", "content": "2"});
    let (status, done) = post(guest, "/v1/deploys", &json!({"changes": [change]}));
    assert_eq!((status, &done["state"]), (201, &json!("confirmed")), "{done}");
    checked_by_the_runner(&done);
    let stands = guest.sh("cd /home/ana/tools; stat -c '%U %G %a' own.py; cat own.py");
    assert_eq!(stands, "ana ana 600\n2");
}

/// The lines of the drop-in that are there to be chosen.
fn without_its_group_it_takes_the_rest(guest: &Guest) {
    guest.sh("rm -r /home/ana/tools/.knowngood; chown -R ana:ana /home/ana/tools
              find /home/ana/tools -type d -exec chmod 755 {} + -o -exec chmod 640 {} +");
    restart(guest);
    let (status, refused) = deploy(guest, "one\nfour\n");
    refused_for(&refused, "root_read_only", "writable-roots.conf");
    assert_eq!(status, 409);
    let unit = "/etc/systemd/system/knowngood.service.d/other-owners.conf";
    guest.sh(&format!("sed -i 's/^#\\([A-Z]\\)/\\1/' {unit}; grep -q ^Amb.*OVERRIDE {unit}"));
    restart(guest);
    let (status, done) = deploy(guest, "one\nfour\n");
    assert_eq!((status, &done["state"]), (201, &json!("confirmed")), "{done}");
    checked_by_the_runner(&done);
    assert_eq!(stands(guest), "ana ana 640 one\nfour\n");
}

fn deploy(guest: &Guest, content: &str) -> (u16, Value) {
    let change = json!({"tool": TOOL, "base": "disk", "content": content});
    post(guest, "/v1/deploys", &json!({"changes": [change]}))
}

fn post(guest: &Guest, target: &str, body: &Value) -> (u16, Value) {
    let answer = guest.sh(&format!(
        "curl -sS -w '\\n%{{http_code}}' -H 'Content-Type: application/json' \
         --unix-socket /run/knowngood/knowngood.sock -d '{body}' 'http://k{target}'"
    ));
    let (body, status) = answer.rsplit_once('\n').unwrap();
    (status.parse().unwrap(), serde_json::from_str(body).unwrap())
}

fn refused_for(problem: &Value, code: &str, drop_in: &str) {
    assert_eq!(problem["code"], code, "{problem}");
    let hint = problem["hint"].as_str().unwrap();
    assert!(hint.contains(drop_in) && file("systemd/drop-ins").join(drop_in).exists(), "{hint}");
}

fn checked_by_the_runner(deploy: &Value) {
    let steps = deploy["steps"].as_array().unwrap();
    let verified = steps.iter().find(|it| it["step"] == "verified").unwrap();
    assert_eq!(verified["sandbox"], "runner", "{deploy}");
}

fn stands(guest: &Guest) -> String {
    guest.sh(&format!("printf '%s ' $(stat -c '%U %G %a' {PATH}); cat {PATH}"))
}

fn root(guest: &Guest) -> Value {
    let roots = guest.get("/v1/info")["roots"].clone();
    let found = roots.as_array().unwrap().iter().find(|it| it["root"] == "private");
    found.unwrap().clone()
}

fn restart(guest: &Guest) {
    guest.sh("systemctl daemon-reload; systemctl restart knowngood");
}
