//! Requests: what somebody wants to become true, and what they are told. Whoever proposes a deploy waits until its contents
//! stand beside the live files; all others are answered with the round that took their request.

use tokio::sync::oneshot;

use super::{
    handle::{Answer, Granted},
    mailbox::Request,
    reconciler::Reconciler,
    round::{Decided, Round},
};
use crate::{
    decide::{self, Command, Input},
    model::Origin,
};

impl Reconciler {
    pub(super) fn request(&mut self, request: Request, round: &mut Round) {
        let first = round.group.records.len();
        if let Command::Propose { proposal, .. } = &request.command
            && let Err(refusal) = decide::cool_down(&self.state, proposal, self.wall_clock())
        {
            round.granted.push((request.reply, Ok(Err(refusal))));
            return;
        }
        if let Command::Report { runtime, ttl_ms, .. } = &request.command {
            self.leases.renew(runtime, round.now, *ttl_ms);
        }
        // Whoever reports does not wait for what follows from it.
        let waits = !matches!(request.command, Command::Report { .. });
        let decided = self.decide(Input::Request(request.command), Origin::Watch, round);
        if waits && !decided.stages.is_empty() {
            self.wait_for_stage(request.reply, decided.stages, round);
        } else {
            self.answer(request.reply, decided, first, round);
        }
    }

    /// With what became true since the record at `first`.
    pub(super) fn answer(
        &mut self,
        reply: oneshot::Sender<Answer>,
        decided: Decided,
        first: usize,
        round: &mut Round,
    ) {
        let records = round.group.records.get(first..).unwrap_or_default().to_vec();
        let Decided { refusal, known, rehearsal, stages, .. } = decided;
        self.stage_unasked(stages, round);
        let began = records.iter().find_map(|it| it.fact.deploy());
        let deploy = known.or(began);
        let answer = match refusal {
            Some(refusal) => Err(refusal),
            None => Ok(Granted { as_of: self.state.head, deploy, rehearsal, records }),
        };
        round.granted.push((reply, Ok(answer)));
    }
}
