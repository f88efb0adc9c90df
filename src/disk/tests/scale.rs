//! Figures: a first look at many small files, and a second one by stat, beside `sha256sum` on the same files.
//! `cargo test --release --lib disk::tests::scale -- --ignored --nocapture`

use std::{
    fmt::Write as _,
    process::{Command, Stdio},
};

use super::*;

const FILES: usize = 100_000;

/// What the store does with a content, near enough.
struct Zstd;

impl Pack for Zstd {
    fn pack(&self, digest: Digest, bytes: &[u8]) -> Packed {
        thread_local! {
            static PACKER: std::cell::RefCell<zstd::bulk::Compressor<'static>> =
                std::cell::RefCell::new(zstd::bulk::Compressor::new(3).unwrap());
        }
        let packed = PACKER.with_borrow_mut(|it| it.compress(bytes).unwrap());
        Packed { digest, size: bytes.len() as u64, codec: 1, bytes: packed }
    }
}

/// 5 KB that look like source and are nobody else's.
fn source(number: usize) -> String {
    let mut text = String::new();
    let mut state = number as u64;
    while text.len() < 5_000 {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (noun, value) = (state >> 40, state >> 20 & 0xffff);
        writeln!(text, "    result_{noun} = fetch(url, timeout={value}) or default").unwrap();
    }
    text.truncate(5_000);
    text
}

/// Walks and looks as the lane does, a chunk at a time.
fn scan(disk: &mut Disk) -> (usize, usize, Duration) {
    let start = Instant::now();
    let mut walk = disk.walk(&name()).unwrap();
    let (mut files, mut read) = (0, 0);
    while let Some(chunk) = walk.next_paths() {
        let wanted: Vec<_> =
            chunk.into_iter().map(|tool| Glance { tool, firm: false, fresh: false }).collect();
        for seen in disk.look(&wanted, &|_| false) {
            let seen = file(seen.sight).unwrap();
            files += 1;
            read += usize::from(seen.content.is_some());
        }
    }
    (files, read, start.elapsed())
}

#[test]
#[ignore = "a measurement: writes 100,000 files"]
fn a_first_scan_and_a_second_one() {
    let mut bench = Bench::new();
    for directory in 0..FILES / 50 {
        fs::create_dir_all(bench.path(format!("d{}/e{directory}", directory % 40))).unwrap();
    }
    for number in 0..FILES {
        let directory = number / 50;
        let path = bench.path(format!("d{}/e{directory}/{number}.py", directory % 40));
        fs::write(path, source(number)).unwrap();
    }
    for round in 0..3 {
        let list = format!(
            "find {} -name '*.py' -print0 | xargs -0 -P2 -n500 sha256sum",
            bench.root().display()
        );
        let start = Instant::now();
        let status = Command::new("sh").arg("-c").arg(list).stdout(Stdio::null()).status().unwrap();
        assert!(status.success());
        let plain = start.elapsed();
        bench.disk = Disk::new(Arc::new(Zstd), bench.memory.clone());
        bench.disk.set_roots(&[watched(&bench.root())]);
        let (files, read, first) = scan(&mut bench.disk);
        assert_eq!((files, read), (FILES, FILES));
        let (files, read, second) = scan(&mut bench.disk);
        assert_eq!((files, read), (FILES, 0));
        let many = bench.walk();
        let start = Instant::now();
        assert_eq!(bench.walk().len(), many.len());
        let walk = start.elapsed();
        println!(
            "round {round}: sha256sum {plain:?}, first scan {first:?}, by stat {second:?}, the walk of it {walk:?}"
        );
    }
}
