//! Those who wait for something to do, by what they can do: a job wakes nobody else. Holds no work, and looks at none.

use std::sync::Condvar;

use super::{crew::STAGERS, queues::Queues};

#[derive(Default)]
pub(super) struct Hands {
    pub(super) stage: Condvar,
    pub(super) verify: Condvar,
    pub(super) examine: Condvar,
    pub(super) replay: Condvar,
    pub(super) switch: Condvar,
    pub(super) follow: Condvar,
    pub(super) compare: Condvar,
}

impl Hands {
    /// As many as there is work for. Who was busy takes more when he is done; a call too many finds nobody.
    pub(super) fn wake(&self, queues: &Queues) {
        let waiting = [
            (queues.staging.len(), &self.stage),
            (queues.verifying.len(), &self.verify),
            (queues.examining.len(), &self.examine),
            (queues.replaying.len(), &self.replay),
            (queues.switching.len(), &self.switch),
            (queues.confirmed.len(), &self.follow),
        ];
        for (count, hands) in waiting {
            (0..count.min(STAGERS)).for_each(|_| hands.notify_one());
        }
    }

    pub(super) fn wake_all(&self) {
        let judge = [&self.stage, &self.verify, &self.examine, &self.replay];
        for hands in judge.into_iter().chain([&self.switch, &self.follow, &self.compare]) {
            hands.notify_all();
        }
    }
}
