//! `config` and `doctor`, of files and a machine that stand still.

use std::fs;

use super::{ALL, Form, answers::world, compare, formed, shown};
use crate::{
    cli::{args::Global, commands::doctor},
    doctor::{Finding, Verdict},
};

const GOOD: &str = "[log]\nlevel = \"warn\"\n[[root]]\npath = \"FOLDER\"\nname = \"tools\"\n";
const BAD: &str =
    "colour = 1\n[limits]\nconections = 8\n[[root]]\npath = \"FOLDER\"\nedits_by = \"ana\"\n";

/// A file with this text, and what the forms of the commands say of it.
fn of_file(text: &str, forms: &[Form], line: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path().canonicalize().unwrap().display().to_string();
    let file = format!("{here}/config.toml");
    fs::write(&file, text.replace("FOLDER", &here)).unwrap();
    let line: Vec<_> = line.iter().map(|it| if *it == "FILE" { &*file } else { *it }).collect();
    let shown = forms.iter().map(|it| shown(&world(), *it, &line)).collect::<String>();
    shown.replace(&here, "/etc/knowngood")
}

#[test]
fn config_check() {
    let good = of_file(GOOD, &ALL, &["config", "check", "FILE"]);
    let bad = of_file(BAD, &ALL, &["config", "check", "FILE"]);
    compare("config_check", &(good + &bad));
}

#[test]
fn config_show() {
    let of_daemon = |line: &[&str]| ALL.map(|it| shown(&world(), it, line)).concat();
    let plain = of_daemon(&["config", "show"]);
    let origins = of_daemon(&["config", "show", "--origin"]);
    let file = of_file(GOOD, &[Form::Pipe], &["config", "show", "--origin", "FILE"]);
    compare("config_show", &(plain + &origins + &file));
}

/// One document, whoever looks.
#[test]
fn config_schema() {
    let forms = ALL.map(|it| shown(&world(), it, &["config", "schema"]));
    let [terminal, pipe, json] = forms.each_ref().map(|it| it.split_once('\n').unwrap().1);
    assert_eq!((terminal, json), (pipe, pipe));
    compare("config_schema", &forms[1]);
}

#[test]
fn doctor() {
    let of = |check, verdict, what: &str, mend: Option<&str>| Finding {
        check,
        verdict,
        what: what.to_owned(),
        mend: mend.map(str::to_owned),
    };
    let well = [
        of("daemon", Verdict::Ok, "0.1.0 runs as process 7", None),
        of("clock", Verdict::Ok, "it is set by the network", None),
    ];
    let ill = [
        of("daemon", Verdict::Ok, "0.1.0 runs as process 7", None),
        of(
            "config",
            Verdict::Note,
            "the files say other values of log.level",
            Some("knowngood reload"),
        ),
        of(
            "inotify",
            Verdict::Broken,
            "the roots need 9000 of 8192 watches: some directories are polled",
            Some("sysctl fs.inotify.max_user_watches=65536"),
        ),
    ];
    let quiet = Global { quiet: true, ..Global::default() };
    let forms = |found: &[Finding], line: &[&str], global: &Global| {
        ALL.map(|it| formed(it, line, global, |out| Ok(doctor::show(found, out)))).concat()
    };
    let text = [
        forms(&well, &["doctor"], &Global::default()),
        forms(&ill, &["doctor"], &Global::default()),
        forms(&ill, &["doctor", "-q"], &quiet),
    ];
    compare("doctor", &text.concat());
}
