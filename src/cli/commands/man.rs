//! `man`: a page for each command, made from what `--help` is made from. On a terminal it is shown by `man` itself.

use std::{
    fs, io,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use clap::CommandFactory as _;
use clap_mangen::Man;

use crate::cli::{
    args::{ManArgs, Typed},
    exit::Exit,
    failure::Failure,
    print::Out,
};

/// What is common to all pages, behind what differs.
const MORE: &str = include_str!("man.roff");

pub(super) fn run(args: &ManArgs, out: &mut Out) -> Result<Exit, Failure> {
    let pages = pages();
    if let Some(directory) = &args.dir {
        return write(&pages, directory, out);
    }
    let name = match args.page.as_deref() {
        None | Some("knowngood") => "knowngood".to_owned(),
        Some(page) => format!("knowngood-{}", page.trim_start_matches("knowngood-")),
    };
    let Some(page) = pages.iter().find(|it| it.name == name) else {
        let detail = format!("there is no command {:?}", args.page.as_deref().unwrap_or_default());
        return Err(Failure::not_found(&detail, "`knowngood --help` lists them"));
    };
    if !out.terminal || !shown(&page.text) {
        out.bytes(&page.text);
    }
    Ok(Exit::Ok)
}

struct Page {
    name: String,
    text: Vec<u8>,
}

fn pages() -> Vec<Page> {
    // The exit codes have a section of their own here.
    let root = Typed::command().disable_help_subcommand(true);
    let mut root = root.after_help(None::<&'static str>);
    root.build();
    let mut pages = vec![page(root.clone(), "knowngood".to_owned())];
    for command in root.get_subcommands().filter(|it| !it.is_hide_set()) {
        pages.extend(with_children(command, "knowngood"));
    }
    pages
}

fn with_children(command: &clap::Command, above: &str) -> Vec<Page> {
    let name = format!("{above}-{}", command.get_name());
    let children = command.get_subcommands().flat_map(|it| with_children(it, &name));
    let mut pages: Vec<Page> = children.collect();
    pages.insert(0, page(command.clone(), name));
    pages
}

fn page(command: clap::Command, name: String) -> Page {
    let version = format!("knowngood {}", env!("CARGO_PKG_VERSION"));
    let man =
        Man::new(command.display_name(&name)).title(&name).source(version).manual("knowngood");
    let mut text = Vec::new();
    // Writing to a vector cannot fail.
    man.render(&mut text).unwrap_or(());
    text.extend_from_slice(MORE.as_bytes());
    Page { name, text }
}

fn write(pages: &[Page], directory: &Path, out: &mut Out) -> Result<Exit, Failure> {
    let failed = |doing: &Path, it: io::Error| {
        Failure::other("cannot write the manual", &format!("{}: {it}", doing.display()))
    };
    fs::create_dir_all(directory).map_err(|it| failed(directory, it))?;
    for page in pages {
        let path = directory.join(format!("{}.1", page.name));
        fs::write(&path, &page.text).map_err(|it| failed(&path, it))?;
    }
    out.note(&format!("{} pages in {}", pages.len(), directory.display()));
    Ok(Exit::Ok)
}

/// False where there is no `man`.
fn shown(page: &[u8]) -> bool {
    let child = Command::new("man").args(["-l", "-"]).stdin(Stdio::piped()).spawn();
    let Ok(mut child) = child else { return false };
    if let Some(mut stdin) = child.stdin.take() {
        // Whoever leaves early has seen enough.
        stdin.write_all(page).unwrap_or(());
    }
    child.wait().is_ok_and(|it| it.success())
}
