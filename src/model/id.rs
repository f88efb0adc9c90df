//! Names of roots and tools. A path on disk is any bytes; an id is text that a person can type, a
//! URL can carry and a log line can show. The two map onto each other one to one: bytes that are
//! not UTF-8, control characters and `%` itself are written `%XX` in the id, nothing else is.

use std::{fmt, str::FromStr, sync::Arc};

/// The name of a watched directory: one path segment, `[a-z0-9][a-z0-9_-]*`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RootName(Arc<str>);

/// A path below a root, as the bytes that stand on disk: relative, no empty, `.` or `..` segment,
/// no NUL, at most 4,096 bytes and 255 a segment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelPath(Box<[u8]>);

/// `<root>/<path>` in its written form. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ToolId(Arc<str>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRoot(pub String);
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadPath(pub &'static str);
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadId(pub &'static str);

impl RootName {
    pub fn new(text: &str) -> Result<Self, BadRoot> {
        let first =
            text.bytes().next().is_some_and(|it| it.is_ascii_lowercase() || it.is_ascii_digit());
        let rest = text
            .bytes()
            .all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'_' || it == b'-');
        if first && rest && text.len() <= 64 {
            Ok(Self(text.into()))
        } else {
            Err(BadRoot(text.to_owned()))
        }
    }

    /// A name made from a directory's: lower case, what does not fit becomes `-`.
    pub fn from_directory(name: &str) -> Self {
        let mapped: String = name
            .chars()
            .map(|it| it.to_ascii_lowercase())
            .map(|it| if it.is_ascii_alphanumeric() || it == '_' || it == '-' { it } else { '-' })
            .take(64)
            .collect();
        let trimmed = mapped.trim_matches(['-', '_']);
        Self(if trimmed.is_empty() { "tools".into() } else { trimmed.into() })
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl RelPath {
    pub fn new(bytes: &[u8]) -> Result<Self, BadPath> {
        if bytes.is_empty() {
            return Err(BadPath("empty"));
        }
        if bytes.len() > 4096 {
            return Err(BadPath("longer than 4,096 bytes"));
        }
        if bytes.contains(&0) {
            return Err(BadPath("holds a NUL byte"));
        }
        for segment in bytes.split(|it| *it == b'/') {
            match segment {
                b"" => return Err(BadPath("absolute, or with an empty segment")),
                b"." | b".." => return Err(BadPath("with a `.` or `..` segment")),
                long if long.len() > 255 => return Err(BadPath("a segment over 255 bytes")),
                _ => (),
            }
        }
        Ok(Self(bytes.into()))
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub fn segments(&self) -> impl Iterator<Item = &[u8]> {
        self.0.split(|it| *it == b'/')
    }
}

impl ToolId {
    pub fn new(root: &RootName, path: &RelPath) -> Self {
        let mut text = String::with_capacity(root.0.len() + 1 + path.0.len());
        text.push_str(&root.0);
        text.push('/');
        encode(&path.0, &mut text);
        Self(text.into())
    }

    /// What every id in this root begins with.
    pub fn root_prefix(root: &RootName) -> String {
        format!("{}/", root.0)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn root(&self) -> RootName {
        RootName(self.0.split('/').next().unwrap_or_default().into())
    }

    /// The written path, without the root.
    pub fn shown_path(&self) -> &str {
        self.0.split_once('/').map_or("", |it| it.1)
    }

    /// The bytes on disk.
    /// Without the extension of its file: `tools/web/fetch`.
    pub fn stem(&self) -> &str {
        let text = self.as_str();
        let name = text.rfind('/').map_or(0, |it| it + 1);
        match text.rfind('.').filter(|dot| *dot > name) {
            Some(dot) => text.get(..dot).unwrap_or(text),
            None => text,
        }
    }

    pub fn path(&self) -> RelPath {
        RelPath(decode(self.shown_path().as_bytes()).unwrap_or_default().into())
    }

    pub fn is_in(&self, root: &RootName) -> bool {
        self.0.split_once('/').is_some_and(|it| it.0 == root.as_str())
    }

    /// Whether this is `other` or lies below it, by whole segments.
    pub fn is_under(&self, other: &Self) -> bool {
        self.0.strip_prefix(&*other.0).is_some_and(|it| it.is_empty() || it.starts_with('/'))
    }
}

impl std::borrow::Borrow<str> for ToolId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl FromStr for ToolId {
    type Err = BadId;

    /// Reads the written form, and refuses any text that is not the one way to write its path.
    fn from_str(text: &str) -> Result<Self, BadId> {
        let (root, path) = text.split_once('/').ok_or(BadId("not of the form <root>/<path>"))?;
        let root = RootName::new(root).map_err(|_| BadId("its root is not a root's name"))?;
        let bytes = decode(path.as_bytes()).ok_or(BadId("with a bad %XX escape"))?;
        let path = RelPath::new(&bytes).map_err(|it| BadId(it.0))?;
        let id = Self::new(&root, &path);
        if id.as_str() == text {
            Ok(id)
        } else {
            Err(BadId(
                "not written in its one form (only bytes that are not UTF-8, control characters and % are escaped, as %XX in upper case)",
            ))
        }
    }
}

fn encode(bytes: &[u8], out: &mut String) {
    for chunk in bytes.utf8_chunks() {
        for it in chunk.valid().chars() {
            if it == '%' || it.is_control() {
                let mut buffer = [0; 4];
                escape(it.encode_utf8(&mut buffer).as_bytes(), out);
            } else {
                out.push(it);
            }
        }
        escape(chunk.invalid(), out);
    }
}

fn escape(bytes: &[u8], out: &mut String) {
    const HEX: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    for byte in bytes {
        out.push('%');
        out.extend([byte >> 4, byte & 15].iter().filter_map(|it| HEX.get(usize::from(*it))));
    }
}

fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'%' {
            out.push(*first);
            continue;
        }
        let [high, low, tail @ ..] = rest else { return None };
        let digit = |it: u8| char::from(it).to_digit(16).and_then(|it| u8::try_from(it).ok());
        out.push(digit(*high)? << 4 | digit(*low)?);
        rest = tail;
    }
    Some(out)
}

impl fmt::Display for RootName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for ToolId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ToolId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for BadRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not a root's name: [a-z0-9][a-z0-9_-]*, at most 64 characters", self.0)
    }
}

impl fmt::Display for BadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a tool id: {}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_ids_map_one_to_one() {
        let root = RootName::new("tools").unwrap();
        for (bytes, text) in [
            (&b"web/fetch.py"[..], "tools/web/fetch.py"),
            (b"100%.py", "tools/100%25.py"),
            (b"\xff\xfe.py", "tools/%FF%FE.py"),
            (b"a\nb.py", "tools/a%0Ab.py"),
            ("größe.py".as_bytes(), "tools/größe.py"),
        ] {
            let id = ToolId::new(&root, &RelPath::new(bytes).unwrap());
            assert_eq!(id.as_str(), text);
            assert_eq!(text.parse::<ToolId>().unwrap().path().as_bytes(), bytes);
        }
    }

    #[test]
    fn what_leads_out_of_a_root_is_no_id() {
        for text in [
            "tools",
            "tools/",
            "tools//a",
            "/tools/a",
            "tools/../a",
            "tools/a/..",
            "tools/./a",
            "tools/a%00",
            "tools/%2E%2E/a",
            "tools/%2e",
            "tools/%G0",
            "tools/%4",
            "Tools/a",
            "../a",
            "tools/a%41",
            "",
        ] {
            assert!(text.parse::<ToolId>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_root_is_named_after_its_directory() {
        for (directory, name) in
            [("My Tools", "my-tools"), (".hidden", "hidden"), ("ü", "tools"), ("a.b", "a-b")]
        {
            assert_eq!(RootName::from_directory(directory).as_str(), name);
        }
    }

    #[test]
    fn under_goes_by_whole_segments() {
        let id = |it: &str| it.parse::<ToolId>().unwrap();
        assert!(id("t/a/b").is_under(&id("t/a")));
        assert!(id("t/a").is_under(&id("t/a")));
        assert!(!id("t/ab").is_under(&id("t/a")));
    }
}
