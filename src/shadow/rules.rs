//! How two runs of one tool are compared, as its manifest says it.

use super::path::Pattern;

#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    pub ignore: Vec<Pattern>,
    /// Lists that are compared as multisets.
    pub unordered: Vec<Pattern>,
    /// `|a - b| <= tolerance * max(1, |a|, |b|)`.
    pub tolerance: Vec<(Pattern, f64)>,
    pub normalize: Normalize,
    pub compare: Vec<Part>,
    pub error: ErrorRule,
}

/// What is replaced in texts before they are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "a set of four")]
pub struct Normalize {
    pub timestamp: bool,
    pub uuid: bool,
    pub hexaddr: bool,
    pub tmppath: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Value,
    Error,
    Effects,
    Stdout,
    Stderr,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ErrorRule {
    Type,
    #[default]
    TypeAndNormalizedMessage,
    Exact,
}

impl Default for Normalize {
    fn default() -> Self {
        Self { timestamp: false, uuid: false, hexaddr: true, tmppath: true }
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            ignore: Vec::new(),
            unordered: Vec::new(),
            tolerance: Vec::new(),
            normalize: Normalize::default(),
            compare: vec![Part::Value, Part::Error, Part::Effects],
            error: ErrorRule::default(),
        }
    }
}

impl Part {
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "value" => Self::Value,
            "error" => Self::Error,
            "effects" => Self::Effects,
            "stdout" => Self::Stdout,
            "stderr" => Self::Stderr,
            _ => return None,
        })
    }
}

impl ErrorRule {
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "type" => Self::Type,
            "type+normalized_message" => Self::TypeAndNormalizedMessage,
            "exact" => Self::Exact,
            _ => return None,
        })
    }
}

impl Normalize {
    /// These and no others. `Err`: a name that is none.
    pub fn named<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, &'a str> {
        let mut all = Self { timestamp: false, uuid: false, hexaddr: false, tmppath: false };
        for name in names {
            match name {
                "timestamp" => all.timestamp = true,
                "uuid" => all.uuid = true,
                "hexaddr" => all.hexaddr = true,
                "tmppath" => all.tmppath = true,
                other => return Err(other),
            }
        }
        Ok(all)
    }
}
