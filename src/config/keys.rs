//! Every key there is, told once: what it takes, what holds without it, what it means, when it takes effect. Reading,
//! the schema, `config show` and the answer of a reload are all made from this table, so that they cannot differ.

use super::kind::Kind;

#[derive(Debug)]
pub(super) struct Key {
    /// As it is written in a file; `root.` stands for one `[[root]]` table.
    pub(super) path: &'static str,
    pub(super) kind: Kind,
    /// As TOML. `None`: nothing, or something that depends on the rest.
    pub(super) default: Option<&'static str>,
    pub(super) about: &'static str,
    /// A reload leaves it as it is.
    pub(super) restart: bool,
}

/// The table of roots, which is there any number of times.
pub(super) const ROOT: &str = "root";

const TIMEOUT: Kind = Kind::Duration("1ms", "1h");
const DEMAND: Kind = Kind::Word(&["verify", "advise", "shadow", "approve"]);
const VERIFY: &str = "\"verify\"";
const ADVISE: &str = "\"advise\"";
const SHADOW: &str = "\"shadow\"";
const APPROVE: &str = "\"approve\"";
const AI: &str = "What a content of this class that an AI deploys needs to go live.";
const HUMAN: &str = "What a content of this class that anybody else deploys needs to go live.";
const WIDENED: &str = "What it needs at least where it can do more than what it replaces.";
const DELETED: &str = "What a tool that is to go needs.";
const TOOLS: &str = r#"["**/*.py", "**/*.sh", "**/*.js", "**/*.ts", "**/*.rb", "**/*.pl"]"#;
const NEVER_TOOLS: &str = "[\"**/.*\", \"**/__pycache__\", \"**/venv\", \"**/node_modules\", \
                           \"**/*~\", \"**/*.swp\", \"**/#*#\", \"**/4913\", \"**/*.tmp\"]";
const OWNERS: &str = r#"["root", "self"]"#;
const OWNERS_AND_GROUP: &str = r#"["root", "self", "@self"]"#;

pub(super) const KEYS: &[Key] = &[
    key(
        "state_dir",
        Kind::Path,
        "\"/var/lib/knowngood\"",
        "Where the log lives. It must not lie in a root, except in the root's own \
         .knowngood.",
    )
    .at_start(),
    key(
        "socket",
        Kind::Path,
        "\"/run/knowngood/knowngood.sock\"",
        "The Unix socket to answer on; at most 107 bytes.",
    )
    .at_start(),
    key(
        "limits.file_size",
        Kind::Size("1 B", "1 GiB"),
        "\"16 MiB\"",
        "The largest tool; a file over it is unreadable, cause too_large.",
    ),
    key(
        "limits.body_size",
        Kind::Size("1 B", "1 GiB"),
        "\"1 MiB\"",
        "The largest body of a request.",
    ),
    key(
        "limits.deploy_size",
        Kind::Size("1 B", "1 GiB"),
        "\"32 MiB\"",
        "The largest body of a request that carries contents of tools: base64 makes them a \
         third longer.",
    ),
    key("limits.connections", Kind::Count(1, 10_000), "64", "Connections at one time."),
    key(
        "limits.connections_per_peer",
        Kind::Count(1, 10_000),
        "32",
        "How many of them one uid may hold; never more than all.",
    ),
    key(
        "limits.header_timeout",
        TIMEOUT,
        "\"5s\"",
        "How long a client may take to send the head of a request.",
    ),
    key(
        "limits.body_timeout",
        TIMEOUT,
        "\"10s\"",
        "How long a client may take to send the body of a request.",
    ),
    key(
        "audit.walk",
        Kind::Duration("10ms", "365d"),
        "\"60s\"",
        "The shortest time between two walks that compare every file's stat with \
         what is known.",
    ),
    key(
        "audit.rehash",
        Kind::Duration("1s", "365d"),
        "\"24h\"",
        "In this time the content of every file is read again.",
    ),
    key(
        "health.bake_calls",
        Kind::Count(1, 100_000),
        "50",
        "So many calls with nothing raised prove a version.",
    ),
    key(
        "health.bake_min_time",
        Kind::Duration("1ms", "365d"),
        "\"1h\"",
        "It is proven after this time at the earliest.",
    ),
    key(
        "health.bake_max",
        Kind::Duration("1ms", "365d"),
        "\"7d\"",
        "After this time health.bake_min calls are enough; with fewer it is \
         inconclusive.",
    ),
    key(
        "health.bake_min",
        Kind::Count(1, 100_000),
        "20",
        "The fewest calls that can prove a version.",
    ),
    key(
        "health.auto_rollback",
        Kind::Switch,
        "true",
        "What a deploy brought and does worse than the known good is taken back; \
         else there is an alert.",
    ),
    key(
        "health.max_rollbacks",
        Kind::Count(0, 1000),
        "2",
        "Automatic rollbacks of one tool in 24 hours; after them there is an alert.",
    ),
    key(
        "health.quarantine",
        Kind::Duration("1ms", "3650d"),
        "\"7d\"",
        "How long a content is refused that was taken back automatically.",
    ),
    key(
        "health.args_size",
        Kind::Size("1 B", "1 MiB"),
        "\"16 KiB\"",
        "The longest arguments of a call that are kept.",
    ),
    key(
        "log.format",
        Kind::Word(&["auto", "journal", "json", "text"]),
        "\"auto\"",
        "auto is text on a terminal, else JSON lines.",
    )
    .at_start(),
    key(
        "log.level",
        Kind::Word(&["error", "warn", "info", "debug", "trace"]),
        "\"info\"",
        "What is less weighty is not logged.",
    ),
    optional(
        "metrics.listen",
        Kind::Address,
        "A loopback address and port where GET /metrics is answered over TCP as \
         well, to every user of the machine.",
    )
    .at_start(),
    optional(
        "class.table",
        Kind::Path,
        "A table of what modules and functions do, which goes before the one that comes with \
         the program.",
    ),
    key("access.read", Kind::People, OWNERS_AND_GROUP, "Who may look."),
    key("access.runtime", Kind::People, OWNERS_AND_GROUP, "Who may report as a runtime."),
    key("access.deploy", Kind::People, OWNERS, "Who may deploy, roll back, restore and confirm."),
    key("access.accept", Kind::People, OWNERS, "Who may make what is on disk the baseline."),
    key(
        "access.approve",
        Kind::People,
        OWNERS,
        "Who may let a deploy go on that waits for approval; never an AI.",
    ),
    key(
        "access.admin",
        Kind::People,
        OWNERS,
        "Who may rescan, reload, verify and see the configuration.",
    ),
    optional("authors.human", Kind::People, "Whose word counts as a person's."),
    optional(
        "authors.ai",
        Kind::People,
        "Whose word counts as an AI's; who is in both lists is an AI.",
    ),
    optional(
        "root.path",
        Kind::Path,
        "The directory. Links in it are resolved once, at the start.",
    ),
    optional(
        "root.name",
        Kind::Name,
        "The first part of its tools' ids. Default: made from the directory's \
         name.",
    ),
    key("root.include", Kind::Globs, TOOLS, "Which files are tools, relative to the root."),
    key(
        "root.exclude",
        Kind::Globs,
        NEVER_TOOLS,
        "Which files never are, with all that lies below them.",
    ),
    key(
        "root.executables",
        Kind::Switch,
        "true",
        "Any file with an executable bit is a tool as well.",
    ),
    optional(
        "root.baseline",
        Kind::Inside,
        "Accepted hashes in the format of sha256sum, relative to the root; read \
         at the start and on a reload.",
    ),
    key("root.edits_by", Kind::Author, "\"unknown\"", "Who edits these files."),
    key(
        "root.record_args",
        Kind::Word(&["full", "hash", "off"]),
        "\"full\"",
        "What is kept of the arguments of calls: full, but for secrets, to run failing \
         ones again; their hash; nothing.",
    ),
    key(
        "root.on_drift",
        Kind::Word(&["flag", "examine", "accept", "restore"]),
        "\"flag\"",
        "What is done about an edit that nobody deployed: it is told; it is examined as well, and what speaks against \
         it raises an alert; it becomes the baseline if it passes the gates (never a deletion); the baseline is put back.",
    ),
    optional(
        "root.confirm_within",
        Kind::Duration("1s", "168h"),
        "Deploys that do not say otherwise are rolled back unless they are confirmed in this time.",
    ),
    optional(
        "root.after",
        Kind::Words,
        "Run in the root, as the daemon's user, once a deploy or rollback is confirmed; {tools} stands for their \
         paths.",
    ),
    optional(
        "root.python",
        Kind::Inside,
        "The interpreter of these tools, relative to the root. Default: python3 as \
         the system has it.",
    ),
    optional(
        "root.import_root",
        Kind::Inside,
        "What comes first on the module path, relative to the root. Default: the \
         root.",
    ),
    optional(
        "root.verify.command",
        Kind::Words,
        "Says by its exit status whether {path} may go live as {tool}; {baseline} \
         is a file with the accepted content, or empty. It takes the place of the \
         other checks.",
    ),
    key(
        "root.verify.timeout",
        Kind::Duration("100ms", "10m"),
        "\"30s\"",
        "How long one check may take.",
    ),
    key(
        "root.verify.memory",
        Kind::Size("16 MiB", "64 GiB"),
        "\"512 MiB\"",
        "How much memory one check may use, all its processes together.",
    ),
    key(
        "root.verify.load_probe",
        Kind::Switch,
        "false",
        "Python files are imported as well, in the sandbox, as they will stand.",
    ),
    key("root.policy.ai.pure", DEMAND, SHADOW, AI),
    key("root.policy.ai.local_read", DEMAND, SHADOW, AI),
    key("root.policy.ai.net_read", DEMAND, SHADOW, AI),
    key("root.policy.ai.local_write", DEMAND, SHADOW, AI),
    key("root.policy.ai.net_write", DEMAND, APPROVE, AI),
    key("root.policy.ai.exec", DEMAND, APPROVE, AI),
    key("root.policy.ai.unknown", DEMAND, APPROVE, AI),
    key("root.policy.ai.widened", DEMAND, APPROVE, WIDENED),
    key("root.policy.ai.deleted", DEMAND, APPROVE, DELETED),
    key("root.policy.human.pure", DEMAND, VERIFY, HUMAN),
    key("root.policy.human.local_read", DEMAND, VERIFY, HUMAN),
    key("root.policy.human.net_read", DEMAND, VERIFY, HUMAN),
    key("root.policy.human.local_write", DEMAND, ADVISE, HUMAN),
    key("root.policy.human.net_write", DEMAND, ADVISE, HUMAN),
    key("root.policy.human.exec", DEMAND, ADVISE, HUMAN),
    key("root.policy.human.unknown", DEMAND, ADVISE, HUMAN),
    key("root.policy.human.widened", DEMAND, VERIFY, WIDENED),
    key("root.policy.human.deleted", DEMAND, VERIFY, DELETED),
    key(
        "root.policy.approval_expires",
        Kind::Duration("1s", "365d"),
        "\"24h\"",
        "How long a deploy waits for approval; then it is given up.",
    ),
];

const fn key(path: &'static str, kind: Kind, default: &'static str, about: &'static str) -> Key {
    Key { path, kind, default: Some(default), about, restart: false }
}

const fn optional(path: &'static str, kind: Kind, about: &'static str) -> Key {
    Key { path, kind, default: None, about, restart: false }
}

impl Key {
    const fn at_start(self) -> Self {
        Self { restart: true, ..self }
    }

    /// The last part of its path.
    pub(super) fn name(&self) -> &'static str {
        self.path.rsplit('.').next().unwrap_or(self.path)
    }

    /// The section that it stands in; empty at the top.
    pub(super) fn section(&self) -> &'static str {
        self.path.rsplit_once('.').map_or("", |it| it.0)
    }

    /// Of a `[[root]]` or of a section in one.
    pub(super) fn is_of_root(&self) -> bool {
        self.path.split('.').next() == Some(ROOT)
    }

    /// As it is written in a `[[root]]`.
    pub(super) fn name_in_root(&self) -> &'static str {
        self.path.split_once('.').map_or(self.path, |it| it.1)
    }
}

pub(super) fn find(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|it| it.path == path)
}

/// What may stand in a section: keys, and at the top sections as well. Each once, in the order of the table.
pub(super) fn names_in(section: &str) -> Vec<&'static str> {
    let mut names = Vec::new();
    for key in KEYS {
        let below = match section {
            "" => Some(key.path),
            section => key.path.strip_prefix(section).and_then(|it| it.strip_prefix('.')),
        };
        let Some(name) = below.and_then(|it| it.split('.').next()) else { continue };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

pub(super) fn is_section(name: &str) -> bool {
    !name.is_empty() && name != ROOT && KEYS.iter().any(|it| it.section() == name)
}
