//! What we say of MCP's reference servers beside what they say of their own tools. A server is one file of several tools, and
//! what is known of a file is known of all of it: it is held to the strongest of what its tools declare. It needs a
//! checkout that is kept elsewhere; nothing of it is run:
//!
//! ```text
//! KNOWNGOOD_MCP_SERVERS=/path/to/modelcontextprotocol/servers cargo test --test it corpus -- --nocapture
//! ```
//!
//! To be stricter than what is declared costs somebody a look; to be milder would let something pass, and fails.

use std::{
    fs,
    path::{Path, PathBuf},
};

use knowngood::{
    analyze::{Reader, Table},
    decide::{classified, mcp},
    model::{Class, Mcp},
    ports::{Analyzer as _, Source},
};

use super::{Checkout, below};

#[test]
fn reference_servers_are_never_taken_for_milder_than_they_say() {
    let Some(checkout) = given() else {
        println!(
            "SKIPPED: KNOWNGOOD_MCP_SERVERS names no checkout of modelcontextprotocol/servers"
        );
        return;
    };
    let mut files = Vec::new();
    below(&checkout, &checkout, &mut files);
    files.retain(|it| it.ends_with("/server.py"));
    let (mut agreed, mut compared) = (0, 0);
    for path in &files {
        let text = fs::read_to_string(checkout.join(path)).unwrap();
        let (class, ours) = inferred(&checkout, path, &text);
        let tools = declared(&text);
        println!("{path}: {class:?}, {ours:?}");
        let Some(theirs) = strongest(&tools) else {
            println!("  declares nothing; undeclared, MCP takes it for the worst");
            continue;
        };
        println!("  {} tools declare {theirs:?}", tools.len());
        compared += 4;
        agreed += hints(ours, theirs).iter().filter(|it| it.1 == it.2).count();
        for (hint, ours, theirs) in hints(ours, theirs).into_iter().filter(|it| it.1 != it.2) {
            println!("  {hint}: {ours} here, {theirs} there");
        }
        assert!(!ours.read_only || theirs.read_only, "{path}: milder than declared");
        assert!(ours.destructive || !theirs.destructive, "{path}: milder than declared");
        assert!(ours.open_world || !theirs.open_world, "{path}: milder than declared");
    }
    println!("{agreed} of {compared} hints agree");
    assert!(compared > 0, "no server.py with annotations below {}", checkout.display());
}

fn inferred(checkout: &Path, path: &str, text: &str) -> (Class, Mcp) {
    let reader = Reader::new(Table::shipped().unwrap());
    let around = Checkout(checkout.to_owned());
    let (bytes, import_root) = (text.as_bytes(), "");
    let analysis = reader.analyze(&Source { path, bytes, import_root, around: &around });
    for it in &analysis.inferred {
        println!("    {} {} line {:?}", it.cap, it.via, it.line);
    }
    let it = classified(analysis, &[]);
    (it.class, mcp(it.class, it.analysis.declared.as_ref()))
}

fn hints<'a>(ours: Mcp, theirs: Mcp) -> [(&'a str, bool, bool); 4] {
    [
        ("readOnlyHint", ours.read_only, theirs.read_only),
        ("destructiveHint", ours.destructive, theirs.destructive),
        ("idempotentHint", ours.idempotent, theirs.idempotent),
        ("openWorldHint", ours.open_world, theirs.open_world),
    ]
}

/// Of each tool, as it stands in the source: `annotations=ToolAnnotations(readOnlyHint=True, …)`.
fn declared(text: &str) -> Vec<Mcp> {
    let blocks = text.split("annotations=ToolAnnotations(").skip(1);
    let blocks = blocks.filter_map(|it| it.split(')').next());
    blocks.map(of_block).collect()
}

/// What is left out is as MCP has it.
fn of_block(block: &str) -> Mcp {
    let said = |hint: &str, usual: bool| {
        let value = block.split(hint).nth(1).map(|it| it.trim_start_matches(['=', ' ']));
        value.map_or(usual, |it| it.starts_with("True"))
    };
    Mcp {
        read_only: said("readOnlyHint", false),
        destructive: said("destructiveHint", true),
        idempotent: said("idempotentHint", false),
        open_world: said("openWorldHint", true),
    }
}

fn strongest(tools: &[Mcp]) -> Option<Mcp> {
    (!tools.is_empty()).then(|| Mcp {
        read_only: tools.iter().all(|it| it.read_only),
        destructive: tools.iter().any(|it| it.destructive),
        idempotent: tools.iter().all(|it| it.idempotent),
        open_world: tools.iter().any(|it| it.open_world),
    })
}

#[expect(clippy::disallowed_methods, reason = "the test's own knob")]
fn given() -> Option<PathBuf> {
    std::env::var_os("KNOWNGOOD_MCP_SERVERS").map(PathBuf::from)
}
