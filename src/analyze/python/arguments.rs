//! What the arguments of a call say about what it does: how a file is opened, which HTTP method it is. What is no
//! constant is taken for the worse.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a syntax tree has dozens of kinds, and most of them say nothing here"
)]

use ruff_python_ast::{Expr, ExprCall};

use crate::{analyze::table::Effect, model::Capability};

/// What a use means, by its arguments where there are any.
pub(super) fn asked(effect: &Effect, call: Option<&ExprCall>) -> Vec<Capability> {
    match (effect, call) {
        (Effect::Is(cap), _) => vec![cap.clone()],
        // Who has the function can write with it.
        (Effect::ByMode(_), None) => vec![Capability::FsWrite],
        (Effect::ByVerb | Effect::ByData, None) => vec![Capability::NetWrite],
        (Effect::ByMode(place), Some(call)) => vec![by_mode(call, *place)],
        (Effect::ByVerb, Some(call)) => vec![by_verb(call)],
        (Effect::ByData, Some(call)) => vec![by_data(call)],
    }
}

fn by_mode(call: &ExprCall, place: usize) -> Capability {
    let constant = |it: &Expr| it.as_string_literal_expr().map(|it| it.value.to_str().to_owned());
    let spread = call.arguments.args.iter().any(Expr::is_starred_expr)
        || call.arguments.keywords.iter().any(|it| it.arg.is_none());
    let mode = call.arguments.find_argument_value("mode", place).map(constant);
    match mode {
        None if !spread => Capability::FsRead,
        Some(Some(mode)) if !mode.contains(['w', 'a', 'x', '+']) => Capability::FsRead,
        None | Some(_) => Capability::FsWrite,
    }
}

fn by_verb(call: &ExprCall) -> Capability {
    let verb = call.arguments.find_argument_value("method", 0);
    let verb = verb.and_then(|it| it.as_string_literal_expr()).map(|it| it.value.to_str());
    let reads =
        |it: &str| ["GET", "HEAD", "OPTIONS"].iter().any(|verb| it.eq_ignore_ascii_case(verb));
    if verb.is_some_and(reads) { Capability::NetRead } else { Capability::NetWrite }
}

fn by_data(call: &ExprCall) -> Capability {
    let spread = call.arguments.args.iter().any(Expr::is_starred_expr)
        || call.arguments.keywords.iter().any(|it| it.arg.is_none());
    let data = call.arguments.find_argument_value("data", 1);
    let is_none = data.is_none_or(Expr::is_none_literal_expr);
    let method = call.arguments.find_keyword("method");
    let reads = method.is_none_or(|it| {
        let verb = it.value.as_string_literal_expr().map(|it| it.value.to_str());
        verb.is_some_and(|it| ["GET", "HEAD"].contains(&it))
    });
    if is_none && reads && !spread { Capability::NetRead } else { Capability::NetWrite }
}

pub(super) fn has_only_literals(call: &ExprCall) -> bool {
    fn is_literal(it: &Expr) -> bool {
        match it {
            Expr::List(it) => it.elts.iter().all(is_literal),
            Expr::Tuple(it) => it.elts.iter().all(is_literal),
            it => it.is_literal_expr(),
        }
    }
    call.arguments.args.iter().all(is_literal)
        && call.arguments.keywords.iter().all(|it| it.arg.is_some() && is_literal(&it.value))
}
