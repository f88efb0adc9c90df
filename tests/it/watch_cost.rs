//! What watching costs: printed, on request.

use std::{fs, time::Instant};

use knowngood::watch::WatchSettings;

use crate::watch_looker::Scene;

#[test]
#[ignore = "a measurement, printed"]
fn cost() {
    let scene = Scene::new();
    for at in 0..200 {
        fs::create_dir(scene.root.join(at.to_string())).unwrap();
    }
    scene.barrier();
    for (name, in_place) in [("in place", true), ("tmp + rename", false)] {
        let mut took: Vec<u128> = (0..1_000)
            .map(|at| {
                let (path, content) = (format!("{}/f.py", at % 200), format!("{at:04096}"));
                let start = if in_place {
                    scene.write(&path, &content);
                    Instant::now()
                } else {
                    scene.write(&format!("{path}.tmp"), &content);
                    let start = Instant::now();
                    fs::rename(scene.root.join(format!("{path}.tmp")), scene.root.join(&path))
                        .unwrap();
                    start
                };
                scene.wait_seen(&path, &content);
                start.elapsed().as_micros()
            })
            .collect();
        took.sort_unstable();
        println!("{name}: p50 {} us, p95 {} us, p99 {} us", took[500], took[950], took[990]);
    }
    let mut took: Vec<u128> = (0..1_000)
        .map(|_| {
            let start = Instant::now();
            scene.barrier();
            start.elapsed().as_micros()
        })
        .collect();
    took.sort_unstable();
    println!("barrier: p50 {} us, p99 {} us", took[500], took[990]);
    many_directories(2_000);
}

fn many_directories(count: usize) {
    let home = tempfile::tempdir().unwrap();
    for at in 0..count {
        fs::create_dir_all(home.path().join(format!("root/{}/{at}", at % 100))).unwrap();
    }
    let start = Instant::now();
    let scene = Scene::at(home, WatchSettings::default());
    println!("armed {count} directories in {:?}", start.elapsed());
    let start = Instant::now();
    fs::remove_dir_all(&scene.root).unwrap();
    scene.looker.wait("gone", |it| !it.root_changes.is_empty());
    println!("removed them in {:?}", start.elapsed());
}
