//! `status` for a person: as much as fits on the screen, the rest by number, and the command that leads further.

use serde_json::Value;

use super::{issues, next, roots, summary};
use crate::cli::{print::Out, view};

/// Of each kind, however small the screen.
const LEAST: usize = 3;

/// `all`: however many there are.
pub(super) fn lines(status: &Value, all: bool, out: &Out) -> Vec<String> {
    let mut lines = roots::lines(view::items(status, "/roots"), out);
    let mut end = vec![String::new(), summary(status, out)];
    end.extend(next::lines(status, out));
    let room = out.screen().height.saturating_sub(lines.len() + end.len() + 2);
    let entries = issues::entries(status, out);
    let most = if all || entries.height() <= room {
        usize::MAX
    } else {
        (room / entries.kinds().max(1) / 2).max(LEAST)
    };
    let issues = entries.lines(most, out);
    if !issues.is_empty() {
        lines.push(String::new());
        lines.extend(issues);
    }
    lines.extend(end);
    lines
}
