//! What a runtime reports, and what is said about it.

use std::{collections::BTreeMap, fmt};

use schemars::JsonSchema;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error as _, MapAccess, Visitor},
};

use super::{Invalid, duration};
use crate::model::{Digest, ToolId};

/// Replaces the runtime's former report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// Tool id → sha256 of the content that is loaded.
    #[serde(default, deserialize_with = "each_once")]
    pub loaded: BTreeMap<String, String>,
    /// Tool id → why it could not be loaded, at most 8,192 bytes.
    #[serde(default, deserialize_with = "each_once", skip_serializing_if = "BTreeMap::is_empty")]
    pub failed: BTreeMap<String, String>,
    /// The report counts for this long, `1s` to `24h`. Default: `60s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<String>,
}

/// A report, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reported {
    pub loaded: BTreeMap<ToolId, Digest>,
    pub failed: BTreeMap<ToolId, String>,
    pub ttl_ms: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RuntimeState {
    pub runtime: String,
    /// How many tools it has loaded.
    pub loaded: u64,
    /// Loaded other than expected.
    pub stale: Vec<StaleLoad>,
    pub failed: Vec<FailedLoad>,
    /// On disk, not loaded by it; the first 1,000 of them.
    pub not_loaded: Vec<String>,
    /// How many those are.
    pub not_loaded_count: u64,
    /// When it last said something new.
    pub reported: String,
    pub ttl_ms: u64,
    pub as_of: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StaleLoad {
    pub tool: String,
    /// Null: a content that was never recorded here.
    pub loaded: Option<u32>,
    pub loaded_sha256: String,
    /// Null without a hash: nothing is expected of the tool, it was removed or never accepted. With one: a content that was
    /// never recorded here.
    pub expected: Option<u32>,
    pub expected_sha256: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FailedLoad {
    pub tool: String,
    pub message: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Forgotten {
    pub as_of: u64,
}

const LONGEST_MESSAGE: usize = 8192;

impl Report {
    pub fn checked(self) -> Result<Reported, Invalid> {
        let mut loaded = BTreeMap::new();
        for (id, sha256) in self.loaded {
            let digest = sha256
                .parse::<Digest>()
                .map_err(|bad| Invalid::new(format!("loaded[{id:?}]"), bad.to_string()))?;
            loaded.insert(tool("loaded", &id)?, digest);
        }
        let mut failed = BTreeMap::new();
        for (id, message) in self.failed {
            if message.len() > LONGEST_MESSAGE {
                let why = format!("is longer than {LONGEST_MESSAGE} bytes");
                return Err(Invalid::new(format!("failed[{id:?}]"), why));
            }
            failed.insert(tool("failed", &id)?, message);
        }
        let ttl = duration(self.ttl.as_deref().unwrap_or("60s"));
        let ttl_ms = ttl.and_then(|it| u64::try_from(it.as_millis()).ok());
        let ttl_ms = ttl_ms.filter(|it| (1000..=86_400_000).contains(it)).ok_or_else(|| {
            Invalid::new("ttl", "must be a number with a unit (ms, s, m, h) from `1s` to `24h`")
        })?;
        Ok(Reported { loaded, failed, ttl_ms })
    }
}

fn tool(field: &str, id: &str) -> Result<ToolId, Invalid> {
    id.parse().map_err(|bad: crate::model::BadId| {
        Invalid::new(format!("{field}[{id:?}]"), bad.to_string())
    })
}

/// A map that names each key once. Of two values for one key nobody knows which was meant.
fn each_once<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, String>, D::Error> {
    struct EachOnce;
    impl<'de> Visitor<'de> for EachOnce {
        type Value = BTreeMap<String, String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object of strings")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut all = BTreeMap::new();
            while let Some((key, value)) = map.next_entry::<String, String>()? {
                if all.contains_key(&key) {
                    return Err(A::Error::custom(format_args!("{key:?} stands there twice")));
                }
                all.insert(key, value);
            }
            Ok(all)
        }
    }
    from.deserialize_map(EachOnce)
}
