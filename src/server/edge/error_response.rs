//! Error responses outside the server functions: one small JSON document, or a page for a browser.
//!
//! A layer or handler that refuses a request returns an [`ErrorResponse`] and need not know the kind of client.
//! [`error_pages`], once around all, turns it into a page where the request is a navigation, and gives a body to the
//! bare statuses of the router (404, 405). [`catch_panics`] turns a panic into a `500`. The content is chosen by the
//! status alone, so nothing internal can leak.
//!
//! Both belong inside `request_id` (they show its id), `catch_panics` innermost.

mod page;
mod resend;

use super::request_id::RequestId;
use crate::error::AppError;
use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures::FutureExt;
pub use resend::Resend;
use std::{panic::AssertUnwindSafe, time::Duration};

/// The delay before a retry if no better one is known.
const DEFAULT_RETRY_AFTER: Duration = Duration::from_secs(5);

/// Headers that describe the body which an error response replaces.
const OF_THE_REPLACED_BODY: [header::HeaderName; 8] = [
    header::ACCEPT_RANGES,
    header::CACHE_CONTROL,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_RANGE,
    header::ETAG,
    header::LAST_MODIFIED,
    header::LOCATION,
];

/// Marks an upstream's response: it is passed on unchanged, errors without a body included.
#[derive(Clone, Copy, Debug)]
pub struct Proxied;

/// Why a request was not served: a status, and the error a client of this application understands.
///
/// As a response it is the same JSON as that of server functions, and it is kept in the response's extensions for
/// [`error_pages`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorResponse {
    status: StatusCode,
    error: AppError,
    retry_after: Option<Duration>,
    resend: Option<Resend>,
}

impl ErrorResponse {
    /// The error that a bare status stands for. Statuses without an [`AppError`] of their own become the nearest one.
    #[must_use]
    pub fn from_status(status: StatusCode) -> Self {
        let error = match status.as_u16() {
            401 => AppError::Unauthenticated,
            403 => AppError::Forbidden,
            404 | 410 => AppError::NotFound,
            409 => AppError::OtherUser,
            413 => AppError::TooLarge,
            415 => AppError::UnsupportedMediaType,
            429 => AppError::RateLimited { retry_after_secs: whole_seconds(DEFAULT_RETRY_AFTER) },
            502..=504 => AppError::Unavailable,
            500..=599 => AppError::Internal,
            _ => AppError::BadRequest,
        };
        Self { retry_after: default_retry_after(&error), status, error, resend: None }
    }

    /// The error as sent to the client.
    #[must_use]
    pub const fn error(&self) -> &AppError {
        &self.error
    }

    /// When the client may retry; sent as `Retry-After` (RFC 9110 §10.2.3), rounded up to seconds.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Shows the rejected form, so that it can be sent again. Only a page can.
    #[must_use]
    pub fn with_form(mut self, form: Resend) -> Self {
        self.resend = Some(form);
        self
    }

    /// This error in place of an existing response.
    ///
    /// Only headers that describe the old body are removed; cookies of the response stay, because the rotation that
    /// set them has happened.
    #[must_use]
    pub fn replace(self, response: Response) -> Response {
        let json = serde_json::to_vec(&self.error).unwrap_or_else(|_| br#"{"code":"internal"}"#.to_vec());
        let mut response = with_body(response, HeaderValue::from_static("application/json"), Body::from(json));
        *response.status_mut() = self.status;
        if let Some(wait) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(whole_seconds(wait)));
        }
        response.extensions_mut().remove::<Proxied>();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<AppError> for ErrorResponse {
    fn from(error: AppError) -> Self {
        let status = StatusCode::from_u16(error.status_code()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, retry_after: default_retry_after(&error), error, resend: None }
    }
}

impl IntoResponse for ErrorResponse {
    fn into_response(self) -> Response {
        self.replace(Response::new(Body::empty()))
    }
}

fn default_retry_after(error: &AppError) -> Option<Duration> {
    error.retry_after_secs().map(u64::from).map(Duration::from_secs)
}

fn whole_seconds(wait: Duration) -> u32 {
    u32::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u32::MAX)
}

fn with_body(response: Response, content_type: HeaderValue, body: Body) -> Response {
    let (mut head, _) = response.into_parts();
    for name in &OF_THE_REPLACED_BODY {
        head.headers.remove(name);
    }
    head.headers.insert(header::CONTENT_TYPE, content_type);
    Response::from_parts(head, body)
}

/// What the error pages need from the application.
#[derive(Clone, Debug)]
pub struct ErrorPages {
    /// The URL of the stylesheet, as the pages themselves link it.
    pub stylesheet: String,
}

/// Renders an [`ErrorResponse`] to a browser as a page, and turns bare error statuses into error responses.
///
/// Bare is an error status without `Content-Type`: the router's own 404 and 405, and Leptos' 400 for an unknown
/// server function, whose text would otherwise be sent without a type.
pub async fn error_pages<F: Future<Output = Response>>(
    pages: &ErrorPages,
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let is_for_browser = accepts_html(request.headers());
    let id = request.extensions().get::<RequestId>().cloned();
    let mut response = next(request).await;
    if is_bare_error(&response) {
        response = ErrorResponse::from_status(response.status()).replace(response);
    }
    match response.extensions().get::<ErrorResponse>() {
        Some(error_response) if is_for_browser => {
            let html = page::render(error_response, &pages.stylesheet, id.as_ref());
            with_body(response, HeaderValue::from_static("text/html; charset=utf-8"), Body::from(html))
        }
        _ => response,
    }
}

/// Whether a browser is going to show the response: only navigations and plain forms accept HTML.
pub fn accepts_html(headers: &HeaderMap) -> bool {
    const HTML: &[u8] = b"text/html";
    headers
        .get_all(header::ACCEPT)
        .iter()
        .any(|value| value.as_bytes().windows(HTML.len()).any(|window| window.eq_ignore_ascii_case(HTML)))
}

fn is_bare_error(response: &Response) -> bool {
    let status = response.status();
    (status.is_client_error() || status.is_server_error())
        && !response.headers().contains_key(header::CONTENT_TYPE)
        && response.extensions().get::<Proxied>().is_none()
}

/// Turns a panic into a `500` and keeps the process alive. The panic itself is logged, as all are, by
/// [`crate::server::telemetry::log_panics`], inside the request's span and so with its id.
pub async fn catch_panics(response: impl Future<Output = Response>) -> Response {
    let caught = AssertUnwindSafe(response).catch_unwind().await;
    caught.unwrap_or_else(|_| ErrorResponse::from(AppError::Internal).into_response())
}

#[cfg(test)]
mod tests;
