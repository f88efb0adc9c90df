//! `doctor`: what is in the daemon's way, and the command that mends it. Gathers what is to be looked at; the looking is
//! in `crate::doctor`.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde::de::DeserializeOwned;
use serde_json::json;

use super::config::{load, overridden};
use crate::{
    cli::{
        args::DoctorArgs,
        client::{Client, Target},
        exit::Exit,
        print::{BOLD, DIM, GREEN, Out, RED, YELLOW},
        table::Cell,
    },
    config::{Effective, Request},
    doctor::{self, Answers, Away, Finding, Patient, Verdict},
    wire::{Configuration, Info, Status},
};

pub(super) fn run(args: &DoctorArgs, client: &Client, out: &mut Out) -> Exit {
    show(&doctor::examine(&patient(args, client)), out)
}

/// In each of the forms, whoever looked.
pub(in crate::cli) fn show(findings: &[Finding], out: &mut Out) -> Exit {
    let broken = findings.iter().any(|it| it.verdict == Verdict::Broken);
    if out.json {
        let shown = |it: &Finding| json!({"check": it.check, "verdict": it.verdict.as_str(), "what": it.what, "mend": it.mend});
        let all: Vec<_> = findings.iter().map(shown).collect();
        out.document(&json!({"ok": !broken, "findings": all}));
    } else {
        print(findings, out);
    }
    if broken { Exit::Other } else { Exit::Ok }
}

/// `-q` leaves only what is broken.
fn print(findings: &[Finding], out: &mut Out) {
    let mut rows = Vec::new();
    for it in findings.iter().filter(|it| !out.quiet || it.verdict == Verdict::Broken) {
        let style = match it.verdict {
            Verdict::Ok => GREEN,
            Verdict::Note => YELLOW,
            Verdict::Broken => RED,
        };
        let verdict = Cell::styled(it.verdict.as_str(), style);
        rows.push(vec![verdict, Cell::styled(it.check, BOLD), (&*it.what).into()]);
        if let Some(mend) = &it.mend {
            rows.push(vec!["".into(), Cell::styled("mend:", DIM), mend.into()]);
        }
    }
    out.rows(&rows);
}

fn patient(args: &DoctorArgs, client: &Client) -> Patient {
    let socket = client.socket().to_owned();
    let request = request(args, &socket);
    let loaded = load(&request);
    let values = loaded.as_ref().map(|it| it.1.clone()).ok();
    Patient {
        daemon: answers(client, values.as_deref()),
        config: loaded.map(|it| it.0),
        socket,
        request,
        unit: Path::new("/run/systemd/system").exists().then(unit),
        time: said("timedatectl", &["show"]),
        ladder: doctor::sandbox::look(),
        proc: PathBuf::from("/proc"),
        version: env!("CARGO_PKG_VERSION"),
    }
}

/// A socket in a directory's own folder is that of `run DIR`.
fn request(args: &DoctorArgs, socket: &Path) -> Request {
    let folder = socket.parent().filter(|it| it.ends_with(".knowngood"));
    match &args.config {
        Some(_) => Request { config: args.config.clone(), ..Request::default() },
        None => Request {
            directory: folder.and_then(Path::parent).map(Path::to_owned),
            ..Request::default()
        },
    }
}

fn answers(client: &Client, values: Option<&[Effective]>) -> Result<Answers, Away> {
    let info: Info = answer(client, "/v1/info")?;
    // Before the log is loaded there is no status, and `info` says so.
    let status: Status =
        if info.log.is_some() { answer(client, "/v1/status")? } else { Status::default() };
    let running = answer::<Configuration>(client, "/v1/config").ok();
    let changed = values.zip(running).map(|(values, running)| differing(values, &running));
    Ok(Answers { info, status, changed })
}

fn answer<T: DeserializeOwned>(client: &Client, path: &str) -> Result<T, Away> {
    let value = client.get(&Target::new(path)).map_err(|it| {
        let detail = it.member("detail").to_owned();
        if it.exit == Exit::Unreachable && !client.socket().exists() {
            Away::NoSocket
        } else if it.exit == Exit::Forbidden {
            Away::Refused(detail)
        } else {
            Away::Silent(detail)
        }
    })?;
    serde_json::from_value(value)
        .map_err(|it| Away::Silent(format!("the answer of {path} is not understood: {it}")))
}

/// Keys that a reload would change. What the daemon has from its own environment and flags cannot be known here, and
/// neither can a daemon be judged by the files of another one.
fn differing(values: &[Effective], running: &Configuration) -> Vec<String> {
    let find = |key: &str| values.iter().find(|it| it.key == key);
    let now = |it: &crate::wire::Setting| it.after_restart.clone().or_else(|| it.value.clone());
    let is_same_daemon =
        running.items.iter().filter(|it| it.key == "state_dir").all(|it| {
            overridden(&it.origin) || find(&it.key).is_some_and(|own| own.value == now(it))
        });
    if !is_same_daemon {
        return Vec::new();
    }
    let theirs = running.items.iter().filter(|it| !overridden(&it.origin));
    let differs = theirs.filter(|it| find(&it.key).is_none_or(|own| own.value != now(it)));
    let new = values.iter().filter(|own| !running.items.iter().any(|it| it.key == own.key));
    differs.map(|it| it.key.clone()).chain(new.map(|it| it.key.clone())).collect()
}

fn unit() -> String {
    let properties = format!("--property={}", doctor::systemd::PROPERTIES);
    said("systemctl", &["show", "knowngood.service", &properties]).unwrap_or_default()
}

/// `None`: there is no such program, or it failed.
fn said(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
