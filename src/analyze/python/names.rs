//! What the names of one file stand for: imports, and what is bound to them by `=`, `with … as` and annotations. One
//! table for the whole file: a name that stands for two things stands for both. It judges nothing.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a syntax tree has dozens of kinds, and most of them say nothing here"
)]

use std::collections::{BTreeMap, BTreeSet};

use ruff_python_ast::{
    Expr, ExprCall, ExprContext, Parameters, Stmt, StmtImportFrom, WithItem,
    visitor::{self, Visitor},
};
use ruff_text_size::TextSize;

#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) imports: Vec<Import>,
    /// A name, or a chain such as `self.session` → chains such as `httpx.Client()`.
    pub(super) bound: BTreeMap<String, BTreeSet<String>>,
    /// Functions, methods and classes: `f`, `Class`, `Class.method`, `f.inner`.
    pub(super) defined: BTreeSet<String>,
    /// Assigned to, anywhere.
    pub(super) assigned: BTreeSet<String>,
}

#[derive(Clone, Debug)]
pub(super) struct Import {
    /// How many dots stand before it.
    pub(super) level: u32,
    pub(super) dotted: String,
    /// The name in this file; `None`: it binds what is before the first dot.
    pub(super) bound: Option<String>,
    /// `from dotted-without-its-last import last`; the last may be a module or a name in one.
    pub(super) is_from: bool,
    pub(super) is_star: bool,
    pub(super) at: TextSize,
}

pub(super) fn names(body: &[Stmt]) -> Names {
    let mut reader = Reader { names: Names::default(), inside: Vec::new() };
    reader.visit_body(body);
    reader.names
}

/// `a.b().c` as text, with the calls marked; `None` where it begins with something else than a name.
pub(super) fn chain(expr: &Expr) -> Option<String> {
    let mut links = Vec::new();
    let mut here = expr;
    loop {
        match here {
            Expr::Name(it) => {
                let mut text = it.id.to_string();
                links.iter().rev().for_each(|it: &String| text.push_str(it));
                return Some(text);
            }
            Expr::Attribute(it) => {
                links.push(format!(".{}", it.attr));
                here = &it.value;
            }
            Expr::Call(it) => {
                // getattr with a constant is an attribute.
                if let Some((of, name)) = constant_getattr(it) {
                    links.push(format!(".{name}"));
                    here = of;
                    continue;
                }
                links.push("()".to_owned());
                here = &it.func;
            }
            Expr::Await(it) => here = &it.value,
            Expr::Subscript(it) => here = &it.value,
            _ => return None,
        }
        if links.len() > 64 {
            return None;
        }
    }
}

pub(super) fn constant_getattr(call: &ExprCall) -> Option<(&Expr, String)> {
    let Expr::Name(name) = &*call.func else { return None };
    let [of, Expr::StringLiteral(attribute), ..] = &*call.arguments.args else { return None };
    (name.id.as_str() == "getattr").then(|| (of, attribute.value.to_str().to_owned()))
}

impl Names {
    /// `if TYPE_CHECKING:` is never run, where the name is that of `typing`.
    pub(super) fn is_type_checking(&self, test: &Expr) -> bool {
        const NAME: &str = "TYPE_CHECKING";
        let theirs = |it: &Import| {
            let bound = it.bound.as_deref().unwrap_or(&it.dotted);
            bound == NAME && it.dotted != "typing.TYPE_CHECKING"
                || bound == "typing" && it.dotted != "typing"
        };
        let asked = chain(test);
        asked.is_some_and(|it| it == NAME || it == "typing.TYPE_CHECKING")
            && !self.assigned.contains(NAME)
            && !self.imports.iter().any(theirs)
    }

    /// Whether anything in the file gives this name a meaning.
    pub(super) fn has(&self, name: &str) -> bool {
        let bound = |it: &Import| it.is_star || it.bound.as_deref() == Some(name);
        self.defined.contains(name)
            || self.assigned.contains(name)
            || self.imports.iter().any(bound)
    }
}

struct Reader {
    names: Names,
    inside: Vec<String>,
}

impl Reader {
    fn bind(&mut self, target: &Expr, value: &Expr) {
        match (target, value) {
            (Expr::Tuple(targets), Expr::Tuple(values)) => {
                for (target, value) in targets.elts.iter().zip(&values.elts) {
                    self.bind(target, value);
                }
            }
            (Expr::Name(_) | Expr::Attribute(_), value) => {
                if let (Some(name), Some(value)) = (chain(target), chain(value))
                    && name != value
                {
                    self.names.bound.entry(name).or_default().insert(value);
                }
            }
            _ => (),
        }
    }

    fn define(&mut self, name: &str) {
        let path = self.inside.iter().map(String::as_str).chain([name]);
        self.names.defined.insert(path.collect::<Vec<_>>().join("."));
    }

    fn import_from(&mut self, it: &StmtImportFrom) {
        let module = it.module.as_ref().map(ToString::to_string).unwrap_or_default();
        for alias in &it.names {
            let is_star = alias.name.as_str() == "*";
            let dotted = match (module.as_str(), is_star) {
                (module, true) => module.to_owned(),
                ("", false) => alias.name.to_string(),
                (module, false) => format!("{module}.{}", alias.name),
            };
            let bound = alias.asname.as_ref().unwrap_or(&alias.name).to_string();
            self.names.imports.push(Import {
                level: it.level,
                dotted,
                bound: (!is_star).then_some(bound),
                is_from: true,
                is_star,
                at: alias.range.start(),
            });
        }
    }

    /// A parameter is what its annotation says.
    fn parameters(&mut self, parameters: &Parameters) {
        for it in parameters.iter_non_variadic_params() {
            if let Some(of) = it.parameter.annotation.as_deref().and_then(chain) {
                let name = it.parameter.name.to_string();
                self.names.bound.entry(name).or_default().insert(format!("{of}()"));
            }
        }
    }
}

impl<'a> Visitor<'a> for Reader {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::Import(it) => {
                for alias in &it.names {
                    self.names.imports.push(Import {
                        level: 0,
                        dotted: alias.name.to_string(),
                        bound: alias.asname.as_ref().map(ToString::to_string),
                        is_from: false,
                        is_star: false,
                        at: alias.range.start(),
                    });
                }
            }
            Stmt::ImportFrom(it) => self.import_from(it),
            Stmt::FunctionDef(it) => {
                self.define(&it.name);
                self.parameters(&it.parameters);
                self.inside.push(it.name.to_string());
                visitor::walk_stmt(self, stmt);
                self.inside.pop();
            }
            Stmt::ClassDef(it) => {
                self.define(&it.name);
                self.inside.push(it.name.to_string());
                visitor::walk_stmt(self, stmt);
                self.inside.pop();
            }
            Stmt::If(it) if self.names.is_type_checking(&it.test) => {
                it.elif_else_clauses.iter().for_each(|it| self.visit_body(&it.body));
            }
            Stmt::Assign(it) => {
                it.targets.iter().for_each(|target| self.bind(target, &it.value));
                visitor::walk_stmt(self, stmt);
            }
            Stmt::AnnAssign(it) => {
                if let Some(value) = &it.value {
                    self.bind(&it.target, value);
                }
                if let (Some(name), Some(of)) = (chain(&it.target), chain(&it.annotation)) {
                    self.names.bound.entry(name).or_default().insert(format!("{of}()"));
                }
                visitor::walk_stmt(self, stmt);
            }
            _ => visitor::walk_stmt(self, stmt),
        }
    }

    fn visit_with_item(&mut self, item: &'a WithItem) {
        if let Some(name) = &item.optional_vars {
            self.bind(name, &item.context_expr);
        }
        visitor::walk_with_item(self, item);
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Named(it) => self.bind(&it.target, &it.value),
            Expr::Name(it) if it.ctx == ExprContext::Store => {
                self.names.assigned.insert(it.id.to_string());
            }
            _ => (),
        }
        visitor::walk_expr(self, expr);
    }
}
