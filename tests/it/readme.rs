//! README.md is where these commands come from: its blocks of code are taken apart, and what a reader may type is run, here
//! or under the systemd of `systemd`. A command that no test knows fails with its text. Judges no prose.

mod blocks;
mod place;

use std::{collections::BTreeSet, fs, path::Path};

pub(crate) use blocks::{commands, text};
use place::{Ends, Known, Place};
use tempfile::TempDir;

/// Every block of code, and the file that runs it.
const BLOCKS: &[(&str, &str, &str)] = &[
    ("knowngood", "sh", "readme.rs"),
    ("A first try", "console", "readme.rs"),
    ("Deploying", "console", "readme.rs"),
    ("Shadow runs", "console", "readme.rs"),
    ("Shadow runs", "toml", "readme.rs"),
    ("The command line", "sh", "readme.rs"),
    ("Running it for good", "toml", "readme.rs"),
    ("Under systemd", "sh", "systemd/units.rs"),
    ("The API", "sh", "readme.rs"),
    ("Logs", "sh", "systemd/units.rs"),
    ("Configuration", "console", "readme.rs"),
    ("Configuration", "sh", "readme.rs"),
];

/// What builds the program or runs its tests, which no test can do itself: `tests/run` and `.ci/run` do.
const BUILD: &[&str] = &[
    "cargo install --path .",
    "cargo install cargo-deb",
    "cargo deb",
    "sh tests/run",
    "sh tests/run long",
    "KNOWNGOOD_REPLAY=path/to/repository cargo test --test it replay -- --nocapture",
    "cargo bench --bench figures",
];

#[test]
fn every_block_is_run_by_a_test() {
    let known: BTreeSet<_> = BLOCKS.iter().map(|it| (it.0, it.1)).collect();
    let blocks = blocks::all();
    for block in &blocks {
        let name = (&*block.heading, &*block.language);
        assert!(known.contains(&name), "no test runs what stands in {name:?}:\n{}", block.text);
    }
    for (heading, language, file) in BLOCKS {
        let is_there = blocks.iter().any(|it| it.heading == *heading && it.language == *language);
        assert!(is_there, "README.md has no {language} under {heading:?} any more");
        let test = fs::read_to_string(source(file)).unwrap();
        let taken = format!("(\"{heading}\", \"{language}\")");
        assert!(test.contains(&taken), "{file} does not take {taken} out of README.md");
    }
}

#[test]
fn building_gives_the_program_that_watches_a_directory() {
    let found = commands("knowngood", "sh");
    let [run, tests] = &found[..] else { panic!("no test knows all of {found:?}") };
    assert_eq!(tests, "sh tests/run");
    let arguments = run.strip_prefix("cargo run --release -- ").unwrap();
    let directory = arguments.strip_prefix("run ").unwrap();
    let place = Place::start(arguments, &[(&format!("{directory}/a.py"), "one\n")]);
    let known = [Known { command: "knowngood status", ends: Ends::With(0), says: "1 in sync" }];
    place::run_all(&["knowngood status".to_owned()], &known, &place.path(directory));
}

/// As it stands there, word for word, but for the times.
#[test]
fn the_first_try() {
    assert!(blocks::in_prose().iter().any(|it| it == "knowngood run tools"));
    let place = Place::of_the_readme();
    place::converse(&blocks::session("A first try", "console"), &place.path("tools"));
}

#[test]
fn deploying() {
    let place = Place::of_the_readme();
    if !place::has("python3") {
        println!("SKIPPED: without python3 nothing says that a file does not compile");
        return;
    }
    let tools = place.path("tools");
    if place::said(&tools, "knowngood api GET /v1/info").contains("\"sandbox\":\"limits\"") {
        println!("SKIPPED: no rung isolates here, and the gates say so");
        return;
    }
    place::converse(&blocks::session("Deploying", "console"), &place.path("tools"));
}

/// Where something isolates a run.
#[test]
fn shadow_runs() {
    let tool = "def count(text):\n    return {\"words\": len(text.split())}\n";
    let place = Place::start("run tools", &[("tools/count_tool.py", tool)]);
    let tools = place.path("tools");
    let session = blocks::session("Shadow runs", "console");
    let said = place::said(&tools, "knowngood api GET /v1/info");
    if said.contains("\"sandbox\":\"limits\"") {
        println!("SKIPPED: no rung isolates here");
        return;
    }
    place::converse(&session, &tools);
    fs::write(tools.join("count_tool.toml"), text("Shadow runs", "toml")).unwrap();
    let worse = "sed 's/text.split()/text/' count_tool.py | knowngood shadow count_tool -";
    let said = place::said(&tools, worse);
    assert!(said.starts_with("regressed") && said.contains("expected   {\"words\":3}"), "{said}");
}

#[test]
fn the_command_line() {
    let place = Place::of_the_readme();
    place.edit("second");
    place.edit("third");
    let known = [
        ("knowngood status", Ends::With(1), "M  modified  tools/search_tool.py  v1 -> v3"),
        ("knowngood status --watch", Ends::Never, "1 in sync, 1 modified"),
        ("knowngood diff", Ends::With(1), "\n+third\n"),
        (
            "knowngood diff search_tool v1 v3",
            Ends::With(1),
            "(v1)\n+++ b/tools/search_tool.py\t(v3)",
        ),
        ("knowngood history -p search_tool", Ends::With(0), "\n+second\n"),
        ("knowngood events -f", Ends::Never, "drift.detected"),
        ("knowngood cat search_tool@v1 > search_tool.py", Ends::With(0), "index.lookup(query)\n"),
        ("knowngood api GET '/v1/status?state=modified'", Ends::With(0), "\"modified\":1"),
        ("knowngood man status", Ends::With(0), "knowngood-status"),
        ("source <(knowngood completions bash)", Ends::With(0), "-F _knowngood knowngood"),
    ];
    // The one that writes a tool comes after those that look at it.
    let mut found = commands("The command line", "sh");
    found.sort_by_key(|it| it.contains(" > "));
    place::run_all(&found, &known.map(Known::from), &place.path("tools"));
}

#[test]
fn the_api() {
    if !place::has("curl") {
        println!("SKIPPED: it takes curl (apt-get install curl)");
        return;
    }
    let place = Place::of_the_readme();
    let url = "curl --unix-socket tools/.knowngood/knowngood.sock";
    let known = [
        ("'http://k/v1/status?sync=true'", Ends::With(0), "\"synced\":true"),
        ("'http://k/v1/content/tools/search_tool.py?at=v1'", Ends::With(0), "def search(query):"),
        ("'http://k/v1/check/tools/search_tool.py?base=v1'", Ends::With(0), "\"changed\":false"),
        (
            "-N -H 'Accept: text/event-stream' 'http://k/v1/events?after=0'",
            Ends::Never,
            "event: version.recorded",
        ),
    ];
    let lines = known.map(|it| format!("{url} {}", it.0));
    let known: Vec<_> = (lines.iter().zip(known))
        .map(|(command, it)| Known { command, ends: it.1, says: it.2 })
        .collect();
    place::run_all(&commands("The API", "sh"), &known, &place.path(""));
}

/// Ana, her group and her directory are not to be had everywhere; whoever runs the tests stands for them.
#[test]
fn the_configuration_that_is_shown_is_valid() {
    let folder = TempDir::new().unwrap();
    let root = folder.path().join("tools");
    fs::create_dir(&root).unwrap();
    fs::write(root.join("tools.sha256"), "").unwrap();
    let path = root.to_str().unwrap();
    let mut shown = text("Running it for good", "toml");
    for (from, to) in
        [("/srv/agents/tools", path), ("@agents", "@root"), ("[\"ana\"]", "[\"root\"]")]
    {
        assert!(shown.contains(from), "{shown}");
        shown = shown.replace(from, to);
    }
    fs::write(folder.path().join("config.toml"), shown).unwrap();
    let check = "knowngood config check config.toml";
    let known =
        [Known { command: check, ends: Ends::With(0), says: "ok  config.toml; roots: tools" }];
    place::run_all(&[check.to_owned()], &known, folder.path());
}

#[test]
fn the_configuration_with_mistakes() {
    let folder = TempDir::new().unwrap();
    let written = "[limits]\nconections = 8\n[log]\nlevel = \"loud\"\n[[root]]\npath = ";
    let written = format!("{written}{:?}\n", folder.path());
    fs::write(folder.path().join("site.toml"), written).unwrap();
    place::converse(&blocks::session("Configuration", "console"), folder.path());
    let place = Place::of_the_readme();
    let known = [
        ("knowngood config show --origin", Ends::With(0), "log.level = \"info\"  # default"),
        ("knowngood config schema > knowngood.schema.json", Ends::With(0), "\"connections\": {"),
    ];
    place::run_all(&commands("Configuration", "sh"), &known.map(Known::from), &place.path("tools"));
}

/// A command in the prose is one of a block, one that is run here, or stands in a test or in what a test installs.
#[test]
fn what_the_prose_names_is_run_as_well() {
    let known = [
        ("knowngood status --sync", Ends::With(0), "2 in sync"),
        ("knowngood reload", Ends::With(0), "reloaded; roots: tools"),
        ("knowngood events", Ends::With(0), "version.recorded"),
        ("knowngood doctor", Ends::With(0), "ok"),
        ("knowngood class", Ends::With(0), "pure"),
    ]
    .map(Known::from);
    let in_blocks: Vec<String> = BLOCKS.iter().flat_map(|it| commands(it.0, it.1)).collect();
    let tests = everything_that_tests();
    let mut to_run = BTreeSet::new();
    for command in blocks::in_prose() {
        let is_known = known.iter().any(|it| it.command == command);
        let is_run = in_blocks.contains(&command) || tests.contains(&command);
        if is_known {
            to_run.insert(command);
        } else {
            let is_known = is_run || BUILD.contains(&&*command);
            assert!(is_known, "no test knows what README.md names: `{command}`");
        }
    }
    let place = Place::of_the_readme();
    place::run_all(&Vec::from_iter(to_run), &known, &place.path("tools"));
}

fn source(file: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it").join(file)
}

/// The texts that a command of the prose may stand in.
fn everything_that_tests() -> String {
    let files = [
        "systemd/units.rs",
        "systemd/package.rs",
        "systemd/guest.rs",
        "readme/place.rs",
        "../../systemd/knowngood.service",
    ];
    files.map(|it| fs::read_to_string(source(it)).unwrap()).concat()
}
