//! The rules as tables: what stood, what is seen or asked, what follows. Every row says what it is about.

mod accept;
mod deploy;
mod manifest;
mod observe;
mod on_drift;
mod policy;
mod recover;
mod runtimes;
mod scope;
mod state;
mod switched;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{Command, Input, Plan, RootRules, Rules, State, Wait, consequences, decide};
use crate::{
    model::{
        Author, AuthorKind, Digest, Dirty, Fact, FileSeen, Origin, Packed, Record, RootName,
        RuntimeName, Seen, Seq, Sight, Timestamp, ToolId,
    },
    roots::Globs,
};

/// A state that is told one thing after the other, as the loop would.
#[derive(Clone)]
struct Story {
    state: State,
    rules: Rules,
    log: Vec<Record>,
}

impl Story {
    fn new() -> Self {
        Self::with(RootRules { edits_by: ana(), ..RootRules::new(all()) })
    }

    fn with(rules: RootRules) -> Self {
        let mut story = Self { state: State::default(), rules: Rules::default(), log: Vec::new() };
        story.reloads(rules);
        story
    }

    fn reloads(&mut self, rules: RootRules) {
        self.rules = Rules { roots: [(root(), rules)].into(), ..Rules::default() };
        self.state.set_rules(&self.rules);
    }

    /// Other globs, nothing else.
    fn names(&mut self, include: &[&str], exclude: &[&str], executables: bool) {
        let rules = self.rules.roots.remove(&root()).unwrap();
        self.reloads(RootRules { globs: globs(include, exclude, executables), ..rules });
    }

    /// These contents stood there when the first scan passed.
    fn adopted(files: &[(&str, u8)]) -> Self {
        let mut story = Self::new();
        for (name, content) in files {
            story.sees(name, file(*content));
        }
        story.tell(Input::Scanned(root()));
        story
    }

    fn asks(&self, input: Input) -> Plan {
        decide(&self.state, &self.rules, input)
    }

    /// Makes it true, with all that follows; the facts in order.
    fn tell(&mut self, input: Input) -> Vec<Fact> {
        let from = self.log.len();
        let mut facts = self.asks(input).facts;
        while !facts.is_empty() {
            let records: Vec<Record> = facts
                .into_iter()
                .zip(self.log.len() as u64 + 1..)
                .map(|(fact, seq)| Record { seq: Seq(seq), time: Timestamp(7), fact })
                .collect();
            for record in &records {
                self.state.apply(record);
            }
            facts = consequences(&self.state, &records);
            self.log.extend(records);
        }
        self.log[from..].iter().map(|it| it.fact.clone()).collect()
    }

    /// A second look by a hint, which is believed.
    fn sees(&mut self, name: &str, sight: Sight) -> Vec<Fact> {
        self.tell(looked(name, Origin::Watch, true, sight))
    }

    fn requests(&mut self, command: Command) -> Vec<Fact> {
        self.tell(Input::Request(command))
    }

    fn sync(&self, name: &str) -> &'static str {
        let (id, unknown) = (id(name), crate::model::Tool::default());
        self.state.sync(&id, self.state.tool(&id).unwrap_or(&unknown)).as_str()
    }
}

/// Every file is a tool.
fn all() -> Arc<Globs> {
    globs(&["**"], &[], true)
}

fn globs(include: &[&str], exclude: &[&str], executables: bool) -> Arc<Globs> {
    let owned = |it: &[&str]| it.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
    Arc::new(Globs::new(&owned(include), &owned(exclude), executables).unwrap())
}

fn root() -> RootName {
    RootName::new("t").unwrap()
}

fn id(name: &str) -> ToolId {
    format!("t/{name}").parse().unwrap()
}

fn ana() -> Author {
    Author { kind: AuthorKind::Human, name: Some("ana".to_owned()) }
}

/// Not of the bytes: a mark that is easy to write.
fn digest(content: u8) -> Digest {
    Digest([content; 32])
}

fn file(content: u8) -> Sight {
    Sight::File(seen(content, 1))
}

fn seen(content: u8, size: u64) -> FileSeen {
    let digest = digest(content);
    let content = Some(Packed { digest, size, codec: 0, bytes: Vec::new() });
    FileSeen { digest, size, executable: false, mtime: Timestamp(0), content, links: 1 }
}

fn looked(name: &str, origin: Origin, firm: bool, sight: Sight) -> Input {
    let seen = vec![(origin, Seen { tool: id(name), firm, sight })];
    Input::Looked { as_of: Seq(u64::MAX), seen }
}

fn events(facts: &[Fact]) -> Vec<&'static str> {
    facts.iter().map(Fact::event).collect()
}

/// What is to be looked at: name, second look, whatever its stat, after which wait.
fn looks(plan: &Plan) -> Vec<(String, bool, bool, Wait)> {
    let looks = plan.looks.iter();
    looks
        .map(|it| {
            (it.glance.tool.shown_path().to_owned(), it.glance.firm, it.glance.fresh, it.wait)
        })
        .collect()
}

fn look(name: &str, firm: bool, fresh: bool, wait: Wait) -> (String, bool, bool, Wait) {
    (name.to_owned(), firm, fresh, wait)
}

fn planner() -> RuntimeName {
    RuntimeName::new("planner").unwrap()
}

fn dirty(names: &[&str]) -> Input {
    Input::Dirty(Dirty { paths: names.iter().map(|it| id(it)).collect(), roots: BTreeSet::new() })
}

fn contents(of: &[(&str, u8)]) -> BTreeMap<ToolId, Digest> {
    of.iter().map(|it| (id(it.0), digest(it.1))).collect()
}
