//! A server of the same stack that has nothing to do: one constant answer. Nobody on that stack is faster.

use std::path::{Path, PathBuf};

use axum::{Router, http::header, routing::get};
use tokio::{net::UnixListener, runtime::Runtime};

pub(crate) struct Bare {
    pub(crate) socket: PathBuf,
    #[expect(dead_code, reason = "it serves until it is dropped")]
    runtime: Runtime,
}

impl Bare {
    /// Answers every question with these bytes.
    pub(crate) fn start(home: &Path, answer: String) -> Self {
        let socket = home.join("bare.sock");
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.unwrap();
        let listener = runtime.block_on(async { UnixListener::bind(&socket).unwrap() });
        let app = Router::new().fallback(get(move || {
            let answer = answer.clone();
            async move { ([(header::CONTENT_TYPE, "application/json")], answer) }
        }));
        runtime.spawn(async move { axum::serve(listener, app).await });
        Self { socket, runtime }
    }
}
