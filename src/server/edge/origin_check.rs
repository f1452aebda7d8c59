//! Prevents cross-site request forgery: no other site may act as the signed-in user.
//!
//! Leptos accepts a server function's body whatever its `Content-Type`, and `SameSite=Lax` cookies still travel from
//! sibling domains. So every route is covered, sign-in included, by what browsers report about a request's source and
//! scripts cannot forge: `Sec-Fetch-Site` (Fetch Metadata) and, in browsers or on origins without it, `Origin`
//! (RFC 6454 §7).
//!
//! [`origin_check`] belongs around everything that reads cookies, [`form_only`] around the server functions.

use super::{error_response::ErrorResponse, websocket::is_websocket_upgrade};
use crate::{error::AppError, server::telemetry::Untrusted};
use axum::{
    Router,
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The prefix of the server functions.
const API: &str = "/api/";

const FORM: &str = "application/x-www-form-urlencoded";

/// The methods this server supports at all.
const ALLOWED_METHODS: &str = "GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE";

/// Refuses requests caused by another site, and methods this server does not support.
///
/// `public_origin` is the origin of the public URL as browsers write it: scheme, host and a port that is not the
/// default, without a path (`https://app.example`, `http://127.0.0.1:3000`).
pub async fn origin_check<F: Future<Output = Response>>(
    public_origin: &str,
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    match judge(request.method(), request.headers(), public_origin) {
        Decision::Pass => next(request).await,
        Decision::UnknownMethod => {
            let refusal = ErrorResponse::from_status(StatusCode::METHOD_NOT_ALLOWED).into_response();
            ([(header::ALLOW, ALLOWED_METHODS)], refusal).into_response()
        }
        Decision::Foreign => {
            tracing::info!(
                method = %request.method(),
                path = %Untrusted(request.uri().path()),
                site = %Untrusted(&joined(request.headers(), &SEC_FETCH_SITE)),
                origin = %Untrusted(&joined(request.headers(), &header::ORIGIN)),
                "refused a request that did not come from this site",
            );
            ErrorResponse::from(AppError::Forbidden).into_response()
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decision {
    Pass,
    Foreign,
    UnknownMethod,
}

fn judge(method: &Method, headers: &HeaderMap, public_origin: &str) -> Decision {
    let is_ours = match method.as_str() {
        // A websocket handshake is a GET that CORS does not cover (RFC 6455 §10.2).
        "GET" | "HEAD" | "OPTIONS" if is_websocket_upgrade(headers) => is_own_websocket(headers, public_origin),
        "GET" | "HEAD" | "OPTIONS" => true,
        "POST" | "PUT" | "PATCH" | "DELETE" => may_change_things(headers, public_origin),
        _ => return Decision::UnknownMethod,
    };
    if is_ours { Decision::Pass } else { Decision::Foreign }
}

/// A header that may occur once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Single<'a> {
    Absent,
    Once(&'a [u8]),
    Repeated,
}

fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Single<'a> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Single::Absent,
        (Some(value), None) => Single::Once(value.as_bytes()),
        (Some(_), Some(_)) => Single::Repeated,
    }
}

/// `Sec-Fetch-Site` first. Without it the exact origin; without both only a client that sends no cookies, and so has
/// no ambient authority that another site could use: a program with its own credentials.
fn may_change_things(headers: &HeaderMap, public_origin: &str) -> bool {
    match single(headers, &SEC_FETCH_SITE) {
        Single::Once(site) => matches!(site, b"same-origin" | b"none"),
        Single::Repeated => false,
        Single::Absent => match single(headers, &header::ORIGIN) {
            Single::Once(origin) => origin == public_origin.as_bytes(),
            Single::Repeated => false,
            Single::Absent => !headers.contains_key(header::COOKIE),
        },
    }
}

fn is_own_websocket(headers: &HeaderMap, public_origin: &str) -> bool {
    let site_agrees = matches!(single(headers, &SEC_FETCH_SITE), Single::Absent | Single::Once(b"same-origin"));
    site_agrees && single(headers, &header::ORIGIN) == Single::Once(public_origin.as_bytes())
}

fn joined(headers: &HeaderMap, name: &HeaderName) -> String {
    let values: Vec<_> = headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
    String::from_utf8_lossy(&values.join(&b", "[..])).into_owned()
}

/// Accepts only form-encoded bodies below `/api/` (`415` otherwise).
///
/// Defence in depth: another site can send three content types without a CORS preflight, and this leaves one of them,
/// which the origin check refuses. For the server functions; gateway routes accept more.
pub fn form_only(router: Router) -> Router {
    router.layer(middleware::from_fn(async |request: Request, next: Next| {
        let changes_things = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
        if changes_things && request.uri().path().starts_with(API) && !is_form(request.headers()) {
            let refusal = ErrorResponse::from(AppError::UnsupportedMediaType).into_response();
            // RFC 9110 §15.5.16: the accepted type.
            return ([(header::ACCEPT, FORM)], refusal).into_response();
        }
        next.run(request).await
    }))
}

/// Whether the one `Content-Type` is the form encoding; its only parameter may be the UTF-8 charset.
fn is_form(headers: &HeaderMap) -> bool {
    let Single::Once(value) = single(headers, &header::CONTENT_TYPE) else { return false };
    let mut parts = value.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
    let essence = parts.next().unwrap_or_default();
    essence.eq_ignore_ascii_case(FORM.as_bytes())
        && parts.all(|parameter| {
            parameter.eq_ignore_ascii_case(b"charset=utf-8") || parameter.eq_ignore_ascii_case(b"charset=\"utf-8\"")
        })
}

#[cfg(test)]
mod tests;
