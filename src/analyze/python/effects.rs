//! Every use of a name that does something, in every file of the program. A reference counts as a call: whoever has a
//! function can call it.

#![expect(
    clippy::wildcard_enum_match_arm,
    clippy::match_same_arms,
    reason = "a syntax tree has dozens of kinds, and most of them say nothing here"
)]

use std::{
    cell::OnceCell,
    collections::{BTreeSet, HashMap, HashSet},
    rc::Rc,
    time::Instant,
};

use ruff_python_ast::{
    Expr, ExprCall, ExprContext, ExprSubscript, Stmt, StmtFunctionDef,
    visitor::{self, Visitor},
};
use ruff_text_size::{Ranged, TextRange};

use super::{
    arguments::{asked, has_only_literals},
    findings::{Findings, Place, Read},
    names::{chain, constant_getattr},
    paths::{Calls, Node},
    program::{File, Program, Target},
    resolve::{beginnings, defined, resolve},
};
use crate::{
    analyze::table::{Effect, How, Table},
    model::Capability,
};

/// Answers who calls whom.
pub(super) fn effects(program: &Program<'_>, table: &Table, findings: &mut Findings) -> Calls {
    let mut calls = Calls::default();
    let of_http = |it: &File| it.names.imports.iter().any(|it| table.speaks_http(&it.dotted));
    let with_http = program.files.iter().any(of_http);
    for (index, file) in program.files.iter().enumerate() {
        let mut reader = Reader {
            program,
            table,
            file,
            index,
            with_http,
            findings,
            calls: &mut calls,
            inside: Vec::new(),
            outermost: None,
            local: Vec::new(),
            used: BTreeSet::new(),
            mentioned: HashSet::new(),
            resolved: HashMap::new(),
            only_mentions: false,
        };
        reader.visit_body(&file.tree.syntax().body);
        reader.unused();
        if Instant::now() > program.ends {
            let place = Place::top(index, file.tree.syntax().range.start());
            let via = "it took more than 5 seconds".to_owned();
            findings.add(place, Capability::Unanalyzed, via);
            break;
        }
    }
    calls
}

struct Reader<'p, 'f> {
    program: &'p Program<'p>,
    table: &'p Table,
    file: &'p File,
    index: usize,
    with_http: bool,
    findings: &'f mut Findings,
    calls: &'f mut Calls,
    /// Functions and classes around.
    inside: Vec<String>,
    /// The text of the outermost function around.
    outermost: Option<TextRange>,
    /// Functions around.
    local: Vec<Local<'p>>,
    /// Names that imports bind, and that were used.
    used: BTreeSet<String>,
    /// A source speaks of the same things again and again: what a chain leads to is looked up once in a file.
    mentioned: HashSet<String>,
    resolved: HashMap<String, Rc<[Target]>>,
    /// In an annotation names are used, and nothing is done.
    only_mentions: bool,
}

/// A function, and what it has as its own once somebody asks: few do.
struct Local<'p> {
    function: &'p StmtFunctionDef,
    names: OnceCell<BTreeSet<String>>,
}

impl Local<'_> {
    fn names(&self) -> &BTreeSet<String> {
        self.names.get_or_init(|| own_names(self.function))
    }
}

impl<'p> Reader<'p, '_> {
    fn node(&self) -> Node {
        Node { file: self.index, function: self.inside.join(".") }
    }

    fn found(&mut self, expr: &Expr, call: Option<&ExprCall>, cap: Capability, via: String) {
        let literal = call.filter(|it| has_only_literals(it)).map(ruff_text_size::Ranged::range);
        let read = literal.or(self.outermost).map_or(Read::File, Read::Text);
        let (file, function, at) = (self.index, self.inside.join("."), expr.range().start());
        self.findings.add(Place { file, function, at, read }, cap, via);
    }

    /// A name or an attribute, called or not.
    fn reference(&mut self, expr: &Expr, call: Option<&ExprCall>) {
        let Some(chain) = chain(expr) else { return self.method(expr, call) };
        self.mention(&chain);
        let chain = self.of_self(&chain);
        let mut told = false;
        for target in &*self.resolve(&chain) {
            told |= match target {
                Target::Module(dotted) => self.of_module(expr, call, dotted),
                Target::Inside { file, chain } => self.of_own(*file, chain),
            };
        }
        if told {
            return;
        }
        match expr {
            Expr::Name(it) => self.builtin(expr, call, it.id.as_str()),
            _ => self.method(expr, call),
        }
    }

    fn resolve(&mut self, chain: &str) -> Rc<[Target]> {
        if let Some(known) = self.resolved.get(chain) {
            return Rc::clone(known);
        }
        let found: Rc<[Target]> = resolve(self.program, self.index, chain).into();
        self.resolved.insert(chain.to_owned(), Rc::clone(&found));
        found
    }

    /// `self.run` in a class is `Class.run`, unless something else was put there.
    fn of_self(&self, chain: &str) -> String {
        let own = chain.split_once('.').filter(|it| ["self", "cls"].contains(&it.0));
        let Some((_, rest)) = own else { return chain.to_owned() };
        let class = self.inside.split_last().map(|it| it.1.join("."));
        let own = class.map(|class| format!("{class}.{rest}"));
        own.filter(|it| defined(self.file, it).is_some_and(|it| it.contains('.')))
            .unwrap_or_else(|| chain.to_owned())
    }

    /// Whether that says what it is.
    fn of_own(&mut self, file: usize, name: &str) -> bool {
        let Some(its) = self.program.file(file).map(|it| &it.names.defined) else { return false };
        let constructor = format!("{name}.__init__");
        for function in [name, &constructor].into_iter().filter(|it| its.contains(*it)) {
            self.calls.add(self.node(), Node { file, function: function.to_owned() });
        }
        // A method of an object whose class is not of ours may still be anything.
        its.contains(name)
    }

    fn of_module(&mut self, expr: &Expr, call: Option<&ExprCall>, chain: &str) -> bool {
        let dotted = chain.replace("()", "");
        let Some(known) = self.table.look_up(&dotted) else { return false };
        let after_call = chain.split_once("()").map(|it| it.0.split('.').count());
        let segments = dotted.split('.').count();
        let effects: &[Effect] = match known.how {
            How::Listed => known.effects,
            // What a call gave is not what was called: that was told already.
            How::Part(left) if after_call.is_some_and(|it| it <= segments - left) => return false,
            How::Module if after_call.is_some() => return false,
            How::Part(_) | How::Module => known.effects,
            How::IsModule(true) => &[Effect::Is(Capability::Reflect)],
            How::IsModule(false) => known.effects,
        };
        if effects.is_empty() && known.how == How::Module {
            return false;
        }
        for effect in effects {
            for cap in asked(effect, call) {
                self.found(expr, call, cap, dotted.clone());
            }
        }
        true
    }

    fn builtin(&mut self, expr: &Expr, call: Option<&ExprCall>, name: &str) {
        let effects = self.table.builtin(name).unwrap_or_default();
        if effects.is_empty() || self.is_own(name) {
            return;
        }
        // `input` is a common name for what is given to a tool.
        let effects =
            effects.iter().filter(|it| call.is_some() || **it != Effect::Is(Capability::Stdin));
        for cap in effects.flat_map(|it| asked(it, call)).collect::<Vec<_>>() {
            self.found(expr, call, cap, name.to_owned());
        }
    }

    fn is_own(&self, name: &str) -> bool {
        self.local.iter().any(|it| it.names().contains(name))
            || self.file.names.defined.contains(name)
    }

    /// Of an object of which nothing is known, its method's name is all there is.
    fn method(&mut self, expr: &Expr, call: Option<&ExprCall>) {
        let Expr::Attribute(it) = expr else { return };
        let name = it.attr.as_str();
        let effects = self.table.method(name, self.with_http);
        let reflects = |it: &&Effect| call.is_some() || **it == Effect::Is(Capability::Reflect);
        let effects: Vec<&Effect> = effects.iter().filter(reflects).collect();
        for cap in effects.into_iter().flat_map(|it| asked(it, call)) {
            self.found(expr, call, cap, format!(".{name}"));
        }
    }

    fn is_constant_getattr(&self, call: &ExprCall) -> bool {
        constant_getattr(call).is_some() && !self.is_own("getattr")
    }

    fn call(&mut self, expr: &Expr, call: &ExprCall) {
        let is_getattr = matches!(&*call.func, Expr::Name(it) if it.id.as_str() == "getattr");
        if is_getattr && !self.is_own("getattr") {
            self.found(expr, Some(call), Capability::Reflect, "getattr".to_owned());
        }
        self.reference(&call.func, Some(call));
    }

    /// What stands before the dots, where it is no name.
    fn below(&mut self, expr: &'p Expr) {
        let mut here = expr;
        while let Expr::Attribute(it) = here {
            here = &it.value;
        }
        if !matches!(here, Expr::Name(_)) {
            self.visit_expr(here);
        }
    }

    fn mention(&mut self, chain: &str) {
        if self.mentioned.contains(chain) {
            return;
        }
        self.mentioned.insert(chain.to_owned());
        let names = beginnings(chain).map(|it| it.0);
        let imported = names.filter(|it| self.file.imported.contains_key(*it));
        self.used.extend(imported.map(str::to_owned));
    }

    /// `os.environ[…] = …`
    fn subscript(&mut self, expr: &Expr, it: &ExprSubscript) {
        if it.ctx == ExprContext::Load {
            return;
        }
        let Some(chain) = chain(&it.value) else { return };
        let targets = self.resolve(&chain);
        let environ =
            |it: &Target| matches!(it, Target::Module(it) if it.starts_with("os.environ"));
        if targets.iter().any(environ) {
            self.found(expr, None, Capability::EnvWrite, "os.environ[]".to_owned());
        }
    }

    /// Somebody else may use what is imported and not used here.
    fn unused(&mut self) {
        for import in &self.file.names.imports {
            let name = import.bound.as_deref().or_else(|| import.dotted.split('.').next());
            let is_known = name.is_some_and(|it| self.file.imported.contains_key(it));
            if !is_known || name.is_some_and(|it| self.used.contains(it)) || import.level > 0 {
                continue;
            }
            let Some(known) = self.table.look_up(&import.dotted) else { continue };
            if known.how == How::IsModule(true) {
                continue;
            }
            for cap in known.effects.iter().flat_map(|it| asked(it, None)) {
                let via = format!("import {}", import.dotted);
                self.findings.add(Place::top(self.index, import.at), cap, via);
            }
        }
    }

    fn function(&mut self, stmt: &'p Stmt, it: &'p StmtFunctionDef) {
        // Decorators and defaults belong to what is around.
        it.decorator_list.iter().for_each(|it| self.visit_decorator(it));
        self.visit_parameters(&it.parameters);
        it.returns.iter().for_each(|it| self.visit_annotation(it));
        let was = self.outermost;
        self.outermost.get_or_insert(stmt.range());
        self.inside.push(it.name.to_string());
        self.local.push(Local { function: it, names: OnceCell::new() });
        self.visit_body(&it.body);
        self.local.pop();
        self.inside.pop();
        self.outermost = was;
    }
}

impl<'a> Visitor<'a> for Reader<'a, '_> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::FunctionDef(it) => self.function(stmt, it),
            Stmt::ClassDef(it) => {
                it.decorator_list.iter().for_each(|it| self.visit_decorator(it));
                it.arguments.iter().for_each(|it| self.visit_arguments(it));
                self.inside.push(it.name.to_string());
                self.visit_body(&it.body);
                self.inside.pop();
            }
            Stmt::If(it) if self.file.names.is_type_checking(&it.test) => {
                it.elif_else_clauses.iter().for_each(|it| self.visit_body(&it.body));
            }
            _ => visitor::walk_stmt(self, stmt),
        }
    }

    fn visit_annotation(&mut self, expr: &'a Expr) {
        let was = std::mem::replace(&mut self.only_mentions, true);
        self.visit_expr(expr);
        self.only_mentions = was;
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        if self.only_mentions {
            if let Some(chain) = chain(expr) {
                self.mention(&chain);
            }
            return visitor::walk_expr(self, expr);
        }
        match expr {
            Expr::Call(it) if self.is_constant_getattr(it) => {
                self.reference(expr, None);
                let mut arguments = it.arguments.args.iter();
                arguments.next().into_iter().for_each(|it| self.below(it));
                arguments.for_each(|it| self.visit_expr(it));
            }
            Expr::Call(it) => {
                self.call(expr, it);
                self.below(&it.func);
                self.visit_arguments(&it.arguments);
            }
            Expr::Attribute(_) => {
                self.reference(expr, None);
                self.below(expr);
            }
            Expr::Name(it) if it.ctx == ExprContext::Load => self.reference(expr, None),
            Expr::Subscript(it) => {
                self.subscript(expr, it);
                visitor::walk_expr(self, expr);
            }
            _ => visitor::walk_expr(self, expr),
        }
    }
}

/// Parameters, and what the function assigns to.
fn own_names(it: &StmtFunctionDef) -> BTreeSet<String> {
    struct Stored(BTreeSet<String>);
    impl<'a> Visitor<'a> for Stored {
        fn visit_stmt(&mut self, stmt: &'a Stmt) {
            match stmt {
                Stmt::FunctionDef(it) => drop(self.0.insert(it.name.to_string())),
                Stmt::ClassDef(it) => drop(self.0.insert(it.name.to_string())),
                _ => visitor::walk_stmt(self, stmt),
            }
        }
        fn visit_expr(&mut self, expr: &'a Expr) {
            if let Expr::Name(it) = expr
                && it.ctx == ExprContext::Store
            {
                self.0.insert(it.id.to_string());
            }
            visitor::walk_expr(self, expr);
        }
    }
    let parameters = it.parameters.iter().map(|it| it.name().to_string());
    let mut stored = Stored(parameters.collect());
    stored.visit_body(&it.body);
    stored.0
}
