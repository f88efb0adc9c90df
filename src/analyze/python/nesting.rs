//! How deep a source's tree may become, before anybody makes one: a tree is made, walked and thrown away by recursion,
//! and a source of brackets alone would cost gigabytes. Asks the lexer, which needs no stack; overestimates.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a syntax tree has dozens of kinds, and most of them say nothing here"
)]

use ruff_python_ast::token::TokenKind;
use ruff_python_parser::{Mode, lexer};

/// Operators and brackets in one expression that are open at the same time or follow one another. Generated code stays
/// below; the stack takes several times as many.
const DEEPEST: usize = 4000;

/// Each byte adds one at most, and an indentation of so many levels has more bytes than all they add: what is smaller than
/// this, as most tools are, need not be asked.
const SMALL: usize = 14_000;

pub(super) fn is_too_deep(source: &str) -> bool {
    source.len() > SMALL && lexed_too_deep(source)
}

fn lexed_too_deep(source: &str) -> bool {
    let mut lexer = lexer::lex(source, Mode::Module);
    let mut levels: Vec<usize> = vec![0];
    let (mut total, mut indent, mut sticky) = (0_usize, 0_usize, 0_usize);
    loop {
        match lexer.next_token() {
            TokenKind::EndOfFile => return false,
            TokenKind::Newline => {
                levels.truncate(1);
                levels.fill(0);
                (total, sticky) = (0, 0);
            }
            TokenKind::Indent => indent += 1,
            TokenKind::Dedent => indent = indent.saturating_sub(1),
            // What comes after it is beside what came before, except in what binds weaker.
            TokenKind::Comma => {
                if let Some(level) = levels.last_mut() {
                    total -= *level;
                    *level = 0;
                }
            }
            TokenKind::Lpar
            | TokenKind::Lsqb
            | TokenKind::Lbrace
            | TokenKind::FStringStart
            | TokenKind::TStringStart => {
                levels.push(1);
                total += 1;
            }
            TokenKind::Rpar
            | TokenKind::Rsqb
            | TokenKind::Rbrace
            | TokenKind::FStringEnd
            | TokenKind::TStringEnd => {
                if levels.len() > 1 {
                    total -= levels.pop().unwrap_or_default();
                }
                // What a bracket follows is below it in the tree: a()()().
                levels.iter_mut().last().into_iter().for_each(|it| *it += 1);
                total += 1;
            }
            TokenKind::Lambda | TokenKind::If | TokenKind::Else | TokenKind::Colon => sticky += 1,
            TokenKind::Comment | TokenKind::NonLogicalNewline => (),
            _ => {
                levels.iter_mut().last().into_iter().for_each(|it| *it += 1);
                total += 1;
            }
        }
        if total + indent * 8 + sticky > DEEPEST * 4 {
            return true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_is_not_deep_and_what_machines_write_against_us_is() {
        let rows = "    {'a': [1, 2, f(x)], 'b': lambda: g(1)(2)},\n".repeat(3000);
        let chain = "'a' +\n".repeat(1500);
        for source in [
            "x = 1\n".repeat(100_000),
            format!("ROWS = [\n{rows}]\n"),
            format!("TEXT = (\n{chain}'')\n"),
            "x = f'{a}{b}{c}'\n".repeat(1000),
            "if a:\n    pass\nelif b:\n    pass\n".repeat(5000),
        ] {
            assert!(!is_too_deep(&source), "{}", &source[..40]);
        }
        for unit in [
            "(",
            "[",
            "{",
            "-",
            "not ",
            "await ",
            "lambda:",
            "lambda a, b:",
            "x.",
            "1+",
            "f'{",
            "a if b else ",
        ] {
            let source = format!("x = {}", unit.repeat(100_000));
            assert!(is_too_deep(&source), "{unit}");
        }
        assert!(is_too_deep(&format!("x = f{}", "()".repeat(100_000))));
    }

    #[test]
    fn what_is_small_cannot_be_too_deep() {
        let stairs = |levels: usize| {
            (0..levels).fold(String::new(), |text, it| text + &" ".repeat(it) + "if a:\n")
        };
        for unit in ["(", "x.", "lambda:", "a if b else ", "{", "-"] {
            let units = unit.repeat(SMALL / unit.len());
            for levels in [0, 20, 80, 150] {
                let source = format!("{}{}x = {units}", stairs(levels), " ".repeat(levels));
                let source = &source[..source.len().min(SMALL)];
                assert!(!lexed_too_deep(source), "{levels} {unit}");
            }
        }
    }
}
