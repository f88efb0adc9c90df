//! Every key: a good value is taken, a wrong type and a value out of its range are refused in these very words, in a
//! file, a drop-in and the environment alike. The schema says the same as the parser.

use serde_json::{Value as Json, json};

use super::{Site, directory};
use crate::config::{
    Config, Request, changed,
    keys::{KEYS, Key},
    kind::Kind,
    schema,
};

/// A key, good values of it, one of a wrong type and one that makes no sense, each with what is said of it.
type Case = (
    &'static str,
    &'static [&'static str],
    (&'static str, &'static str),
    (&'static str, &'static str),
);

const PEOPLE: &str =
    "a list of people, such as [\"root\", \"uid:1001\", \"@staff\"]; this is text in quotes";
const SIZE: &str = "a size in quotes, such as \"1 GiB\"; this is a whole number";
const NO_GROUP: (&str, &str) = ("[\"@wheel\"]", "there is no group \"wheel\"");

/// What a cell of the policy takes.
const fn demand(path: &'static str) -> Case {
    (
        path,
        &["\"verify\"", "\"advise\"", "\"shadow\"", "\"approve\""],
        ("1", "one of \"verify\", \"advise\", \"shadow\", \"approve\"; this is a whole number"),
        ("\"ask\"", "\"ask\" is none of verify, advise, shadow, approve"),
    )
}

const CASES: &[Case] = &[
    (
        "state_dir",
        &["\"/var/lib/x\""],
        ("1", "an absolute path in quotes; this is a whole number"),
        ("\"x\"", "\"x\" is not an absolute path"),
    ),
    (
        "socket",
        &["\"/run/x.sock\""],
        ("true", "an absolute path in quotes; this is true or false"),
        ("\"x\"", "x is not an absolute path"),
    ),
    (
        "limits.file_size",
        &["\"1 B\"", "\"1 GiB\""],
        ("1", SIZE),
        ("\"1025 MiB\"", "\"1025 MiB\" is not within 1 B to 1 GiB"),
    ),
    (
        "limits.body_size",
        &["\"2kB\""],
        ("1", SIZE),
        ("\"2 GiB\"", "\"2 GiB\" is not within 1 B to 1 GiB"),
    ),
    (
        "limits.deploy_size",
        &["\"64 MiB\""],
        ("1", SIZE),
        ("\"2 GiB\"", "\"2 GiB\" is not within 1 B to 1 GiB"),
    ),
    (
        "limits.connections",
        &["32", "10_000", "0x40"],
        ("1.5", "a whole number from 1 to 10000; this is a number with a point"),
        ("10001", "10001 is not within 1 to 10000"),
    ),
    (
        "limits.connections_per_peer",
        &["1", "64"],
        ("[1]", "a whole number from 1 to 10000; this is a list"),
        ("65", "more than limits.connections, which is 64"),
    ),
    (
        "limits.header_timeout",
        &["\"1ms\"", "\"1h\""],
        ("5", "a duration in quotes, such as \"1h\"; this is a whole number"),
        ("\"61m\"", "\"61m\" is not within 1ms to 1h"),
    ),
    (
        "limits.body_timeout",
        &["\"2 s\""],
        ("5", "a duration in quotes, such as \"1h\"; this is a whole number"),
        ("\"0s\"", "\"0s\" is not a duration: a whole number over 0 with ms, s, m, h or d"),
    ),
    (
        "audit.walk",
        &["\"10ms\"", "\"365d\""],
        ("1979-05-27", "a duration in quotes, such as \"365d\"; this is a date"),
        ("\"9ms\"", "\"9ms\" is not within 10ms to 365d"),
    ),
    (
        "audit.rehash",
        &["\"1s\""],
        ("5", "a duration in quotes, such as \"365d\"; this is a whole number"),
        ("\"366d\"", "\"366d\" is not within 1s to 365d"),
    ),
    (
        "health.bake_calls",
        &["1", "100_000"],
        ("\"50\"", "a whole number from 1 to 100000; this is text in quotes"),
        ("0", "0 is not within 1 to 100000"),
    ),
    (
        "health.bake_min_time",
        &["\"1ms\""],
        ("5", "a duration in quotes, such as \"365d\"; this is a whole number"),
        ("\"366d\"", "\"366d\" is not within 1ms to 365d"),
    ),
    (
        "health.bake_max",
        &["\"1d\""],
        ("5", "a duration in quotes, such as \"365d\"; this is a whole number"),
        ("\"366d\"", "\"366d\" is not within 1ms to 365d"),
    ),
    (
        "health.bake_min",
        &["1"],
        ("\"50\"", "a whole number from 1 to 100000; this is text in quotes"),
        ("0", "0 is not within 1 to 100000"),
    ),
    (
        "health.auto_rollback",
        &["false"],
        ("\"no\"", "true or false; this is text in quotes"),
        ("0", "health.auto_rollback takes true or false; this is a whole number"),
    ),
    (
        "health.max_rollbacks",
        &["0"],
        ("\"2\"", "a whole number from 0 to 1000; this is text in quotes"),
        ("1001", "1001 is not within 0 to 1000"),
    ),
    (
        "health.quarantine",
        &["\"1ms\""],
        ("5", "a duration in quotes, such as \"3650d\"; this is a whole number"),
        ("\"3651d\"", "\"3651d\" is not within 1ms to 3650d"),
    ),
    (
        "health.args_size",
        &["\"1 B\""],
        ("1", "a size in quotes, such as \"1 MiB\"; this is a whole number"),
        ("\"2 MiB\"", "\"2 MiB\" is not within 1 B to 1 MiB"),
    ),
    (
        "log.format",
        &["\"json\"", "\"text\"", "\"journal\""],
        ("1", "one of \"auto\", \"journal\", \"json\", \"text\"; this is a whole number"),
        ("\"xml\"", "\"xml\" is none of auto, journal, json, text"),
    ),
    (
        "log.level",
        &["\"error\"", "\"trace\""],
        ("1", "one of \"error\", \"warn\", \"info\", \"debug\", \"trace\"; this is a whole number"),
        ("\"loud\"", "\"loud\" is none of error, warn, info, debug, trace"),
    ),
    (
        "metrics.listen",
        &["\"127.0.0.1:9464\"", "\"[::1]:0\""],
        ("9464", "an address in quotes, such as \"127.0.0.1:9464\"; this is a whole number"),
        (
            "\"0.0.0.0:9464\"",
            "\"0.0.0.0:9464\" is no loopback address: nobody is asked who they are there; put a proxy that asks before it",
        ),
    ),
    (
        "class.table",
        &["\"/etc/knowngood/caps.toml\""],
        ("1", "an absolute path in quotes; this is a whole number"),
        ("\"caps.toml\"", "\"caps.toml\" is not an absolute path"),
    ),
    ("access.read", &["[]", "[\"ana\"]"], ("\"ana\"", PEOPLE), NO_GROUP),
    ("access.runtime", &["[\"uid:7\"]"], ("\"ana\"", PEOPLE), NO_GROUP),
    ("access.deploy", &["[\"@staff\"]"], ("\"ana\"", PEOPLE), NO_GROUP),
    ("access.accept", &["[\"@staff\"]"], ("\"ana\"", PEOPLE), NO_GROUP),
    ("access.approve", &["[\"@staff\"]"], ("\"ana\"", PEOPLE), NO_GROUP),
    ("access.admin", &["[\"root\"]"], ("\"ana\"", PEOPLE), NO_GROUP),
    ("authors.human", &["[\"self\"]"], ("\"ana\"", PEOPLE), NO_GROUP),
    ("authors.ai", &["[\"@self\"]"], ("\"ana\"", PEOPLE), NO_GROUP),
    (
        "root.path",
        &["\"/srv/absent\""],
        ("1", "an absolute path in quotes; this is a whole number"),
        ("\"x\"", "\"x\" is not an absolute path"),
    ),
    (
        "root.name",
        &["\"a-b_9\""],
        ("1", "a name in quotes: [a-z0-9][a-z0-9_-]*; this is a whole number"),
        ("\"Ab\"", "\"Ab\" is not a root's name: [a-z0-9][a-z0-9_-]*, at most 64 characters"),
    ),
    (
        "root.include",
        &["[]", "[\"*.py\"]"],
        ("\"*.py\"", "a list of globs, such as [\"**/*.py\"]; this is text in quotes"),
        ("[\"[\"]", "\"[\" is not a glob: unclosed character class; missing ']'"),
    ),
    (
        "root.exclude",
        &["[\"x\"]"],
        ("{ a = 1 }", "a list of globs, such as [\"**/*.py\"]; this is a table"),
        (
            "[\"{a\"]",
            "\"{a\" is not a glob: unclosed alternate group; missing '}' (maybe escape '{' with '[{]'?)",
        ),
    ),
    (
        "root.executables",
        &["false"],
        ("\"no\"", "true or false; this is text in quotes"),
        ("0", "true or false; this is a whole number"),
    ),
    (
        "root.baseline",
        &["\"known.sha256\""],
        ("true", "a path in quotes; this is true or false"),
        ("\"absent\"", "cannot read the manifest %tools/absent: it does not exist"),
    ),
    (
        "root.edits_by",
        &["\"human:ana\"", "\"ai\""],
        ("[]", "\"human:NAME\", \"ai:NAME\" or \"unknown\"; this is a list"),
        ("\"robot\"", "\"robot\" is not an author: \"human:NAME\", \"ai:NAME\" or \"unknown\""),
    ),
    (
        "root.record_args",
        &["\"hash\"", "\"off\""],
        ("1", "one of \"full\", \"hash\", \"off\"; this is a whole number"),
        ("\"some\"", "\"some\" is none of full, hash, off"),
    ),
    (
        "root.on_drift",
        &["\"flag\"", "\"examine\"", "\"accept\"", "\"restore\""],
        ("true", "one of \"flag\", \"examine\", \"accept\", \"restore\"; this is true or false"),
        ("\"keep\"", "\"keep\" is none of flag, examine, accept, restore"),
    ),
    (
        "root.confirm_within",
        &["\"1s\"", "\"168h\""],
        ("10", "a duration in quotes, such as \"168h\"; this is a whole number"),
        ("\"8d\"", "\"8d\" is not within 1s to 168h"),
    ),
    (
        "root.after",
        &["[\"git\", \"commit\", \"{tools}\"]"],
        (
            "\"git\"",
            "a list of words, such as [\"ruff\", \"check\", \"{path}\"]; this is text in quotes",
        ),
        (
            "true",
            "a list of words, such as [\"ruff\", \"check\", \"{path}\"]; this is true or false",
        ),
    ),
    (
        "root.python",
        &["\".venv/bin/python\"", "\"/usr/bin/python3\""],
        ("true", "a path in quotes; this is true or false"),
        ("3", "a path in quotes; this is a whole number"),
    ),
    (
        "root.import_root",
        &["\"src\""],
        ("true", "a path in quotes; this is true or false"),
        ("[]", "a path in quotes; this is a list"),
    ),
    (
        "root.verify.command",
        &["[]", "[\"ruff\", \"check\", \"{path}\"]"],
        (
            "\"ruff\"",
            "a list of words, such as [\"ruff\", \"check\", \"{path}\"]; this is text in quotes",
        ),
        (
            "true",
            "a list of words, such as [\"ruff\", \"check\", \"{path}\"]; this is true or false",
        ),
    ),
    (
        "root.verify.timeout",
        &["\"100ms\"", "\"10m\""],
        ("5", "a duration in quotes, such as \"10m\"; this is a whole number"),
        ("\"99ms\"", "\"99ms\" is not within 100ms to 10m"),
    ),
    (
        "root.verify.memory",
        &["\"16 MiB\"", "\"64 GiB\""],
        ("1", "a size in quotes, such as \"64 GiB\"; this is a whole number"),
        ("\"15 MiB\"", "\"15 MiB\" is not within 16 MiB to 64 GiB"),
    ),
    (
        "root.verify.load_probe",
        &["true"],
        ("\"no\"", "true or false; this is text in quotes"),
        ("0", "true or false; this is a whole number"),
    ),
    demand("root.policy.ai.pure"),
    demand("root.policy.ai.local_read"),
    demand("root.policy.ai.net_read"),
    demand("root.policy.ai.local_write"),
    demand("root.policy.ai.net_write"),
    demand("root.policy.ai.exec"),
    demand("root.policy.ai.unknown"),
    demand("root.policy.ai.widened"),
    demand("root.policy.ai.deleted"),
    demand("root.policy.human.pure"),
    demand("root.policy.human.local_read"),
    demand("root.policy.human.net_read"),
    demand("root.policy.human.local_write"),
    demand("root.policy.human.net_write"),
    demand("root.policy.human.exec"),
    demand("root.policy.human.unknown"),
    demand("root.policy.human.widened"),
    demand("root.policy.human.deleted"),
    (
        "root.policy.approval_expires",
        &["\"1s\"", "\"7d\""],
        ("true", "a duration in quotes, such as \"365d\"; this is true or false"),
        ("\"500ms\"", "\"500ms\" is not within 1s to 365d"),
    ),
];

/// A file that says only this, and what a file must say.
fn file(key: &Key, value: &str) -> String {
    let setting = format!("{}{} = {value}\n", inner(key), key.name());
    match key.section() {
        "" => format!("{setting}[[root]]\npath = '%tools'\n"),
        "root" if key.name() == "path" => format!("[[root]]\n{setting}"),
        _ if key.is_of_root() => format!("[[root]]\n{setting}path = '%tools'\n"),
        section => format!("[{section}]\n{setting}[[root]]\npath = '%tools'\n"),
    }
}

/// The section in a root that it stands in, with a dot.
fn inner(key: &Key) -> String {
    key.section().strip_prefix("root.").map_or(String::new(), |it| format!("{it}."))
}

/// The finding that a value gets: where it stands, what is said, and the caret under it.
fn said(key: &Key, value: &str, why: &str, source: &str, before: &str, line: usize) -> String {
    let start = format!("{before}{} = ", key.name());
    // The caret of an element stands under the element.
    let element = value.starts_with("[\"") && !why.contains(" takes ");
    let column = start.len() + 1 + usize::from(element);
    let width = if element { value.len() - 2 } else { value.len() };
    let carets = " ".repeat(column - 1) + &"^".repeat(width);
    format!("{source}:{line}:{column}: {why}\n  {line} | {start}{value}\n    | {carets}")
}

#[test]
fn every_key_is_among_the_cases() {
    let cases: Vec<_> = CASES.iter().map(|it| it.0).collect();
    assert_eq!(cases, KEYS.iter().map(|it| it.path).collect::<Vec<_>>());
}

#[test]
fn good_values_are_taken_and_bad_ones_refused_in_a_file() {
    let site = Site::new();
    site.write("tools/known.sha256", "");
    for ((path, good, (mistyped, type_said), (senseless, sense_said)), key) in
        CASES.iter().zip(KEYS)
    {
        for value in *good {
            site.config(&file(key, value));
            assert!(site.load().is_ok(), "{path} = {value}: {:?}", site.load());
        }
        let line = if key.section().is_empty() { 1 } else { 2 };
        let type_said = format!("{path} takes {type_said}");
        assert_eq!(
            site.refused(&file(key, mistyped)),
            said(key, mistyped, &type_said, "%config.toml", &inner(key), line)
        );
        let sense_said = match *path {
            "root.executables"
            | "root.python"
            | "root.import_root"
            | "root.after"
            | "root.verify.command"
            | "root.verify.load_probe" => format!("{path} takes {sense_said}"),
            _ => (*sense_said).to_owned(),
        };
        assert_eq!(
            site.refused(&file(key, senseless)),
            said(key, senseless, &sense_said, "%config.toml", &inner(key), line)
        );
    }
}

#[test]
fn the_same_in_a_drop_in_and_the_environment() {
    let site = Site::new();
    site.config("[[root]]\npath = '%tools'");
    let outside = CASES.iter().zip(KEYS).filter(|it| !it.1.is_of_root());
    for ((path, good, (mistyped, type_said), (senseless, why)), key) in outside {
        let (section, name) = (key.section(), key.name());
        let head = if section.is_empty() { String::new() } else { format!("[{section}]\n") };
        let refused = || site.load().unwrap_err().to_string();
        let line = 1 + head.lines().count();
        for (value, why) in [(mistyped, &*format!("{path} takes {type_said}")), (senseless, why)] {
            site.write("conf.d/a.toml", &format!("{head}{name} = {value}\n"));
            let source = site.path("conf.d/a.toml").display().to_string();
            assert_eq!(refused(), said(key, value, why, &source, "", line));
        }
        std::fs::remove_file(site.path("conf.d/a.toml")).unwrap();
        let variable = format!("KNOWNGOOD__{}", path.to_uppercase().replace('.', "__"));
        let plain = |it: &str| it.trim_matches('"').to_owned();
        for value in *good {
            site.load_with(&[(&*variable, &*plain(value))]).unwrap();
        }
        let errors = site.load_with(&[(&*variable, &*plain(senseless))]).unwrap_err().to_string();
        let before = if section.is_empty() { String::new() } else { format!("{section}.") };
        assert_eq!(errors, said(key, senseless, why, &format!("${variable}"), &before, 1));
        let unknown = format!("{variable}X");
        let errors = site.load_with(&[(&*unknown, "1")]).unwrap_err().to_string();
        assert!(errors.contains(&format!("did you mean {name:?}?")), "{errors}");
    }
}

#[test]
fn all_that_is_wrong_is_told_at_once_forms_and_meanings_alike() {
    let site = Site::new();
    site.write("conf.d/a.toml", "[audit]\nwalk = 5\nrehash = '1ms'\n");
    site.config("colour = 1\n[limits]\nconnections = 'x'\nfile_size = '0 B'\n[[root]]\npath = 'here'\nnmae = 'x'\n");
    let errors = site.load_with(&[("KNOWNGOOD__LOG__LEVEL", "loud")]).unwrap_err();
    let places: Vec<_> = errors
        .0
        .iter()
        .map(|it| {
            let source = it.source.rsplit('/').next().unwrap();
            it.place
                .as_ref()
                .map_or(source.to_owned(), |at| format!("{source}:{}:{}", at.line, at.column))
        })
        .collect();
    assert_eq!(
        places,
        [
            "config.toml:1:1",
            "config.toml:3:15",
            "config.toml:7:1",
            "a.toml:2:8",
            "config.toml:4:13",
            "config.toml:6:8",
            "a.toml:3:10",
            "$KNOWNGOOD__LOG__LEVEL:1:13",
        ]
    );
}

#[test]
fn each_value_is_told_with_where_it_came_from() {
    let site = Site::new();
    site.config("log.level = 'warn'\n[limits]\nconnections = 9\n[[root]]\npath = '%tools'\nexclude = ['x', \"y\"]");
    site.write("conf.d/b.toml", "[audit]\nwalk = '5m'");
    let request = Request { socket: Some("/run/flag.sock".into()), ..site.request() };
    let env = [("KNOWNGOOD__LIMITS__BODY_SIZE".into(), "2 MiB".into())].into();
    let (_, values) = Config::load_with_origins(&request, &env, &super::Invented).unwrap();
    let here = site.path("").display().to_string();
    let shown = |key: &str| {
        let it = values.iter().find(|it| it.key == key).unwrap_or_else(|| panic!("{key}"));
        (it.value.clone().unwrap_or_default(), it.origin.replace(&here, "%"))
    };
    for (key, value, origin) in [
        ("log.level", "\"warn\"", "%config.toml:1"),
        ("log.format", "\"auto\"", "default"),
        ("limits.connections", "9", "%config.toml:3"),
        ("limits.connections_per_peer", "9", "default"),
        ("limits.body_size", "\"2 MiB\"", "$KNOWNGOOD__LIMITS__BODY_SIZE"),
        ("audit.walk", "\"5m\"", "%conf.d/b.toml:2"),
        ("socket", "\"/run/flag.sock\"", "--socket"),
        ("authors.ai", "", "default"),
        ("root.tools.name", "\"tools\"", "default"),
        ("root.tools.exclude", "[\"x\", \"y\"]", "%config.toml:6"),
        ("root.tools.executables", "true", "default"),
    ] {
        assert_eq!(shown(key), (value.to_owned(), origin.to_owned()), "{key}");
    }
    let of_roots = KEYS.iter().filter(|it| it.is_of_root()).count();
    assert_eq!(values.len(), KEYS.len(), "{of_roots} of them once, for the one root");
    let (_, of_directory) =
        Config::load_with_origins(&directory(&site.path("tools")), &env, &super::Invented).unwrap();
    let path = of_directory.iter().find(|it| it.key == "root.tools.path").unwrap();
    assert_eq!(path.origin, site.path("tools").display().to_string());
}

#[test]
fn what_a_reload_changes_is_named() {
    let site = Site::new();
    let values = |text: &str| {
        site.config(text);
        Config::load_with_origins(
            &site.request(),
            &std::collections::BTreeMap::new(),
            &super::Invented,
        )
        .unwrap()
        .1
    };
    site.dir("more");
    let before = values("[[root]]\npath = '%tools'");
    assert_eq!(changed(&before, &values("log.level = 'info'\n[[root]]\npath = '%tools'")), []);
    let after =
        values("socket = '/run/x'\nlog.level = 'warn'\n[[root]]\npath = '%tools'\nexclude = []");
    let named = |it: &str, restart: bool| (it.to_owned(), restart);
    assert_eq!(
        changed(&before, &after),
        [named("log.level", false), named("root.tools.exclude", false), named("socket", true)]
    );
    let more = changed(&before, &values("[[root]]\npath = '%tools'\n[[root]]\npath = '%more'"));
    assert!(more.contains(&named("root.more.path", false)), "{more:?}");
    assert!(more.iter().all(|it| it.0.starts_with("root.more.")), "{more:?}");
}

// --------------------------------------------------------------------------------------- the schema

/// The few words of JSON Schema that ours is written in. Anything else in it fails the test.
fn fits(schema: &Json, value: &Json) -> bool {
    schema.as_object().unwrap().iter().all(|(word, rule)| match word.as_str() {
        "$schema" | "title" | "description" | "default" => true,
        "type" => match rule.as_str().unwrap() {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "integer" => value.is_i64(),
            "boolean" => value.is_boolean(),
            other => panic!("{other}"),
        },
        "properties" => value.as_object().is_none_or(|it| {
            it.iter().all(|(name, value)| rule.get(name).is_none_or(|it| fits(it, value)))
        }),
        "additionalProperties" => {
            assert_eq!(*rule, json!(false));
            let known = schema["properties"].as_object().unwrap();
            value.as_object().is_none_or(|it| it.keys().all(|it| known.contains_key(it)))
        }
        "required" => {
            rule.as_array().unwrap().iter().all(|it| value.get(it.as_str().unwrap()).is_some())
        }
        "items" => value.as_array().is_none_or(|it| it.iter().all(|it| fits(rule, it))),
        "enum" => rule.as_array().unwrap().contains(value),
        "minimum" => value.as_i64().is_none_or(|it| it >= rule.as_i64().unwrap()),
        "maximum" => value.as_i64().is_none_or(|it| it <= rule.as_i64().unwrap()),
        "minLength" => value.as_str().is_none_or(|it| it.len() as u64 >= rule.as_u64().unwrap()),
        "pattern" => value
            .as_str()
            .is_none_or(|it| regex_lite::Regex::new(rule.as_str().unwrap()).unwrap().is_match(it)),
        other => panic!("the schema says {other}"),
    })
}

#[test]
fn the_schema_says_what_the_parser_says() {
    let site = Site::new();
    site.write("tools/known.sha256", "");
    let schema = schema();
    let judged = |text: &str| {
        site.config(text);
        let text = std::fs::read_to_string(site.path("config.toml")).unwrap();
        fits(&schema, &json!(toml::from_str::<toml::Table>(&text).unwrap()))
    };
    for ((path, good, mistyped, senseless), key) in CASES.iter().zip(KEYS) {
        for value in *good {
            assert!(judged(&file(key, value)), "{path} = {value}");
        }
        if mistyped.0 != "1979-05-27" {
            assert!(!judged(&file(key, mistyped.0)), "{path} = {}", mistyped.0);
        }
        // What lies beyond a schema: whether users and files exist, how roots stand to each other, amounts with units.
        let beyond = match key.kind {
            Kind::Inside if key.name() != "baseline" => false,
            Kind::People | Kind::Globs | Kind::Inside | Kind::Address => true,
            Kind::Size(..) | Kind::Duration(..) => senseless.1.contains("within"),
            Kind::Count(..) => senseless.1.contains("more than"),
            Kind::Path | Kind::Name | Kind::Author | Kind::Word(_) | Kind::Switch | Kind::Words => {
                false
            }
        };
        assert_eq!(judged(&file(key, senseless.0)), beyond, "{path} = {}", senseless.0);
    }
    assert!(!judged("colour = 1\n[[root]]\npath = '%tools'"));
    assert!(!judged("[limits]\nfoo = 1\n[[root]]\npath = '%tools'"));
    assert!(!judged("[[root]]\nname = 'x'"));
}
