//! A repository as git tells of it: the commits of its first-parent line, their trees, their blobs; and git as the
//! one who writes them onto disk. Nobody's configuration and no attribute changes a byte on the way.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

pub(super) type Oid = String;

/// What git has at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    File { oid: Oid, executable: bool, size: u64 },
    Link,
    Submodule,
}

pub(super) type Tree = BTreeMap<Vec<u8>, Entry>;

pub(super) struct History {
    root: PathBuf,
    /// Oldest first.
    pub(super) commits: Vec<String>,
}

impl History {
    /// Borrows the objects of the repository, whatever its shape; nothing is written there.
    pub(super) fn clone_of(repository: &Path, root: &Path) -> Self {
        let mut clone = git(root);
        clone.args(["clone", "--quiet", "--shared", "--no-checkout"]);
        run(clone.arg(repository).arg("."));
        Self::new(root, "HEAD")
    }

    pub(super) fn of_script(script: &str, root: &Path) -> Self {
        let stream = Command::new("sh").arg(script).output().unwrap();
        assert!(stream.status.success(), "{script}: {}", String::from_utf8_lossy(&stream.stderr));
        run(git(root).args(["init", "--quiet", "--initial-branch=main"]));
        let mut import =
            git(root).args(["fast-import", "--quiet"]).stdin(Stdio::piped()).spawn().unwrap();
        import.stdin.take().unwrap().write_all(&stream.stdout).unwrap();
        assert!(import.wait().unwrap().success(), "{script}: git refuses the stream");
        Self::new(root, "main")
    }

    fn new(root: &Path, head: &str) -> Self {
        // Stronger than any .gitattributes of any commit.
        let attributes = "* -text !eol -filter -ident -working-tree-encoding -export-subst\n";
        fs::create_dir_all(root.join(".git/info")).unwrap();
        fs::write(root.join(".git/info/attributes"), attributes).unwrap();
        let listed = run(git(root).args(["rev-list", "--first-parent", "--reverse", head]));
        let listed = String::from_utf8(listed).unwrap();
        Self { root: root.to_owned(), commits: listed.lines().map(str::to_owned).collect() }
    }

    pub(super) fn check_out(&self, commit: &str) {
        run(git(&self.root).args(["checkout", "--quiet", "--force", "--detach", commit]));
    }

    pub(super) fn tree(&self, commit: &str) -> Tree {
        let listed = run(git(&self.root).args(["ls-tree", "-r", "-z", "--long", commit]));
        let entries = listed.split(|it| *it == 0).filter(|it| !it.is_empty());
        entries.map(entry).collect()
    }

    pub(super) fn blobs(&self) -> Blobs {
        let mut reader = git(&self.root)
            .args(["cat-file", "--batch"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (to, from) = (reader.stdin.take().unwrap(), reader.stdout.take().unwrap());
        Blobs { reader, to: Some(to), from: BufReader::new(from), digests: HashMap::new() }
    }
}

/// `<mode> <type> <oid> <size>\t<path>`
fn entry(line: &[u8]) -> (Vec<u8>, Entry) {
    let tab = line.iter().position(|it| *it == b'\t').unwrap();
    let fields = String::from_utf8(line[..tab].to_vec()).unwrap();
    let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
    let entry = match fields[0] {
        "120000" => Entry::Link,
        "160000" => Entry::Submodule,
        mode => Entry::File {
            oid: fields[2].to_owned(),
            executable: mode == "100755",
            size: fields[3].parse().unwrap(),
        },
    };
    (line[tab + 1..].to_vec(), entry)
}

/// A `git cat-file` that answers as long as it is asked.
pub(super) struct Blobs {
    reader: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
    digests: HashMap<Oid, String>,
}

impl Blobs {
    pub(super) fn read(&mut self, oid: &Oid) -> Vec<u8> {
        let to = self.to.as_mut().unwrap();
        writeln!(to, "{oid}").unwrap();
        to.flush().unwrap();
        let mut head = String::new();
        self.from.read_line(&mut head).unwrap();
        let size = head.split_whitespace().nth(2).and_then(|it| it.parse::<usize>().ok());
        assert!(size.is_some(), "git has no blob {oid}: {head}");
        let mut bytes = vec![0; size.unwrap() + 1];
        self.from.read_exact(&mut bytes).unwrap();
        bytes.pop();
        bytes
    }

    pub(super) fn digest(&mut self, oid: &Oid, hash: impl FnOnce(&[u8]) -> String) -> String {
        if let Some(known) = self.digests.get(oid) {
            return known.clone();
        }
        let digest = hash(&self.read(oid));
        self.digests.insert(oid.clone(), digest.clone());
        digest
    }
}

impl Drop for Blobs {
    fn drop(&mut self) {
        drop(self.to.take());
        self.reader.wait().unwrap();
    }
}

fn git(root: &Path) -> Command {
    let mut command = Command::new("git");
    command.current_dir(root).env_remove("GIT_DIR").env_remove("GIT_WORK_TREE");
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    let settings = [
        ("safe.directory", "*"),
        ("gc.auto", "0"),
        ("maintenance.auto", "false"),
        ("core.autocrlf", "false"),
        ("core.fsmonitor", "false"),
        ("core.hooksPath", "/dev/null"),
        ("advice.detachedHead", "false"),
    ];
    command.env("GIT_CONFIG_COUNT", settings.len().to_string());
    for (number, (key, value)) in settings.iter().enumerate() {
        command.env(format!("GIT_CONFIG_KEY_{number}"), key);
        command.env(format!("GIT_CONFIG_VALUE_{number}"), value);
    }
    command
}

fn run(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {told}");
    output.stdout
}
