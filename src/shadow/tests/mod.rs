//! How shadow runs are judged: every row of the tables, what must hold whatever is compared, and how often chance is
//! taken for a change.

mod choices;
mod inputs;
mod noise;
mod properties;
mod verdicts;

use super::{
    choice::Input,
    seen::{Effect, ErrorSeen, RunSeen, Status},
    triage::Compared,
    value::Value,
};

fn answered(value: Value) -> RunSeen {
    RunSeen { value, ..RunSeen::default() }
}

fn number(it: i64) -> RunSeen {
    answered(Value::Integer(it))
}

fn failed(status: Status, kind: &str) -> RunSeen {
    let error = ErrorSeen { kind: kind.to_owned(), message: "m".to_owned(), frames: Vec::new() };
    RunSeen { status, error: Some(error), ..RunSeen::default() }
}

fn using(mut run: RunSeen, capability: &str) -> RunSeen {
    run.effects.insert(Effect { capability: capability.to_owned(), place: "$WORK".to_owned() });
    run
}

fn compared(control: &[RunSeen], candidate: &[RunSeen]) -> Compared {
    Compared { input: Input::default(), control: control.to_vec(), candidate: candidate.to_vec() }
}

/// The same each time.
fn thrice(control: &RunSeen, candidate: &RunSeen) -> Compared {
    compared(
        &[control.clone(), control.clone(), control.clone()],
        &[candidate.clone(), candidate.clone(), candidate.clone()],
    )
}
