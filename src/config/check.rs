//! What was written → what can run. Every rule is asked, and every answer that is no is kept, so that
//! one look at the output is enough to put all of it right.

use std::{
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    Accounts, Audit, Class, Config, Environment, Health, Limits, Log, Metrics,
    finding::Finding,
    kind, people,
    watched::{self, RootConfig, resolve},
    written::{At, Layer, Setting, Value, last},
};
use crate::{
    log::{Format, Level},
    roots::STATE_FOLDER,
};

const STATE_DIR: &str = "/var/lib/knowngood";
const SOCKET: &str = "/run/knowngood/knowngood.sock";
/// `sun_path` has 108 bytes, the last of which is NUL.
const SOCKET_PATH_BYTES: usize = 107;

pub(super) fn config(
    layers: &[Layer],
    env: &Environment,
    accounts: &dyn Accounts,
    findings: &mut Vec<Finding>,
) -> Config {
    let limits = limits(layers, findings);
    let roots = watched::roots(layers, limits.file_size, findings);
    Config {
        state_dir: state_dir(layers, &roots, findings),
        socket: socket(layers, &roots, env, findings),
        access: people::access(layers, accounts, findings),
        audit: audit(layers, findings),
        health: health(layers, findings),
        log: log(layers, findings),
        class: Class { table: table(layers, findings) },
        metrics: Metrics { listen: address(layers, findings) },
        limits,
        roots,
    }
}

/// Bytes, milliseconds or how many: the value if it makes sense, else the default and a finding.
fn number(layers: &[Layer], path: &str, default: u64, findings: &mut Vec<Finding>) -> u64 {
    let Some(given) = last(layers, path).filter(|it| it.setting.value != Value::Bad) else {
        return default;
    };
    let Setting { key, value, .. } = given.setting;
    key.kind.number(value).unwrap_or_else(|it| {
        findings.push(given.finding(it));
        default
    })
}

/// A word, an address: what `read` makes of the text.
fn parsed<T>(
    layers: &[Layer],
    path: &str,
    default: T,
    read: impl FnOnce(&str) -> Result<T, String>,
    findings: &mut Vec<Finding>,
) -> T {
    let given = last(layers, path).and_then(|it| Some((it, it.text()?)));
    let Some((given, text)) = given else { return default };
    read(text).unwrap_or_else(|it| {
        findings.push(given.finding(it));
        default
    })
}

fn limits(layers: &[Layer], findings: &mut Vec<Finding>) -> Limits {
    let default = Limits::default();
    let connections = count(layers, "limits.connections", default.connections, findings);
    let share = "limits.connections_per_peer";
    let per_peer = default.connections_per_peer.min(connections);
    let mut connections_per_peer = count(layers, share, per_peer, findings);
    if connections_per_peer > connections {
        let message = format!("more than limits.connections, which is {connections}");
        findings.extend(last(layers, share).map(|it| it.finding(message)));
        connections_per_peer = connections;
    }
    Limits {
        file_size: number(layers, "limits.file_size", default.file_size, findings),
        body_size: number(layers, "limits.body_size", default.body_size, findings),
        deploy_size: number(layers, "limits.deploy_size", default.deploy_size, findings),
        connections,
        connections_per_peer,
        header_timeout: time(layers, "limits.header_timeout", default.header_timeout, findings),
        body_timeout: time(layers, "limits.body_timeout", default.body_timeout, findings),
    }
}

fn count(layers: &[Layer], path: &str, default: u32, findings: &mut Vec<Finding>) -> u32 {
    u32::try_from(number(layers, path, default.into(), findings)).unwrap_or(default)
}

fn time(layers: &[Layer], path: &str, default: Duration, findings: &mut Vec<Finding>) -> Duration {
    let default = u64::try_from(default.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(number(layers, path, default, findings))
}

fn audit(layers: &[Layer], findings: &mut Vec<Finding>) -> Audit {
    let default = Audit::default();
    Audit {
        walk: time(layers, "audit.walk", default.walk, findings),
        rehash: time(layers, "audit.rehash", default.rehash, findings),
    }
}

fn health(layers: &[Layer], findings: &mut Vec<Finding>) -> Health {
    let default = Health::default();
    let auto = last(layers, "health.auto_rollback");
    Health {
        bake_calls: count(layers, "health.bake_calls", default.bake_calls, findings),
        bake_min: count(layers, "health.bake_min", default.bake_min, findings),
        bake_min_time: time(layers, "health.bake_min_time", default.bake_min_time, findings),
        bake_max: time(layers, "health.bake_max", default.bake_max, findings),
        auto_rollback: auto.is_none_or(|it| it.setting.value != Value::Switch(false)),
        max_rollbacks: count(layers, "health.max_rollbacks", default.max_rollbacks, findings),
        quarantine: time(layers, "health.quarantine", default.quarantine, findings),
        args_size: number(layers, "health.args_size", default.args_size, findings),
    }
}

fn log(layers: &[Layer], findings: &mut Vec<Finding>) -> Log {
    let default = Log::default();
    let format = |it: &str| it.parse::<Format>().map_err(|it| it.to_string());
    let level = |it: &str| it.parse::<Level>().map_err(|it| it.to_string());
    Log {
        format: parsed(layers, "log.format", default.format, format, findings),
        level: parsed(layers, "log.level", default.level, level, findings),
    }
}

fn address(layers: &[Layer], findings: &mut Vec<Finding>) -> Option<std::net::SocketAddr> {
    parsed(layers, "metrics.listen", None, |it| kind::address(it).map(Some), findings)
}

fn table(layers: &[Layer], findings: &mut Vec<Finding>) -> Option<PathBuf> {
    let given = last(layers, "class.table")?;
    let path = given.path()?;
    let wrong = |it: String| findings.push(given.finding(it));
    full_path(path).map_err(wrong).ok()
}

fn state_dir(layers: &[Layer], roots: &[RootConfig], findings: &mut Vec<Finding>) -> PathBuf {
    let given = last(layers, "state_dir");
    let refuse = |message: String| match &given {
        Some(it) => it.finding(message),
        None => Finding::general("state_dir", message),
    };
    let path = match full_path(given.as_ref().and_then(At::path).unwrap_or(Path::new(STATE_DIR))) {
        Ok(path) => path,
        Err(message) => {
            findings.push(refuse(message));
            return PathBuf::from(STATE_DIR);
        }
    };
    for root in roots {
        let watched = &root.watched.path;
        let own = path.starts_with(watched.join(STATE_FOLDER));
        if (path.starts_with(watched) && !own) || watched.starts_with(&path) {
            findings.push(refuse(format!(
                "the state directory {} and the root {:?} ({}) overlap; outside, or {} in the root, is fine",
                path.display(),
                root.watched.name.as_str(),
                watched.display(),
                STATE_FOLDER,
            )));
        }
    }
    path
}

fn socket(
    layers: &[Layer],
    roots: &[RootConfig],
    env: &Environment,
    findings: &mut Vec<Finding>,
) -> PathBuf {
    let given = last(layers, "socket");
    let path = given.as_ref().and_then(At::path).unwrap_or(Path::new(SOCKET)).to_owned();
    let bytes = path.as_os_str().len();
    let wrong = if !path.is_absolute() {
        Some(format!("{} is not an absolute path", path.display()))
    } else if bytes > SOCKET_PATH_BYTES {
        Some(format!(
            "the path of the socket has {bytes} bytes, the kernel takes {SOCKET_PATH_BYTES}: {}; try --socket {}",
            path.display(),
            shorter(roots, env).display(),
        ))
    } else {
        None
    };
    match (wrong, &given) {
        (Some(message), Some(it)) => findings.push(it.finding(message)),
        (Some(message), None) => findings.push(Finding::general("socket", message)),
        (None, _) => (),
    }
    path
}

/// A place that is surely short enough: the user's own runtime directory, or `/tmp`.
fn shorter(roots: &[RootConfig], env: &Environment) -> PathBuf {
    let root = roots.first().map_or("tools", |it| it.watched.name.as_str());
    let name = format!("knowngood-{}.sock", root.get(..24).unwrap_or(root));
    env.get(std::ffi::OsStr::new("XDG_RUNTIME_DIR"))
        .map(|it| Path::new(it).join(&name))
        .filter(|it| it.is_absolute() && it.as_os_str().as_bytes().len() <= SOCKET_PATH_BYTES)
        .unwrap_or_else(|| Path::new("/tmp").join(&name))
}

/// Absolute and with its links resolved as far as it exists.
pub(super) fn full_path(path: &Path) -> Result<PathBuf, String> {
    if path.is_absolute() {
        resolve(path)
    } else {
        Err(format!("{:?} is not an absolute path", path.display().to_string()))
    }
}
