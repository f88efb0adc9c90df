//! How a shadow run goes: it tells how far it is, ends when it is told to, and can be told again from its seed.

#![expect(clippy::similar_names, reason = "begun and began, runs and rungs")]

use std::{
    cell::RefCell,
    sync::Arc,
    time::{Duration, Instant},
};

use knowngood::{
    ports::{ShadowProgress, Shadows as _, StopFlag},
    shadow::Verdict,
};
use serde_json::json;

use super::world::{Site, best};

#[test]
fn it_tells_how_far_it_is() {
    let Some(rung) = best() else { return };
    let mut site = Site::new("tool.py");
    site.versions("def tool(n): return n\n", "def tool(n): return n * (n != 2)\n");
    site.inputs((0..6).map(|it| json!({ "n": it })));
    let told = RefCell::new(Vec::new());
    site.checker(rung).shadow(&site.order, &|it| told.borrow_mut().push(it), &StopFlag::default());
    let at = |done, total, repeating| ShadowProgress { done, total, repeating };
    let mut expected: Vec<_> = (0..6).map(|it| at(it, 6, false)).collect();
    expected.push(at(0, 1, true));
    assert_eq!(told.into_inner(), expected);
}

#[test]
fn it_ends_at_once_when_nobody_waits() {
    let Some(rung) = best() else { return };
    let mut site = Site::new("tool.py");
    let slow = "import time\ndef tool(n):\n    time.sleep(50)\n";
    site.versions(slow, slow);
    site.file("tool.toml", "[shadow]\ntimeout_ms = 60000\n");
    site.inputs([json!({ "n": 1 })]);
    let stop = Arc::new(StopFlag::default());
    let begun = |_| stop.set();
    let began = Instant::now();
    let report = site.checker(rung).shadow(&site.order, &begun, &stop);
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert_eq!(report.verdict, Verdict::Error);
    assert!(report.why.unwrap().starts_with("stopped"));
}

#[test]
fn first_party_modules_are_read_from_the_root() {
    let Some(rung) = best() else { return };
    let mut site = Site::new("web/fetch.py");
    site.file("web/lib.py", "def double(n): return n * 2\n");
    let live = "from web.lib import double\ndef fetch(n): return double(n)\n";
    site.versions(live, &live.replace("double(n)", "double(n) + 0"));
    site.inputs((0..5).map(|it| json!({ "n": it })));
    site.is(rung, Verdict::Equivalent);
}
