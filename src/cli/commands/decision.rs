//! `confirm`, `approve` and `abort`: what is said to a deploy that waits for it.

use super::{outcome, refusal};
use crate::{
    cli::{
        args::DecisionArgs,
        client::{Client, Target, Wait},
        exit::Exit,
        failure::Failure,
        print::Out,
        view,
    },
    wire::DecisionRequest,
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
    let target = Target::new(&format!("/v1/deploys/{}/{word}", args.number));
    let answer = client.post(&target, &outcome::body(&request)?, Wait::Long);
    let answer = answer.map_err(|it| refusal::told(it, None, out))?;
    let exit = outcome::finish(&answer, out);
    // Whoever gives up a deploy wants it to end so.
    let given_up = matches!(view::text(&answer, "/state"), "aborted" | "rolled_back");
    Ok(if word == "abort" && given_up { Exit::Ok } else { exit })
}
