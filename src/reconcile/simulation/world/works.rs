//! What the dice do with deploys: somebody stages, verifies, goes on with a switch by one call, is heard; somebody writes
//! to a file that came out; clocks are set.

use std::{sync::atomic::Ordering, time::Duration};

use super::{Sim, check, dice::Dice};
use crate::{
    model::{DeployState, Timestamp},
    reconcile::simulation::{
        crew::FakeCrew,
        disk::{Content, digest},
    },
};

impl Sim {
    pub(in super::super) fn stage_one(&mut self, dice: &mut Dice) {
        self.crew.stage_one(dice);
        self.worked();
    }

    pub(in super::super) fn judge_one(&mut self, dice: &mut Dice) {
        self.crew.judge_one(dice);
        self.worked();
    }

    pub(in super::super) fn switch_on(&mut self) {
        self.crew.switch_on();
        self.worked();
    }

    pub(in super::super) fn hear_the_crew(&mut self, dice: &mut Dice) {
        for _ in 0..=dice.roll(2) {
            self.done.extend(self.crew.done.pop_front());
        }
    }

    /// Whoever has a file open that came out writes the rest and closes it; or writes, and stays.
    pub(in super::super) fn write_late(&mut self, dice: &mut Dice) {
        let content = self.content();
        let mut disk = self.disk.lock().unwrap();
        let stays = dice.roll(3) == 0;
        let mut held = disk.held_away();
        if held.is_empty() {
            return;
        }
        let at = usize::try_from(dice.roll(held.len() as u64)).unwrap();
        let away = &mut *held[at];
        away.file.content = if stays { Content::Part(u32::MAX - 1) } else { content };
        away.file.writer = stays;
        away.held.push(digest(away.file.content));
        let (tool, file) = (away.tool.clone(), away.file);
        if !stays {
            disk.stood_there(&tool, file);
        }
        drop(disk);
        self.tell(|| format!("late into {tool}: {file:?}"));
    }

    pub(in super::super) fn close_all_late(&mut self) {
        loop {
            let content = self.content();
            let mut disk = self.disk.lock().unwrap();
            let Some(away) = disk.held_away().pop() else { return };
            away.file.content = content;
            away.file.writer = false;
            away.held.push(digest(content));
            let (tool, file) = (away.tool.clone(), away.file);
            disk.stood_there(&tool, file);
        }
    }

    pub(in super::super) fn set_the_clock(&mut self, dice: &mut Dice) {
        if dice.roll(6) == 0 {
            let seconds = i64::try_from(dice.roll(120)).unwrap() - 60;
            let was = self.wall.fetch_add(seconds * 1_000_000, Ordering::Relaxed);
            self.clock_was.push((self.reconciler.state.head, Timestamp(was)));
        }
    }

    /// Everything that those who work can do now; whether that was anything.
    pub(super) fn work_all(&mut self) -> bool {
        let mut dice = Dice::new(self.inner_dice.roll(u64::MAX));
        let mut worked = false;
        while self.crew.stage_one(&mut dice)
            || self.crew.judge_one(&mut dice)
            || self.crew.switch_on()
        {
            worked = true;
            self.worked();
        }
        self.done.extend(self.crew.done.drain(..));
        worked || !self.done.is_empty()
    }

    fn worked(&mut self) {
        self.note_hints();
        check::deploys::erased(self);
        if self.prompt {
            self.notice_all();
        }
    }

    /// The process that was is no more: what it had in hand stays as it lies.
    pub(super) fn new_crew(&mut self, away: Duration) {
        let passed = i64::try_from(away.as_micros()).unwrap();
        self.wall.fetch_add(passed, Ordering::Relaxed);
        self.crew =
            FakeCrew::new(self.seed, &self.disk, &self.archive, &mut self.inner_dice, self.prompt);
        self.done.clear();
        // What is away cannot be settled: whoever starts it again has seen to that.
        let mut open = self.reconciler.state.open_deploys();
        let settles = open.any(|it| it.state == DeployState::Switching);
        let mut disk = self.disk.lock().unwrap();
        if settles && !disk.there {
            disk.go_or_come();
        }
        disk.left_behind.clear();
    }

    /// What is due is taken back, also where the wall clock was set meanwhile.
    pub(super) fn keep_deadlines(&mut self) {
        for _ in 0..6 {
            if check::deploys::overdue(self).is_empty() {
                break;
            }
            self.be_at(self.now + Duration::from_secs(31));
            self.quiet();
        }
        // In half of the histories all deadlines come.
        if self.inner_dice.roll(2) == 0 {
            for _ in 0..8 {
                self.be_at(self.now + Duration::from_secs(31));
                self.quiet();
            }
        }
    }
}
