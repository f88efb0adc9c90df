//! The configuration: the keys there are (`keys`, `kind`), what was written, source by source (`written`, `layers`) →
//! what can run (`check` → `Config`) and where each value came from (`effective`).
//! A `Config` that exists is right; everything that is wrong is said at once, each with file, line,
//! column and a caret (`finding`). It makes no directory and opens no socket, and it keeps nothing:
//! a reload loads again and throws the result away if it is an error.

mod check;
mod effective;
mod finding;
mod keys;
mod kind;
mod layers;
mod manifest;
mod nearest;
mod people;
mod policy;
mod schema;
#[cfg(test)]
mod tests;
mod units;
mod verify;
mod watched;
mod written;

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, time::Duration};

pub use effective::{Effective, changed};
pub use finding::{ConfigErrors, Finding, Place};
pub use layers::{DEFAULT_FILE, Environment, Request, SOCKET_NAME};
pub use manifest::{Manifest, ManifestError};
pub use people::{Accounts, System};
pub use schema::schema;
pub use watched::{OnDrift, Patterns, RecordArgs, RootConfig};

use crate::{access::Access, log};

/// All of it, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    pub state_dir: PathBuf,
    pub socket: PathBuf,
    /// At least one; no two overlap or share a name.
    pub roots: Vec<RootConfig>,
    pub access: Access,
    pub limits: Limits,
    pub audit: Audit,
    pub health: Health,
    pub log: Log,
    pub metrics: Metrics,
    pub class: Class,
}

/// Where the figures are told beside the socket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metrics {
    /// A loopback address. `None`: on the socket alone.
    pub listen: Option<SocketAddr>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest tool, in bytes.
    pub file_size: u64,
    /// The largest request body, in bytes.
    pub body_size: u64,
    /// The largest request body that carries contents, in bytes.
    pub deploy_size: u64,
    pub connections: u32,
    /// How many of them one uid may hold.
    pub connections_per_peer: u32,
    pub header_timeout: Duration,
    pub body_timeout: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    /// The shortest time between two walks over all stats.
    pub walk: Duration,
    /// In this time every content is read again.
    pub rehash: Duration,
}

/// How it is found out what tools can do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Class {
    pub table: Option<PathBuf>,
}

/// How versions are measured, and what follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    pub bake_calls: u32,
    pub bake_min: u32,
    pub bake_min_time: Duration,
    pub bake_max: Duration,
    pub auto_rollback: bool,
    pub max_rollbacks: u32,
    pub quarantine: Duration,
    /// In bytes.
    pub args_size: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    pub format: log::Format,
    pub level: log::Level,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_size: 16 << 20,
            body_size: 1 << 20,
            deploy_size: 32 << 20,
            connections: 64,
            connections_per_peer: 32,
            header_timeout: Duration::from_secs(5),
            body_timeout: Duration::from_secs(10),
        }
    }
}

impl Default for Audit {
    fn default() -> Self {
        Self { walk: Duration::from_mins(1), rehash: Duration::from_hours(24) }
    }
}

impl Default for Health {
    fn default() -> Self {
        Self {
            bake_calls: 50,
            bake_min: 20,
            bake_min_time: Duration::from_hours(1),
            bake_max: Duration::from_hours(7 * 24),
            auto_rollback: true,
            max_rollbacks: 2,
            quarantine: Duration::from_hours(7 * 24),
            args_size: 16 << 10,
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { format: log::Format::Auto, level: log::Level::Info }
    }
}

impl Config {
    /// Reads the files that the request points to and checks everything.
    pub fn load(
        request: &Request,
        env: &Environment,
        accounts: &dyn Accounts,
    ) -> Result<Self, ConfigErrors> {
        Self::load_with_origins(request, env, accounts).map(|it| it.0)
    }

    /// The same, with every key's value and where it came from.
    pub fn load_with_origins(
        request: &Request,
        env: &Environment,
        accounts: &dyn Accounts,
    ) -> Result<(Self, Vec<Effective>), ConfigErrors> {
        let (layers, mut findings) = layers::collect(request, env);
        let Some(layers) = layers else { return Err(ConfigErrors(findings)) };
        let config = check::config(&layers, env, accounts, &mut findings);
        if findings.is_empty() {
            let values = effective::values(&layers, &config);
            Ok((config, values))
        } else {
            Err(ConfigErrors(findings))
        }
    }

    /// What `run DIR` stands for when nothing else is said.
    pub fn for_directory(directory: impl Into<PathBuf>) -> Result<Self, ConfigErrors> {
        let request = Request { directory: Some(directory.into()), ..Request::default() };
        Self::load(&request, &BTreeMap::new(), &System)
    }
}

/// The environment of this process.
pub fn environment() -> Environment {
    std::env::vars_os().collect()
}
