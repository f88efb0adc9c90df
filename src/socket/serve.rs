//! The accept loop. A client that never finishes its head or body, opens too many connections or never
//! reads costs one connection of its own share, for a bounded time.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    http::{Request, Response},
    response::IntoResponse as _,
};
use hyper::{body::Incoming, server::conn::http1, service::Service as HyperService};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{UnixListener, UnixStream},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use super::{
    bind::Socket,
    peer::Caller,
    problem::{Code, Problem},
    router::router,
    service::{Limits, Service},
};

/// How many connections over the limit are told so; beyond these they are just closed.
const REFUSALS: usize = 32;
const REFUSAL_TIME: Duration = Duration::from_secs(1);
/// Out of descriptors, most likely: some connection must end first.
const PAUSE: Duration = Duration::from_millis(50);
const LARGEST_HEAD: usize = 64 << 10;

/// Answers requests until `stop`, then lets those in flight end, within `limits.drain_time`. The socket's
/// file is removed first, so that nobody new comes.
pub async fn serve(
    socket: Socket,
    service: Arc<Service>,
    stop: CancellationToken,
) -> io::Result<()> {
    let (listener, file) = socket.into_parts();
    let listener = UnixListener::from_std(listener)?;
    let front =
        Arc::new(Front { router: router(&service, &stop), service, open: Arc::default(), stop });
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = front.stop.cancelled() => break,
            it = listener.accept() => front.accepted(it.map(|it| it.0), &mut connections).await,
            Some(ended) = connections.join_next() => report(&ended),
        }
    }
    drop(file);
    drop(listener);
    let drained = async {
        while let Some(ended) = connections.join_next().await {
            report(&ended);
        }
    };
    if tokio::time::timeout(front.service.limits().drain_time, drained).await.is_err() {
        tracing::warn!(connections = connections.len(), "requests were cut off at the stop");
        connections.shutdown().await;
    }
    Ok(())
}

fn report(ended: &Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a connection's task failed");
    }
}

struct Front {
    router: Router,
    service: Arc<Service>,
    open: Arc<Mutex<Open>>,
    stop: CancellationToken,
}

/// How many connections there are, and whose.
#[derive(Default)]
struct Open {
    all: usize,
    refused: usize,
    by_uid: HashMap<u32, usize>,
}

/// A place among the open connections; leaves it when dropped.
struct Place {
    open: Arc<Mutex<Open>>,
    uid: u32,
    refused: Option<Problem>,
}

impl Front {
    async fn accepted(self: &Arc<Self>, it: io::Result<UnixStream>, into: &mut JoinSet<()>) {
        let known = it.and_then(|stream| Ok((stream.peer_cred()?, stream)));
        let (credentials, stream) = match known {
            Ok(known) => known,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be taken");
                return tokio::time::sleep(PAUSE).await;
            }
        };
        let Some(place) = self.place(credentials.uid()) else { return };
        let front = Arc::clone(self);
        into.spawn(async move {
            let caller = tokio::task::spawn_blocking(move || Caller::of(credentials)).await;
            if let Ok(caller) = caller {
                front.connection(stream, caller, place).await;
            }
        });
    }

    /// `None`: too many even to be told so.
    fn place(&self, uid: u32) -> Option<Place> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let own = open.by_uid.get(&uid).copied().unwrap_or_default();
        let refused = self.refusal(uid, own, open.all);
        if refused.is_some() {
            open.refused += 1;
            if open.refused > REFUSALS {
                open.refused -= 1;
                return None;
            }
        } else {
            open.all += 1;
            open.by_uid.insert(uid, own + 1);
        }
        Some(Place { open: Arc::clone(&self.open), uid, refused })
    }

    fn refusal(&self, uid: u32, own: usize, all: usize) -> Option<Problem> {
        let Limits { connections, per_peer, .. } = self.service.limits();
        if own >= per_peer {
            let detail = format!("uid {uid} has {own} open connections, its share is {per_peer}");
            let hint = "close some; the key limits.connections_per_peer sets the share";
            return Some(Problem::new(Code::TooManyRequests, detail).hint(hint));
        }
        (all >= connections).then(|| {
            let detail = format!("{all} connections are open, and no more are taken");
            Problem::new(Code::Busy, detail).hint("the key limits.connections sets how many")
        })
    }

    async fn connection(&self, stream: UnixStream, caller: Caller, place: Place) {
        let header_time =
            if place.refused.is_some() { REFUSAL_TIME } else { self.service.limits().header_time };
        let router = TowerToHyperService::new(self.router.clone());
        let service = Connection { router, caller, refused: place.refused.clone() };
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(header_time)
            .max_buf_size(LARGEST_HEAD)
            .serve_connection(TokioIo::new(stream), service);
        tokio::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended early");
        }
        drop(place);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if self.refused.is_some() {
            open.refused -= 1;
            return;
        }
        open.all -= 1;
        if let Some(own) = open.by_uid.get_mut(&self.uid) {
            *own -= 1;
            if *own == 0 {
                open.by_uid.remove(&self.uid);
            }
        }
    }
}

/// One connection: tells the router who asks.
struct Connection {
    router: TowerToHyperService<Router>,
    caller: Caller,
    refused: Option<Problem>,
}

impl HyperService<Request<Incoming>> for Connection {
    type Response = Response<Body>;
    type Error = std::convert::Infallible;
    type Future =
        std::pin::Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        if let Some(refused) = self.refused.clone() {
            return Box::pin(async { Ok(refused.closing().into_response()) });
        }
        request.extensions_mut().insert(self.caller.clone());
        Box::pin(self.router.call(request))
    }
}
