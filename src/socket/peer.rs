//! Who is at the other end: the kernel says the uid, the user database the groups. Nothing that the
//! peer says about itself counts here.

use std::ffi::CString;

use nix::unistd::{Gid, Uid, User, getgrouplist};
use tokio::net::unix::UCred;

use crate::access::Peer;

/// A peer and its user's name, where it has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Caller {
    pub(super) peer: Peer,
    pub(super) user: Option<String>,
}

impl Caller {
    /// Asks the user database, which may be slow: not for an async thread.
    pub(super) fn of(credentials: UCred) -> Self {
        let (uid, gid) = (credentials.uid(), credentials.gid());
        let user = User::from_uid(Uid::from_raw(uid)).ok().flatten();
        let name = user.as_ref().and_then(|it| CString::new(it.name.as_bytes()).ok());
        let groups = name.and_then(|it| getgrouplist(&it, Gid::from_raw(gid)).ok());
        let mut gids: Vec<u32> = groups.iter().flatten().map(|it| it.as_raw()).collect();
        gids.push(gid);
        gids.sort_unstable();
        gids.dedup();
        Self { peer: Peer { uid, gids }, user: user.map(|it| it.name) }
    }
}
