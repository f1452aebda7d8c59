//! The files of the site: scripts, WASM, styles, pictures. The same for everybody, so no session is ever looked at.
//!
//! Mount around the session layer, inside `error_pages`: `assets(router, site_root, pkg_dir)`. Routes that serve paths
//! with a dot themselves (a gateway outside `/api/`) are merged outside of it. The router must have a fallback of its
//! own: axum drops the layers around its default one when routers are merged.

use crate::{error::AppError, server::edge::error_response::ErrorResponse};
use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use std::{path::Path, sync::Arc};
use tower::ServiceExt;
use tower_http::services::ServeDir;

/// For names that change with the content.
const FOR_A_YEAR: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// For names that stay: keep it, but ask each time whether it is still the same (`Last-Modified`).
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");

/// The length of an MD5 sum in base64url, which `cargo leptos` puts into file names (`hash-files`).
const HASH_LENGTH: usize = 22;

/// Percent-encoded characters that could hide what a path really is: NUL, dot, slash, backslash.
const HIDDEN_CHARACTERS: [&str; 4] = ["%00", "%2e", "%2f", "%5c"];

/// Whether a path names a file: its last segment has a dot. Never below `/api/`, which belongs to server functions
/// and gateways.
#[must_use]
pub fn is_asset_path(path: &str) -> bool {
    !path.starts_with("/api/") && path.rsplit('/').next().is_some_and(|name| name.contains('.'))
}

/// Serves the files below `site_root` and leaves all other paths to `router`.
///
/// `pkg_dir` is the folder of what `cargo leptos` builds, relative to the root (`pkg`). Files there whose name holds
/// their hash may be kept for a year; all others are revalidated. Compressed twins (`.br`, `.gz`) are preferred.
/// A missing file is a `404` right here, so that `/account/x.css` never shows a private page to a cache.
pub fn assets(router: Router, site_root: &Path, pkg_dir: &str) -> Router {
    let files =
        ServeDir::new(site_root).append_index_html_on_directories(false).precompressed_br().precompressed_gzip();
    let pkg_prefix = format!("/{}/", pkg_dir.trim_matches('/')).into();
    router.layer(middleware::from_fn_with_state(Site { files, pkg_prefix }, serve))
}

#[derive(Clone, Debug)]
struct Site {
    files: ServeDir,
    pkg_prefix: Arc<str>,
}

async fn serve(State(site): State<Site>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if !is_asset_path(path) {
        return next.run(request).await;
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let refusal = ErrorResponse::from_status(StatusCode::METHOD_NOT_ALLOWED).into_response();
        return ([(header::ALLOW, "GET, HEAD")], refusal).into_response();
    }
    if !is_public(path) {
        return ErrorResponse::from(AppError::NotFound).into_response();
    }
    let is_immutable = path.strip_prefix(&*site.pkg_prefix).is_some_and(has_hashed_name);
    let Ok(response) = site.files.oneshot(request).await;
    match response.status() {
        StatusCode::NOT_FOUND => ErrorResponse::from(AppError::NotFound).into_response(),
        StatusCode::OK | StatusCode::PARTIAL_CONTENT | StatusCode::NOT_MODIFIED => {
            let mut response = response.map(Body::new);
            describe(response.headers_mut(), is_immutable);
            response
        }
        _ => response.map(Body::new),
    }
}

/// Whether a path is what it looks like and leads through no hidden file (`/.git/config`). `ServeDir` keeps it below
/// the site root; RFC 8615 wants `/.well-known/`.
fn is_public(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let visible = lower.strip_prefix("/.well-known/").unwrap_or(&lower);
    !HIDDEN_CHARACTERS.iter().any(|hidden| lower.contains(hidden))
        && !visible.split('/').any(|segment| segment.starts_with('.'))
}

/// Whether the name holds a hash: `tokenlife.Xb3…9.js`, `__wasm_split.Xb3…9.js`, `chunk_1.Xb3…9.wasm`.
fn has_hashed_name(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let mut parts = name.split('.').skip(1).peekable();
    // The last part is the extension.
    std::iter::from_fn(|| parts.next().filter(|_| parts.peek().is_some())).any(is_hash)
}

fn is_hash(part: &str) -> bool {
    let is_base64url = part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    // Without `hash-files` the name of the split loader holds 22 underscores instead.
    part.len() == HASH_LENGTH && is_base64url && part.bytes().any(|byte| byte != b'_')
}

fn describe(headers: &mut HeaderMap, is_immutable: bool) {
    headers.insert(header::CACHE_CONTROL, if is_immutable { FOR_A_YEAR } else { ASK_AGAIN });
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    // `ServeDir` derives it from the modification time in nanoseconds, which differs between the servers of one release
    // if each has copied the files for itself; `Last-Modified` is all that is validated by.
    headers.remove(header::ETAG);
    let with_charset = headers.get(header::CONTENT_TYPE).and_then(|content_type| {
        let text = content_type.to_str().ok()?;
        let is_text = text.starts_with("text/") || text == "application/javascript" || text == "image/svg+xml";
        (is_text && !text.contains("charset")).then(|| format!("{text}; charset=utf-8"))
    });
    if let Some(Ok(content_type)) = with_charset.map(HeaderValue::try_from) {
        headers.insert(header::CONTENT_TYPE, content_type);
    }
}

#[cfg(test)]
mod tests;
