//! Tools read a second, to find out what they can do, beside the parser alone on the same bytes: real Python (the standard
//! library of the machine, or the folders of `--corpus`), each file by itself and each with what it imports of its
//! own folder, and tools as they are mostly laid out, small files over a few modules that all of them share. Bytes come from
//! memory, so that no disk is measured.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use knowngood::{
    analyze::{Reader, Table as Known},
    ports::{Analyzer as _, Siblings, Source},
};

use rustix::time::{ClockId, clock_gettime};

use crate::{
    options::Options,
    sources,
    table::{Table, median, ms, quantile},
};

/// Of one corpus, evenly chosen: a library whose files all import one another takes its time.
const MOST: usize = 200;
const GENERATED: usize = 1000;
const A_SECOND: f64 = 1000.0;
const LARGEST: usize = 1 << 20;
/// Neither tools nor written for one another.
const NOT_TOOLS: [&str; 4] = ["test", "tests", "site-packages", "idlelib"];

type Files = BTreeMap<String, Vec<u8>>;

/// What stands around a tool.
struct Around<'a>(&'a Files);

impl Siblings for Around<'_> {
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.0.get(path).cloned()
    }
}

struct Corpus {
    name: String,
    files: Files,
    /// Those of them that are tools.
    tools: Vec<String>,
}

pub(crate) fn run(options: &Options) -> Table {
    let reader = Reader::new(Known::shipped().unwrap());
    let mut table = Table::new(
        "what tools can do, read from their sources; time of one processor".to_owned(),
        [
            "",
            "tools",
            "sources each",
            "tools a second",
            "MB a second",
            "p50",
            "p99",
            "MB to the parser's",
        ],
    );
    let (mut alone, mut followed) = (f64::INFINITY, f64::INFINITY);
    for corpus in corpora(options) {
        let (nothing, name) = (Files::new(), &corpus.name);
        let parser = corpus.each(options, |it| parse(&corpus.files[it]));
        let by_itself = corpus.each(options, |it| read(&reader, &corpus, it, &nothing));
        let with_all = corpus.each(options, |it| read(&reader, &corpus, it, &corpus.files));
        table.row(&format!("{name}: the parser alone"), parser.cells(&parser));
        table.row(&format!("{name}: each by itself"), by_itself.cells(&parser));
        table.row(&format!("{name}: with all it imports"), with_all.cells(&parser));
        (alone, followed) = (alone.min(by_itself.rate()), followed.min(with_all.rate()));
    }
    let wanted = format!("at least {A_SECOND:.0} tools a second");
    table.wish(&format!("{wanted}, each by itself"), alone >= A_SECOND);
    table.wish(&format!("{wanted}, with all it imports"), followed >= A_SECOND);
    table
}

/// What was read of one tool.
#[derive(Clone, Copy)]
struct Size {
    sources: usize,
    bytes: usize,
}

/// All tools of a corpus, each once.
struct Round {
    times: Vec<Duration>,
    sizes: Vec<Size>,
}

impl Corpus {
    /// The round that is in the middle.
    fn each(&self, options: &Options, work: impl Fn(&str) -> Size) -> Round {
        let round = || {
            let (times, sizes) = self.tools.iter().map(|it| took(|| work(it))).unzip();
            Round { times, sizes }
        };
        let mut rounds: Vec<Round> = (0..options.rounds).map(|_| round()).collect();
        rounds.sort_by_key(|it| it.times.iter().sum::<Duration>());
        rounds.swap_remove(options.rounds / 2)
    }
}

impl Round {
    fn seconds(&self) -> f64 {
        self.times.iter().sum::<Duration>().as_secs_f64()
    }

    fn rate(&self) -> f64 {
        self.times.len() as f64 / self.seconds()
    }

    fn megabytes(&self) -> f64 {
        self.sizes.iter().map(|it| it.bytes).sum::<usize>() as f64 / 1e6 / self.seconds()
    }

    fn cells(&self, parser: &Self) -> [String; 7] {
        let tools = self.times.len();
        let sources = self.sizes.iter().map(|it| it.sources).sum::<usize>();
        [
            tools.to_string(),
            format!("{:.1}", sources as f64 / tools as f64),
            format!("{:.0}", self.rate()),
            format!("{:.1}", self.megabytes()),
            ms(median(&self.times)),
            ms(quantile(&self.times, (99, 100))),
            format!("{:.2}", self.megabytes() / parser.megabytes()),
        ]
    }
}

/// Time of the processor: others may be at work, and nothing here waits.
fn took<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let began = processor();
    let done = work();
    (processor().saturating_sub(began), done)
}

fn processor() -> Duration {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(now.tv_sec.try_into().unwrap(), now.tv_nsec.try_into().unwrap())
}

fn read(reader: &Reader, corpus: &Corpus, path: &str, around: &Files) -> Size {
    let bytes = &corpus.files[path];
    let source = Source { path, bytes, import_root: "", around: &Around(around) };
    let analysis = reader.analyze(&source);
    let followed = analysis.followed.iter().filter_map(|it| around.get(&it.path));
    let sizes: Vec<usize> = followed.map(Vec::len).chain([bytes.len()]).collect();
    Size { sources: sizes.len(), bytes: sizes.iter().sum() }
}

/// What does not parse is refused by all who are measured.
fn parse(bytes: &[u8]) -> Size {
    let text = String::from_utf8_lossy(bytes);
    std::hint::black_box(ruff_python_parser::parse_module(&text)).map_or_else(drop, drop);
    Size { sources: 1, bytes: bytes.len() }
}

fn corpora(options: &Options) -> Vec<Corpus> {
    let library = sources::python_library();
    let given: Vec<PathBuf> = if options.corpus.is_empty() {
        library.into_iter().collect()
    } else {
        options.corpus.clone()
    };
    given
        .iter()
        .map(|it| found(it))
        .chain([generated()])
        .filter(|it| !it.tools.is_empty())
        .collect()
}

fn found(folder: &Path) -> Corpus {
    let mut paths = Vec::new();
    sources::find(folder, "py", &mut paths);
    let mut files = Files::new();
    for path in paths {
        let inside = path.strip_prefix(folder).unwrap().to_str().map(str::to_owned);
        let is_tool = |it: &String| !it.split('/').any(|it| NOT_TOOLS.contains(&it));
        let Some(inside) = inside.filter(is_tool) else { continue };
        files.insert(inside, fs::read(&path).unwrap());
    }
    // What no tool may be as large as is refused unread.
    files.retain(|_, it| it.len() <= LARGEST);
    let apart = files.len().div_ceil(MOST).max(1);
    let tools = files.keys().step_by(apart).cloned().collect();
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Corpus { name, files, tools }
}

fn generated() -> Corpus {
    let mut files = Files::new();
    let helpers = [("__init__", 1), ("tool", 40), ("net", 60), ("shell", 60), ("text", 120)];
    for (name, functions) in helpers {
        files.insert(format!("helpers/{name}.py"), helper(name, functions).into_bytes());
    }
    let tools: Vec<String> = (0..GENERATED).map(|it| format!("tools/tool_{it:04}.py")).collect();
    for (number, path) in tools.iter().enumerate() {
        files.insert(path.clone(), tool(number).into_bytes());
    }
    Corpus { name: "generated".to_owned(), files, tools }
}

fn helper(name: &str, functions: usize) -> String {
    let mut text =
        "import json\nimport os\nimport subprocess\nimport urllib.request\n\n".to_owned();
    for number in 0..functions {
        let body =
            ["json.loads(value)", "open(value).read()", "urllib.request.urlopen(value).read()"];
        let body = body[number % body.len()];
        writeln!(
            text,
            "\ndef {name}_{number}(value, more=None):\n    made = {body}\n    return (made, more)\n"
        )
        .unwrap();
    }
    text + "\n\nclass Tool:\n    name = ''\n\n    def execute(self, **args):\n        raise NotImplementedError\n"
}

fn tool(number: usize) -> String {
    let mut text = format!(
        "from helpers.tool import Tool\nfrom helpers.net import net_{}\nfrom helpers import text\nimport re\n\n\nclass Tool{number}(Tool):\n",
        number % 60
    );
    for method in 0..20 {
        writeln!(
            text,
            "    def step_{method}(self, value, limit={method}):\n        found = [it for it in re.findall(r'[a-z]+', value) if len(it) > limit]\n        return {{'found': found[:limit], 'text': text.text_{method}(value)}}\n"
        )
        .unwrap();
    }
    text + &format!(
        "    def execute(self, query):\n        return self.step_0(net_{}(query))\n",
        number % 60
    )
}
