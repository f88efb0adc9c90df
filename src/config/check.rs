//! What was written → what can run. Every rule is asked, and every answer that is no is kept, so that
//! one look at the output is enough to put all of it right.

use std::{
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    Accounts, Audit, Config, ConfigErrors, Environment, Limits, Log,
    finding::Finding,
    layers::{At, Layer, last},
    people, units,
    watched::{self, RootConfig, resolve},
};
use crate::{
    log::{Format, Level},
    roots::STATE_FOLDER,
};

const STATE_DIR: &str = "/var/lib/knowngood";
const SOCKET: &str = "/run/knowngood/knowngood.sock";
/// `sun_path` has 108 bytes, the last of which is NUL.
const SOCKET_PATH_BYTES: usize = 107;
/// A file is read into memory whole.
const LARGEST_FILE: u64 = 1 << 30;

pub(super) fn config(
    layers: &[Layer],
    env: &Environment,
    accounts: &dyn Accounts,
) -> Result<Config, ConfigErrors> {
    let mut findings = Vec::new();
    let limits = limits(layers, &mut findings);
    let roots = watched::roots(layers, limits.file_size, &mut findings);
    let config = Config {
        state_dir: state_dir(layers, &roots, &mut findings),
        socket: socket(layers, &roots, env, &mut findings),
        access: people::access(layers, accounts, &mut findings),
        audit: audit(layers, &mut findings),
        log: log(layers, &mut findings),
        limits,
        roots,
    };
    if findings.is_empty() { Ok(config) } else { Err(ConfigErrors(findings)) }
}

/// The value if it can be understood, else the default and a finding.
fn parsed<T, U>(
    given: Option<At<'_, T>>,
    default: U,
    read: impl FnOnce(&T) -> Result<U, String>,
    findings: &mut Vec<Finding>,
) -> U {
    let Some(given) = given else { return default };
    read(given.value).unwrap_or_else(|it| {
        findings.push(given.finding(it));
        default
    })
}

fn limits(layers: &[Layer], findings: &mut Vec<Finding>) -> Limits {
    let default = Limits::default();
    let size = |it: &String| units::size(it);
    let file = |it: &String| {
        units::size(it).and_then(|size| {
            (size <= LARGEST_FILE).then_some(size).ok_or_else(|| "more than 1 GiB".to_owned())
        })
    };
    let count = |it: &u32| {
        if (1..=10_000).contains(it) { Ok(*it) } else { Err("not within 1 to 10000".to_owned()) }
    };
    let connections =
        parsed(last(layers, |it| &it.limits.connections), default.connections, count, findings);
    let share = |it: &u32| match count(it)? {
        share if share <= connections => Ok(share),
        _ => Err(format!("more than limits.connections, which is {connections}")),
    };
    let default_share = default.connections_per_peer.min(connections);
    let given = last(layers, |it| &it.limits.connections_per_peer);
    let connections_per_peer = parsed(given, default_share, share, findings);
    let mut time = |given, default| duration(given, default, findings);
    Limits {
        header_timeout: time(last(layers, |it| &it.limits.header_timeout), default.header_timeout),
        body_timeout: time(last(layers, |it| &it.limits.body_timeout), default.body_timeout),
        file_size: parsed(
            last(layers, |it| &it.limits.file_size),
            default.file_size,
            file,
            findings,
        ),
        body_size: parsed(
            last(layers, |it| &it.limits.body_size),
            default.body_size,
            size,
            findings,
        ),
        connections,
        connections_per_peer,
    }
}

fn audit(layers: &[Layer], findings: &mut Vec<Finding>) -> Audit {
    let default = Audit::default();
    Audit {
        walk: duration(last(layers, |it| &it.audit.walk), default.walk, findings),
        rehash: duration(last(layers, |it| &it.audit.rehash), default.rehash, findings),
    }
}

fn duration(
    given: Option<At<'_, String>>,
    default: Duration,
    findings: &mut Vec<Finding>,
) -> Duration {
    parsed(given, default, |it| units::duration(it), findings)
}

fn log(layers: &[Layer], findings: &mut Vec<Finding>) -> Log {
    let default = Log::default();
    let format = |it: &String| it.parse::<Format>().map_err(|it| it.to_string());
    let level = |it: &String| it.parse::<Level>().map_err(|it| it.to_string());
    Log {
        format: parsed(last(layers, |it| &it.log.format), default.format, format, findings),
        level: parsed(last(layers, |it| &it.log.level), default.level, level, findings),
    }
}

fn state_dir(layers: &[Layer], roots: &[RootConfig], findings: &mut Vec<Finding>) -> PathBuf {
    let given = last(layers, |it| &it.state_dir);
    let refuse = |message: String| match &given {
        Some(it) => it.finding(message),
        None => Finding::general("state_dir", message),
    };
    let path = match full_path(given.as_ref().map_or(Path::new(STATE_DIR), |it| it.value)) {
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
    let given = last(layers, |it| &it.socket);
    let path = given.as_ref().map_or(Path::new(SOCKET), |it| it.value).to_owned();
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
