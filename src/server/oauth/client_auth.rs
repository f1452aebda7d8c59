//! Client authentication: a registered client, by its id and secret in the `Authorization` header or in the form
//! (`client_secret_basic`, `client_secret_post`; RFC 6749 §2.3.1).

use super::{error::OAuthError, form::Form};
use crate::{
    paths::percent_decoded,
    server::{
        edge::client_address::ClientAddress,
        service::clients::{ClientCredentials, KnownClient},
        state::AppState,
        telemetry::SECURITY,
    },
};
use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::{HeaderMap, header},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use std::net::IpAddr;
use tracing::info;

/// A request of an authenticated client. A handler that takes it as an argument is reachable by such clients only.
pub(super) struct ClientRequest {
    pub(super) client: KnownClient,
    pub(super) form: Form,
    pub(super) from: IpAddr,
}

impl FromRequest<AppState> for ClientRequest {
    type Rejection = OAuthError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, OAuthError> {
        let from = ClientAddress::of(request.extensions());
        let headers = request.headers().clone();
        // A truncated or too long body gets its response from the layer that enforces the limits.
        let body = Bytes::from_request(request, state).await;
        let body = body.map_err(|_| OAuthError::InvalidRequest("the body cannot be read"))?;
        let form = Form::read(&headers, &body)?;
        let (id, secret) = presented(&headers, &form)?.ok_or(OAuthError::InvalidClient)?;
        match state.clients.authenticate(ClientCredentials { id: &id, secret: &secret }) {
            Ok(client) => Ok(Self { client, form, from }),
            Err(_) => Err(failed(state, &id, from)),
        }
    }
}

/// Counts a failed attempt. Guessing is hopeless, but must not fill the log either.
fn failed(state: &AppState, id: &str, from: IpAddr) -> OAuthError {
    match state.limits.check_client_failure(from) {
        Ok(()) => {
            let id: String = id.chars().take(64).collect();
            info!(target: SECURITY, event = "client_refused", client = ?id, address = %from);
            OAuthError::InvalidClient
        }
        Err(wait) => OAuthError::TooManyFailures(wait),
    }
}

/// The id and secret that were sent; `None` if there are none.
fn presented(headers: &HeaderMap, form: &Form) -> Result<Option<(String, String)>, OAuthError> {
    let mut lines = headers.get_all(header::AUTHORIZATION).iter();
    let Some(line) = lines.next() else {
        let both = form.get("client_id").zip(form.get("client_secret"));
        return Ok(both.map(|(id, secret)| (id.to_owned(), secret.to_owned())));
    };
    if lines.next().is_some() || form.get("client_secret").is_some() {
        return Err(OAuthError::InvalidRequest("a client must use one authentication method only"));
    }
    let basic = line.to_str().ok().and_then(read_basic).ok_or(OAuthError::InvalidClient)?;
    match form.get("client_id") {
        Some(id) if id != basic.0 => Err(OAuthError::InvalidRequest("two different clients are named")),
        _ => Ok(Some(basic)),
    }
}

/// RFC 7617, with both parts form-encoded first (RFC 6749 §2.3.1).
fn read_basic(line: &str) -> Option<(String, String)> {
    let (scheme, encoded) = line.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("Basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim_start()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    Some((percent_decoded(id)?, percent_decoded(secret)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(String, String)> {
        read_basic(&format!("Basic {}", STANDARD.encode(text)))
    }

    #[test]
    fn both_parts_are_decoded_after_they_are_split() {
        let parts = |id: &str, secret: &str| Some((id.to_owned(), secret.to_owned()));
        assert_eq!(read("notes:secret"), parts("notes", "secret"));
        assert_eq!(read("no%3Ates:a%25b%2B+c%C3%BC"), parts("no:tes", "a%b+ cü"));
        assert_eq!(read("notes:a:b"), parts("notes", "a:b"));
        assert_eq!(read(":"), parts("", ""));
        for broken in ["notes", "", "notes:%", "notes:%zz", "notes:%ff"] {
            assert_eq!(read(broken), None, "{broken}");
        }
        for line in ["Bearer x", "Basic", "Basic !", "basic  bm90ZXM6eA=", ""] {
            assert_eq!(read_basic(line), None, "{line}");
        }
        assert_eq!(read_basic("bASIC  bm90ZXM6eA=="), parts("notes", "x"));
    }
}
