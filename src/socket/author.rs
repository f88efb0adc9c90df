//! Who a request comes from: what the channel allows, and what the request says of itself.

use super::{call::Call, problem::Problem};
use crate::{model::Author, wire::Claim};

pub(super) struct Authorship {
    pub(super) author: Author,
    /// What the request said, where that is more than the channel allows.
    pub(super) claimed: Option<Author>,
}

pub(super) fn authorship(call: &Call, claim: Option<Claim>) -> Result<Authorship, Problem> {
    let channel = call.service.settings().access.author_kind(&call.caller.peer);
    let said = claim.as_ref().map(|it| Author { kind: it.kind.into(), name: it.name.clone() });
    let author = Claim::through(claim, channel, call.caller.user.clone())?;
    Ok(Authorship { author, claimed: said.filter(|it| it.kind > channel) })
}
