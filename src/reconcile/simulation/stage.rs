//! A stage on the fake disk: the real protocol of `switching`, one of its calls at a time, so that anything may come
//! between any two of them. A call that was made is kept on tape; what asks for the next one is run again from its
//! beginning, over the tape, until it gets to the end.

#![expect(
    clippy::unused_self,
    clippy::redundant_closure,
    reason = "called like its neighbours; their lifetimes"
)]

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use super::{
    disk::{Content, FakeDisk, File, bytes, digest},
    world::dice::Dice,
};
use crate::{
    model::{
        Change, DeployNo, Digest, FileSeen, Late, Marker, Packed, RootName, SwitchOrder, Switched,
        Timestamp, ToolId, Undone,
    },
    ports::{Ability, Stage, StageFailure},
    switching::{self, Hitch, Kept, Names, Part, Side, Standing, Verdict},
};

/// A file under one of the stage's names, or set aside.
#[derive(Clone, Debug)]
pub(super) struct Away {
    pub(super) tool: ToolId,
    pub(super) file: File,
    /// What was staged under the name; none where the file is to go.
    pub(super) target: Option<Digest>,
    /// Verification wrote to it: nobody's content.
    pub(super) tampered: bool,
    /// Everything that it has held since it came out.
    pub(super) held: Vec<Digest>,
    kept: Option<(DeployNo, Verdict, Option<Digest>)>,
    /// The stage's name that it came out under.
    name: String,
}

pub(super) struct FakeStage {
    pub(super) seed: u64,
    pub(super) disk: Arc<Mutex<FakeDisk>>,
    dice: Mutex<Dice>,
    tape: Mutex<Tape>,
    /// Names that this process made: a sweep leaves them.
    made: Mutex<BTreeSet<String>>,
    /// Nothing fails by itself.
    pub(super) is_sound: bool,
    /// Files whose content could not be known when they were looked at last.
    unknown: Mutex<BTreeSet<u64>>,
}

/// What was answered so far, and how much of it was heard again.
#[derive(Default)]
struct Tape {
    answers: Vec<Answer>,
    heard: usize,
    went_on: bool,
    is_cut: bool,
}

#[derive(Clone, Debug)]
enum Answer {
    Renamed(Result<(), Hitch>),
    Seen(Standing),
    Kept(Option<Kept>),
    IsThere(bool),
    Late(Vec<Late>),
    Done,
}

impl FakeStage {
    pub(super) fn new(seed: u64, disk: Arc<Mutex<FakeDisk>>, dice: Dice, is_sound: bool) -> Self {
        let (tape, made, unknown) = Default::default();
        Self { seed, disk, dice: Mutex::new(dice), tape, made, is_sound, unknown }
    }

    /// Something begins anew.
    pub(super) fn begin(&self) {
        *self.tape.lock().unwrap() = Tape::default();
    }

    /// It is run again from its beginning; one more call is made.
    pub(super) fn rewind(&self) {
        let mut tape = self.tape.lock().unwrap();
        (tape.heard, tape.went_on, tape.is_cut) = (0, false, false);
    }

    /// It did not get to its end: whatever it said is nothing.
    pub(super) fn is_cut(&self) -> bool {
        self.tape.lock().unwrap().is_cut
    }

    fn play(&self, dead: Answer, act: impl FnOnce(&mut FakeDisk) -> Answer) -> Answer {
        let mut tape = self.tape.lock().unwrap();
        if let Some(answer) = tape.answers.get(tape.heard).cloned() {
            tape.heard += 1;
            return answer;
        }
        if std::mem::replace(&mut tape.went_on, true) {
            tape.is_cut = true;
            return dead;
        }
        let answer = act(&mut self.disk.lock().unwrap());
        tape.answers.push(answer.clone());
        tape.heard += 1;
        answer
    }

    fn fails(&self, sides: u64) -> bool {
        !self.is_sound && self.dice.lock().unwrap().roll(sides) == 0
    }

    fn note_unknown(&self, inode: u64, is_unknown: bool) {
        let mut unknown = self.unknown.lock().unwrap();
        if is_unknown {
            unknown.insert(inode)
        } else {
            unknown.remove(&inode)
        };
    }

    fn is_there(&self, _: &SwitchOrder) -> bool {
        let answer = self.play(Answer::IsThere(false), |disk| Answer::IsThere(disk.there));
        matches!(answer, Answer::IsThere(true))
    }

    fn run(
        &self,
        order: &SwitchOrder,
        act: impl FnOnce(&mut [Part<'_, Place<'_>>]) -> Switched,
    ) -> Switched {
        let place = |change: &Change, marker: &Marker| Place {
            stage: self,
            deploy: order.deploy,
            change: change.clone(),
            name: marker.name.clone(),
        };
        let parts = order.parts.iter();
        let mut parts: Vec<_> =
            parts.map(|it| Part::new(&it.0, &it.1, place(&it.0, &it.1))).collect();
        let outcome = act(&mut parts);
        if !self.is_cut() {
            self.judge(order, &outcome);
        }
        outcome
    }

    /// What is said of an order is what is so on disk.
    fn judge(&self, order: &SwitchOrder, outcome: &Switched) {
        let disk = self.disk.lock().unwrap();
        for (change, marker) in &order.parts {
            let said = format!("seed {}: {} of deploy {:?}", self.seed, change.tool, order.deploy);
            let inode = marker.inode.map(|it| it.1);
            let live = disk.files.get(&change.tool).filter(|it| Some(it.inode) == inode);
            let mut away = disk.staged.values().chain(disk.displaced.values());
            match outcome {
                Switched::Live(_) => {
                    let ours = away.find(|it| Some(it.file.inode) == inode);
                    assert!(ours.is_none(), "{said} is said to be live, and is not");
                    let out = disk.displaced.values().find(|it| it.name == marker.name);
                    let base = change.base.map(|it| it.digest);
                    assert!(
                        out.is_none_or(|it| base.is_some_and(|base| it.held.contains(&base))),
                        "{said} took the place of what was not its base: {out:?}"
                    );
                }
                Switched::Undone { .. } => {
                    let as_staged = |it: &&File| {
                        Some(digest(it.content)) == change.to.map(|it| it.digest)
                            && it.executable == marker.executable
                    };
                    // Somebody was writing into it, so that nobody could tell whether it still was ours: it stays.
                    let unknown = self.unknown.lock().unwrap();
                    let ours = live.filter(as_staged).filter(|it| !unknown.contains(&it.inode));
                    assert!(ours.is_none(), "{said} is said to be undone, and is live");
                }
                Switched::Unknown { .. } => (),
            }
        }
    }

    fn seen(&self, file: File, known: &[Option<Digest>]) -> FileSeen {
        let (digest, bytes) = (digest(file.content), bytes(file.content));
        let size = bytes.len() as u64;
        let content = Packed { digest, size, codec: 0, bytes };
        FileSeen {
            digest,
            size,
            executable: file.executable,
            mtime: Timestamp(0),
            content: (!known.contains(&Some(digest))).then_some(content),
            links: 1,
        }
    }
}

impl Stage for FakeStage {
    fn stage(
        &self,
        change: &Change,
        bytes: Option<&[u8]>,
        _: Option<Timestamp>,
    ) -> Result<Marker, StageFailure> {
        if self.fails(40) {
            return Err(StageFailure::DiskFull { why: "no space beside the files".to_owned() });
        }
        let mut disk = self.disk.lock().unwrap();
        if !disk.there {
            return Err(StageFailure::World { why: "the root is away".to_owned() });
        }
        let bit = disk.files.get(&change.tool).is_some_and(|it| it.executable);
        let executable = change.to.and_then(|it| it.executable).unwrap_or(bit);
        disk.names += 1;
        let name = format!("n{}", disk.names);
        self.made.lock().unwrap().insert(name.clone());
        let Some(bytes) = bytes else {
            return Ok(Marker { name, inode: None, executable: bit, size: 0 });
        };
        let content = parsed(bytes);
        let file = disk.file(None, content, executable, false);
        let away = Away {
            tool: change.tool.clone(),
            file,
            target: Some(digest(content)),
            tampered: false,
            held: Vec::new(),
            kept: None,
            name: name.clone(),
        };
        disk.staged.insert(name.clone(), away);
        Ok(Marker { name, inode: Some((1, file.inode)), executable, size: bytes.len() as u64 })
    }

    fn staged(&self, _: &ToolId, marker: &Marker) -> Option<PathBuf> {
        marker.inode.map(|_| PathBuf::from(&marker.name))
    }

    fn switch(&self, orders: &[SwitchOrder]) -> Vec<Switched> {
        let one = |order: &SwitchOrder| {
            if !self.is_there(order) {
                let why = Undone::Failed("the root is away".to_owned());
                return Switched::Undone { why, seen: Vec::new() };
            }
            self.run(order, |parts| switching::switch(parts))
        };
        orders.iter().map(one).collect()
    }

    fn settle(&self, order: &SwitchOrder) -> Switched {
        if !self.is_there(order) {
            return Switched::Unknown { doing: "opening the root".to_owned() };
        }
        self.run(order, |parts| switching::settle(parts))
    }

    fn discard(&self, _: &ToolId, marker: &Marker) {
        let mut disk = self.disk.lock().unwrap();
        let ours = disk.staged.get(&marker.name);
        if ours.is_none_or(|it| marker.inode.is_none_or(|at| at.1 != it.file.inode)) {
            return;
        }
        if disk.there {
            disk.erase(|disk| disk.staged.remove(&marker.name));
        } else {
            disk.left_behind.insert(marker.name.clone());
        }
    }

    fn sweep(&self, _: &RootName, keep: &[String]) {
        self.play(Answer::Done, |disk| {
            let made = self.made.lock().unwrap();
            let is_litter = |it: &&String| !keep.contains(it) && !made.contains(*it) && disk.there;
            let litter: Vec<String> = disk.staged.keys().filter(is_litter).cloned().collect();
            for name in litter {
                disk.erase(|disk| disk.staged.remove(&name));
            }
            Answer::Done
        });
    }

    fn late(&self) -> Vec<Late> {
        let answer = self.play(Answer::Late(Vec::new()), |disk| {
            if !disk.there {
                return Answer::Late(Vec::new());
            }
            let free = disk.displaced.iter().filter(|it| !it.1.file.writer);
            let late = free.map(|(name, away)| Late {
                tool: away.tool.clone(),
                deploy: away.kept.map_or(DeployNo(0), |it| it.0),
                displaced: away.kept.and_then(|it| it.2),
                now: Some(self.seen(away.file, &[])),
                name: name.clone(),
            });
            Answer::Late(late.collect())
        });
        if let Answer::Late(late) = answer { late } else { Vec::new() }
    }

    fn holds_displaced(&self) -> bool {
        !self.disk.lock().unwrap().displaced.is_empty()
    }

    fn release(&self, late: &Late) {
        self.play(Answer::Done, |disk| {
            if disk.there {
                disk.erase(|disk| disk.displaced.remove(&late.name));
            }
            Answer::Done
        });
    }

    fn ability(&self, _: &RootName) -> Ability {
        Ability::Exchange
    }
}

/// The content that has these bytes.
fn parsed(bytes: &[u8]) -> Content {
    let text = std::str::from_utf8(bytes).unwrap();
    let number = |it: &str| it.parse().unwrap();
    match (text.strip_prefix("whole "), text.strip_prefix("part ")) {
        (Some(it), _) => Content::Whole(number(it)),
        (_, Some(it)) => Content::Part(number(it)),
        (None, None) => Content::Empty,
    }
}

impl FakeDisk {
    fn erase(&mut self, remove: impl FnOnce(&mut Self) -> Option<Away>) {
        let erased = remove(self);
        self.erased.extend(erased);
    }

    /// Files that somebody may still write to where they are now.
    pub(super) fn held_away(&mut self) -> Vec<&mut Away> {
        let all = self.staged.values_mut().chain(self.displaced.values_mut());
        all.filter(|it| it.file.writer).collect()
    }

    fn come_out(&mut self, tool: &ToolId, name: &str, target: Option<Digest>) -> Option<Away> {
        let file = *self.files.get(tool)?;
        self.events.push(tool.clone());
        Some(Away {
            tool: tool.clone(),
            file,
            target,
            tampered: false,
            held: vec![digest(file.content)],
            kept: None,
            name: name.to_owned(),
        })
    }

    fn go_live(&mut self, away: &Away) {
        let now = self.now;
        self.place(&away.tool, away.file, now);
        self.stood_there(&away.tool, away.file);
        self.events.push(away.tool.clone());
    }
}

/// The two names of one file.
struct Place<'a> {
    stage: &'a FakeStage,
    deploy: DeployNo,
    change: Change,
    name: String,
}

impl Place<'_> {
    fn rename(&self, act: impl FnOnce(&mut FakeDisk) -> Result<(), Hitch>) -> Result<(), Hitch> {
        let dead = Answer::Renamed(Err(Hitch::Failed("no more".to_owned())));
        let answer = self.stage.play(dead, |disk| {
            if self.stage.fails(150) {
                return Answer::Renamed(Err(Hitch::Failed("the disk says no".to_owned())));
            }
            Answer::Renamed(act(disk))
        });
        let Answer::Renamed(it) = answer else { panic!("seed {}: {answer:?}", self.stage.seed) };
        it
    }

    fn target(&self) -> Option<Digest> {
        self.change.to.map(|it| it.digest)
    }
}

impl Names for Place<'_> {
    fn exchange(&mut self) -> Result<(), Hitch> {
        let (tool, name) = (&self.change.tool, &self.name);
        self.rename(|disk| {
            let Some(staged) = disk.staged.get(name).cloned() else { return Err(Hitch::Missing) };
            let Some(out) = disk.come_out(tool, name, self.target()) else {
                return Err(Hitch::Missing);
            };
            disk.staged.insert(name.clone(), out);
            disk.go_live(&staged);
            Ok(())
        })
    }

    fn put(&mut self) -> Result<(), Hitch> {
        let (tool, name) = (&self.change.tool, &self.name);
        self.rename(|disk| {
            if disk.files.contains_key(tool) {
                return Err(Hitch::Taken);
            }
            let staged = disk.staged.remove(name).ok_or(Hitch::Missing)?;
            disk.go_live(&staged);
            Ok(())
        })
    }

    fn take(&mut self) -> Result<(), Hitch> {
        let (tool, name) = (&self.change.tool, &self.name);
        self.rename(|disk| {
            if disk.staged.contains_key(name) {
                return Err(Hitch::Taken);
            }
            let out = disk.come_out(tool, name, self.target()).ok_or(Hitch::Missing)?;
            disk.staged.insert(name.clone(), out);
            let now = disk.now;
            disk.remove(tool, now);
            Ok(())
        })
    }

    fn look(&mut self, side: Side) -> Standing {
        let known = [self.change.base.map(|it| it.digest), self.target()];
        let answer = self.stage.play(Answer::Seen(Standing::Nothing), |disk| {
            let file = match side {
                Side::Live => disk.files.get(&self.change.tool).copied(),
                Side::Staged => disk.staged.get(&self.name).map(|it| it.file),
            };
            let Some(file) = file else { return Answer::Seen(Standing::Nothing) };
            let inode = (1, file.inode);
            // What is being written may move while it is read.
            let is_unknown = file.writer && self.stage.fails(3);
            self.stage.note_unknown(file.inode, is_unknown);
            if is_unknown {
                return Answer::Seen(Standing::Other { inode });
            }
            let (seen, settled) = (self.stage.seen(file, &known), !file.writer);
            Answer::Seen(Standing::File { inode, seen, settled })
        });
        let Answer::Seen(it) = answer else { panic!("seed {}: {answer:?}", self.stage.seed) };
        it
    }

    fn keep(&mut self, verdict: Verdict, was: Option<Digest>) -> Result<(), Hitch> {
        self.rename(|disk| {
            let mut away = disk.staged.remove(&self.name).ok_or(Hitch::Missing)?;
            away.kept = Some((self.deploy, verdict, was));
            disk.displaced.insert(format!("{}.out", self.name), away);
            Ok(())
        })
    }

    fn kept(&mut self) -> Option<Kept> {
        let answer = self.stage.play(Answer::Kept(None), |disk| {
            let away = disk.displaced.get(&format!("{}.out", self.name));
            Answer::Kept(away.and_then(|it| {
                let (_, verdict, was) = it.kept?;
                Some(Kept { inode: (1, it.file.inode), verdict, was })
            }))
        });
        if let Answer::Kept(it) = answer { it } else { None }
    }

    fn mtime(&self) -> Timestamp {
        Timestamp(0)
    }
}
