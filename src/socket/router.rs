//! From a request to its answer: the route, the right, the handler. It decides nothing about tools.

use std::{sync::Arc, time::Instant};

use axum::{
    Extension, Router,
    extract::Request,
    http::{Method, Uri},
    response::{IntoResponse as _, Response},
    routing::{MethodFilter, on},
};
use tokio_util::sync::CancellationToken;

use super::{
    call::Call,
    peer::Caller,
    problem::{Code, Problem},
    route::Route,
    service::Service,
    table::routes,
};

pub(super) fn router(service: &Arc<Service>, stop: &CancellationToken) -> Router {
    let mut router = Router::new();
    for route in routes() {
        let path = route.path.replace("{id}", "{*id}");
        let Ok(method) = MethodFilter::try_from(route.method.clone()) else { continue };
        let (route, service, stop) = (Arc::new(route), Arc::clone(service), stop.clone());
        let handler = move |Extension(caller): Extension<Caller>, request: Request| {
            let (service, stop) = (Arc::clone(&service), stop.clone());
            answer(Arc::clone(&route), service, stop, caller, request)
        };
        router = router.route(&path, on(method, handler));
    }
    router.fallback(no_such_path).method_not_allowed_fallback(no_such_method)
}

async fn answer(
    route: Arc<Route>,
    service: Arc<Service>,
    stop: CancellationToken,
    caller: Caller,
    request: Request,
) -> Response {
    let began = Instant::now();
    let answer = permitted(&route, Arc::clone(&service), stop, caller, request).await;
    let answer = answer.unwrap_or_else(Problem::into_response);
    service.requests.answered(&route, answer.status(), began.elapsed());
    answer
}

async fn permitted(
    route: &Route,
    service: Arc<Service>,
    stop: CancellationToken,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    if let Some(right) = route.right
        && !service.settings().access.allows(&caller.peer, right)
    {
        return Err(Problem::forbidden(caller.peer.uid, right));
    }
    let (head, body) = request.into_parts();
    let rest = head.uri.path().strip_prefix(route.parts().0).unwrap_or_default().to_owned();
    let call = Call {
        service,
        caller,
        uri: head.uri,
        headers: head.headers,
        rest,
        carries_contents: route.carries_contents,
        stop,
    };
    (route.run)(call, body).await
}

async fn no_such_path(uri: Uri) -> Problem {
    Problem::new(Code::NotFound, format!("there is nothing at {:?}", uri.path()))
        .hint("GET /v1/openapi.json lists every path")
}

async fn no_such_method(method: Method, uri: Uri) -> Problem {
    Problem::new(Code::MethodNotAllowed, format!("{:?} does not take {method}", uri.path()))
        .hint("the header `allow` names what it takes")
}
