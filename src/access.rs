//! Who may do what, and whose words are believed: plain data and two questions. It looks nobody up;
//! names were turned into numbers before, and the kernel said who the peer is.

use std::collections::BTreeSet;

use crate::model::AuthorKind;

/// The other end of a connection, as the kernel names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    pub uid: u32,
    /// The primary group and all others.
    pub gids: Vec<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Right {
    Read,
    Runtime,
    Deploy,
    Accept,
    Approve,
    Admin,
}

/// A set of people: by uid, or as members of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Who {
    pub uids: BTreeSet<u32>,
    pub gids: BTreeSet<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    pub read: Who,
    pub runtime: Who,
    pub deploy: Who,
    pub accept: Who,
    pub approve: Who,
    pub admin: Who,
    /// `None`: nobody said who is an AI, and every peer may speak as a human.
    pub authors: Option<Authors>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Authors {
    pub human: Who,
    pub ai: Who,
}

/// `nobody`: what the kernel shows for a user that this namespace has no number for. It may stand for
/// anybody, so it is never given anything.
pub const OVERFLOW_UID: u32 = 65534;

impl Right {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Runtime => "runtime",
            Self::Deploy => "deploy",
            Self::Accept => "accept",
            Self::Approve => "approve",
            Self::Admin => "admin",
        }
    }

    /// The key that gives this right, for the refusal that names it.
    pub fn config_key(self) -> &'static str {
        match self {
            Self::Read => "access.read",
            Self::Runtime => "access.runtime",
            Self::Deploy => "access.deploy",
            Self::Accept => "access.accept",
            Self::Approve => "access.approve",
            Self::Admin => "access.admin",
        }
    }
}

impl Who {
    pub fn includes(&self, peer: &Peer) -> bool {
        peer.uid != OVERFLOW_UID
            && (self.uids.contains(&peer.uid) || peer.gids.iter().any(|it| self.gids.contains(it)))
    }
}

impl Access {
    /// What holds when nobody says otherwise: root and the daemon's own user have all rights, the
    /// daemon's own group may read and report as a runtime.
    pub fn of_daemon(uid: u32, gid: u32) -> Self {
        let owners = Who { uids: [0, uid].into(), gids: BTreeSet::new() };
        let group = Who { uids: owners.uids.clone(), gids: [gid].into() };
        Self {
            read: group.clone(),
            runtime: group,
            deploy: owners.clone(),
            accept: owners.clone(),
            approve: owners.clone(),
            admin: owners,
            authors: None,
        }
    }

    pub fn allows(&self, peer: &Peer, right: Right) -> bool {
        let who = match right {
            Right::Read => &self.read,
            Right::Runtime => &self.runtime,
            Right::Deploy => &self.deploy,
            Right::Accept => &self.accept,
            Right::Approve => &self.approve,
            Right::Admin => &self.admin,
        };
        who.includes(peer)
    }

    /// Whether anybody beside root, the daemon's user and its group has a right.
    pub fn names_others(&self, uid: u32, gid: u32) -> bool {
        let other = |it: &&Who| {
            it.uids.iter().any(|it| *it != 0 && *it != uid) || it.gids.iter().any(|it| *it != gid)
        };
        let all =
            [&self.read, &self.runtime, &self.deploy, &self.accept, &self.approve, &self.admin];
        all.iter().any(other)
    }

    /// The most trusted kind of author that this peer may claim to be.
    pub fn author_kind(&self, peer: &Peer) -> AuthorKind {
        let Some(authors) = &self.authors else { return AuthorKind::Human };
        if authors.ai.includes(peer) {
            AuthorKind::Ai
        } else if authors.human.includes(peer) {
            AuthorKind::Human
        } else {
            AuthorKind::Unknown
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RIGHTS: [Right; 6] =
        [Right::Read, Right::Runtime, Right::Deploy, Right::Accept, Right::Approve, Right::Admin];

    fn peer(uid: u32, gids: &[u32]) -> Peer {
        Peer { uid, gids: gids.to_vec() }
    }

    fn rights(access: &Access, peer: &Peer) -> Vec<&'static str> {
        RIGHTS.iter().filter(|it| access.allows(peer, **it)).map(|it| it.as_str()).collect()
    }

    #[test]
    fn without_configuration() {
        let access = Access::of_daemon(200, 300);
        let all = ["read", "runtime", "deploy", "accept", "approve", "admin"];
        assert_eq!(rights(&access, &peer(0, &[0])), all);
        assert_eq!(rights(&access, &peer(200, &[300])), all);
        assert_eq!(rights(&access, &peer(201, &[5, 300])), ["read", "runtime"]);
        assert_eq!(rights(&access, &peer(201, &[5])), [""; 0]);
        assert!(!access.names_others(200, 300) && access.names_others(201, 300));
        assert!(access.names_others(200, 301));
        assert_eq!(access.author_kind(&peer(201, &[5])), AuthorKind::Human);
    }

    #[test]
    fn nobody_never_has_a_right() {
        let everybody = Who { uids: [OVERFLOW_UID].into(), gids: [7].into() };
        let access = Access { read: everybody, ..Access::of_daemon(OVERFLOW_UID, 7) };
        assert_eq!(rights(&access, &peer(OVERFLOW_UID, &[7])), [""; 0]);
    }

    #[test]
    fn an_author_is_what_the_channel_allows() {
        let human = Who { uids: [1, 3].into(), gids: [50].into() };
        let ai = Who { uids: [2, 3].into(), gids: BTreeSet::new() };
        let access = Access { authors: Some(Authors { human, ai }), ..Access::of_daemon(200, 300) };
        for (uid, gids, kind) in [
            (1, vec![], AuthorKind::Human),
            (9, vec![50], AuthorKind::Human),
            (2, vec![50], AuthorKind::Ai),
            (3, vec![], AuthorKind::Ai),
            (0, vec![], AuthorKind::Unknown),
            (OVERFLOW_UID, vec![50], AuthorKind::Unknown),
        ] {
            assert_eq!(access.author_kind(&Peer { uid, gids }), kind, "{uid}");
        }
    }
}
