//! The ways, one by one. A script runs in the directory of its pattern; the root is the directory above it, and
//! `../..` lies on the same file system outside the root.

use std::{
    fs::{self, File},
    io::{Seek as _, Write as _},
    os::{fd::AsRawFd as _, unix::fs as unix},
    path::Path,
    process::{Command, Stdio},
};

use rustix::fs::{
    AtFlags, CWD, Mode, OFlags, RenameFlags, XattrFlags, linkat, open, renameat_with, setxattr,
};

use super::{Bench, Pattern, Save};

const ONE: &[(&str, &str)] = &[("x.py", "one\n")];
const ONE_TWO: &[(&str, &[&str])] = &[("x.py", &["one\n", "two\n"])];
const ONE_STAYS: &[(&str, &[&str])] = &[("x.py", &["one\n"])];

/// From `one` to `two` in `x.py`, by a script.
const fn sh(name: &'static str, script: &'static str) -> Pattern {
    Pattern { name, before: ONE, save: Save::Sh(script), after: ONE_TWO, removed: &[] }
}

/// The same, by hand.
const fn rust(name: &'static str, save: fn(&Bench<'_>)) -> Pattern {
    Pattern { name, before: ONE, save: Save::Rust(save), after: ONE_TWO, removed: &[] }
}

pub(super) const PATTERNS: &[Pattern] = &[
    sh("a redirection", "echo two > x.py"),
    Pattern { after: &[("x.py", &["one\n", "one\ntwo\n"])], ..sh("an append", "echo two >> x.py") },
    Pattern { before: &[], after: &[("x.py", &["two\n"])], ..sh("a new file", "echo two > x.py") },
    Pattern { after: ONE_STAYS, ..sh("touch", "touch x.py; touch -d 2001-01-01 x.py") },
    Pattern { after: ONE_STAYS, ..sh("other mode bits", "chmod 600 x.py; chmod 644 x.py") },
    Pattern { after: ONE_STAYS, ..rust("an extended attribute", attribute) },
    Pattern {
        after: &[("x.py", &["one\n", "one\n"])],
        ..sh("the executable bit", "chmod +x x.py")
    },
    sh("a temporary beside it", "echo two > x.py.tmp && mv x.py.tmp x.py"),
    sh("a hidden temporary, as rsync makes it", "echo two > .x.py.aB3dEf && mv .x.py.aB3dEf x.py"),
    sh("moved in from outside", "echo two > ../../made && mv ../../made x.py"),
    sh("sed -i", "sed -i s/one/two/ x.py"),
    rust("vim, backupcopy=auto", |it| vim(it, "auto")),
    rust("vim, backupcopy=no", |it| vim(it, "no")),
    rust("vim, backupcopy=yes", |it| vim(it, "yes")),
    rust("a backup, a lock and an auto-save, as emacs makes them", emacs),
    sh("cp over it", "echo two > ../../made && cp ../../made x.py"),
    sh(
        "cp -p of an older one",
        "echo two > ../../made && touch -d 2001-01-01 ../../made && cp -p ../../made x.py",
    ),
    sh("cp --reflink", "echo two > ../../made && cp --reflink=auto ../../made x.py"),
    sh(
        "cp --remove-destination",
        "echo two > ../../made && cp --remove-destination ../../made x.py",
    ),
    sh("install", "echo two > ../../made && install -m 644 ../../made x.py"),
    sh("removed and made anew", "rm x.py && echo two > x.py"),
    sh("dd in place", "echo two | dd of=x.py conv=notrunc status=none"),
    rust("in eight pieces, looked at in between", in_pieces),
    rust("a mapping", mapped),
    rust("a nameless file that is linked", nameless),
    Pattern {
        before: &[("a.py", "a\n"), ("b.py", "b\n")],
        after: &[("a.py", &["a\n", "b\n"]), ("b.py", &["b\n", "a\n"])],
        ..rust("an exchange", |it| exchange(&it.path("a.py"), &it.path("b.py")))
    },
    rust("of the same size, with its times set back", same_size),
    rust("two writers, the other one closes last", two_writers),
    Pattern { after: &[("x.py", &["one\n", ""])], ..sh("truncated and left", ": > x.py") },
    sh("dated 2099", "echo two > x.py && touch -d 2099-01-01 x.py"),
    sh("dated 1970", "echo two > x.py && touch -d @0 x.py"),
    Pattern {
        before: &[("x.txt", "two\n"), ("x.py", "one\n")],
        ..sh("from a name that is no tool's", "mv x.txt x.py")
    },
    Pattern {
        after: ONE_STAYS,
        removed: &["x.py"],
        ..sh("to a name that is no tool's", "mv x.py x.txt")
    },
    Pattern {
        after: &[("x.py", &["one\n"]), ("y.py", &["one\n"])],
        ..sh("a hard link under a second name", "ln x.py y.py")
    },
    Pattern {
        before: &[("x.py", "one\n"), ("d/x.py", "deep\n")],
        after: &[("x.py", &["one\n", "deep\n"]), ("d/x.py", &["deep\n", "one\n"])],
        ..rust("an exchange across directories", |it| {
            exchange(&it.path("x.py"), &it.path("d/x.py"));
        })
    },
];

fn attribute(it: &Bench<'_>) {
    setxattr(it.path("x.py"), "user.kind", b"tool", XattrFlags::empty()).unwrap();
}

/// The real one, with its backups made where the file is.
fn vim(it: &Bench<'_>, backupcopy: &str) {
    let set = format!("set backupskip= writebackup backupcopy={backupcopy}");
    let status = Command::new("vim")
        .args([
            "-u",
            "NONE",
            "-N",
            "-n",
            "-es",
            "-c",
            &set,
            "-c",
            "%s/one/two/",
            "-c",
            "wq",
            "x.py",
        ])
        .current_dir(&it.directory)
        .stdin(Stdio::null())
        .status();
    assert!(status.unwrap().success());
}

fn emacs(it: &Bench<'_>) {
    unix::symlink("ana@host.17:1700000000", it.path(".#x.py")).unwrap();
    fs::write(it.path("#x.py#"), "tw").unwrap();
    fs::rename(it.path("x.py"), it.path("x.py~")).unwrap();
    fs::write(it.path("x.py"), "two\n").unwrap();
    fs::remove_file(it.path("#x.py#")).unwrap();
    fs::remove_file(it.path(".#x.py")).unwrap();
}

/// Between two pieces the daemon is made to look.
fn in_pieces(it: &Bench<'_>) {
    let mut file = File::create(it.path("x.py")).unwrap();
    for piece in ["t", "w", "o", "\n"] {
        file.write_all(piece.as_bytes()).unwrap();
        it.world.get("/v1/status?sync=true&timeout=5ms").ok();
    }
}

fn mapped(it: &Bench<'_>) {
    let script = "import mmap\nwith open('x.py', 'r+b') as f:\n m = mmap.mmap(f.fileno(), 0)\n m[0:4] = b'two\\n'\n m.close()";
    let python = Command::new("python3").args(["-c", script]).current_dir(&it.directory).status();
    assert!(python.unwrap().success());
}

fn nameless(it: &Bench<'_>) {
    let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
    let file = open(&it.directory, flags, Mode::from_raw_mode(0o644)).unwrap();
    let mut file = File::from(file);
    file.write_all(b"two\n").unwrap();
    let own = format!("/proc/self/fd/{}", file.as_raw_fd());
    linkat(CWD, own.as_str(), CWD, it.path("made"), AtFlags::SYMLINK_FOLLOW).unwrap();
    drop(file);
    fs::rename(it.path("made"), it.path("x.py")).unwrap();
}

fn exchange(one: &Path, two: &Path) {
    renameat_with(CWD, one, CWD, two, RenameFlags::EXCHANGE).unwrap();
}

fn same_size(it: &Bench<'_>) {
    let path = it.path("x.py");
    let time = fs::metadata(&path).unwrap().modified().unwrap();
    let mut file = File::options().write(true).open(&path).unwrap();
    file.write_all(b"two\n").unwrap();
    file.set_modified(time).unwrap();
}

fn two_writers(it: &Bench<'_>) {
    let open = || File::options().write(true).open(it.path("x.py")).unwrap();
    let (mut first, mut second) = (open(), open());
    first.write_all(b"tree").unwrap();
    drop(first);
    it.world.get("/v1/status?sync=true&timeout=5ms").ok();
    second.write_all(b"t").unwrap();
    it.world.get("/v1/status?sync=true&timeout=5ms").ok();
    second.rewind().unwrap();
    second.write_all(b"two\n").unwrap();
}
