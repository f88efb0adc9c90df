//! Puts one part in place. A look before disturbs nobody where it is plain that somebody else was there; only the
//! look after counts, because nobody can come between it and the rename.

use super::{Hitch, Met, Names, Part, Side, Standing, Stop, back};

/// What could not be put in place is as it was.
pub(super) fn part<N: Names>(part: &mut Part<'_, N>, met: &mut Met) -> Result<(), Stop> {
    match (part.change.base, part.change.to) {
        (Some(_), Some(_)) => change(part, met),
        (None, Some(_)) => create(part, met),
        (Some(_), None) => delete(part, met),
        (None, None) => nothing(part, met),
    }
}

fn change<N: Names>(part: &mut Part<'_, N>, met: &mut Met) -> Result<(), Stop> {
    is_staged(part)?;
    is_base(part, met)?;
    match part.exchange() {
        Ok(()) => (),
        Err(Hitch::Missing) => {
            // The live one: ours cannot be reached by others.
            is_staged(part)?;
            return Err(part.conflict());
        }
        Err(hitch) => return Err(failed(part, hitch)),
    }
    let out = part.look(Side::Staged);
    let live = part.look(Side::Live);
    if part.is_base(&out) && part.is_ours(&live) {
        return Ok(());
    }
    // It may be written to before it is looked at again.
    part.meet(&out, met);
    back::part(part, met)?;
    Err(part.conflict())
}

fn create<N: Names>(part: &mut Part<'_, N>, met: &mut Met) -> Result<(), Stop> {
    is_staged(part)?;
    match part.put() {
        Ok(()) => Ok(()),
        Err(Hitch::Taken) => {
            let live = part.look(Side::Live);
            part.meet(&live, met);
            Err(part.conflict())
        }
        Err(hitch) => Err(failed(part, hitch)),
    }
}

fn delete<N: Names>(part: &mut Part<'_, N>, met: &mut Met) -> Result<(), Stop> {
    is_base(part, met)?;
    match part.take() {
        Ok(()) => (),
        Err(Hitch::Missing) => return Err(part.conflict()),
        Err(hitch) => return Err(failed(part, hitch)),
    }
    let out = part.look(Side::Staged);
    if part.is_base(&out) {
        return Ok(());
    }
    part.meet(&out, met);
    back::part(part, met)?;
    Err(part.conflict())
}

/// What is to go is gone already.
fn nothing<N: Names>(part: &mut Part<'_, N>, met: &mut Met) -> Result<(), Stop> {
    let live = part.look(Side::Live);
    part.meet(&live, met);
    if live == Standing::Nothing { Ok(()) } else { Err(part.conflict()) }
}

fn is_base<N: Names>(part: &mut Part<'_, N>, met: &mut Met) -> Result<(), Stop> {
    let live = part.look(Side::Live);
    if part.is_base(&live) {
        return Ok(());
    }
    part.meet(&live, met);
    Err(part.conflict())
}

/// Whatever was run to verify it may have written to it.
fn is_staged<N: Names>(part: &mut Part<'_, N>) -> Result<(), Stop> {
    let staged = part.look(Side::Staged);
    if part.is_as_staged(&staged) {
        return Ok(());
    }
    Err(Stop::Failed(format!(
        "what was staged for {} is not there any more as it was written; deploy it again",
        part.change.tool
    )))
}

fn failed<N: Names>(part: &Part<'_, N>, hitch: Hitch) -> Stop {
    let tool = &part.change.tool;
    Stop::Failed(match hitch {
        Hitch::Missing => format!("what was staged for {tool} is gone; deploy it again"),
        Hitch::Taken => format!("the stage's name for {tool} is taken; deploy it again"),
        Hitch::Failed(why) => why,
    })
}
