//! Aligned columns, the last one ragged.

use anstyle::Style;

use super::text::{cut, visible};

#[derive(Clone, Debug)]
pub(super) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    pub(super) fn styled(text: impl AsRef<str>, style: Style) -> Self {
        Self { text: visible(text.as_ref()), style }
    }
}

impl<T: AsRef<str>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::styled(text, Style::new())
    }
}

/// The lines of a table, none longer than `most`: what does not fit is cut. A column in which nothing stands is left
/// out, and its heading with it.
pub(super) fn lines(
    head: Option<&[&str]>,
    rows: &[Vec<Cell>],
    colour: bool,
    most: usize,
) -> Vec<String> {
    let bold = Style::new().bold();
    let head = head.map(|it| it.iter().map(|it| Cell::styled(it, bold)).collect::<Vec<_>>());
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |rows: &mut dyn Iterator<Item = &Vec<Cell>>, column: usize| {
        rows.filter_map(|it| it.get(column)).map(|it| it.text.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..columns)
        .map(|it| match width(&mut rows.iter(), it) {
            0 => 0,
            _ => width(&mut head.iter().chain(rows), it),
        })
        .collect();
    let all = head.iter().filter(|_| !rows.is_empty()).chain(rows);
    all.map(|row| line(row, &widths, colour, most)).collect()
}

fn line(row: &[Cell], widths: &[usize], colour: bool, most: usize) -> String {
    let mut line = String::new();
    let (mut gap, mut left) = (0, most);
    for (cell, width) in row.iter().zip(widths).filter(|it| *it.1 > 0) {
        let Cell { text, style } = cell;
        line.extend(std::iter::repeat_n(' ', gap));
        left = left.saturating_sub(gap);
        let style = if colour && !text.is_empty() { *style } else { Style::new() };
        let text = cut(text, left);
        let length = text.chars().count();
        line.extend([style.render().to_string(), text, style.render_reset().to_string()]);
        left -= length;
        if left == 0 {
            break;
        }
        gap = width.saturating_sub(length) + 2;
    }
    line.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_empty_ones_left_out() {
        let rows: [Vec<Cell>; 2] = [
            vec!["M".into(), "".into(), "größe.py".into(), "x".into()],
            vec!["?".into(), "".into(), "b\u{1b}.py".into()],
        ];
        let shown = lines(Some(&["", "GONE", "TOOL", "BY"]), &rows, false, usize::MAX);
        assert_eq!(shown, ["   TOOL        BY", "M  größe.py    x", "?  b\\u{1b}.py"]);
        assert_eq!(lines(None, &rows, false, 6), ["M  gr…", "?  b\\…"]);
        assert_eq!(lines(Some(&["A"]), &[], false, 9), [""; 0]);
    }
}
