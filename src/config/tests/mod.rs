//! The configuration as a whole: files on disk, a map for the environment, invented accounts.

mod sample;

use std::{fs, path::Path};

use super::*;
use crate::{
    access::{Authors, Who},
    model::{Author, AuthorKind, ToolId},
};

struct Invented;

impl Accounts for Invented {
    fn own(&self) -> (u32, u32) {
        (200, 300)
    }

    fn user(&self, name: &str) -> Option<u32> {
        [("root", 0), ("ana", 1000), ("nobody", 65534)]
            .into_iter()
            .find(|it| it.0 == name)
            .map(|it| it.1)
    }

    fn group(&self, name: &str) -> Option<u32> {
        [("root", 0), ("staff", 50)].into_iter().find(|it| it.0 == name).map(|it| it.1)
    }
}

struct Site(tempfile::TempDir);

impl Site {
    fn new() -> Self {
        let site = Self(tempfile::tempdir().unwrap());
        site.dir("tools");
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().canonicalize().unwrap().join(name)
    }

    fn dir(&self, name: &str) -> String {
        fs::create_dir_all(self.path(name)).unwrap();
        self.path(name).display().to_string()
    }

    fn write(&self, name: &str, text: &str) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), text).unwrap();
    }

    /// `%` stands for the site's directory.
    fn config(&self, text: &str) {
        self.write("config.toml", &text.replace('%', &self.path("").display().to_string()));
    }

    fn request(&self) -> Request {
        Request { config: Some(self.path("config.toml")), ..Request::default() }
    }

    fn load(&self) -> Result<Config, ConfigErrors> {
        self.load_with(&[])
    }

    fn load_with(&self, env: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
        let env = env.iter().map(|it| (it.0.into(), it.1.into())).collect();
        Config::load(&self.request(), &env, &Invented)
    }

    /// What is wrong, with the site's own path taken out.
    fn refused(&self, text: &str) -> String {
        self.config(text);
        let errors = self.load().map(|it| format!("{it:#?}")).unwrap_err();
        errors.to_string().replace(&self.path("").display().to_string(), "%")
    }
}

fn directory(path: &Path) -> Request {
    Request { directory: Some(path.to_owned()), ..Request::default() }
}

#[test]
fn a_directory_is_enough() {
    let site = Site::new();
    let tools = site.path("My Tools");
    fs::create_dir(&tools).unwrap();
    let config = Config::load(&directory(&tools), &BTreeMap::new(), &Invented).unwrap();
    assert_eq!(config.state_dir, tools.join(".knowngood"));
    assert_eq!(config.socket, tools.join(".knowngood/knowngood.sock"));
    assert_eq!(config.roots.len(), 1);
    assert_eq!(config.roots[0].watched.name.as_str(), "my-tools");
    assert_eq!(config.roots[0].watched.path, tools);
    assert_eq!(config.roots[0].edits_by, Author::unknown());
    assert_eq!(config.limits, Limits::default());
    assert_eq!(config.access, Access::of_daemon(200, 300));
    assert!(Config::for_directory(&tools).is_ok());
}

#[test]
fn a_directory_that_a_person_typed_must_exist() {
    let site = Site::new();
    let absent = site.path("absent");
    let errors = Config::for_directory(&absent).unwrap_err().to_string();
    assert!(
        errors.ends_with("/absent: cannot watch this directory: it does not exist"),
        "{errors}"
    );
    site.write("file", "");
    let errors = Config::for_directory(site.path("file")).unwrap_err().to_string();
    assert!(errors.contains("/file is not a directory"), "{errors}");
}

#[test]
fn no_configuration_and_no_directory() {
    let site = Site::new();
    let errors = Config::load(&site.request(), &BTreeMap::new(), &Invented).unwrap_err();
    let end = "config.toml: cannot read the configuration: it does not exist";
    assert!(errors.to_string().ends_with(end), "{errors}");
}

#[test]
fn layers_from_file_to_flag() {
    let site = Site::new();
    site.config("socket = '%file.sock'\nlog.level = 'error'\n[[root]]\npath = '%tools'");
    site.write("conf.d/20.toml", "log.level = 'debug'");
    site.write("conf.d/10.toml", "log.level = 'warn'\n[limits]\nconnections = 9");
    site.write("conf.d/.#30.toml", "not toml at all");
    site.write("conf.d/readme", "not toml at all");
    let config = site.load().unwrap();
    assert_eq!((config.log.level, config.limits.connections), (log::Level::Debug, 9));
    assert_eq!(config.limits.connections_per_peer, 9, "a share is never more than the whole");
    let env = [
        ("KNOWNGOOD__LOG__LEVEL", "trace"),
        ("KNOWNGOOD__LIMITS__CONNECTIONS", "7"),
        ("KNOWNGOOD__AUTHORS__AI", "['ana']"),
        ("KNOWNGOOD__SOCKET", "/run/of env.sock"),
        ("KNOWNGOOD_SOCKET", "the client's own"),
    ];
    let config = site.load_with(&env).unwrap();
    assert_eq!((config.log.level, config.limits.connections), (log::Level::Trace, 7));
    assert_eq!(config.socket, Path::new("/run/of env.sock"));
    assert_eq!(config.access.authors.unwrap().ai.uids, [1000].into());
    let flags = Request { socket: Some("/run/flag.sock".into()), ..site.request() };
    let config = Config::load(&flags, &BTreeMap::new(), &Invented).unwrap();
    assert_eq!(config.socket, Path::new("/run/flag.sock"));
}

#[test]
fn a_directory_and_a_file_add_up() {
    let site = Site::new();
    site.dir("more");
    site.config("log.level = 'debug'\n[[root]]\npath = '%more'");
    let request = Request { directory: Some(site.path("tools")), ..site.request() };
    let config = Config::load(&request, &BTreeMap::new(), &Invented).unwrap();
    let names: Vec<_> = config.roots.iter().map(|it| it.watched.name.as_str()).collect();
    assert_eq!((names, config.log.level), (vec!["tools", "more"], log::Level::Debug));
}

#[test]
fn unknown_keys_and_wrong_types_are_pointed_at() {
    let site = Site::new();
    assert_eq!(
        site.refused("[log]\nlevle = 'info'\n"),
        "%config.toml:2:1: unknown field `levle`, expected `format` or `level`\n  2 | levle = 'info'\n    | ^^^^^"
    );
    assert_eq!(
        site.refused("[limits]\n  connections = \"64\""),
        "%config.toml:2:17: invalid type: string \"64\", expected u32\n  2 |   connections = \"64\"\n    |                 ^^^^"
    );
    assert!(site.refused("[[root]]\nname = 'x'").contains("config.toml:1:1: missing field `path`"));
    assert!(site.refused("state_dir = ").contains("config.toml:1:"), "broken TOML");
}

#[test]
fn mistakes_in_two_files_are_told_at_once() {
    let site = Site::new();
    site.write("conf.d/a.toml", "x = 1");
    let errors = site.refused("y = 1");
    assert!(errors.contains("config.toml:1:1: unknown field `y`"), "{errors}");
    assert!(errors.contains("conf.d/a.toml:1:1: unknown field `x`"), "{errors}");
}

#[test]
fn a_bad_variable_is_named() {
    let site = Site::new();
    site.config("[[root]]\npath = '%tools'");
    for (name, value, message) in [
        ("KNOWNGOOD__LOG__LEVLE", "info", "$KNOWNGOOD__LOG__LEVLE:1:5: unknown field `levle`"),
        (
            "KNOWNGOOD__LOG__LEVEL",
            "loud",
            "$KNOWNGOOD__LOG__LEVEL:1:13: \"loud\" is none of error,",
        ),
        ("KNOWNGOOD__LOG__LEVEL", "x'\nsocket = 'y", "is none of error,"),
        ("KNOWNGOOD__LIMITS__CONNECTIONS", "many", "invalid type: string \"many\", expected u32"),
    ] {
        let errors = site.load_with(&[(name, value)]).unwrap_err().to_string();
        assert!(errors.contains(message), "{errors}");
    }
}

#[test]
fn everything_that_makes_no_sense_is_told_at_once() {
    let site = Site::new();
    site.write("a-file", "");
    let text = r#"
state_dir = "relative"
[[root]]
path = "%a-file"
name = "Bad Name"
include = ["**/*.py", "["]
exclude = ["{a"]
edits_by = "robot"
[[root]]
path = "tools"
[limits]
file_size = "2 GiB"
body_size = "many"
connections = 0
connections_per_peer = 65
header_timeout = "5"
body_timeout = "0s"
[audit]
walk = "soon"
rehash = "-1h"
[log]
format = "xml"
level = "loud"
[access]
read = ["root", "mallory", "@wheel", "uid:x"]
admin = ["nobody", "uid:65534"]
[authors]
ai = ["@bots"]
"#;
    let errors = site.refused(text);
    for message in [
        "2:13: \"relative\" is not an absolute path",
        "4:8: %a-file is not a directory",
        "5:8: \"Bad Name\" is not a root's name",
        "6:23: \"[\" is not a glob: ",
        "7:12: \"{a\" is not a glob: ",
        "8:12: \"robot\" is not an author",
        "10:8: \"tools\" is not an absolute path",
        "12:13: more than 1 GiB",
        "13:13: \"many\" is not a size",
        "14:15: not within 1 to 10000",
        "15:24: more than limits.connections, which is 64",
        "16:18: \"5\" is not a duration",
        "17:16: \"0s\" is not a duration",
        "19:8: \"soon\" is not a duration",
        "20:10: \"-1h\" is not a duration",
        "22:10: \"xml\" is none of auto, journal, json, text",
        "23:9: \"loud\" is none of error, warn, info, debug, trace",
        "25:17: there is no user \"mallory\"",
        "25:28: there is no group \"wheel\"",
        "25:38: \"uid:x\" is not of the form uid:<number>",
        "26:10: \"nobody\" is uid 65534",
        "26:20: \"uid:65534\" is uid 65534",
        "28:7: there is no group \"bots\"",
    ] {
        assert!(errors.contains(&format!("%config.toml:{message}")), "{message} in\n{errors}");
    }
    assert_eq!(errors.lines().count(), 23 * 3, "nothing else:\n{errors}");
}

#[test]
fn roots_that_cannot_stand_beside_each_other() {
    let site = Site::new();
    site.dir("tools/inner");
    site.dir("x/tools");
    std::os::unix::fs::symlink(site.path("tools"), site.path("link")).unwrap();
    for (text, message) in [
        ("", "config.toml: there is nothing to watch"),
        (
            "[[root]]\npath = '%tools'\n[[root]]\npath = '%x/tools'",
            "config.toml:4:8: two roots are named \"tools\", the other one at %config.toml:2",
        ),
        (
            "[[root]]\npath = '%tools'\n[[root]]\npath = '%tools/inner'",
            "config.toml:4:8: the roots \"inner\" (%tools/inner) and \"tools\" (%tools, %config.toml:2) overlap",
        ),
        ("[[root]]\npath = '%tools/inner'\n[[root]]\npath = '%tools'", "overlap"),
        ("[[root]]\npath = '%tools'\n[[root]]\npath = '%link'\nname = 'b'", "overlap"),
        ("[[root]]\npath = '%link/later'\nname = 'a'\n[[root]]\npath = '%tools'", "overlap"),
        (
            "state_dir = '%tools/state'\n[[root]]\npath = '%tools'",
            "config.toml:1:13: the state directory %tools/state and the root \"tools\" (%tools) overlap",
        ),
        ("state_dir = '%'\n[[root]]\npath = '%tools'", "overlap"),
        ("[[root]]\npath = '%absent/../tools'", "goes up with `..` and does not exist"),
        ("socket = 'a.sock'\n[[root]]\npath = '%tools'", "a.sock is not an absolute path"),
    ] {
        let errors = site.refused(text);
        assert!(errors.contains(message), "{message} in\n{errors}");
    }
}

#[test]
fn a_root_may_be_a_link_or_absent_and_keeps_its_state_in_its_own_folder() {
    let site = Site::new();
    std::os::unix::fs::symlink(site.path("tools"), site.path("link")).unwrap();
    site.config("state_dir = '%link/.knowngood'\n[[root]]\npath = '%link'\nedits_by = 'human:ana'\n[[root]]\npath = '%later/on'\nbaseline = 'm'");
    let config = site.load().unwrap();
    assert_eq!(config.roots[0].watched.path, site.path("tools"));
    assert_eq!(config.roots[0].watched.name.as_str(), "tools");
    let ana = Author { kind: AuthorKind::Human, name: Some("ana".to_owned()) };
    assert_eq!(config.roots[0].edits_by, ana);
    assert_eq!(config.state_dir, site.path("tools/.knowngood"));
    assert_eq!(config.roots[1].watched.path, site.path("later/on"));
    assert_eq!(config.roots[1].baseline, Some(site.path("later/on/m")));
}

#[test]
fn a_long_socket_path_comes_with_a_shorter_one() {
    let site = Site::new();
    let long = format!("/{}", "s".repeat(107));
    site.config(&format!("socket = '{long}'\n[[root]]\npath = '%tools'"));
    let errors = site.load().unwrap_err().to_string();
    assert!(
        errors.contains("the path of the socket has 108 bytes, the kernel takes 107"),
        "{errors}"
    );
    assert!(errors.contains("try --socket /tmp/knowngood-tools.sock"), "{errors}");
    let errors = site.load_with(&[("XDG_RUNTIME_DIR", "/run/user/7")]).unwrap_err().to_string();
    assert!(errors.contains("try --socket /run/user/7/knowngood-tools.sock"), "{errors}");
    site.config(&format!(
        "socket = '{}'\n[[root]]\npath = '%tools'",
        &long[1..].replacen('s', "/", 1)
    ));
    assert!(site.load().is_ok(), "107 bytes fit");
}

#[test]
fn people_become_numbers() {
    let site = Site::new();
    site.config("[[root]]\npath = '%tools'\n[access]\nread = ['ana', 'uid:7', '@staff', 'self', '@self']\n[authors]\nhuman = ['@staff']");
    let access = site.load().unwrap().access;
    let default = Access::of_daemon(200, 300);
    let read = Who { uids: [7, 200, 1000].into(), gids: [50, 300].into() };
    let human = Who { uids: [].into(), gids: [50].into() };
    let authors = Some(Authors { human, ai: Who::default() });
    assert_eq!(access, Access { read, authors, ..default });
}

#[test]
fn a_manifest_is_read_when_its_root_is_there() {
    let site = Site::new();
    let text = "[[root]]\npath = '%tools'\nbaseline = 'tools.sha256'";
    assert!(site.refused(text).contains(
        "config.toml:3:12: cannot read the manifest %tools/tools.sha256: it does not exist"
    ));
    site.write("tools/tools.sha256", "\nnonsense\n");
    assert!(
        site.refused(text).contains("config.toml:3:12: %tools/tools.sha256:2: too short; a line")
    );
    site.write("tools/tools.sha256", &format!("{}  a.py\n", "0".repeat(64)));
    let config = site.load().unwrap();
    let manifest = config.roots[0].manifest().unwrap().unwrap();
    assert_eq!(manifest.tools.keys().map(ToolId::as_str).collect::<Vec<_>>(), ["tools/a.py"]);
    fs::remove_file(site.path("tools/tools.sha256")).unwrap();
    assert!(config.roots[0].manifest().is_err());
}

#[test]
fn a_reload_sees_what_changed() {
    let site = Site::new();
    site.config("[[root]]\npath = '%tools'");
    let before = site.load().unwrap();
    assert_eq!(before, site.load().unwrap());
    site.config("[[root]]\npath = '%tools'\nexclude = ['x']");
    assert_ne!(before, site.load().unwrap());
}
