//! Takes one part out again. An edit made meanwhile stays live: nothing is put over it, and it is handed out.

use super::{Hitch, Met, Names, Part, Side, Standing, Stuck};

/// How often somebody may come between two exchanges before it is left at that. What is out by then was handed out.
const ROUNDS: usize = 100;

pub(super) fn part<N: Names>(part: &mut Part<'_, N>, met: &mut Met) -> Result<(), Stuck> {
    match (part.change.base, part.change.to) {
        (Some(_), Some(_)) => change(part, met),
        (None, Some(_)) => create(part, met),
        (Some(_), None) => delete(part, met),
        (None, None) => Ok(()),
    }
}

/// Exchanges until what comes out is what was put in the time before: then the newest of the others is live.
fn change<N: Names>(part: &mut Part<'_, N>, met: &mut Met) -> Result<(), Stuck> {
    let live = part.look(Side::Live);
    let mut out = part.look(Side::Staged);
    if !part.is_as_staged(&live) || out == Standing::Nothing {
        part.meet(&live, met);
        part.leave_out(&out, met);
        return Ok(());
    }
    let mut in_place = live;
    for _ in 0..ROUNDS {
        part.leave_out(&out, met);
        match part.exchange() {
            Ok(()) => (),
            // It was removed: that is the newest that anybody did.
            Err(Hitch::Missing) => return Ok(()),
            Err(hitch) => return Err(stuck(part, hitch)),
        }
        let came = part.look(Side::Staged);
        if came.is_still(&in_place) {
            part.leave_out(&came, met);
            return Ok(());
        }
        in_place = std::mem::replace(&mut out, came);
    }
    part.leave_out(&out, met);
    Ok(())
}

fn create<N: Names>(part: &mut Part<'_, N>, met: &mut Met) -> Result<(), Stuck> {
    let live = part.look(Side::Live);
    if !part.is_as_staged(&live) {
        part.meet(&live, met);
        return Ok(());
    }
    match part.take() {
        Ok(()) => (),
        Err(Hitch::Missing) => return Ok(()),
        Err(hitch) => return Err(stuck(part, hitch)),
    }
    let out = part.look(Side::Staged);
    part.leave_out(&out, met);
    if part.is_as_staged(&out) {
        return Ok(());
    }
    put_back(part, met)
}

fn delete<N: Names>(part: &mut Part<'_, N>, met: &mut Met) -> Result<(), Stuck> {
    let out = part.look(Side::Staged);
    part.leave_out(&out, met);
    if out == Standing::Nothing {
        return Ok(());
    }
    put_back(part, met)
}

/// Something new in its place stays there.
fn put_back<N: Names>(part: &mut Part<'_, N>, met: &mut Met) -> Result<(), Stuck> {
    match part.put() {
        Ok(()) | Err(Hitch::Missing) => Ok(()),
        Err(Hitch::Taken) => {
            let live = part.look(Side::Live);
            part.meet(&live, met);
            Ok(())
        }
        Err(hitch) => Err(stuck(part, hitch)),
    }
}

fn stuck<N: Names>(part: &Part<'_, N>, hitch: Hitch) -> Stuck {
    let tool = &part.change.tool;
    Stuck(match hitch {
        Hitch::Missing => format!("undoing {tool}: what stood there is gone"),
        Hitch::Taken => format!("undoing {tool}: the stage's name for it is taken"),
        Hitch::Failed(why) => why,
    })
}
