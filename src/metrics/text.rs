//! The Prometheus text format, version 0.0.4.

use std::fmt::{self, Display, Write as _};

use super::Samples;

#[derive(Debug, Default)]
pub struct Text(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Gauge,
    /// Only grows; its name ends in `_total`.
    Counter,
    /// Of seconds.
    Histogram,
}

/// One metric, to which lines are added.
pub struct Family<'a> {
    text: &'a mut String,
    name: &'static str,
}

impl Text {
    /// The media type of what [`Text::finish`] gives.
    pub const MEDIA: &'static str = "text/plain; version=0.0.4; charset=utf-8";

    /// Begins a metric. Its lines follow at once: one metric is never told in two places.
    pub fn family(&mut self, name: &'static str, kind: Kind, help: &str) -> Family<'_> {
        let kind = match kind {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
            Kind::Histogram => "histogram",
        };
        put(&mut self.0, format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
        Family { text: &mut self.0, name }
    }

    pub fn finish(self) -> String {
        self.0
    }
}

impl Family<'_> {
    pub fn put(&mut self, labels: &[(&str, &str)], value: impl Display) -> &mut Self {
        self.line("", labels, None, value);
        self
    }

    pub fn samples(&mut self, labels: &[(&str, &str)], samples: &Samples) -> &mut Self {
        for (bound, count) in samples.cumulated() {
            let bound = bound.map_or_else(|| "+Inf".to_owned(), |it| Seconds(it).to_string());
            self.line("_bucket", labels, Some(&bound), count);
        }
        self.line("_sum", labels, None, Seconds(samples.micros));
        self.line("_count", labels, None, samples.count());
        self
    }

    fn line(&mut self, end: &str, labels: &[(&str, &str)], le: Option<&str>, value: impl Display) {
        put(self.text, format_args!("{}{end}", self.name));
        let bound = le.map(|it| ("le", it));
        for (index, (name, value)) in labels.iter().copied().chain(bound).enumerate() {
            let sign = if index == 0 { '{' } else { ',' };
            put(self.text, format_args!("{sign}{name}=\"{}\"", escaped(value)));
        }
        let close = if labels.is_empty() && le.is_none() { "" } else { "}" };
        put(self.text, format_args!("{close} {value}\n"));
    }
}

/// Microseconds, told in seconds without rounding.
struct Seconds(u64);

impl Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / 1_000_000, self.0 % 1_000_000);
        if rest == 0 {
            return write!(f, "{whole}");
        }
        write!(f, "{whole}.{}", format!("{rest:06}").trim_end_matches('0'))
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn put(text: &mut String, what: fmt::Arguments<'_>) {
    // A string takes everything.
    text.write_fmt(what).unwrap_or(());
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::metrics::Histogram;

    #[test]
    fn lines_as_prometheus_reads_them() {
        let mut text = Text::default();
        text.family("up", Kind::Gauge, "Whether.").put(&[], 1);
        text.family("odd_total", Kind::Counter, "Odd names.")
            .put(&[("a", "x\\y"), ("b", "say \"z\"\n")], 2);
        let histogram = Histogram::default();
        histogram.observe(Duration::from_millis(1200));
        text.family("took_seconds", Kind::Histogram, "How long.")
            .samples(&[("r", "x")], &histogram.samples());
        let text = text.finish();
        assert!(text.starts_with("# HELP up Whether.\n# TYPE up gauge\nup 1\n"), "{text}");
        assert!(text.contains("\nodd_total{a=\"x\\\\y\",b=\"say \\\"z\\\"\\n\"} 2\n"), "{text}");
        assert!(text.contains("\ntook_seconds_bucket{r=\"x\",le=\"0.00025\"} 0\n"), "{text}");
        assert!(text.contains("\ntook_seconds_bucket{r=\"x\",le=\"0.5\"} 0\n"), "{text}");
        assert!(text.contains("\ntook_seconds_bucket{r=\"x\",le=\"5\"} 1\n"), "{text}");
        assert!(text.ends_with(
            "le=\"+Inf\"} 1\ntook_seconds_sum{r=\"x\"} 1.2\ntook_seconds_count{r=\"x\"} 1\n"
        ));
    }
}
