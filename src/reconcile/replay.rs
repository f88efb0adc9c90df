//! What the crew does to tell a version from the world: the inputs that failed and the contents of both versions, for the
//! runner. What is missing is an answer, too.

use super::works::Works;
use crate::{
    decide::ReplayOrder,
    model::{Digest, Replayed},
    ports::{Archive, Inputs, Shadow, StopFlag, Trial},
};

/// Different inputs that are run at most.
const MOST_INPUTS: usize = 5;

pub(super) fn replay(
    works: &Works,
    archive: &dyn Archive,
    order: &ReplayOrder,
    stop: &StopFlag,
) -> Replayed {
    run((&*works.shadow, &*works.inputs), archive, order, stop)
}

fn run(
    (shadow, inputs): (&dyn Shadow, &dyn Inputs),
    archive: &dyn Archive,
    order: &ReplayOrder,
    stop: &StopFlag,
) -> Replayed {
    let inputs = inputs.failing(&order.tool, &order.new, MOST_INPUTS);
    if inputs.is_empty() {
        return Replayed::Cannot("no input of a failed call was kept".to_owned());
    }
    let content = |digest: Digest| match archive.content(&digest) {
        Ok(Some(bytes)) => Ok((digest, bytes)),
        Ok(None) => Err(format!("the content {digest} is not in the log")),
        Err(error) => Err(error.to_string()),
    };
    match content(order.old).and_then(|old| Ok((old, content(order.new)?))) {
        Ok((old, new)) => {
            shadow.replay(&Trial { tool: order.tool.clone(), old, new, inputs }, stop)
        }
        Err(why) => Replayed::Cannot(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{Packed, ReplayTable, ToolId},
        ports::{Batch, NoInputs, NoShadow, RecordedInput},
        store::memory::MemoryStore,
    };

    /// Fails on the new version alone.
    struct Fake;

    impl Shadow for Fake {
        fn replay(&self, trial: &Trial, _: &StopFlag) -> Replayed {
            assert_eq!((&*trial.old.1, &*trial.new.1), (&b"one"[..], &b"two"[..]));
            let runs = 2 * u32::try_from(trial.inputs.len()).unwrap();
            Replayed::Table(ReplayTable { runs, new: runs, old: 0 })
        }
    }

    struct Kept;

    impl Inputs for Kept {
        fn record(&self, _: &ToolId, _: Vec<RecordedInput>) {}

        fn inputs(&self, _: &ToolId, _: usize) -> Vec<RecordedInput> {
            Vec::new()
        }

        fn failing(&self, _: &ToolId, version: &Digest, most: usize) -> Vec<RecordedInput> {
            let input = RecordedInput {
                args: "{}".to_owned(),
                digest: Digest([9; 32]),
                failed: true,
                version: *version,
            };
            vec![input; most]
        }
    }

    #[test]
    fn the_runner_gets_both_contents_and_what_failed_or_says_why_not() {
        let mut opened = MemoryStore::default().reopen();
        let packed =
            |number: u8, text: &[u8]| -> Packed { opened.pack.pack(Digest([number; 32]), text) };
        let contents = vec![packed(1, b"one"), packed(2, b"two")];
        opened.log.append(&Batch { contents, ..Batch::default() }).unwrap();
        let order = |old: u8| ReplayOrder {
            tool: "t/a".parse().unwrap(),
            old: Digest([old; 32]),
            new: Digest([2; 32]),
        };
        let stop = StopFlag::default();
        let tried = |with: (&dyn Shadow, &dyn Inputs), old: u8| {
            run(with, &*opened.archive, &order(old), &stop)
        };
        let table = ReplayTable { runs: 10, new: 10, old: 0 };
        assert_eq!(tried((&Fake, &Kept), 1), Replayed::Table(table));
        for (with, old, why) in [
            ((&Fake as &dyn Shadow, &NoInputs as &dyn Inputs), 1, "no input"),
            ((&Fake, &Kept), 7, "is not in the log"),
            ((&NoShadow, &Kept), 1, "no runner"),
        ] {
            let Replayed::Cannot(said) = tried(with, old) else { panic!("{why}") };
            assert!(said.contains(why), "{said}");
        }
    }
}
