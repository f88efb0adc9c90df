//! `confirm`, `approve` and `abort`: what is said to a deploy that waits for it.

use serde::Serialize;
use serde_json::Value;

use super::{outcome, refusal};
use crate::{
    cli::{
        args::{ApproveArgs, DecisionArgs},
        client::{Client, Target, Wait},
        exit::Exit,
        failure::Failure,
        print::Out,
        view,
    },
    wire::{ApproveRequest, DecisionRequest},
};

pub(super) fn run(
    word: &str,
    args: &DecisionArgs,
    client: &Client,
    out: &mut Out,
) -> Result<Exit, Failure> {
    let request = DecisionRequest {
        message: args.message.clone(),
        author: outcome::claim(args.author.as_deref())?,
    };
    let answer = say(word, args.number, &request, client, out)?;
    let exit = outcome::finish(&answer, out);
    // Whoever gives up a deploy wants it to end so.
    let given_up = matches!(view::text(&answer, "/state"), "aborted" | "rolled_back");
    Ok(if word == "abort" && given_up { Exit::Ok } else { exit })
}

/// Lets it go on; with `as_of` only if it is still what was looked at.
pub(super) fn approve(args: &ApproveArgs, client: &Client, out: &mut Out) -> Result<Exit, Failure> {
    let ApproveArgs { decision, as_of } = args;
    let request = ApproveRequest {
        message: decision.message.clone(),
        author: outcome::claim(decision.author.as_deref())?,
        as_of: *as_of,
    };
    let answer = say("approve", decision.number, &request, client, out)?;
    Ok(outcome::finish(&answer, out))
}

fn say(
    word: &str,
    number: u64,
    request: &impl Serialize,
    client: &Client,
    out: &mut Out,
) -> Result<Value, Failure> {
    let target = Target::new(&format!("/v1/deploys/{number}/{word}"));
    let answer = client.post(&target, &outcome::body(request)?, Wait::Long);
    answer.map_err(|it| refusal::told(it, None, out))
}
