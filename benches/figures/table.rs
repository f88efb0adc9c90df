//! Figures in columns, for people.

use std::{fmt, time::Duration};

pub(crate) struct Table {
    title: String,
    rows: Vec<Vec<String>>,
    notes: Vec<String>,
}

impl Table {
    pub(crate) fn new<const N: usize>(title: String, columns: [&str; N]) -> Self {
        Self { title, rows: vec![columns.map(str::to_owned).to_vec()], notes: Vec::new() }
    }

    pub(crate) fn row(&mut self, name: &str, cells: impl IntoIterator<Item = String>) {
        self.rows.push(std::iter::once(name.to_owned()).chain(cells).collect());
    }

    pub(crate) fn note(&mut self, text: String) {
        self.notes.push(text);
    }

    /// A figure beside what was wished for.
    pub(crate) fn wish(&mut self, text: &str, holds: bool) {
        self.notes.push(format!("wanted: {text}: {}", if holds { "yes" } else { "MISSED" }));
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or_default();
        let width = |at: usize| {
            self.rows.iter().filter_map(|it| it.get(at)).map(|it| it.chars().count()).max()
        };
        let widths: Vec<usize> = (0..columns).map(|it| width(it).unwrap_or_default()).collect();
        writeln!(f, "{}", self.title)?;
        for row in &self.rows {
            write!(f, "  {:<1$}", row[0], widths[0])?;
            for (cell, width) in row.iter().zip(&widths).skip(1) {
                write!(f, "  {cell:>width$}")?;
            }
            writeln!(f)?;
        }
        self.notes.iter().try_for_each(|it| writeln!(f, "  {it}"))
    }
}

pub(crate) fn ms(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

pub(crate) fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

pub(crate) fn ratio(of: Duration, to: Duration) -> f64 {
    of.as_secs_f64() / to.as_secs_f64()
}

/// The value below which this share of them lies.
pub(crate) fn quantile(times: &[Duration], share: (usize, usize)) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted[(sorted.len() * share.0 / share.1).min(sorted.len() - 1)]
}

pub(crate) fn median(times: &[Duration]) -> Duration {
    quantile(times, (1, 2))
}
