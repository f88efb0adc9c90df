//! Every way in which a file is saved gives a hint for its path, by itself and without a barrier.

use std::{
    fs::{self, File},
    os::{fd::AsRawFd as _, unix::fs::PermissionsExt as _},
    path::Path,
    process::Command,
};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, RenameFlags, linkat, open, renameat_with};

use crate::watch_looker::{Scene, id};

/// Each is done in the root, beside a file `f.py` with `old`; it leaves `new` in `f.py`.
const SHELL_SAVES: &[(&str, &str)] = &[
    ("echo over", "echo new > f.py"),
    ("append", "printf '' > f.py; echo new >> f.py"),
    ("a temporary beside it", "echo new > f.py.tmp && mv f.py.tmp f.py"),
    ("moved in from elsewhere", "echo new > ../made && mv ../made f.py"),
    ("sed", "sed -i s/old/new/ f.py"),
    ("cp", "echo new > ../made && cp ../made f.py"),
    (
        "cp with its old times",
        "echo new > ../made && touch -d 2001-01-01 ../made && cp -p ../made f.py",
    ),
    ("install", "echo new > ../made && install -m 755 ../made f.py"),
    ("removed and made anew", "rm f.py && echo new > f.py"),
    ("a hard link", "echo new > ../made && ln -f ../made f.py"),
    ("backup and write, as vim does", "mv f.py f.py~ && echo new > f.py && rm f.py~"),
    ("dd in place", "echo new | dd of=f.py conv=notrunc status=none"),
    (
        "truncated longer and shorter",
        "echo newest > f.py && echo new | dd of=f.py conv=notrunc status=none && truncate -s 4 f.py",
    ),
    ("its directory exchanged by hand", "mkdir d && echo new > d/f.py && mv d/f.py f.py"),
];

#[test]
fn whatever_a_shell_saves_with() {
    for (name, script) in SHELL_SAVES {
        let scene = Scene::new();
        scene.write("f.py", "old\n");
        scene.wait_seen("f.py", "old\n");
        sh(script, &scene.root);
        assert_eq!(fs::read(scene.root.join("f.py")).unwrap(), b"new\n", "{name}");
        scene.wait_seen("f.py", "new\n");
    }
}

#[test]
fn what_a_shell_does_to_a_file_beside_writing() {
    for script in ["chmod +x f.py", "touch f.py", "touch -d 2001-01-01 f.py"] {
        let scene = Scene::new();
        scene.write("f.py", "old\n");
        scene.wait_seen("f.py", "old\n");
        scene.barrier();
        let before = scene.looker.log().batches.len();
        sh(script, &scene.root);
        scene.looker.wait(script, |it| {
            it.batches[before..].iter().any(|it| it.paths.contains(&id("f.py")))
        });
    }
}

#[test]
fn a_file_made_without_a_name_and_then_linked() {
    let scene = Scene::new();
    let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
    let file = open(&scene.root, flags, Mode::from_raw_mode(0o644)).unwrap();
    rustix::io::write(&file, b"new").unwrap();
    let nameless = format!("/proc/self/fd/{}", file.as_raw_fd());
    linkat(CWD, nameless, CWD, scene.root.join("f.py"), AtFlags::SYMLINK_FOLLOW).unwrap();
    scene.wait_seen("f.py", "new");
}

#[test]
fn two_files_exchanged() {
    let scene = Scene::new();
    scene.write("a.py", "a");
    scene.write("b.py", "b");
    scene.wait_seen("b.py", "b");
    let (a, b) = (scene.root.join("a.py"), scene.root.join("b.py"));
    renameat_with(CWD, &a, CWD, &b, RenameFlags::EXCHANGE).unwrap();
    scene.wait_seen("a.py", "b");
    scene.wait_seen("b.py", "a");
}

#[test]
fn a_mapping_written_and_unmapped() {
    let scene = Scene::new();
    scene.write("f.py", "old");
    scene.wait_seen("f.py", "old");
    let file = File::options().read(true).write(true).open(scene.root.join("f.py")).unwrap();
    write_through_a_mapping(file, *b"new");
    scene.wait_seen("f.py", "new");
}

#[expect(unsafe_code, reason = "a store through a mapping is what is tested")]
fn write_through_a_mapping(file: File, bytes: [u8; 3]) {
    let (read_write, shared) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED);
    // SAFETY: the file is three bytes long and nobody truncates it; the mapping ends here.
    unsafe {
        let at = libc::mmap(std::ptr::null_mut(), 3, read_write, shared, file.as_raw_fd(), 0);
        assert_ne!(at, libc::MAP_FAILED);
        drop(file);
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), at.cast(), 3);
        assert_eq!(libc::munmap(at, 3), 0);
    }
}

#[test]
fn a_writer_that_stays_open_is_handed_over_all_the_same() {
    use std::io::Write as _;
    let scene = Scene::new();
    let mut file = File::create(scene.root.join("f.py")).unwrap();
    file.write_all(b"first").unwrap();
    scene.wait_seen("f.py", "first");
    file.write_all(b" second").unwrap();
    scene.wait_seen("f.py", "first second");
}

#[test]
fn removed_files_and_directories() {
    let scene = Scene::new();
    fs::create_dir_all(scene.root.join("d/e")).unwrap();
    for path in ["d/a.py", "d/e/b.py", "c.py"] {
        scene.write(path, "old");
        scene.wait_seen(path, "old");
    }
    fs::rename(scene.root.join("d"), scene.home.path().join("out")).unwrap();
    fs::remove_file(scene.root.join("c.py")).unwrap();
    scene.looker.wait("all gone", |it| it.seen.is_empty());
}

#[test]
fn names_that_are_not_text() {
    use std::os::unix::ffi::OsStrExt as _;
    let scene = Scene::new();
    for (bytes, shown) in [(&b"\xff\xfe.py"[..], "%FF%FE.py"), (b"a\nb.py", "a%0Ab.py")] {
        fs::write(scene.root.join(std::ffi::OsStr::from_bytes(bytes)), "new").unwrap();
        scene.wait_seen(shown, "new");
    }
    let long = format!("{}.py", "x".repeat(252));
    scene.write(&long, "new");
    scene.wait_seen(&long, "new");
}

#[test]
fn what_the_globs_exclude_is_never_told() {
    let scene = Scene::new();
    for dir in [".git", "node_modules/p", "__pycache__", ".knowngood"] {
        fs::create_dir_all(scene.root.join(dir)).unwrap();
        scene.write(&format!("{dir}/x.py"), "hidden");
    }
    for name in ["a.py~", ".a.py.swp", "4913", "a.tmp", "#a.py#"] {
        scene.write(name, "hidden");
    }
    scene.barrier();
    scene.write("last.py", "x");
    scene.wait_seen("last.py", "x");
    let log = scene.looker.log();
    let told: Vec<_> = log.batches.iter().flat_map(|it| &it.paths).collect();
    assert!(told.iter().all(|it| **it == id("last.py")), "{told:?}");
}

#[test]
fn a_directory_that_becomes_readable_is_armed_then() {
    let scene = Scene::new();
    let dir = scene.root.join("d");
    fs::create_dir(&dir).unwrap();
    scene.write("d/f.py", "old");
    scene.wait_seen("d/f.py", "old");
    for mode in [0o000, 0o755] {
        fs::set_permissions(&dir, fs::Permissions::from_mode(mode)).unwrap();
        scene.barrier();
    }
    scene.write("d/f.py", "new");
    scene.wait_seen("d/f.py", "new");
}

#[test]
fn a_burst_under_a_git_lock_comes_after_it() {
    let scene = Scene::new();
    fs::create_dir(scene.root.join(".git")).unwrap();
    scene.barrier();
    scene.write(".git/index.lock", "");
    let before = scene.looker.log().batches.len();
    for at in 0..20 {
        scene.write(&format!("f{at}.py"), "new");
    }
    assert_eq!(scene.looker.log().batches.len(), before, "held");
    fs::rename(scene.root.join(".git/index.lock"), scene.root.join(".git/index")).unwrap();
    (0..20).for_each(|at| scene.wait_seen(&format!("f{at}.py"), "new"));
    assert_eq!(scene.wrong(), []);
}

#[test]
fn a_barrier_does_not_wait_for_git() {
    let scene = Scene::new();
    fs::create_dir(scene.root.join(".git")).unwrap();
    scene.barrier();
    scene.write(".git/index.lock", "");
    scene.write("f.py", "new");
    scene.barrier();
    assert_eq!(scene.seen("f.py").as_deref(), Some(&b"new"[..]));
}

fn sh(script: &str, dir: &Path) {
    let status = Command::new("sh").args(["-ec", script]).current_dir(dir).status().unwrap();
    assert!(status.success(), "{script}");
}
