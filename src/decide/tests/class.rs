//! The tables of classes: what adds up to what, what a declaration and a waiver can and cannot do, what is news.

use std::collections::BTreeSet;

use super::*;
use crate::model::{Author, Baseline, Parse, Record, Seq, Timestamp};

fn caps(words: &str) -> BTreeSet<Capability> {
    words.split_whitespace().map(|it| it.parse().unwrap()).collect()
}

/// `cap=via` or `cap`, each on a line of its own; a site behind `@`.
fn analysis(words: &str) -> Analysis {
    let one = |(line, word): (u32, &str)| {
        let (word, site) =
            word.split_once('@').map_or((word, None), |it| (it.0, Some(it.1.to_owned())));
        let (cap, via) = word.split_once('=').unwrap_or((word, word));
        let (file, path) = ("tool.py".to_owned(), Vec::new());
        Evidence {
            cap: cap.parse().unwrap(),
            via: via.to_owned(),
            file,
            line: Some(line),
            path,
            site,
        }
    };
    Analysis {
        analyzer: "test",
        parse: Parse::Ok,
        declared: None,
        inferred: (1..).zip(words.split_whitespace()).map(one).collect(),
        observed: Vec::new(),
        followed: Vec::new(),
    }
}

fn declaring(words: &str, class: Class) -> Analysis {
    let file = "tool.toml".to_owned();
    let declared = Declared {
        class: Some(class),
        idempotent: None,
        destructive: None,
        file,
        line: None,
        problem: None,
    };
    Analysis { declared: Some(declared), ..analysis(words) }
}

fn human() -> Author {
    Author { kind: AuthorKind::Human, name: Some("ana".to_owned()) }
}

fn waiver(cap: &str, detail: &str, sites: &[&str]) -> Waiver {
    Waiver {
        cap: cap.parse().unwrap(),
        detail: detail.to_owned(),
        sites: sites.iter().map(|it| (*it).to_owned()).collect(),
        reason: "read it".to_owned(),
        author: human(),
        content: None,
        time: Timestamp::default(),
    }
}

#[test]
fn every_capability_has_its_class() {
    for (words, class) in [
        ("", Class::Pure),
        ("nondet", Class::Pure),
        ("fs_read env_read sys_read", Class::LocalRead),
        ("fs_read net_read", Class::NetRead),
        ("net_read fs_write", Class::LocalWrite),
        ("process", Class::LocalWrite),
        ("env_write", Class::LocalWrite),
        ("stdin", Class::LocalWrite),
        ("db", Class::LocalWrite),
        ("db net_write", Class::NetWrite),
        ("secrets", Class::NetWrite),
        ("exec fs_read", Class::Exec),
        ("code_exec", Class::Exec),
        ("ffi", Class::Exec),
        ("opaque:numpy exec", Class::Unknown),
        ("first_party:a.py", Class::Unknown),
        ("reflect", Class::Unknown),
        ("unanalyzed", Class::Unknown),
    ] {
        assert_eq!(class_of(&caps(words)), class, "{words}");
    }
}

#[test]
fn a_declaration_raises_and_never_lowers() {
    for (analysis, class, safe) in [
        (analysis("fs_read"), Class::LocalRead, true),
        (analysis("fs_write"), Class::LocalWrite, false),
        (declaring("fs_read", Class::LocalRead), Class::LocalRead, true),
        (declaring("fs_read", Class::NetRead), Class::NetRead, true),
        (declaring("fs_read", Class::Exec), Class::Exec, false),
        // It says less than it does: no better, and no longer trusted.
        (declaring("net_read", Class::Pure), Class::NetRead, false),
        (declaring("exec", Class::Pure), Class::Exec, false),
        (declaring("opaque:x", Class::Pure), Class::Unknown, false),
        (declaring("", Class::Unknown), Class::Unknown, false),
    ] {
        let it = classified(analysis.clone(), &[]);
        assert_eq!((it.class, it.safe), (class, safe), "{analysis:?}");
    }
}

#[test]
fn what_was_observed_counts_like_what_was_inferred() {
    let mut it = analysis("fs_read");
    let event = "socket.connect".to_owned();
    it.observed = vec![Observed { cap: Capability::NetWrite, event, detail: None, count: 2 }];
    let open = classified(it.clone(), &[]);
    assert_eq!((open.class, open.safe), (Class::NetWrite, false));
    assert_eq!(
        classified(it.clone(), &[waiver("net_write", "socket.connect", &[])]).class,
        Class::LocalRead
    );
    assert_eq!(classified(it, &[waiver("net_write", "requests.post", &[])]).class, Class::NetWrite);
}

#[test]
fn a_waiver_is_bound_to_a_detail_and_to_the_text_that_was_read() {
    let exec = "exec=subprocess.run@s1 fs_read=open";
    for (words, waivers, class) in [
        (exec, vec![waiver("exec", "subprocess.run", &["s1"])], Class::LocalRead),
        (exec, vec![waiver("exec", "subprocess.run", &["s2"])], Class::Exec),
        (exec, vec![waiver("exec", "subprocess.Popen", &["s1"])], Class::Exec),
        (exec, vec![waiver("code_exec", "subprocess.run", &["s1"])], Class::Exec),
        (
            "exec=subprocess.run@s1 exec=subprocess.run@s2",
            vec![waiver("exec", "subprocess.run", &["s1"])],
            Class::Exec,
        ),
        (
            "exec=subprocess.run@s1 exec=os.system@s1",
            vec![waiver("exec", "subprocess.run", &["s1"])],
            Class::Exec,
        ),
        (
            "opaque:numpy=import:numpy",
            vec![waiver("opaque:numpy", "import:numpy", &[])],
            Class::Pure,
        ),
        (
            "opaque:numpy=import:numpy opaque:x=import:x",
            vec![waiver("opaque:numpy", "import:numpy", &[])],
            Class::Unknown,
        ),
    ] {
        let it = classified(analysis(words), &waivers);
        assert_eq!(it.class, class, "{words}");
        assert_eq!(it.unresolved.is_empty(), class != Class::Unknown);
    }
    let unused = classified(analysis("fs_read"), &[waiver("exec", "x", &[])]);
    assert!(unused.waived.is_empty());
}

#[test]
fn the_delta_names_what_came_and_what_went() {
    let of = |words| classified(analysis(words), &[]);
    let it = delta(&of("fs_read nondet"), &of("fs_read exec"));
    assert_eq!((it.added, it.removed, it.class_change), (caps("exec"), caps(""), 4));
    let it = delta(&of("opaque:x"), &of("opaque:y nondet"));
    assert_eq!((it.added, it.removed, it.class_change), (caps("opaque:y"), caps("opaque:x"), 0));
    assert_eq!(delta(&of("nondet"), &of("")), Delta::default());
}

#[test]
fn the_hints_of_mcp_are_never_better_than_what_is_known() {
    let hints = |class, declared: Option<&Declared>| {
        let it = mcp(class, declared);
        [it.read_only, it.destructive, it.idempotent, it.open_world]
    };
    for (class, expected) in [
        (Class::Pure, [true, false, true, false]),
        (Class::LocalRead, [true, false, true, false]),
        (Class::NetRead, [true, false, true, true]),
        (Class::LocalWrite, [false, true, false, false]),
        (Class::NetWrite, [false, true, false, true]),
        (Class::Exec, [false, true, false, true]),
        (Class::Unknown, [false, true, false, true]),
    ] {
        assert_eq!(hints(class, None), expected, "{class}");
    }
    let it = declaring("", Class::Exec).declared.unwrap();
    let it = Declared { destructive: Some(false), idempotent: Some(true), ..it };
    assert_eq!(hints(Class::Exec, Some(&it)), [false, false, true, true]);
    assert_eq!(
        hints(Class::Pure, Some(&Declared { destructive: Some(true), ..it })),
        [true, false, true, false]
    );
}

fn known_state() -> (State, ToolId) {
    let tool: ToolId = "tools/a.py".parse().unwrap();
    let mut state = State::default();
    let fact = Fact::BaselineMoved {
        tool: tool.clone(),
        from: None,
        to: Some(Baseline { digest: Digest([1; 32]), version: None, executable: None }),
        author: human(),
        reason: crate::model::Reason::accept(),
    };
    state.apply(&Record { seq: Seq(1), time: Timestamp(1), fact });
    (state, tool)
}

#[test]
fn only_a_person_signs_and_what_is_signed_holds_until_it_is_taken_back() {
    let (mut state, tool) = known_state();
    let signed = waiver("exec", "subprocess.run", &["s1"]);
    for kind in [AuthorKind::Ai, AuthorKind::Unknown] {
        let author = Author { kind, name: None };
        let plan =
            waive(&state, tool.clone(), Waiver { author: author.clone(), ..signed.clone() }, false);
        assert_eq!((plan.refusal, plan.facts), (Some(Refusal::OnlyByHuman(author)), vec![]));
    }
    let other: ToolId = "tools/never.py".parse().unwrap();
    assert_eq!(
        waive(&state, other.clone(), signed.clone(), false).refusal,
        Some(Refusal::NoSuchTool(other))
    );
    assert!(matches!(
        waive(&state, tool.clone(), signed.clone(), true).refusal,
        Some(Refusal::NotWaived { .. })
    ));
    let mut seq = 1;
    let mut make = |state: &mut State, plan: Plan| {
        for fact in plan.facts {
            seq += 1;
            state.apply(&Record { seq: Seq(seq), time: Timestamp(7), fact });
        }
    };
    let plan = waive(&state, tool.clone(), signed.clone(), false);
    make(&mut state, plan);
    assert_eq!(
        state.tool(&tool).unwrap().waivers(),
        [Waiver { time: Timestamp(7), ..signed.clone() }]
    );
    assert!(
        waive(&state, tool.clone(), signed.clone(), false).facts.is_empty(),
        "it is so already"
    );
    let again = Waiver { sites: ["s2".to_owned()].into(), ..signed.clone() };
    let plan = waive(&state, tool.clone(), again.clone(), false);
    make(&mut state, plan);
    assert_eq!(state.tool(&tool).unwrap().waivers().len(), 1, "the latest counts");
    let plan = waive(&state, tool.clone(), again, true);
    make(&mut state, plan);
    assert!(state.tool(&tool).unwrap().waivers().is_empty());
}

#[test]
fn a_version_that_can_do_more_or_less_is_news() {
    let (mut state, tool) = known_state();
    let pair = |before: &str, after: &str| Compared {
        tool: tool.clone(),
        from: (VersionNo(1), Digest([1; 32]), analysis(before)),
        to: (VersionNo(2), Digest([2; 32]), analysis(after)),
    };
    assert!(compared(&state, pair("fs_read", "fs_read nondet")).facts.is_empty());
    let facts = compared(&state, pair("fs_read", "fs_read exec@s")).facts;
    let [Fact::ClassChanged { before, after, added, removed, to, .. }] = &facts[..] else {
        panic!("{facts:?}")
    };
    assert_eq!((*before, *after, to.0), (Class::LocalRead, Class::Exec, VersionNo(2)));
    assert_eq!((added, removed), (&caps("exec"), &caps("")));
    // What a person signed for is no news.
    let fact = Fact::ClassWaived {
        tool: tool.clone(),
        waiver: waiver("exec", "exec", &["s"]),
        withdrawn: false,
    };
    state.apply(&Record { seq: Seq(9), time: Timestamp(9), fact });
    assert!(compared(&state, pair("fs_read", "fs_read exec@s")).facts.is_empty());
}
