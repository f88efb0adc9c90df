//! The sandbox of checks: the best rung of the ladder that works for whoever asks, and what would raise it.

use super::{Finding, Patient};
use crate::checks::sandbox::{Namespaces, Rung, Settings, Standing, survey};

const CHECK: &str = "sandbox";

/// Runs a shell on every rung.
pub fn look() -> Vec<Standing> {
    survey(&Settings::default())
}

pub(super) fn examine(patient: &Patient) -> Vec<Finding> {
    let works = |it: &&Standing| it.works.is_ok();
    let Some(best) = patient.ladder.iter().find(works).map(|it| it.rung) else { return Vec::new() };
    let mut findings = vec![told(best, &patient.ladder)];
    findings.extend(unit(patient));
    findings
}

fn told(best: Rung, ladder: &[Standing]) -> Finding {
    let bwrap = "apt-get install bubblewrap, or your system's like";
    let why = |rung: Rung| {
        let failed = ladder.iter().find(|it| it.rung == rung);
        failed.and_then(|it| it.works.clone().err()).unwrap_or_default()
    };
    match best {
        Rung::Runner => Finding::ok(CHECK, "checks run in the runner's unit"),
        Rung::Bubblewrap => Finding::ok(CHECK, "checks run in bubblewrap"),
        Rung::Landlock(Namespaces::Own) => {
            Finding::ok(CHECK, "checks run with Landlock, in namespaces of their own").mend(bwrap)
        }
        Rung::Landlock(Namespaces::Shared) => {
            let why = why(Rung::Landlock(Namespaces::Own));
            let what = format!(
                "checks run with Landlock alone, and see the machine's processes and network: {why}"
            );
            Finding::note(CHECK, what).mend("sysctl -w kernel.unprivileged_userns_clone=1")
        }
        Rung::Limits => {
            let why = why(Rung::Bubblewrap);
            let what = format!(
                "checks run with nothing but limits, and may do what the daemon may; nothing is imported: {why}"
            );
            Finding::note(CHECK, what).mend(bwrap)
        }
    }
}

/// The daemon's own unit makes no sandboxes, whatever works for a person.
fn unit(patient: &Patient) -> Option<Finding> {
    let loaded = patient.unit.as_deref().is_some_and(|it| it.contains("LoadState=loaded"));
    let runner = patient.ladder.iter().find(|it| it.rung == Rung::Runner)?;
    let why = runner.works.as_ref().err().filter(|_| loaded)?;
    if why.contains("Permission denied") {
        let what = "only root may ask the runner's unit whether it works";
        return Some(Finding::note(CHECK, what).mend("sudo knowngood doctor"));
    }
    let what = format!("the checks of knowngood.service run with nothing but limits: {why}");
    Some(Finding::note(CHECK, what).mend("systemctl start knowngood-runner.socket"))
}
