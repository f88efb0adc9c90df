//! The figures over TCP, for a Prometheus that cannot speak to a Unix socket: `GET /metrics` and nothing else, to anybody
//! on this machine, a few at a time. Nothing of the API can be reached from here.

use std::{io, net::IpAddr, sync::Arc, time::Duration};

use axum::{
    body::Body,
    http::{HeaderValue, Method, Request, Response, StatusCode, header},
    response::IntoResponse as _,
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use super::{metrics, service::Service};
use crate::metrics::Text;

/// Scrapers are few; who comes beyond them waits.
const CONNECTIONS: usize = 8;
/// For the head of a request.
const PATIENCE: Duration = Duration::from_secs(5);
/// Out of descriptors, most likely.
const PAUSE: Duration = Duration::from_millis(50);
/// For a whole connection: a scraper comes again.
const LONGEST: Duration = Duration::from_mins(1);

/// Answers until `stop`.
pub async fn serve_metrics(
    listener: std::net::TcpListener,
    service: Arc<Service>,
    stop: CancellationToken,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let place = Arc::clone(&places).acquire_owned();
        let next = async { (place.await, listener.accept().await) };
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            Some(_) = connections.join_next() => (),
            (place, accepted) = next => match accepted {
                Ok((stream, _)) => {
                    let service = Arc::clone(&service);
                    connections.spawn(async move {
                        let _place = place;
                        drop(tokio::time::timeout(LONGEST, connection(stream, service)).await);
                    });
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            },
        }
    }
}

async fn connection(stream: TcpStream, service: Arc<Service>) {
    let answer = service_fn(move |request: Request<Incoming>| {
        let service = Arc::clone(&service);
        async move { Ok::<_, std::convert::Infallible>(answer(&service, &request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(TokioIo::new(stream), answer);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a scraper's connection ended early");
    }
}

async fn answer(service: &Arc<Service>, request: &Request<Incoming>) -> Response<Body> {
    if !is_local(request.headers().get(header::HOST)) {
        return told(StatusCode::FORBIDDEN, "the host must be a loopback address or localhost\n");
    }
    if request.uri().path() != "/metrics" {
        return told(StatusCode::NOT_FOUND, "only /metrics is here\n");
    }
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return told(StatusCode::METHOD_NOT_ALLOWED, "only GET\n");
    }
    let service = Arc::clone(service);
    match tokio::task::spawn_blocking(move || metrics::told(&service)).await {
        Ok(Ok(text)) => told(StatusCode::OK, text),
        Ok(Err(problem)) => problem.into_response(),
        Err(_) => told(StatusCode::INTERNAL_SERVER_ERROR, "the answer could not be made\n"),
    }
}

/// A page in somebody's browser may have its own name lead here; it cannot change what the browser sends as the host.
fn is_local(host: Option<&HeaderValue>) -> bool {
    let Some(host) = host else { return true };
    let host = host.to_str().unwrap_or_default();
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|it| it.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|it| it.is_loopback())
}

fn told(status: StatusCode, text: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(text.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(Text::MEDIA));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_for_a_name_that_is_not_this_machine_is_turned_away() {
        for (host, local) in [
            ("127.0.0.1:9464", true),
            ("[::1]:9464", true),
            ("localhost", true),
            ("LOCALHOST:80", true),
            ("evil.example:9464", false),
            ("192.168.0.1:9464", false),
            ("", false),
        ] {
            assert_eq!(is_local(Some(&HeaderValue::from_static(host))), local, "{host}");
        }
        assert!(is_local(None), "HTTP/1.0 has none");
    }
}
