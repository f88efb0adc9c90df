//! What a `[[root]]` says about verification → the rules of its checks. Whether programs are there is asked when they are
//! to run: they may come and go.

use std::{path::PathBuf, time::Duration};

use super::{
    finding::{Finding, Source},
    written::{Table, Value},
};
use crate::{model::RootName, ports::CheckRules};

/// A value that makes no sense is told, and the default stands for it.
pub(super) fn rules(
    source: &Source,
    table: &Table,
    root: &RootName,
    path: &std::path::Path,
    findings: &mut Vec<Finding>,
) -> CheckRules {
    let default = CheckRules::new(root.clone(), path.to_owned());
    let mut number = |key: &str, default: u64| {
        let Some(at) = table.get(source, key).filter(|it| it.setting.value != Value::Bad) else {
            return default;
        };
        at.setting.key.kind.number(&at.setting.value).unwrap_or_else(|it| {
            findings.push(at.finding(it));
            default
        })
    };
    let millis = u64::try_from(default.timeout.as_millis()).unwrap_or(u64::MAX);
    let timeout = Duration::from_millis(number("root.verify.timeout", millis));
    let memory = number("root.verify.memory", default.memory);
    let inside =
        |key: &str| -> Option<PathBuf> { Some(path.join(table.get(source, key)?.text()?)) };
    let command = table.get(source, "root.verify.command");
    let command = command.map(|at| at.items().iter().map(|it| it.text.clone()).collect());
    let probe = table.get(source, "root.verify.load_probe");
    CheckRules {
        command: command.unwrap_or_default(),
        timeout,
        memory,
        load_probe: probe.is_some_and(|it| it.setting.value == Value::Switch(true)),
        python: inside("root.python"),
        import_root: inside("root.import_root"),
        ..default
    }
}
