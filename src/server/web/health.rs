//! What load balancers and supervisors ask: is the process alive, and may it be sent requests?
//!
//! Merge beside the application, outside of the session layer and all limits, inside `security_headers`:
//! `Router::new().merge(site).merge(health::router(readiness, check))`.

use crate::{paths, server::transport::Readiness};
use axum::{
    Router,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use std::{fmt::Display, future::Future, time::Duration};

/// The longest the check may take.
const CHECK_TIMEOUT: Duration = Duration::from_secs(1);

/// When to ask again, in seconds.
const RETRY_AFTER: u16 = 1;

/// `GET /health/live`: `200` as long as the process answers at all. `GET /health/ready`: `200` if the server is not
/// stopping and `check` (a ping of the store) succeeds within a second, else `503`.
///
/// A failed check is logged; it does not change [`Readiness`], so the server is ready again as soon as the store is.
pub fn router<C, F, E>(readiness: Readiness, check: C) -> Router
where
    C: Fn() -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<(), E>> + Send + 'static,
    E: Display,
{
    Router::new().route(paths::health::LIVE, get(|| async { answer(StatusCode::OK, "ok") })).route(
        paths::health::READY,
        get(move || {
            let (readiness, check) = (readiness.clone(), check.clone());
            async move { ready(&readiness, check).await }
        }),
    )
}

async fn ready<C, F, E>(readiness: &Readiness, check: C) -> Response
where
    C: Fn() -> F,
    F: Future<Output = Result<(), E>>,
    E: Display,
{
    if !readiness.is_ready() {
        return not_now("not taking requests");
    }
    match tokio::time::timeout(CHECK_TIMEOUT, check()).await {
        Ok(Ok(())) => answer(StatusCode::OK, "ok"),
        Ok(Err(error)) => {
            tracing::warn!(%error, "not ready: the store does not answer");
            not_now("unavailable")
        }
        Err(_elapsed) => {
            tracing::warn!(timeout = ?CHECK_TIMEOUT, "not ready: the store does not answer in time");
            not_now("unavailable")
        }
    }
}

fn not_now(why: &'static str) -> Response {
    ([(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER))], answer(StatusCode::SERVICE_UNAVAILABLE, why))
        .into_response()
}

/// Plain text that is never cached, wherever this router is mounted.
fn answer(status: StatusCode, text: &'static str) -> Response {
    (status, [(header::CACHE_CONTROL, "no-store")], text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::{body::Body, http::Request};
    use std::future;
    use tower::ServiceExt;

    async fn ask<F>(readiness: &Readiness, path: &str, check: fn() -> F) -> Response
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        let request = Request::get(path).body(Body::empty()).unwrap();
        router(readiness.clone(), check).oneshot(request).await.unwrap()
    }

    async fn works() -> Result<(), String> {
        Ok(())
    }

    async fn fails() -> Result<(), String> {
        Err("no route to host".to_owned())
    }

    #[tokio::test]
    async fn the_process_is_alive_whatever_the_store_says() {
        let stopping = Readiness::default();
        let response = ask(&stopping, paths::health::LIVE, fails).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/plain; charset=utf-8");
    }

    #[tokio::test]
    async fn ready_means_wanted_and_able() {
        let readiness = Readiness::ready();
        assert_eq!(ask(&readiness, paths::health::READY, works).await.status(), 200);
        let broken = ask(&readiness, paths::health::READY, fails).await;
        assert_eq!(broken.status(), 503);
        assert_eq!(broken.headers()[header::RETRY_AFTER], "1");
        assert_eq!(broken.headers()[header::CACHE_CONTROL], "no-store");
        readiness.set(false);
        assert_eq!(ask(&readiness, paths::health::READY, works).await.status(), 503);
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_hangs_is_not_waited_for() {
        let hanging = ask(&Readiness::ready(), paths::health::READY, future::pending::<Result<(), String>>).await;
        assert_eq!(hanging.status(), 503);
    }

    #[tokio::test]
    async fn probes_only_read() {
        let request = Request::post(paths::health::LIVE).body(Body::empty()).unwrap();
        assert_eq!(router(Readiness::ready(), works).oneshot(request).await.unwrap().status(), 405);
    }
}
