//! The switch on a disk of three names and numbered files, with edits between any two calls and a crash at any.

use std::{cell::RefCell, collections::BTreeSet, rc::Rc};

use super::*;
use crate::{
    model::{Base, Change, Marker, Target},
    ports::Switched,
};

/// A content; 0 is never one.
type Content = u64;

#[derive(Clone, Debug)]
struct File {
    content: Content,
    /// All that it ever held.
    ever: BTreeSet<Content>,
    executable: bool,
    /// Somebody has it open for writing.
    held: bool,
}

/// A file, or none.
type Left = Option<usize>;

#[derive(Clone, Debug, Default)]
struct Place {
    live: Option<usize>,
    staged: Option<usize>,
    kept: Option<(usize, Option<Digest>, Verdict)>,
    /// The file that stood there first: somebody may still write to it.
    first: Option<usize>,
    /// What the last of the others left under the live name.
    left: Option<Left>,
}

#[derive(Clone, Copy, Debug)]
enum Edit {
    /// A new file, renamed over the live name.
    Save,
    /// Into the file that is live.
    Write,
    Chmod,
    Remove,
    /// Into the file that stood there first, wherever it is now.
    Late,
    /// Opens the live file for writing.
    Hold,
    /// The disk refuses the next rename.
    Refuse,
}

const EDITS: [Edit; 7] =
    [Edit::Save, Edit::Write, Edit::Chmod, Edit::Remove, Edit::Late, Edit::Hold, Edit::Refuse];

#[derive(Debug, Default)]
struct Scene {
    files: Vec<File>,
    places: Vec<Place>,
    calls: usize,
    edits: Vec<(usize, usize, Edit)>,
    crash_at: Option<usize>,
    refuse: bool,
    next: Content,
    /// Contents that the others destroyed themselves, or that only stood while somebody wrote.
    destroyed: BTreeSet<Content>,
    /// Contents of others that were ever live.
    foreign: Vec<(usize, Content)>,
    /// Contents of others that came out, and were looked at.
    out: BTreeSet<Content>,
}

struct Handle(Rc<RefCell<Scene>>, usize);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Change,
    Create,
    Delete,
}

fn digest(content: Content) -> Digest {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&content.to_le_bytes());
    Digest(bytes)
}

fn content(digest: &Digest) -> Content {
    Content::from_le_bytes(digest.0[..8].try_into().unwrap())
}

const BASE: Content = 100;
const TARGET: Content = 200;
const FOREIGN: Content = 1000;

impl Scene {
    fn new(kinds: &[Kind]) -> (Rc<RefCell<Self>>, Vec<(Change, Marker)>) {
        let mut scene = Self { next: FOREIGN, ..Self::default() };
        let mut orders = Vec::new();
        for (index, kind) in kinds.iter().enumerate() {
            let number = index as u64;
            let base = (*kind != Kind::Create).then(|| scene.file(BASE + number));
            let staged = (*kind != Kind::Delete).then(|| scene.file(TARGET + number));
            scene.places.push(Place { live: base, staged, kept: None, first: base, left: None });
            orders.push((
                Change {
                    tool: format!("tools/{index}.py").parse().unwrap(),
                    base: base.map(|_| Base { digest: digest(BASE + number), version: None }),
                    to: staged
                        .map(|_| Target { digest: digest(TARGET + number), executable: None }),
                    parents: Vec::new(),
                },
                Marker {
                    name: format!("{index}"),
                    inode: staged.map(|it| (0, it as u64)),
                    executable: false,
                    size: 1,
                },
            ));
        }
        (Rc::new(RefCell::new(scene)), orders)
    }

    fn file(&mut self, content: Content) -> usize {
        self.files.push(File { content, ever: [content].into(), executable: false, held: false });
        self.files.len() - 1
    }

    /// Before every call: what the others do now. `false`: the process is no more.
    fn step(&mut self) -> bool {
        let now = self.calls;
        self.calls += 1;
        let due: Vec<_> = self.edits.iter().filter(|it| it.0 == now).copied().collect();
        for (_, place, edit) in due {
            self.edit(place % self.places.len(), edit);
        }
        self.crash_at.is_none_or(|it| now < it)
    }

    fn edit(&mut self, place: usize, edit: Edit) {
        let live = self.places[place].live;
        match (edit, live) {
            (Edit::Save, _) => {
                if let Some(it) = live {
                    self.destroyed.insert(self.files[it].content);
                }
                self.next += 1;
                let file = self.file(self.next);
                self.foreign.push((place, self.next));
                self.places[place].live = Some(file);
                self.places[place].left = Some(Some(file));
            }
            (Edit::Write, Some(it)) => {
                self.write(it);
                self.foreign.push((place, self.next));
                self.places[place].left = Some(live);
            }
            (Edit::Chmod, Some(it)) => {
                self.files[it].executable = true;
                self.places[place].left = Some(live);
            }
            (Edit::Remove, Some(it)) => {
                self.destroyed.insert(self.files[it].content);
                self.places[place].live = None;
                self.places[place].left = Some(None);
            }
            (Edit::Late, _) => {
                if let Some(it) = self.places[place].first {
                    self.write(it);
                    if live == Some(it) {
                        self.foreign.push((place, self.next));
                        self.places[place].left = Some(live);
                    }
                }
            }
            (Edit::Hold, Some(it)) => self.files[it].held = true,
            (Edit::Refuse, _) => self.refuse = true,
            (Edit::Write | Edit::Chmod | Edit::Remove | Edit::Hold, None) => (),
        }
    }

    fn write(&mut self, file: usize) {
        self.next += 1;
        self.destroyed.insert(self.files[file].content);
        self.files[file].content = self.next;
        self.files[file].ever.insert(self.next);
    }

    fn standing(&self, file: Option<usize>) -> Standing {
        let Some(it) = file else { return Standing::Nothing };
        let File { content, executable, held, .. } = self.files[it];
        let seen = FileSeen {
            digest: digest(content),
            size: 1,
            executable,
            mtime: Timestamp(0),
            content: None,
            links: 1,
        };
        Standing::File { inode: (0, it as u64), seen, settled: !held }
    }
}

impl Handle {
    fn rename(&mut self, act: impl FnOnce(&mut Place) -> Result<(), Hitch>) -> Result<(), Hitch> {
        let mut scene = self.0.borrow_mut();
        if !scene.step() {
            return Err(Hitch::Failed("dead".to_owned()));
        }
        if std::mem::take(&mut scene.refuse) {
            return Err(Hitch::Failed("refused".to_owned()));
        }
        act(&mut scene.places[self.1])
    }
}

fn shift(from: &mut Option<usize>, to: &mut Option<usize>) -> Result<(), Hitch> {
    if from.is_none() {
        return Err(Hitch::Missing);
    }
    if to.is_some() {
        return Err(Hitch::Taken);
    }
    *to = from.take();
    Ok(())
}

impl Names for Handle {
    fn exchange(&mut self) -> Result<(), Hitch> {
        self.rename(|place| {
            if place.live.is_none() || place.staged.is_none() {
                return Err(Hitch::Missing);
            }
            std::mem::swap(&mut place.live, &mut place.staged);
            Ok(())
        })
    }

    fn put(&mut self) -> Result<(), Hitch> {
        self.rename(|place| shift(&mut place.staged, &mut place.live))
    }

    fn take(&mut self) -> Result<(), Hitch> {
        self.rename(|place| shift(&mut place.live, &mut place.staged))
    }

    fn look(&mut self, side: Side) -> Standing {
        let mut scene = self.0.borrow_mut();
        if !scene.step() {
            return Standing::Nothing;
        }
        let place = &scene.places[self.1];
        let file = match side {
            Side::Live => place.live,
            Side::Staged => place.staged,
        };
        let standing = scene.standing(file);
        if let Standing::File { seen, settled: true, .. } = &standing
            && side == Side::Staged
            && content(&seen.digest) >= FOREIGN
        {
            scene.out.insert(content(&seen.digest));
        }
        standing
    }

    fn keep(&mut self, verdict: Verdict, was: Option<Digest>) -> Result<(), Hitch> {
        self.rename(|place| {
            let file = place.staged.take().ok_or(Hitch::Missing)?;
            assert!(place.kept.is_none(), "one name holds one file");
            place.kept = Some((file, was, verdict));
            Ok(())
        })
    }

    fn kept(&mut self) -> Option<Kept> {
        let mut scene = self.0.borrow_mut();
        let place = &scene.places[self.1].clone();
        scene.step().then_some(place.kept).flatten().map(|(file, was, verdict)| Kept {
            inode: (0, file as u64),
            verdict,
            was,
        })
    }

    fn mtime(&self) -> Timestamp {
        Timestamp(7)
    }
}

fn parts<'a>(scene: &Rc<RefCell<Scene>>, orders: &'a [(Change, Marker)]) -> Vec<Part<'a, Handle>> {
    let handle = |(index, (change, marker)): (usize, &'a (Change, Marker))| {
        Part::new(change, marker, Handle(Rc::clone(scene), index))
    };
    orders.iter().enumerate().map(handle).collect()
}

/// Runs it with these edits; with crashes, settles until no crash comes between.
fn run(
    kinds: &[Kind],
    edits: &[(usize, usize, Edit)],
    crashes: &[usize],
) -> (Scene, Switched, bool) {
    let (scene, orders) = Scene::new(kinds);
    scene.borrow_mut().edits = edits.to_vec();
    scene.borrow_mut().crash_at = crashes.first().copied();
    let mut outcome = switch(&mut parts(&scene, &orders));
    let mut settled = false;
    for round in 0..crashes.len() {
        let mut it = scene.borrow_mut();
        if it.crash_at.is_none_or(|at| it.calls <= at) {
            break;
        }
        it.refuse = false;
        let next = crashes.get(round + 1).map(|after| it.calls + after);
        it.crash_at = next;
        drop(it);
        outcome = settle(&mut parts(&scene, &orders));
        settled = true;
    }
    (Rc::into_inner(scene).unwrap().into_inner(), outcome, settled)
}

fn check(kinds: &[Kind], edits: &[(usize, usize, Edit)], crashes: &[usize]) -> Switched {
    let (scene, outcome, settled) = run(kinds, edits, crashes);
    let said = format!("{kinds:?} {edits:?} {crashes:?} → {outcome:?}\n{scene:#?}");
    let seen: BTreeSet<Content> = match &outcome {
        Switched::Undone { seen, .. } => seen.iter().map(|it| content(&it.file.digest)).collect(),
        Switched::Live(_) => BTreeSet::new(),
        // Nothing was promised, and the next start settles it.
        Switched::Unknown { .. } => return outcome,
    };
    for (index, place) in scene.places.iter().enumerate() {
        let known = [BASE + index as u64, TARGET + index as u64];
        let contents = |it: Option<usize>| it.map(|it| scene.files[it].content);
        let held =
            [contents(place.live), contents(place.staged), contents(place.kept.map(|it| it.0))];
        for (_, it) in scene.foreign.iter().filter(|it| it.0 == index) {
            let lost =
                !held.contains(&Some(*it)) && !seen.contains(it) && !scene.destroyed.contains(it);
            assert!(!lost, "{it} is lost: {said}");
        }
        // Late bytes are found only in what differs from what is known.
        if let Some((file, Some(was), _)) = place.kept
            && !settled
        {
            let was = content(&was);
            assert!(scene.files[file].ever.contains(&was), "it never was {was}: {said}");
            assert!(known.contains(&was) || seen.contains(&was), "{was} was never told: {said}");
        }
        if settled {
            continue;
        }
        // Saved and removed again while the name was empty anyway: nobody can tell.
        let unseen = place.left == Some(None) && kinds[index] != Kind::Change;
        if let Some(left) = place.left
            && !unseen
        {
            assert_eq!(place.live, left, "the newest is not live: {said}");
        }
    }
    if !settled && !matches!(outcome, Switched::Live(_)) {
        assert!(scene.out.is_subset(&seen), "it came out and was not told: {said}");
    }
    outcome_holds(kinds, &scene, &outcome, settled, &said);
    what_is_out_is_told_so(&scene, &outcome, &said);
    outcome
}

/// What is said to stay out does not stand there, and what was set aside is said to stay out.
fn what_is_out_is_told_so(scene: &Scene, outcome: &Switched, said: &str) {
    let Switched::Undone { seen, .. } = outcome else { return };
    for (index, place) in scene.places.iter().enumerate() {
        let tool: ToolId = format!("tools/{index}.py").parse().unwrap();
        let met: Vec<_> = seen.iter().filter(|it| it.tool == tool).collect();
        let out = |it: &Digest| met.iter().any(|met| met.is_out && met.file.digest == *it);
        let live = place.live.map(|it| digest(scene.files[it].content));
        assert!(!live.is_some_and(|it| out(&it)), "it stands there: {said}");
        let kept = place.kept.and_then(|it| it.1);
        let kept = kept.filter(|it| met.iter().any(|met| met.file.digest == *it));
        assert!(kept.is_none_or(|it| out(&it)), "it was set aside: {said}");
    }
}

fn outcome_holds(kinds: &[Kind], scene: &Scene, outcome: &Switched, settled: bool, said: &str) {
    for (index, place) in scene.places.iter().enumerate() {
        let file = place.live.map(|it| scene.files[it].clone());
        let ours = TARGET + index as u64;
        let stands = file.as_ref().is_some_and(|it| it.content == ours && !it.executable);
        match outcome {
            Switched::Live(parts) => {
                assert!(parts[index].displaced.is_none_or(|it| it == digest(BASE + index as u64)));
                assert_eq!(parts.len(), kinds.len());
                let later = place.left.is_some();
                let right = if kinds[index] == Kind::Delete { file.is_none() } else { stands };
                assert!(right || later, "not live: {said}");
                assert_eq!(place.staged, None, "litter: {said}");
            }
            Switched::Undone { .. } => assert!(!stands, "ours is live: {said}"),
            Switched::Unknown { .. } => (),
        }
        if settled {
            assert_eq!(place.staged, None, "litter: {said}");
        }
    }
}

const SET: [Kind; 3] = [Kind::Change, Kind::Create, Kind::Delete];
const ALL: [&[Kind]; 5] = [
    &[Kind::Change],
    &[Kind::Create],
    &[Kind::Delete],
    &SET,
    &[Kind::Delete, Kind::Change, Kind::Change],
];

fn length(kinds: &[Kind]) -> usize {
    run(kinds, &[], &[]).0.calls
}

#[test]
fn undisturbed_all_of_it_becomes_live() {
    for kinds in ALL {
        assert!(matches!(check(kinds, &[], &[]), Switched::Live(_)), "{kinds:?}");
    }
}

/// What an edit at the worst moment makes of it.
#[test]
fn the_table() {
    use Undone::{Conflict, Failed, Interrupted};
    let why = |kind, at, edit| match check(&[kind], &[(at, 0, edit)], &[]) {
        Switched::Live(_) => "live",
        Switched::Undone { why: Conflict(_), .. } => "conflict",
        Switched::Undone { why: Failed(_), .. } => "failed",
        Switched::Undone { why: Interrupted, .. } => "interrupted",
        Switched::Unknown { .. } => "unknown",
    };
    // A change: look at both, exchange (2), look at what came out (3), at what is live (4), set aside (5).
    for at in 0..3 {
        for edit in [Edit::Save, Edit::Write, Edit::Chmod, Edit::Remove] {
            assert_eq!(why(Kind::Change, at, edit), "conflict", "{at} {edit:?}");
        }
    }
    assert_eq!(why(Kind::Change, 2, Edit::Late), "conflict", "it is the live file");
    assert_eq!(why(Kind::Change, 3, Edit::Late), "conflict", "it is not the base that came out");
    assert_eq!(why(Kind::Change, 4, Edit::Late), "live", "told later");
    assert_eq!(why(Kind::Change, 0, Edit::Hold), "live", "told later, if it is written to");
    for at in 3..5 {
        assert_eq!(why(Kind::Change, at, Edit::Save), "conflict", "what is live is not ours");
        assert_eq!(why(Kind::Change, at, Edit::Remove), "conflict", "what is live is not ours");
        assert_eq!(why(Kind::Change, at, Edit::Write), "live", "an edit that follows");
    }
    assert_eq!(why(Kind::Change, 5, Edit::Save), "live", "an edit that follows");
    assert_eq!(why(Kind::Change, 2, Edit::Refuse), "failed");
    assert_eq!(why(Kind::Change, 3, Edit::Refuse), "unknown", "set aside it cannot be");
    // Create: look, put (1).
    for (at, expected) in [(0, "conflict"), (1, "conflict"), (2, "live")] {
        assert_eq!(why(Kind::Create, at, Edit::Save), expected, "{at}");
    }
    // Delete: look, take (1), look (2), set aside (3).
    for at in 0..2 {
        for edit in [Edit::Save, Edit::Write, Edit::Chmod, Edit::Remove] {
            assert_eq!(why(Kind::Delete, at, edit), "conflict", "{at} {edit:?}");
        }
    }
    assert_eq!(why(Kind::Delete, 2, Edit::Late), "conflict");
    assert_eq!(why(Kind::Delete, 2, Edit::Save), "live", "an edit that follows");
}

#[test]
fn whatever_was_there_is_handed_out_and_the_newest_stays() {
    // Saved before the exchange, and again before what came out is put back.
    let edits = [(2, 0, Edit::Save), (5, 0, Edit::Save), (6, 0, Edit::Save), (7, 0, Edit::Save)];
    let outcome = check(&[Kind::Change], &edits, &[]);
    let Switched::Undone { why: Undone::Conflict(_), seen } = outcome else {
        panic!("{outcome:?}")
    };
    assert!(seen.len() >= 2, "{seen:?}");
}

#[test]
fn what_is_in_the_way_is_handed_out_and_nothing_is_moved() {
    for kind in [Kind::Change, Kind::Create, Kind::Delete] {
        let (scene, outcome, _) = run(&[kind], &[(0, 0, Edit::Save)], &[]);
        let Switched::Undone { why: Undone::Conflict(_), seen } = outcome else {
            panic!("{outcome:?}")
        };
        assert_eq!(content(&seen[0].file.digest), FOREIGN + 1, "{kind:?}");
        assert!(!seen[0].is_out, "{kind:?}");
        let place = &scene.places[0];
        assert_eq!(place.staged.is_some(), kind != Kind::Delete, "it was never live: {kind:?}");
        assert!(place.kept.is_none(), "{kind:?}");
    }
}

#[test]
fn any_two_edits_between_any_two_calls() {
    for kinds in ALL {
        let last = length(kinds) + 6;
        for (at, one) in (0..last).flat_map(|at| EDITS.map(|it| (at, it))) {
            for place in 0..kinds.len() {
                check(kinds, &[(at, place, one)], &[]);
                for (then, two) in (at..last).flat_map(|at| EDITS.map(|it| (at, it))) {
                    check(kinds, &[(at, place, one), (then, place, two)], &[]);
                }
            }
        }
    }
}

#[test]
#[expect(clippy::excessive_nesting, reason = "every crash, every second one, every edit between")]
fn a_crash_at_any_call_and_another_while_it_is_settled() {
    for kinds in ALL {
        for first in 0..=length(kinds) {
            check(kinds, &[], &[first]);
            for second in 0..12 {
                check(kinds, &[], &[first, second]);
                let edits = [(0, Edit::Save), (1, Edit::Write), (2, Edit::Remove)];
                for (place, edit) in edits {
                    (0..first + 12).for_each(|at| {
                        check(kinds, &[(at, place, edit)], &[first, second]);
                    });
                }
            }
        }
    }
}

/// Left alone, a crash leaves all of it live or nothing, and says so.
#[test]
fn a_crash_alone_is_never_a_conflict() {
    for kinds in ALL {
        let answers: Vec<_> = (0..=length(kinds)).map(|at| check(kinds, &[], &[at])).collect();
        assert!(matches!(answers.last(), Some(Switched::Live(_))));
        for it in answers {
            let fair =
                matches!(it, Switched::Live(_) | Switched::Undone { why: Undone::Interrupted, .. });
            assert!(fair, "{kinds:?} {it:?}");
        }
    }
}

/// Many edits at once, and crashes, by dice that fall the same way each time.
#[test]
fn no_content_is_ever_lost() {
    let mut state = 1_u64;
    let mut roll = |sides: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % sides
    };
    let mut answers = [0; 3];
    for _ in 0..60_000 {
        let kinds = ALL[roll(ALL.len())];
        let edits: Vec<_> = (0..roll(8)).map(|_| (roll(30), roll(3), EDITS[roll(7)])).collect();
        let crashes: Vec<_> = (0..roll(3)).map(|_| roll(20)).collect();
        match check(kinds, &edits, &crashes) {
            Switched::Live(_) => answers[0] += 1,
            Switched::Undone { .. } => answers[1] += 1,
            Switched::Unknown { .. } => answers[2] += 1,
        }
    }
    assert!(answers.iter().all(|it| *it > 1000), "the dice are loaded: {answers:?}");
}
