//! Why a deploy cannot begin or go on, as answers that say what to do next.

use super::{Code, Problem};
use crate::model::{NotBase, Refusal};

pub(super) fn deploy(it: Refusal) -> Problem {
    match it {
        Refusal::NotATool(tool) => Problem::invalid(format!(
            "{tool} would be no tool: its root is not configured, or its globs do not name it"
        ))
        .with("tool", tool.as_str()),
        Refusal::Conflict(bases) => conflict(&bases),
        Refusal::DeployOpen { tool, deploy } => {
            Problem::new(Code::DeployOpen, format!("deploy {deploy} of {tool} is on its way"))
                .hint(format!("GET /v1/deploys/{deploy} says how far it is; POST /v1/deploys/{deploy}/abort gives it up"))
                .with("tool", tool.as_str())
                .with("deploy", deploy.0)
        }
        Refusal::Quarantined { tool, digest } => Problem::new(
            Code::Quarantined,
            format!("{digest} of {tool} was taken out of circulation after it did harm"),
        )
        .hint("deploy another content; a human may deploy this one with \"force\": true and a message")
        .with("tool", tool.as_str())
        .with("sha256", digest.to_string()),
        Refusal::SafetyStop { root, cause } => Problem::new(
            Code::SafetyStop,
            format!("the root {root} is stopped ({}): many of its tools are missing", cause.as_str()),
        )
        .hint("bring the files back, restore them, or accept that they are gone")
        .with("root", root.as_str()),
        Refusal::RootReadOnly { root, why } => {
            Problem::new(Code::RootReadOnly, format!("the root {root} cannot be written: {why}"))
                .hint("under systemd, the drop-in writable-roots.conf opens it (ReadWritePaths=)")
                .with("root", root.as_str())
        }
        Refusal::CannotKeepOwner { tool, why } => Problem::new(Code::CannotKeepOwner, why)
            .hint("under systemd, the drop-in other-owners.conf gives the daemon CAP_CHOWN and CAP_FOWNER")
            .with("tool", tool.as_str()),
        Refusal::Obstructed { tool, why } => {
            Problem::new(Code::Conflict, format!("{tool}: {why}")).with("tool", tool.as_str())
        }
        Refusal::StageFull(why) => Problem::new(Code::DiskFull, why),
        Refusal::Stage(why) => Problem::new(Code::Internal, why),
        Refusal::NoSuchDeploy(deploy) => Problem::new(Code::NoSuchDeploy, format!("there is no deploy {deploy}"))
            .hint("GET /v1/deploys lists them"),
        Refusal::NotInState { deploy, state, wanted } => Problem::new(
            Code::NotInState,
            format!("deploy {deploy} is {}, not {wanted}", state.as_str()),
        )
        .with("deploy", deploy.0)
        .with("state", state.as_str()),
        Refusal::NotByAi(author) => Problem::new(Code::Forbidden, format!("{author} is an ai: somebody else has to")),
        Refusal::KeyReused { deploy } => Problem::invalid(format!(
            "this Idempotency-Key belongs to another request, which led to deploy {deploy}"
        )),
        Refusal::CoolDown { tool, after_ms } => Problem::new(
            Code::CoolDown,
            format!("{tool} had three proposals of an ai rejected or rolled back within a day"),
        )
        .hint("let a person look at it, or wait")
        .with("tool", tool.as_str())
        .with("retry_after_ms", after_ms),
        other @ (Refusal::NoSuchTool(_)
        | Refusal::NoSuchRuntime(_)
        | Refusal::DiskIsNot { .. }
        | Refusal::CannotRead { .. }) => Problem::from(other),
    }
}

/// What is known without looking into the contents; who asks with contents gets more.
fn conflict(bases: &[NotBase]) -> Problem {
    let tools: Vec<&str> = bases.iter().map(|it| it.tool.as_str()).collect();
    Problem::new(Code::Conflict, format!("changed since its base: {}", tools.join(", ")))
        .with("tools", tools)
}
