//! Users and groups as they are written (`root`, `uid:1001`, `@group`) → numbers. `self` and `@self`
//! are the daemon's own user and group. A name that the system does not know is refused: a right that
//! silently goes to nobody is a trap.

use super::{
    finding::Finding,
    written::{At, Layer, last},
};
use crate::access::{Access, Authors, OVERFLOW_UID, Who};

/// The system's user database. Tests have their own.
pub trait Accounts {
    /// The daemon's own user and primary group.
    fn own(&self) -> (u32, u32);
    fn user(&self, name: &str) -> Option<u32>;
    fn group(&self, name: &str) -> Option<u32>;
}

/// The machine's own.
#[derive(Clone, Copy, Debug)]
pub struct System;

impl Accounts for System {
    fn own(&self) -> (u32, u32) {
        (nix::unistd::geteuid().as_raw(), nix::unistd::getegid().as_raw())
    }

    fn user(&self, name: &str) -> Option<u32> {
        nix::unistd::User::from_name(name).ok().flatten().map(|it| it.uid.as_raw())
    }

    fn group(&self, name: &str) -> Option<u32> {
        nix::unistd::Group::from_name(name).ok().flatten().map(|it| it.gid.as_raw())
    }
}

/// A key that is given replaces its default and leaves the others alone.
pub(super) fn access(
    layers: &[Layer],
    accounts: &dyn Accounts,
    findings: &mut Vec<Finding>,
) -> Access {
    let (uid, gid) = accounts.own();
    let default = Access::of_daemon(uid, gid);
    let mut who = |path: &str| last(layers, path).map(|it| people(&it, accounts, findings));
    let human = who("authors.human");
    let ai = who("authors.ai");
    let said = human.is_some() || ai.is_some();
    Access {
        read: who("access.read").unwrap_or(default.read),
        runtime: who("access.runtime").unwrap_or(default.runtime),
        deploy: who("access.deploy").unwrap_or(default.deploy),
        accept: who("access.accept").unwrap_or(default.accept),
        approve: who("access.approve").unwrap_or(default.approve),
        admin: who("access.admin").unwrap_or(default.admin),
        authors: said
            .then(|| Authors { human: human.unwrap_or_default(), ai: ai.unwrap_or_default() }),
    }
}

fn people(list: &At<'_>, accounts: &dyn Accounts, findings: &mut Vec<Finding>) -> Who {
    let mut who = Who::default();
    for it in list.items() {
        if let Err(message) = add(&it.text, accounts, &mut who) {
            findings.push(list.item_finding(it, message));
        }
    }
    who
}

fn add(text: &str, accounts: &dyn Accounts, who: &mut Who) -> Result<(), String> {
    if let Some(group) = text.strip_prefix('@') {
        let gid = if group == "self" { Some(accounts.own().1) } else { accounts.group(group) };
        who.gids.insert(gid.ok_or_else(|| format!("there is no group {group:?}"))?);
        return Ok(());
    }
    let uid = if let Some(number) = text.strip_prefix("uid:") {
        number.parse().map_err(|_| format!("{text:?} is not of the form uid:<number>"))?
    } else if text == "self" {
        accounts.own().0
    } else {
        accounts.user(text).ok_or_else(|| {
            format!(
                "there is no user {text:?} (a group is written \"@{text}\", a number \"uid:1001\")"
            )
        })?
    };
    if uid == OVERFLOW_UID {
        return Err(format!(
            "{text:?} is uid {OVERFLOW_UID}, which stands for any user the kernel cannot name; it never has a right"
        ));
    }
    who.uids.insert(uid);
    Ok(())
}
