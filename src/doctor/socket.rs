//! Who may come in: the socket's file, and the directory in which somebody could put another in its place.

use std::{fs, os::unix::fs::MetadataExt as _, path::Path};

use super::{Finding, Patient, quoted};

const CHECK: &str = "socket";
const OTHERS_MAY_WRITE: u32 = 0o002;
const STICKY: u32 = 0o1000;

pub(super) fn examine(patient: &Patient) -> Vec<Finding> {
    let path = &patient.socket;
    let Ok(stat) = fs::symlink_metadata(path) else { return Vec::new() };
    let mut findings = Vec::new();
    let (uid, gid, mode) = (stat.uid(), stat.gid(), stat.mode() & 0o777);
    if mode & OTHERS_MAY_WRITE != 0 {
        let what = format!(
            "everybody may connect to {} (mode {mode:o}); rights still hold",
            path.display()
        );
        findings.push(Finding::note(CHECK, what).mend(format!("chmod o= {}", quoted(path))));
    } else {
        let who = format!("{} and {} may connect", name(uid), group(gid));
        findings.push(Finding::ok(CHECK, format!("{who} to {} (mode {mode:o})", path.display())));
    }
    findings.extend(path.parent().and_then(|it| replaceable(it, uid)));
    findings
}

/// Whoever may write to the directory may answer in the daemon's place.
fn replaceable(folder: &Path, owner: u32) -> Option<Finding> {
    let stat = fs::metadata(folder).ok()?;
    let others = stat.mode() & OTHERS_MAY_WRITE != 0 && stat.mode() & STICKY == 0;
    let stranger = ![0, owner].contains(&stat.uid());
    let who = match (others, stranger) {
        (true, _) => "everybody".to_owned(),
        (false, true) => name(stat.uid()),
        (false, false) => return None,
    };
    let what = format!("{who} may replace the socket, since {} can be written", folder.display());
    let folder = quoted(folder);
    let mend = if others {
        format!("chmod o-w {folder}")
    } else {
        format!("chown {} {folder}", name(owner))
    };
    Some(Finding::broken(CHECK, what).mend(mend))
}

pub(super) fn name(uid: u32) -> String {
    let user = nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(uid)).ok().flatten();
    user.map_or_else(|| format!("uid {uid}"), |it| it.name)
}

fn group(gid: u32) -> String {
    let group = nix::unistd::Group::from_gid(nix::unistd::Gid::from_raw(gid)).ok().flatten();
    group.map_or_else(|| format!("gid {gid}"), |it| format!("@{}", it.name))
}
