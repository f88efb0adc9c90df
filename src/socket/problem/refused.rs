//! Why a request cannot be granted, as an answer that says what to do next.

use super::{Code, Problem};
use crate::model::{NotBase, Refusal};

impl From<Refusal> for Problem {
    #[expect(clippy::too_many_lines, reason = "one arm for each refusal")]
    fn from(it: Refusal) -> Self {
        let said = it.to_string();
        match it {
            Refusal::NoSuchTool(id) => Self::no_such_tool(&id),
            Refusal::NoSuchRuntime(name) => Self::no_such_runtime(&name),
            Refusal::DiskIsNot { tool, wanted, found } => Self::new(Code::Conflict, said)
                .hint(format!("look at GET /v1/diff/{tool}, then name the hash that is there now"))
                .with("tool", tool.as_str())
                .with("wanted", wanted.to_string())
                .with("current", found.map(|it| it.to_string())),
            Refusal::CannotRead { tool, cause } => Self::new(Code::Conflict, said)
                .with("tool", tool.as_str())
                .with("cause", cause.as_str()),
            Refusal::NotATool(tool) => Self::invalid(said).with("tool", tool.as_str()),
            Refusal::Conflict(bases) => Self::new(Code::Conflict, said).with("tools", names(&bases)),
            Refusal::DeployOpen { tool, deploy } => Self::new(Code::DeployOpen, said)
                .hint(format!(
                    "GET /v1/deploys/{deploy} says how far it is; POST /v1/deploys/{deploy}/abort gives it up"
                ))
                .with("tool", tool.as_str())
                .with("deploy", deploy.0),
            Refusal::Quarantined { tool, digest } => Self::new(Code::Quarantined, said)
                .hint(
                    "deploy another content; a human may deploy this one with \"force\": true and a message",
                )
                .with("tool", tool.as_str())
                .with("sha256", digest.to_string()),
            Refusal::SafetyStop { root, .. } => Self::new(Code::SafetyStop, said)
                .hint("bring the files back, restore them, or accept that they are gone")
                .with("root", root.as_str()),
            Refusal::RootReadOnly { root, .. } => Self::new(Code::RootReadOnly, said)
                .hint(
                    "under systemd, the drop-in writable-roots.conf opens it (ReadWritePaths=) and says which rights its files need",
                )
                .with("root", root.as_str()),
            Refusal::CannotKeepOwner { tool, .. } => Self::new(Code::CannotKeepOwner, said)
                .hint(
                    "under systemd, the drop-in other-owners.conf gives the daemon CAP_CHOWN and CAP_FOWNER",
                )
                .with("tool", tool.as_str()),
            Refusal::Obstructed { tool, .. } => {
                Self::new(Code::Conflict, said).with("tool", tool.as_str())
            }
            Refusal::StageFull(_) => Self::new(Code::DiskFull, said),
            Refusal::Stage(_) => Self::new(Code::Internal, said),
            Refusal::NoSuchDeploy(_) => {
                Self::new(Code::NoSuchDeploy, said).hint("GET /v1/deploys lists them")
            }
            Refusal::NotInState { deploy, state, .. } => Self::new(Code::NotInState, said)
                .with("deploy", deploy.0)
                .with("state", state.as_str()),
            Refusal::JudgedAnew { deploy, now, .. } => Self::new(Code::NotInState, said)
                .hint(format!("look at GET /v1/deploys/{deploy}, then approve that with its as_of"))
                .with("deploy", deploy.0)
                .with("as_of", now.0),
            Refusal::NotByAi(_) => Self::new(Code::Forbidden, said),
            Refusal::OnlyByHuman(_) => Self::new(Code::Forbidden, said)
                .hint("the key authors.human says who is a person")
                .with("config_key", "authors.human"),
            Refusal::NotWaived { tool, .. } => Self::invalid(said)
                .hint(format!("GET /v1/class/{tool} lists what was"))
                .with("tool", tool.as_str()),
            Refusal::CoolDown { tool, after_ms } => Self::new(Code::CoolDown, said)
                .hint("let a person look at it, or wait")
                .with("tool", tool.as_str())
                .with("retry_after_ms", after_ms),
            Refusal::KeyReused { .. } => Self::invalid(said),
        }
    }
}

fn names(bases: &[NotBase]) -> Vec<&str> {
    bases.iter().map(|it| it.tool.as_str()).collect()
}
