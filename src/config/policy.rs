//! What a `[[root]]` says about its gates → the policy that deploys are held against. What is not said is as the table of keys
//! has it.

use sha2::{Digest as _, Sha256};

use super::{
    finding::{Finding, Source},
    keys::{self, Key},
    written::{Table, Value},
};
use crate::model::{Class, Column, Demand, Digest, Policy};

/// A value that makes no sense is told, and the default stands for it.
pub(super) fn policy(source: &Source, table: &Table, findings: &mut Vec<Finding>) -> Policy {
    let mut reader = Reader { source, table, findings, text: String::new() };
    let (ai, human) = (reader.column("ai"), reader.column("human"));
    let approval_ms = reader.number("root.policy.approval_expires");
    let digest = Digest(Sha256::digest(&reader.text).into());
    Policy { ai, human, approval_ms, digest }
}

struct Reader<'a> {
    source: &'a Source,
    table: &'a Table,
    findings: &'a mut Vec<Finding>,
    /// All values, one a line: what the digest is of.
    text: String,
}

impl Reader<'_> {
    fn column(&mut self, who: &str) -> Column {
        let classes = Class::ALL.map(|it| self.demand(who, it.as_str()));
        let (widened, deleted) = (self.demand(who, "widened"), self.demand(who, "deleted"));
        Column { classes, widened, deleted }
    }

    fn demand(&mut self, who: &str, what: &str) -> Demand {
        let path = format!("root.policy.{who}.{what}");
        let given = self.table.get(self.source, &path);
        let text = given.as_ref().and_then(super::written::At::text).map(str::to_owned);
        let named = text.as_deref().map(demand);
        if let (Some(at), Some(None)) = (&given, named) {
            let message = format!(
                "{:?} is none of verify, advise, shadow, approve",
                at.text().unwrap_or_default()
            );
            self.findings.push(at.finding(message));
        }
        // Every key of the policy has a default, which a test reads.
        let it = named.flatten().or_else(|| demand(default(&path)?.trim_matches('"')));
        let it = it.unwrap_or(Demand::Approve);
        self.note(&path, it.as_str());
        it
    }

    fn number(&mut self, path: &str) -> u64 {
        let given = self.table.get(self.source, path);
        let given = given.filter(|it| it.setting.value != Value::Bad);
        let read = |key: &Key, value: &Value| key.kind.number(value);
        let number = match &given {
            Some(at) => read(at.setting.key, &at.setting.value)
                .map_err(|it| self.findings.push(at.finding(it)))
                .ok(),
            None => None,
        };
        let text = default(path).unwrap_or_default().trim_matches('"').to_owned();
        let usual = || read(keys::find(path)?, &Value::Text(text)).ok();
        let it = number.or_else(usual).unwrap_or_default();
        self.note(path, &it.to_string());
        it
    }

    fn note(&mut self, path: &str, value: &str) {
        let name = path.trim_start_matches("root.policy.");
        self.text.extend([name, "=", value, "\n"]);
    }
}

fn default(path: &str) -> Option<&'static str> {
    keys::find(path)?.default
}

fn demand(text: &str) -> Option<Demand> {
    Demand::ALL.into_iter().find(|it| it.as_str() == text)
}
