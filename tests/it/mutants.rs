//! The planted mutants of `tests/mutants/list.toml`: each is built into a copy of the product, and the simulation or a
//! rule's table must fail there. The quick test keeps the list true; the long one is run by hand:
//!
//! ```text
//! cargo test --test it mutants -- --ignored --nocapture              all of them: about half a minute each
//! KNOWNGOOD_MUTANTS=barrier cargo test --test it mutants -- --ignored --nocapture      those with the word in their name,
//!                                                                                      or in the name of their file
//! ```
//!
//! `KNOWNGOOD_SEEDS` reaches the simulation. The copy and what it is built into stay in `target/tmp/mutants`.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use serde::Deserialize;

/// What must notice.
const WATCHMEN: [&str; 4] =
    ["reconcile::simulation", "reconcile::tests", "decide::", "switching::tests"];
/// A mutant may keep a test from ending. That is noticed too, but it is not worth the wait.
const LONGEST: &str = "600";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    mutant: Vec<Mutant>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mutant {
    name: String,
    /// The rule that it breaks, for those who read the list.
    breaks: String,
    file: String,
    find: String,
    plant: String,
}

/// How a mutant was noticed.
#[derive(Debug, PartialEq, Eq)]
enum Caught {
    /// The first seed that the simulation stumbled over, and the tables that failed.
    By {
        seed: Option<u64>,
        tests: BTreeSet<String>,
    },
    /// The tests did not end.
    Hung,
    Not,
    DoesNotBuild(String),
}

#[test]
fn every_mutant_can_be_planted() {
    let mut names = BTreeSet::new();
    for it in list() {
        let text = fs::read_to_string(home().join(&it.file)).unwrap();
        let times = text.matches(&it.find).count();
        assert!(times == 1, "{}: its text is {times} times in {}", it.name, it.file);
        assert!(it.find != it.plant && !it.breaks.is_empty(), "{} changes nothing", it.name);
        assert!(names.insert(it.name.clone()), "two are named {}", it.name);
    }
    assert!(names.len() >= 90);
}

#[test]
#[ignore = "builds the crate once for each mutant: an hour"]
fn every_mutant_is_caught() {
    let house = House::new();
    println!("{:<80} {:>6}  caught by", "mutant", "s");
    assert!(house.verdict() == Caught::Not, "without a mutant: {:?}", house.verdict());
    let word = knob().unwrap_or_default();
    let chosen: Vec<Mutant> = {
        let is_chosen = |it: &Mutant| it.name.contains(&word) || it.file.contains(&word);
        list().into_iter().filter(is_chosen).collect()
    };
    assert!(!chosen.is_empty(), "no mutant has {word:?} in its name");
    let mut survivors = Vec::new();
    for it in &chosen {
        let began = Instant::now();
        house.plant(it);
        let verdict = house.verdict();
        house.restore(&it.file);
        println!("{:<80} {:>6.1}  {}", it.name, began.elapsed().as_secs_f64(), verdict.told());
        if matches!(verdict, Caught::Not | Caught::DoesNotBuild(_)) {
            survivors.push(it.name.as_str());
        }
    }
    println!("{} of {} caught", chosen.len() - survivors.len(), chosen.len());
    assert!(survivors.is_empty(), "not caught: {}", survivors.join(", "));
}

fn list() -> Vec<Mutant> {
    let text = fs::read_to_string(home().join("tests/mutants/list.toml")).unwrap();
    toml::from_str::<List>(&text).unwrap().mutant
}

fn home() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[expect(clippy::disallowed_methods, reason = "the test's own knob")]
fn knob() -> Option<String> {
    std::env::var("KNOWNGOOD_MUTANTS").ok()
}

/// A copy of the product, in which faults may be planted.
struct House {
    source: PathBuf,
    target: PathBuf,
}

impl House {
    fn new() -> Self {
        let base = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mutants");
        let house = Self { source: base.join("source"), target: base.join("target") };
        if house.source.exists() {
            fs::remove_dir_all(&house.source).unwrap();
        }
        for it in ["src", "config", "Cargo.toml", "Cargo.lock"] {
            copy(&home().join(it), &house.source.join(it));
        }
        house
    }

    fn plant(&self, mutant: &Mutant) {
        let path = self.source.join(&mutant.file);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(path, text.replace(&mutant.find, &mutant.plant)).unwrap();
    }

    fn restore(&self, file: &str) {
        let text = fs::read_to_string(home().join(file)).unwrap();
        fs::write(self.source.join(file), text).unwrap();
    }

    fn verdict(&self) -> Caught {
        let built = self.cargo(&["--no-run"]);
        if !built.0 {
            return Caught::DoesNotBuild(built.1);
        }
        let (passed, told) = self.cargo(&[]);
        if passed { Caught::Not } else { caught(&told) }
    }

    /// Optimised little and built in pieces: what is built once and run for seconds should be built in seconds.
    fn cargo(&self, more: &[&str]) -> (bool, String) {
        let output = Command::new("timeout")
            .args([LONGEST, env!("CARGO"), "test", "--release", "--lib", "--quiet"])
            .args(more)
            .arg("--")
            .args(WATCHMEN)
            .current_dir(&self.source)
            .env("CARGO_TARGET_DIR", &self.target)
            .env("CARGO_PROFILE_RELEASE_INCREMENTAL", "true")
            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
            .env("CARGO_PROFILE_RELEASE_DEBUG", "false")
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "64")
            .env("RUST_BACKTRACE", "0")
            .output()
            .unwrap();
        let told = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&told).into_owned())
    }
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let name = entry.unwrap().file_name();
            copy(&from.join(&name), &to.join(&name));
        }
    } else {
        fs::copy(from, to).unwrap();
    }
}

fn caught(told: &str) -> Caught {
    let seeds = told.split("seed ").skip(1).filter_map(|it| it.split(':').next()?.parse().ok());
    let failures =
        told.lines().map(str::trim).filter(|it| WATCHMEN.iter().any(|at| it.starts_with(at)));
    let names = failures.filter_map(|it| it.split([' ', '\'']).next()).map(str::to_owned);
    let (seed, tests) = (seeds.min(), names.collect::<BTreeSet<String>>());
    if tests.is_empty() { Caught::Hung } else { Caught::By { seed, tests } }
}

impl Caught {
    fn told(&self) -> String {
        match self {
            Self::By { seed, tests } => {
                let seed = seed.map(|it| format!("seed {it}"));
                let short = |it: &String| {
                    let table = it.strip_prefix("decide::tests::").map(str::to_owned);
                    table.or_else(|| it.starts_with("switching").then(|| it.clone()))
                };
                let tables = tests.iter().filter_map(short);
                seed.into_iter().chain(tables).collect::<Vec<_>>().join(", ")
            }
            Self::Hung => "its tests did not end".to_owned(),
            Self::Not => "NOBODY".to_owned(),
            Self::DoesNotBuild(why) => format!("THE COMPILER: {why}"),
        }
    }
}

#[test]
fn what_a_failure_tells_is_understood() {
    let told = "thread '<unnamed>' panicked at src/a.rs:1:2:\nseed 31: lost\nassertion failed: seed 7: late\n\
                failures:\n    decide::tests::observe::a_life\n    reconcile::simulation::every_one\n";
    let names = ["decide::tests::observe::a_life", "reconcile::simulation::every_one"];
    let tests = names.iter().map(|it| (*it).to_owned()).collect();
    assert_eq!(caught(told), Caught::By { seed: Some(7), tests });
    assert_eq!(caught(told).told(), "seed 7, observe::a_life");
    assert_eq!(caught("signal: 15"), Caught::Hung);
}
