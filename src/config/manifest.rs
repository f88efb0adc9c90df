//! A manifest of accepted hashes, as `sha256sum` writes it. It reads names and hashes and judges
//! nothing: whether such a tool exists is not asked here.

use std::{collections::BTreeMap, fs, path::Path, path::PathBuf};

use sha2::{Digest as _, Sha256};

use super::layers::cause;
use crate::model::{Digest, RelPath, RootName, ToolId};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Of the manifest's own bytes: it is applied again only when they change.
    pub digest: Digest,
    pub tools: BTreeMap<ToolId, Digest>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    #[error("cannot read the manifest {}: {why}", path.display())]
    Unreadable { path: PathBuf, why: String },
    #[error("{}:{line}: {what}; a line of a manifest is `<64 hex digits>  <path in the root>`, as sha256sum writes it", path.display())]
    BadLine { path: PathBuf, line: usize, what: String },
}

impl Manifest {
    pub fn read(root: &RootName, path: &Path) -> Result<Self, ManifestError> {
        let unreadable = |why: String| ManifestError::Unreadable { path: path.to_owned(), why };
        // Opening a FIFO would wait for its writer.
        let stat = fs::metadata(path).map_err(|it| unreadable(cause(&it)))?;
        if !stat.is_file() {
            return Err(unreadable("it is not a regular file".to_owned()));
        }
        let bytes = fs::read(path).map_err(|it| unreadable(cause(&it)))?;
        Self::parse(root, &bytes).map_err(|(line, what)| ManifestError::BadLine {
            path: path.to_owned(),
            line,
            what,
        })
    }

    /// An error is the number of the first bad line and what is wrong with it.
    pub fn parse(root: &RootName, bytes: &[u8]) -> Result<Self, (usize, String)> {
        let mut tools = BTreeMap::new();
        for (index, line) in bytes.split(|it| *it == b'\n').enumerate() {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            let (tool, digest) = entry(root, line).map_err(|it| (index + 1, it))?;
            if tools.insert(tool.clone(), digest).is_some_and(|it| it != digest) {
                return Err((index + 1, format!("a second hash for {tool}")));
            }
        }
        Ok(Self { digest: Digest(Sha256::digest(bytes).into()), tools })
    }
}

/// `<hash><space><space or *><path>`; a leading `\` says that the path is escaped.
fn entry(root: &RootName, line: &[u8]) -> Result<(ToolId, Digest), String> {
    let (escaped, line) = line.strip_prefix(b"\\").map_or((false, line), |it| (true, it));
    let (hash, rest) = line.split_at_checked(64).ok_or("too short")?;
    let digest = std::str::from_utf8(hash)
        .ok()
        .and_then(|it| it.to_ascii_lowercase().parse::<Digest>().ok())
        .ok_or("it does not begin with a sha256")?;
    let [b' ', b' ' | b'*', path @ ..] = rest else {
        return Err("no two spaces (or ` *`) after the hash".to_owned());
    };
    let unescaped = if escaped { unescape(path).ok_or("a bad escape")? } else { path.to_vec() };
    let mut path = &*unescaped;
    while let Some(rest) = path.strip_prefix(b"./") {
        path = rest;
    }
    let path = RelPath::new(path).map_err(|it| format!("its path is {}", it.0))?;
    Ok((ToolId::new(root, &path), digest))
}

fn unescape(path: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = path.iter();
    let mut out = Vec::with_capacity(path.len());
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'\\' => match bytes.next()? {
                b'\\' => b'\\',
                b'n' => b'\n',
                b'r' => b'\r',
                _ => return None,
            },
            other => *other,
        });
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn parse(text: &[u8]) -> Result<Vec<String>, (usize, String)> {
        let root = RootName::new("t").unwrap();
        Manifest::parse(&root, text)
            .map(|it| it.tools.keys().map(|it| it.as_str().to_owned()).collect())
    }

    #[test]
    fn what_sha256sum_writes() {
        let text = format!(
            "# a comment\n{HEX}  a.py\n{HEX} *bin/run\r\n\n{HEX}  ./find/b.py\n\\{HEX}  back\\\\slash\\nline\n{}  c d.py",
            HEX.to_uppercase()
        );
        let ids = ["t/a.py", "t/back\\slash%0Aline", "t/bin/run", "t/c d.py", "t/find/b.py"];
        assert_eq!(parse(text.as_bytes()).unwrap(), ids);
        let odd = [HEX.as_bytes(), b"  \xff.py\n"].concat();
        assert_eq!(parse(&odd).unwrap(), ["t/%FF.py"]);
    }

    #[test]
    fn its_own_digest_is_that_of_its_bytes() {
        let manifest = Manifest::parse(&RootName::new("t").unwrap(), b"").unwrap();
        assert_eq!(manifest.digest.hex(), HEX);
    }

    #[test]
    fn a_bad_line_is_named() {
        for (line, what) in [
            ("abc", "too short"),
            (&HEX.replace('e', "g"), "does not begin"),
            (&format!("{HEX} a.py"), "no two spaces"),
            (&format!("{HEX}  /etc/passwd"), "absolute"),
            (&format!("{HEX}  a/../../b"), "`..`"),
            (&format!("\\{HEX}  a\\tb"), "bad escape"),
            (&format!("{}  good.py", HEX.replace('e', "f")), "second hash"),
        ] {
            let (number, why) =
                parse(format!("{HEX}  good.py\n\n{line}\n").as_bytes()).unwrap_err();
            assert_eq!(number, 3, "{line}");
            assert!(why.contains(what), "{why}");
        }
    }
}
