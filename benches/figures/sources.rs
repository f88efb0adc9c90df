//! Many files of about 5 KB, cut from sources that are on this machine: Python's standard library and the crates that
//! this was built from. Nothing of them is kept.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const SIZE: usize = 5_000;
const IN_A_DIRECTORY: usize = 100;

/// Real sources, again from the beginning when they end.
struct Supply {
    files: Vec<PathBuf>,
    next: usize,
    text: String,
}

/// Makes the tools. Says what was made.
pub(crate) fn make(root: &Path, count: usize) -> String {
    let mut supply = Supply::find();
    let mut bytes = 0;
    for number in 0..count {
        let path = path(root, number);
        if number % IN_A_DIRECTORY == 0 {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
        }
        // No two are equal, even where the supply begins again.
        let text = format!("# tool {number}\n{}", supply.piece());
        bytes += text.len();
        fs::write(path, text).unwrap();
    }
    let (mean, sources) = (bytes / count, supply.files.len());
    format!("{count} tools of {mean} bytes on average, cut from {sources} source files found here")
}

/// Where a tool stands.
pub(crate) fn path(root: &Path, number: usize) -> PathBuf {
    let set = number / IN_A_DIRECTORY;
    root.join(format!("group_{:02}/set_{set:04}/tool_{number:06}.py", set % 32))
}

/// One content of 5 KB.
pub(crate) fn sample() -> String {
    Supply::find().piece()
}

/// Real Python that is on nearly every machine.
pub(crate) fn python_library() -> Option<PathBuf> {
    let ask = "import sysconfig; print(sysconfig.get_path('stdlib'))";
    let output = Command::new("python3").args(["-c", ask]).output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).trim().into())
}

impl Supply {
    fn find() -> Self {
        let crates = std::env::home_dir().unwrap_or_default().join(".cargo/registry/src");
        let mut files = Vec::new();
        if let Some(library) = python_library() {
            find(&library, "py", &mut files);
        }
        find(&crates, "rs", &mut files);
        // A machine with neither: our own.
        find(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "rs", &mut files);
        files.sort();
        Self { files, next: 0, text: String::new() }
    }

    /// Whole lines, about as many bytes as wanted.
    fn piece(&mut self) -> String {
        while self.text.len() < SIZE {
            let path = &self.files[self.next % self.files.len()];
            self.next += 1;
            let bytes = fs::read(path).unwrap_or_default();
            self.text.push_str(&String::from_utf8_lossy(&bytes));
        }
        let most = self.text.floor_char_boundary(SIZE);
        let end = self.text[..most].rfind('\n').map_or(most, |it| it + 1);
        let rest = self.text.split_off(end);
        std::mem::replace(&mut self.text, rest)
    }
}

pub(crate) fn find(dir: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let (path, kind) = (entry.path(), entry.file_type());
        if kind.as_ref().is_ok_and(fs::FileType::is_dir) {
            find(&path, extension, found);
        } else if kind.is_ok_and(|it| it.is_file())
            && path.extension().is_some_and(|it| it == extension)
        {
            found.push(path);
        }
    }
}
