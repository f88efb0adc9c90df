//! Sources as tables: what stands there, what is found. And sources that nobody would write but to do harm.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use super::{Reader, Table};
use crate::{
    model::{Analysis, Capability, Class, Parse},
    ports::{Analyzer as _, Siblings, Source},
};

#[derive(Default)]
struct Files(BTreeMap<String, Vec<u8>>);

impl Siblings for Files {
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.0.get(path).cloned()
    }
}

fn analyzed(path: &str, bytes: &[u8], around: &[(&str, &str)]) -> Analysis {
    let own = |it: &(&str, &str)| (it.0.to_owned(), it.1.as_bytes().to_vec());
    let files = Files(around.iter().map(own).collect());
    let source = Source { path, bytes, import_root: "", around: &files };
    Reader::new(Table::shipped().unwrap()).analyze(&source)
}

fn python(text: &str) -> Analysis {
    analyzed("tool.py", text.as_bytes(), &[])
}

/// `cap via`, without what is nondeterministic.
fn words(analysis: &Analysis) -> BTreeSet<String> {
    let told = analysis.inferred.iter().filter(|it| it.cap != Capability::Nondet);
    told.map(|it| format!("{} {}", it.cap, it.via)).collect()
}

fn finds(text: &str, expected: &[&str]) {
    let analysis = python(text);
    let expected: BTreeSet<String> = expected.iter().map(|it| (*it).to_owned()).collect();
    assert_eq!(words(&analysis), expected, "{text}");
}

#[test]
fn modules_and_functions() {
    finds("import json, re\nx = json.loads('1')", &[]);
    finds("import subprocess as sp\nsp.run(['x'])", &["exec subprocess.run"]);
    finds("from subprocess import run as r\nr('x')", &["exec subprocess.run"]);
    finds("import subprocess\ntry: pass\nexcept subprocess.CalledProcessError: pass", &[]);
    finds("import subprocess", &["exec import subprocess"]);
    finds("import os\nos.path.join('a')", &[]);
    finds(
        "import os\nos.listdir('.')\nos.remove('x')",
        &["fs_read os.listdir", "fs_write os.remove"],
    );
    finds("import os\nos.environ['A']", &["env_read os.environ"]);
    finds("import os\nos.environ['A'] = 'b'", &["env_read os.environ", "env_write os.environ[]"]);
    finds("import os\nf(os)", &["reflect os"]);
    finds("import os\nos.made_up()", &["unanalyzed os.made_up"]);
    finds("import nobody_knows.sub as n\nn.f()", &["opaque:nobody_knows import nobody_knows.sub"]);
    finds("from math import *", &["unanalyzed from math import *"]);
    finds("from . import x", &["first_party:.x import .x"]);
    finds(
        "import xml.etree.ElementTree as ET\nET.parse('f')",
        &["fs_read xml.etree.ElementTree.parse"],
    );
    finds("from datetime import datetime\ndatetime.now()", &[]);
    finds("import pickle\npickle.loads(b)", &["code_exec pickle.loads"]);
    finds("import yaml\nyaml.safe_load('x')\nyaml.load('x')", &["code_exec yaml.load"]);
}

#[test]
fn files_are_opened_by_their_mode() {
    finds("open('x')", &["fs_read open"]);
    finds("open('x', 'rb')", &["fs_read open"]);
    finds("open('x', 'r+')", &["fs_write open"]);
    finds("open('x', mode='w')", &["fs_write open"]);
    finds("open('x', m)", &["fs_write open"]);
    finds("open(*a)", &["fs_write open"]);
    finds("open('x', **a)", &["fs_write open"]);
    finds("f = open", &["fs_write open"]);
    finds("import gzip\ngzip.open('x', 'wt')", &["fs_write gzip.open"]);
    finds("from pathlib import Path\nPath('x').read_text()", &["fs_read pathlib.Path.read_text"]);
    finds("from pathlib import Path\nPath('x').open()", &["fs_read pathlib.Path.open"]);
    finds("from pathlib import Path\n(Path('x') / 'y').open('a')", &["fs_write .open"]);
    finds(
        "from pathlib import Path\np = Path('x')\np.write_text('y')",
        &["fs_write pathlib.Path.write_text"],
    );
    finds("def f(p):\n    p.unlink()", &["fs_write .unlink"]);
    finds(
        "from pathlib import Path\ndef f(p: Path):\n    p.unlink()",
        &["fs_write pathlib.Path.unlink"],
    );
}

#[test]
fn requests_go_by_their_verb() {
    finds("import requests\nrequests.get('u')", &["net_read requests.get"]);
    finds("import requests\nrequests.get('u').json()", &["net_read requests.get"]);
    finds("import requests\nrequests.request('GET', 'u')", &["net_read requests.request"]);
    finds("import requests\nrequests.request(m, 'u')", &["net_write requests.request"]);
    finds(
        "import requests\ns = requests.Session()\ns.post('u')",
        &["net_write requests.Session.post"],
    );
    finds(
        "import requests\ns = requests.Session()\ns.get('u')",
        &["net_read requests.Session.get"],
    );
    finds(
        "import httpx\nclass T:\n  def __init__(self):\n    self.c = httpx.AsyncClient()\n  async def f(self):\n    await self.c.put('u')",
        &["net_write httpx.AsyncClient.put"],
    );
    finds(
        "import httpx\nasync def f():\n  async with httpx.AsyncClient() as c:\n    await c.get('u')",
        &["net_read httpx.AsyncClient.get"],
    );
    finds("import httpx\ndef f(c):\n  c.post('u')", &["net_write .post"]);
    finds("def f(c):\n  c.post('u')", &[]);
    finds(
        "import urllib.request\nurllib.request.urlopen('u')",
        &["net_read urllib.request.urlopen"],
    );
    finds(
        "from urllib.request import urlopen\nurlopen('u', data=b'x')",
        &["net_write urllib.request.urlopen"],
    );
    finds("import urllib.parse\nurllib.parse.quote('u')", &[]);
}

#[test]
fn what_is_chosen_while_it_runs_is_not_known() {
    finds("getattr(x, n)", &["reflect getattr"]);
    finds("getattr(x, 'n')", &[]);
    finds("import os\ngetattr(os, 'system')('x')", &["exec os.system"]);
    finds("eval('1')", &["code_exec eval"]);
    finds("e = eval\ne('1')", &["code_exec eval"]);
    finds("__import__('os')", &["code_exec __import__"]);
    finds("import importlib\nimportlib.import_module('x')", &["code_exec importlib.import_module"]);
    finds("def eval(x): pass\neval('1')", &[]);
    finds("def f(input):\n    return input", &[]);
    finds("input()", &["stdin input"]);
    finds("().__class__.__base__.__subclasses__()", &["reflect .__subclasses__"]);
    finds("import re\nre.compile('x')", &[]);
}

#[test]
fn names_are_followed_where_they_are_bound() {
    finds("import subprocess\nrun = subprocess.run\nrun('x')", &["exec subprocess.run"]);
    finds("import subprocess\na = b\nb = a\na.x()", &["exec import subprocess"]);
    finds("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import subprocess\n", &[]);
    finds(
        "TYPE_CHECKING = 1\nif TYPE_CHECKING:\n    import subprocess\n",
        &["exec import subprocess"],
    );
    finds(
        "from evil import TYPE_CHECKING\nif TYPE_CHECKING:\n    import subprocess\n",
        &["exec import subprocess", "opaque:evil import evil.TYPE_CHECKING"],
    );
    finds("import subprocess\ndef f(p: subprocess.Popen): pass", &[]);
    finds("x = lambda: __import__('os')", &["code_exec __import__"]);
    finds("import os\n@os.system\ndef f(): pass", &["exec os.system"]);
    finds("import os\ndef f(x=os.system): pass", &["exec os.system"]);
}

#[test]
fn the_way_to_it_and_the_line_are_told() {
    let text = "import requests\n\nclass Tool:\n    def execute(self):\n        return self._fetch()\n\n    def _fetch(self):\n        return helper()\n\ndef helper():\n    return requests.get('u')\n";
    let analysis = python(text);
    let [it] = &analysis.inferred[..] else { panic!("{analysis:?}") };
    assert_eq!((it.line, &*it.file), (Some(11), "tool.py"));
    assert_eq!(it.path, ["Tool.execute", "Tool._fetch", "helper"]);
}

#[test]
fn imports_inside_the_root_are_followed() {
    let tool = "from helpers import shell\nfrom .near import f\nclass T:\n  def execute(self):\n    shell.run('x')\n    f()\n";
    let around = [
        ("web/tool.py", tool),
        ("web/near.py", "import helpers.deep.er\ndef f(): return helpers.deep.er.g()\n"),
        ("helpers/__init__.py", ""),
        ("helpers/shell.py", "import subprocess\ndef run(c):\n    return subprocess.run(c)\n"),
        ("helpers/deep/er.py", "import web.tool\ndef g(): open('x', 'w')\n"),
    ];
    let analysis = analyzed("web/tool.py", tool.as_bytes(), &around);
    let told: Vec<String> = analysis
        .inferred
        .iter()
        .map(|it| {
            format!(
                "{} {} {}:{} {}",
                it.cap,
                it.via,
                it.file,
                it.line.unwrap_or(0),
                it.path.join(">")
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "fs_write open helpers/deep/er.py:2 T.execute>web/near.py:f>helpers/deep/er.py:g",
            "exec subprocess.run helpers/shell.py:3 T.execute>helpers/shell.py:run",
        ]
    );
    let followed: Vec<&str> =
        analysis.followed.iter().filter(|it| it.digest.is_some()).map(|it| &*it.path).collect();
    assert_eq!(
        followed,
        [
            "helpers/__init__.py",
            "helpers/deep/er.py",
            "helpers/shell.py",
            "web/near.py",
            "web/tool.py"
        ]
    );
}

#[test]
fn what_cannot_be_followed_is_not_known() {
    let none =
        |tool: &str, around: &[(&str, &str)]| words(&analyzed("tool.py", tool.as_bytes(), around));
    let has = |it: &BTreeSet<String>, what: &str| it.iter().any(|it| it.starts_with(what));
    let chain: Vec<(String, String)> =
        (0..30).map(|it| (format!("m{it}.py"), format!("import m{}\n", it + 1))).collect();
    let chain: Vec<(&str, &str)> = chain.iter().map(|it| (&*it.0, &*it.1)).collect();
    assert!(has(&none("import m0", &chain), "first_party:m20.py"), "20 deep");
    let many: Vec<String> = (0..300).map(|it| format!("n{it}.py")).collect();
    let files: Vec<(&str, &str)> = many.iter().map(|it| (&**it, "")).collect();
    let imports = (0..300).map(|it| format!("import n{it}\n")).collect::<Vec<_>>().concat();
    assert!(has(&none(&imports, &files), "first_party:n299.py"), "200 files");
    assert!(has(&none("import bad", &[("bad.py", "def (")]), "first_party:bad.py"));
    assert!(has(
        &none("from pack import gone", &[("pack/__init__.py", "")]),
        "first_party:pack/__init__.py:gone"
    ));
    assert!(!has(&none("from pack import x", &[("pack/__init__.py", "x = 1")]), "first_party"));
    assert!(has(&none("from ...up import x", &[]), "first_party:...up.x"));
    // A file that shadows a known module may be what is meant, and may not.
    let both = none(
        "import subprocess\nsubprocess.run('x')",
        &[("subprocess.py", "import socket\nsocket.socket()")],
    );
    assert!(has(&both, "exec") && has(&both, "net_write"), "{both:?}");
}

#[test]
fn what_it_says_of_itself() {
    let declared = |tool: &str, around: &[(&str, &str)]| {
        analyzed("a/tool.py", tool.as_bytes(), around).declared
    };
    let literal = "X = 1\nTOOL = {\"class\": \"net_read\", \"idempotent\": True, 'other': f()}\n";
    let it = declared(literal, &[]).unwrap();
    assert_eq!(
        (it.class, it.idempotent, it.destructive, it.line),
        (Some(Class::NetRead), Some(true), None, Some(2))
    );
    let header = "#!/usr/bin/env python3\n# tool: {\"class\": \"pure\"}\n";
    assert_eq!(declared(header, &[]).unwrap().class, Some(Class::Pure));
    assert_eq!(
        declared("# tool: {class = \"exec\", destructive = false}", &[]).unwrap().destructive,
        Some(false)
    );
    let beside = [("a/tool.toml", "class = \"local_write\"\n[shadow]\nignore = []\n")];
    let it = declared(literal, &beside).unwrap();
    assert_eq!(
        (it.class, &*it.file),
        (Some(Class::LocalWrite), "a/tool.toml"),
        "the manifest comes first"
    );
    assert_eq!(declared("x = 1", &[("a/tool.toml", "[shadow]\n")]), None);
    for wrong in [
        "TOOL = {'class': 'harmless'}",
        "TOOL = {'class': f()}",
        "# tool: nonsense",
        "TOOL = {'idempotent': 1}",
    ] {
        let it = declared(wrong, &[]).unwrap();
        assert_eq!(it.class, Some(Class::Unknown), "{wrong}");
        assert!(it.problem.is_some());
    }
    assert!(declared("x", &[("a/tool.toml", "class = ")]).unwrap().problem.is_some());
}

#[test]
fn what_is_no_python() {
    let parse = |path: &str, text: &str| analyzed(path, text.as_bytes(), &[]).parse;
    assert_eq!(parse("x.rb", ""), Parse::None("ruby".to_owned()));
    assert_eq!(parse("x", "\x7fELF"), Parse::None("a compiled program".to_owned()));
    assert_eq!(parse("x.sh", "cat x"), Parse::Ok);
    assert_eq!(words(&analyzed("x", b"#!/bin/bash\nrm x\n", &[])), ["exec rm".to_owned()].into());
    assert!(words(&analyzed("x.ts", b"", &[])).contains("unanalyzed TypeScript"));
    assert!(matches!(parse("x.py", "def ("), Parse::Failed { line: Some(1), .. }));
}

/// Whatever it is, there is an answer, soon, and it is not `pure`.
#[test]
fn hostile_sources() {
    let many = 100_000;
    let dictionary = format!("X = {{{}}}\neval('x')", "'a': [1, 2],".repeat(80_000));
    let mut hostile: Vec<Vec<u8>> = [
        "(",
        "[",
        "{",
        "-",
        "not ",
        "await ",
        "lambda:",
        "f'{",
        "x.",
        "1+",
        "a if b else ",
        "\\",
        "'",
        "\"\"\"",
        "@",
        "*",
        ":",
        "\t",
    ]
    .iter()
    .map(|it| format!("x = {}", it.repeat(many)).into_bytes())
    .collect();
    hostile.push(format!("x = {}1{}", "(".repeat(many), ")".repeat(many)).into_bytes());
    hostile.push(
        (0..1200).fold(String::new(), |text, it| text + &" ".repeat(it) + "if x:\n").into_bytes(),
    );
    hostile.push(b"x = 1\0\n".to_vec());
    hostile.push(b"x = '\xff\xfe'\n".to_vec());
    hostile.push(vec![b'a'; 3 << 20]);
    hostile.push(vec![b'\n'; (1 << 20) + 1]);
    hostile.push("eval(x);".repeat(many).into_bytes());
    hostile.push(dictionary.into_bytes());
    hostile.push(
        (0..3000)
            .fold("import os\n".to_owned(), |text, it| {
                text + &format!("a{it} = a{}.x\na{it} = b{it}\n", it + 1)
            })
            .into_bytes(),
    );
    hostile.push("import os\n".to_owned().into_bytes().repeat(20_000));
    for bytes in hostile {
        let began = Instant::now();
        let analysis = analyzed("tool.py", &bytes, &[("tool.toml", "class = \"pure\"")]);
        let head = String::from_utf8_lossy(&bytes[..bytes.len().min(20)]).into_owned();
        assert!(began.elapsed() < Duration::from_secs(30), "{head}: {:?}", began.elapsed());
        let harmless = head.starts_with("import os\n");
        assert!(harmless || !words(&analysis).is_empty(), "{head}");
        assert!(analysis.inferred.len() <= 2001, "{head}");
    }
}
