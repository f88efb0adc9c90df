//! `config check`, `config show`, `config schema`. Checking needs no daemon: it reads what `run` would read.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::{
    cli::{
        args::{ConfigCommand, ShowArgs},
        client::{Client, Target},
        exit::Exit,
        failure::Failure,
        print::{GREEN, Out, visible},
        view,
    },
    config::{self, Config, ConfigErrors, DEFAULT_FILE, Effective, Finding, Request},
};

pub(super) fn run(
    command: &ConfigCommand,
    client: &Client,
    out: &mut Out,
) -> Result<Exit, Failure> {
    match command {
        ConfigCommand::Check { file } => check(file.as_deref(), out),
        ConfigCommand::Show(args) => show(args, client, out),
        ConfigCommand::Schema => {
            out.line(&format!("{:#}", config::schema()));
            Ok(Exit::Ok)
        }
    }
}

/// What a daemon would run with that is started now, here.
pub(super) fn load(request: &Request) -> Result<(Config, Vec<Effective>), ConfigErrors> {
    Config::load_with_origins(request, &config::environment(), &config::System)
}

/// Whether a value was said by a variable or a flag of the daemon's own.
pub(super) fn overridden(origin: &str) -> bool {
    origin.starts_with(['$', '-'])
}

fn file(file: Option<&Path>) -> Request {
    let config = file.map_or_else(|| PathBuf::from(DEFAULT_FILE), Path::to_owned);
    Request { config: Some(config), ..Request::default() }
}

fn check(given: Option<&Path>, out: &mut Out) -> Result<Exit, Failure> {
    let request = file(given);
    let (config, _) = load(&request).map_err(|it| rejected(&it))?;
    let roots: Vec<_> = config.roots.iter().map(|it| it.watched.name.as_str()).collect();
    let path = request.config.unwrap_or_default();
    if out.json {
        out.document(&json!({"ok": true, "file": path, "roots": roots}));
    } else {
        let (ok, path) = (out.paint(GREEN, "ok"), visible(&path.display().to_string()));
        out.result(&format!("{ok}  {path}; roots: {}", roots.join(", ")));
    }
    Ok(Exit::Ok)
}

/// In the words of a daemon that refuses a reload, and each error once more in its parts.
fn rejected(errors: &ConfigErrors) -> Failure {
    let texts: Vec<_> = errors.0.iter().map(ToString::to_string).collect();
    let parts: Vec<_> = errors.0.iter().map(parts).collect();
    let detail = match texts.len() {
        1 => "1 error".to_owned(),
        count => format!("{count} errors"),
    };
    let mut failure = Failure::other("bad configuration", &detail);
    failure.exit = Exit::BadConfiguration;
    if let Value::Object(members) = &mut failure.problem {
        members.insert("code".to_owned(), "config_rejected".into());
        members.insert("errors".to_owned(), texts.into());
        members.insert("findings".to_owned(), parts.into());
    }
    failure
}

fn parts(finding: &Finding) -> Value {
    let place = finding.place.as_ref();
    json!({
        "source": finding.source,
        "line": place.map(|it| it.line),
        "column": place.map(|it| it.column),
        "message": finding.message,
    })
}

/// Of the daemon that answers; of files where one is named, or nobody answers.
fn show(args: &ShowArgs, client: &Client, out: &mut Out) -> Result<Exit, Failure> {
    let from_files = |path: Option<&Path>| {
        let (_, values) = load(&file(path)).map_err(|it| rejected(&it))?;
        Ok(json!({"from": "files", "items": values.iter().map(item).collect::<Vec<_>>()}))
    };
    let document = match &args.file {
        Some(path) => from_files(Some(path))?,
        None => match client.get(&Target::new("/v1/config")) {
            Ok(mut it) => {
                out.note(&format!("# in force in the daemon at {}", client.socket().display()));
                if let Value::Object(members) = &mut it {
                    members.insert("from".to_owned(), "daemon".into());
                }
                it
            }
            Err(it) if it.exit == Exit::Unreachable => {
                let socket = client.socket().display();
                out.note(&format!(
                    "# no daemon answers at {socket}; this is what {DEFAULT_FILE} says"
                ));
                from_files(None)?
            }
            Err(it) => return Err(it),
        },
    };
    if out.json {
        out.document(&document);
    } else {
        for line in lines(&document, args.origin) {
            out.line(&line);
        }
    }
    Ok(Exit::Ok)
}

fn item(it: &Effective) -> Value {
    json!({"key": it.key, "value": it.value, "origin": it.origin, "needs_restart": it.restart})
}

/// As a file that says all of it: what is shown can be written down and read again.
fn lines(document: &Value, origin: bool) -> Vec<String> {
    let mut lines = Vec::new();
    let mut root = "";
    for it in view::items(document, "/items") {
        let (key, from) = (view::text(it, "/key"), view::text(it, "/origin"));
        let of_root = key.strip_prefix("root.").and_then(|it| it.split_once('.'));
        let name = of_root.map_or(key, |it| it.1);
        if let Some((this, _)) = of_root.filter(|it| it.0 != root) {
            root = this;
            lines.extend([String::new(), "[[root]]".to_owned()]);
        }
        let text = |name: &str| it.get(name).and_then(Value::as_str).map(visible);
        let from = if origin { format!("  # {}", visible(from)) } else { String::new() };
        lines.extend(match (text("value"), text("after_restart")) {
            (Some(value), None) => Some(format!("{name} = {value}{from}")),
            (Some(value), Some(next)) => {
                Some(format!("{name} = {value}{from}  # after a restart: {next}"))
            }
            (None, Some(next)) => Some(format!("# {name} = {next}{from}  # after a restart")),
            (None, None) => None,
        });
    }
    lines
}
