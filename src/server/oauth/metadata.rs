//! Public documents: the published keys (RFC 7517), and the metadata of the authorization server (RFC 8414).

use crate::{paths::oauth, server::state::AppState};
use aws_lc_rs::digest;
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::Jwk;
use serde_json::{Value, json};
use std::time::Duration;

/// How long the metadata may be cached; they change with the settings only.
const METADATA_MAX_AGE: Duration = Duration::from_hours(1);

/// The public halves of all keys that sign now, will sign soon, or signed recently (RFC 8037 §2).
pub(super) async fn jwks(State(state): State<AppState>, headers: HeaderMap) -> Response {
    let keys = state.tokens.keys();
    let known = keys.current();
    let published: Vec<&Jwk> = known.published(state.clock.now()).map(|key| &key.public).collect();
    cacheable(&json!({ "keys": published }), "application/jwk-set+json", keys.keep_for(), &headers)
}

/// The metadata of the authorization server, with only the supported endpoints and methods.
pub(super) async fn metadata(State(state): State<AppState>, headers: HeaderMap) -> Response {
    let issuer = state.tokens.issuer();
    let url = |path: &str| format!("{issuer}{path}");
    let methods = ["client_secret_basic", "client_secret_post"];
    let document = json!({
        "issuer": issuer,
        "jwks_uri": url(oauth::JWKS),
        "token_endpoint": url(oauth::TOKEN),
        "token_endpoint_auth_methods_supported": methods,
        "revocation_endpoint": url(oauth::REVOKE),
        "revocation_endpoint_auth_methods_supported": methods,
        "introspection_endpoint": url(oauth::INTROSPECT),
        "introspection_endpoint_auth_methods_supported": methods,
        "grant_types_supported": ["client_credentials", "refresh_token"],
        // There is no authorization endpoint, but the member is required (RFC 8414 §2).
        "response_types_supported": [],
    });
    cacheable(&document, "application/json", METADATA_MAX_AGE, &headers)
}

/// A cacheable document, or `304 Not Modified` if the client has the current one (RFC 9110 §13.1.2).
fn cacheable(document: &Value, content_type: &'static str, max_age: Duration, request_headers: &HeaderMap) -> Response {
    let body = document.to_string();
    let hash = digest::digest(&digest::SHA256, body.as_bytes());
    let tag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(hash.as_ref().get(..16).unwrap_or_default()));
    let known = request_headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|line| line.to_str().ok());
    let is_known = known
        .flat_map(|line| line.split(','))
        .map(|known| known.trim().trim_start_matches("W/"))
        .any(|known| known == tag || known == "*");
    let cache_control = format!("public, max-age={}", max_age.as_secs());
    let headers = [(header::CACHE_CONTROL, cache_control), (header::ETAG, tag)];
    if is_known {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, [(header::CONTENT_TYPE, content_type)], body).into_response()
}
