//! The token service for registered clients (RFC 6749), and the public keys that verify its tokens.
//!
//! Separate from the pages and outside the session layer: no cookie is read or set here. A client authenticates with
//! its id and secret on each request. Errors are reported as in RFC 6749 §5.2.

mod client_auth;
mod error;
mod form;
mod introspection;
mod metadata;
mod revocation;
mod token;

use super::state::AppState;
use crate::paths::oauth;
use axum::{
    Router,
    extract::Request,
    http::{HeaderValue, header},
    middleware::{self, Next},
    response::Response,
    routing::{get, post},
};

/// All endpoints. Mount outside the session layer, and outside `assets`: one of the names has a dot.
pub fn router(state: &AppState) -> Router {
    let for_clients = Router::new()
        .route(oauth::TOKEN, post(token::token))
        .route(oauth::REVOKE, post(revocation::revoke))
        .route(oauth::INTROSPECT, post(introspection::introspect))
        .layer(middleware::from_fn(never_stored));
    Router::new()
        .route(oauth::JWKS, get(metadata::jwks))
        .route(oauth::METADATA, get(metadata::metadata))
        .merge(for_clients)
        .with_state(state.clone())
}

/// RFC 6749 §5.1.
async fn never_stored(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    response
}
