//! Who calls whom, as far as names tell, and the shortest way from where a tool is entered to a function.

use std::{
    cell::OnceCell,
    collections::{BTreeMap, BTreeSet, VecDeque},
};

use super::program::Program;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Node {
    pub(super) file: usize,
    /// Empty: the top of the file.
    pub(super) function: String,
}

#[derive(Default)]
pub(super) struct Calls {
    edges: BTreeMap<Node, BTreeSet<Node>>,
    /// By node, the one before it on the way.
    ways: OnceCell<BTreeMap<Node, Option<Node>>>,
}

impl Calls {
    pub(super) fn add(&mut self, from: Node, to: Node) {
        if from != to {
            self.edges.entry(from).or_default().insert(to);
        }
    }

    /// From the outside in. Where no way is known, the function alone.
    pub(super) fn path_to(&self, node: &Node, program: &Program<'_>) -> Vec<String> {
        if node.function.is_empty() {
            return Vec::new();
        }
        let ways = self.ways.get_or_init(|| self.ways(program));
        let mut path = Vec::new();
        let mut here = Some(node);
        while let Some(it) = here {
            if !it.function.is_empty() {
                path.push(name(it, program));
            }
            here = ways.get(it).and_then(Option::as_ref);
        }
        path.reverse();
        path
    }

    /// By breadth, from the tool's own functions that nothing in it calls, then from its top.
    fn ways(&self, program: &Program<'_>) -> BTreeMap<Node, Option<Node>> {
        let called: BTreeSet<&Node> = self.edges.values().flatten().collect();
        let own = program.file(0).into_iter().flat_map(|it| &it.names.defined);
        let own = own.map(|it| Node { file: 0, function: it.clone() });
        let entries = own.filter(|it| !called.contains(it));
        let top = Node { file: 0, function: String::new() };
        let mut waiting: VecDeque<Node> = entries.chain([top]).collect();
        let mut ways: BTreeMap<Node, Option<Node>> =
            waiting.iter().map(|it| (it.clone(), None)).collect();
        while let Some(node) = waiting.pop_front() {
            for next in self.edges.get(&node).into_iter().flatten() {
                if !ways.contains_key(next) {
                    ways.insert(next.clone(), Some(node.clone()));
                    waiting.push_back(next.clone());
                }
            }
        }
        ways
    }
}

fn name(node: &Node, program: &Program<'_>) -> String {
    let path = program.file(node.file).map_or("", |it| &it.path);
    if node.file == 0 { node.function.clone() } else { format!("{path}:{}", node.function) }
}
