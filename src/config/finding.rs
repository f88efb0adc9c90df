//! What is wrong with a configuration, and where: file, line, column and a caret. It only tells;
//! it decides nothing.

use std::{fmt, fmt::Write as _, ops::Range, sync::Arc};

/// Something that was written: a file, a variable of the environment, a flag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Source {
    /// How a person knows it: a path, `$KNOWNGOOD__LOG__LEVEL`, `--socket`.
    pub(super) name: Arc<str>,
    /// Empty where there is nothing to point into.
    pub(super) text: Arc<str>,
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub source: String,
    pub place: Option<Place>,
    pub message: String,
}

/// Line and column count from 1, the column in characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub line: usize,
    pub column: usize,
    excerpt: String,
    width: usize,
}

/// Everything that is wrong, at once.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigErrors(pub Vec<Finding>);

impl Source {
    pub(super) fn new(name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), text: text.into() }
    }

    pub(super) fn finding(&self, span: Range<usize>, message: impl fmt::Display) -> Finding {
        let message = message.to_string();
        Finding { source: self.name.to_string(), place: place(&self.text, span), message }
    }

    /// `file:line`, to refer to one place from the message about another.
    pub(super) fn position(&self, span: Range<usize>) -> String {
        place(&self.text, span)
            .map_or_else(|| self.name.to_string(), |it| format!("{}:{}", self.name, it.line))
    }
}

impl Finding {
    pub(super) fn general(source: impl Into<String>, message: impl fmt::Display) -> Self {
        Self { source: source.into(), place: None, message: message.to_string() }
    }
}

fn place(text: &str, span: Range<usize>) -> Option<Place> {
    if text.is_empty() {
        return None;
    }
    let start = span.start.min(text.len());
    let before = text.get(..start)?;
    let line_start = before.rfind('\n').map_or(0, |it| it + 1);
    let line = text.get(line_start..)?.lines().next().unwrap_or_default();
    let end = span.end.clamp(start, line_start + line.len().max(start - line_start));
    Some(Place {
        line: before.matches('\n').count() + 1,
        column: text.get(line_start..start)?.chars().count() + 1,
        excerpt: line.chars().map(|it| if it.is_control() { ' ' } else { it }).collect(),
        width: text.get(start..end).map_or(1, |it| it.chars().count().max(1)),
    })
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(Place { line, column, excerpt, width }) = &self.place else {
            return write!(f, "{}: {}", self.source, self.message);
        };
        let margin = line.to_string().len();
        writeln!(f, "{}:{line}:{column}: {}", self.source, self.message)?;
        writeln!(f, "  {line} | {excerpt}")?;
        write!(f, "  {:margin$} | {:indent$}", "", "", indent = column - 1)?;
        (0..*width).try_for_each(|_| f.write_char('^'))
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, finding) in self.0.iter().enumerate() {
            write!(f, "{}{finding}", if index == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_at_the_place() {
        let source = Source::new("a.toml", "x = 1\n\tläng = \"ü\"\n");
        let start = source.text.find("\"ü").unwrap();
        let finding = source.finding(start..start + 4, "no");
        assert_eq!(finding.to_string(), "a.toml:2:9: no\n  2 |  läng = \"ü\"\n    |         ^^^");
        assert_eq!(source.position(start..start), "a.toml:2");
    }

    #[test]
    fn a_span_over_lines_or_past_the_end_stays_on_its_line() {
        let source = Source::new("a.toml", "ab\ncd");
        assert_eq!(source.finding(1..5, "no").to_string(), "a.toml:1:2: no\n  1 | ab\n    |  ^");
        assert_eq!(source.finding(9..12, "no").place.map(|it| (it.line, it.column)), Some((2, 3)));
    }
}
