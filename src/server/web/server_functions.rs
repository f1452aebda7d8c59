//! The server functions over HTTP: called by scripts, and by plain forms.
//!
//! A script gets what the function answers. A form, sent by a browser without JavaScript, gets a page: after success
//! the one the function leads to (`303`, RFC 9110 §15.4.4), after a refusal the form's own page again, with what was
//! typed, what is wrong next to it, and the status that says so. The address bar then shows the function's path, so
//! opening that by hand leads to the form's page as well.

use super::pages::Site;
use crate::{
    error::AppError,
    model::{EXPECTED_USER_FIELD, EXPECTED_USER_HEADER, FormEcho},
    paths::{self, Access, ReturnTo},
    server::{
        auth::visitor::Visitor,
        context::CalledOverHttp,
        edge::error_response::{ErrorResponse, Resend, accepts_html},
    },
    validation::Field,
};
use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{FromRequest, Request},
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header, request::Parts},
    response::{IntoResponse, Redirect, Response},
    routing::{MethodRouter, get, on},
};
use leptos::server_fn::{axum::server_fn_paths, error::FromServerFnError};
use std::borrow::Cow;

/// The longest answer of a function that is read again here: an error. They are far shorter.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// The paths of all server functions.
pub fn paths() -> impl Iterator<Item = String> {
    server_fn_paths().map(|(path, _)| path.to_owned())
}

/// Routes for all server functions.
pub fn router(site: &Site) -> Router {
    server_fn_paths().fold(Router::new(), |router, (path, method)| {
        let site = site.clone();
        let handler = move |request: Request| call(site.clone(), request);
        router.route(path, on_method(&method, handler).merge(opened_by_hand(path)))
    })
}

fn on_method<F, Fut>(method: &Method, handler: F) -> MethodRouter
where
    F: FnOnce(Request) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Response> + Send + 'static,
{
    let filter = method.clone().try_into().unwrap_or(axum::routing::MethodFilter::POST);
    on(filter, handler)
}

/// Redirects a navigation to a function's path, from the address bar or the history, to the form's page.
fn opened_by_hand(path: &str) -> MethodRouter {
    let Some(page) = paths::form_page(path) else { return MethodRouter::new() };
    get(move |headers: HeaderMap| async move {
        if accepts_html(&headers) {
            Redirect::to(page).into_response()
        } else {
            StatusCode::METHOD_NOT_ALLOWED.into_response()
        }
    })
}

/// Refuses a request before its server function is reached. What a plain form holds is kept, to be sent again.
pub async fn refuse(request: Request, error: AppError) -> Response {
    let error_response = ErrorResponse::from(error);
    let is_form = *request.method() == Method::POST && accepts_html(request.headers());
    if !is_form || paths::form_page(request.uri().path()).is_none() {
        return error_response.into_response();
    }
    let action = request.uri().path().to_owned();
    match Bytes::from_request(request, &()).await {
        Ok(body) => error_response.with_form(Resend::of(&action, &body)).into_response(),
        Err(_) => error_response.into_response(),
    }
}

async fn call(site: Site, request: Request) -> Response {
    let by_form = accepts_html(request.headers());
    let (mut parts, body) = request.into_parts();
    parts.extensions.insert(CalledOverHttp { by_form });
    let expected = parts.headers.get(EXPECTED_USER_HEADER).map(HeaderValue::as_bytes);
    if expected.is_some_and(|expected| is_of_another_user(&parts, expected)) {
        return ErrorResponse::from(AppError::OtherUser).into_response();
    }
    let is_only_kept = parts.uri.query().is_some_and(paths::is_keeping);
    if is_only_kept && (!by_form || paths::form_page(parts.uri.path()).is_none()) {
        return ErrorResponse::from(AppError::BadRequest).into_response();
    }
    if !by_form {
        return run(&site, Request::from_parts(parts, body)).await;
    }
    let body = match Bytes::from_request(Request::from_parts(parts.clone(), body), &()).await {
        Ok(body) => body,
        Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            return ErrorResponse::from(AppError::TooLarge).into_response();
        }
        Err(_) => return ErrorResponse::from(AppError::BadRequest).into_response(),
    };
    let mut fields = url::form_urlencoded::parse(&body);
    let expected = fields.find_map(|(name, value)| (name == EXPECTED_USER_FIELD).then_some(value));
    if expected.is_some_and(|expected| is_of_another_user(&parts, expected.as_bytes())) {
        return ErrorResponse::from(AppError::OtherUser).into_response();
    }
    if is_only_kept {
        let form = Resend::of(parts.uri.path(), &body);
        return ErrorResponse::from(AppError::Unauthenticated).with_form(form).into_response();
    }
    let mut as_script = parts.clone();
    as_script.headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    let answer = run(&site, Request::from_parts(as_script, Body::from(body.clone()))).await;
    answer_form(&site, parts, &body, answer).await
}

/// Runs a server function, if it is for this visitor.
async fn run(site: &Site, request: Request) -> Response {
    let visitor = request.extensions().get().cloned().unwrap_or_default();
    match check_access(request.uri().path(), &visitor) {
        Ok(()) => with_status_of_error(site.call_server_function(request).await).await,
        Err(error) => ErrorResponse::from(error).into_response(),
    }
}

/// Holds a function to the access that [`paths::api`] declares for it.
///
/// # Errors
///
/// [`AppError::Unauthenticated`] or [`AppError::Unavailable`] for a visitor without a session where one is required;
/// [`AppError::NotFound`] for a function that is not declared, or not for browsers.
fn check_access(path: &str, visitor: &Visitor) -> Result<(), AppError> {
    match paths::endpoint(path).map(|endpoint| endpoint.access) {
        Some(Access::Anyone | Access::RefreshToken) => Ok(()),
        Some(Access::SignedIn) => visitor.require_session().map(drop),
        Some(Access::Client) | None => Err(AppError::NotFound),
    }
}

/// Whether a user is signed in who is not the expected one.
///
/// This is where a page that has grown old is stopped: what it sends is meant for the person it shows.
fn is_of_another_user(parts: &Parts, expected: &[u8]) -> bool {
    let session = parts.extensions.get::<Visitor>().and_then(|visitor| visitor.session);
    session.is_some_and(|session| session.is_not_of(expected))
}

/// Gives a refusal the status that fits. `server_fn` answers every error with `500`, those of unreadable arguments
/// included, and the error itself in the body.
async fn with_status_of_error(answer: Response) -> Response {
    if answer.status() != StatusCode::INTERNAL_SERVER_ERROR {
        return answer;
    }
    let (mut head, body) = answer.into_parts();
    let Ok(body) = to_bytes(body, MAX_ANSWER_BYTES).await else {
        return ErrorResponse::from(AppError::Internal).into_response();
    };
    let error = match AppError::de(body.clone()) {
        // The body that came was no text. For a client it would mean that the answer was none.
        AppError::Transport => return ErrorResponse::from(AppError::BadRequest).into_response(),
        error => error,
    };
    head.status = StatusCode::from_u16(error.status_code()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Some(wait) = error.retry_after_secs() {
        head.headers.insert(header::RETRY_AFTER, HeaderValue::from(wait));
    }
    Response::from_parts(head, Body::from(body))
}

/// Turns what a function answered into what a browser shows.
async fn answer_form(site: &Site, parts: Parts, form: &[u8], answer: Response) -> Response {
    let page = paths::form_page(parts.uri.path());
    let (answered, body) = answer.into_parts();
    if answered.status.is_success() {
        let location = answered.headers.get(header::LOCATION).and_then(|value| value.to_str().ok());
        return Redirect::to(location.or(page).unwrap_or(paths::HOME)).into_response();
    }
    let error = match to_bytes(body, MAX_ANSWER_BYTES).await {
        Ok(body) => AppError::de(body),
        Err(_) => AppError::Internal,
    };
    let Some(page) = page else { return ErrorResponse::from(error).into_response() };
    let resend = Resend::of(parts.uri.path(), form);
    if error == AppError::Unauthenticated && !resend.holds_text() {
        return Redirect::to(&paths::login_returning_to(&ReturnTo::parse(Some(page)))).into_response();
    }
    if let Some(hindrance) = hindrance(site, &parts, page, &error).await {
        return ErrorResponse::from(hindrance).with_form(resend).into_response();
    }
    let mut response = show_again(site, parts, page, form, error.clone()).await;
    *response.status_mut() = answered.status;
    if let Some(wait) = error.retry_after_secs() {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait));
    }
    response
}

/// Why the form's own page cannot be shown, if it cannot.
async fn hindrance(site: &Site, parts: &Parts, page: &str, error: &AppError) -> Option<AppError> {
    // No page shows why signing out failed.
    if *error == AppError::Unauthenticated || parts.uri.path() == paths::api::LOGOUT {
        return Some(error.clone());
    }
    if !paths::is_private(page) {
        return None;
    }
    match site.current_user(&parts.extensions).await {
        Ok(Some(_)) => None,
        // The session has ended while the function was at work.
        Ok(None) => Some(AppError::Unauthenticated),
        Err(error) => Some(error),
    }
}

/// Renders the form's page with what was typed and what is wrong.
async fn show_again(site: &Site, mut parts: Parts, page: &str, form: &[u8], error: AppError) -> Response {
    let fields: Vec<(Cow<'_, str>, Cow<'_, str>)> = url::form_urlencoded::parse(form).collect();
    let value_of = |wanted: &str| fields.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.to_string());
    let typed = [Field::Email, Field::DisplayName, Field::Title, Field::Text].map(Field::name);
    // Which note a form was about, and in which version.
    let kept = typed.into_iter().chain(["id", "version"]);
    let echo = FormEcho {
        action: parts.uri.path().to_owned(),
        error,
        typed: kept.filter_map(|name| Some((name.to_owned(), value_of(name)?))).collect(),
    };
    let destination = ReturnTo::parse(value_of("return_to").as_deref());
    let page = paths::with_return_to(page, &destination);
    parts.method = Method::GET;
    parts.uri = Uri::try_from(page).unwrap_or_default();
    parts.extensions.remove::<CalledOverHttp>();
    parts.extensions.insert(echo);
    site.render(Request::from_parts(parts, Body::empty())).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_declared_is_not_called() {
        let visitor = Visitor::default();
        for path in ["/api/account/undeclared", "/api/session/login/", paths::oauth::TOKEN, paths::HOME] {
            assert_eq!(check_access(path, &visitor), Err(AppError::NotFound), "{path}");
        }
        assert_eq!(check_access(paths::api::LOGIN, &visitor), Ok(()));
        assert_eq!(check_access(paths::api::LIST_SESSIONS, &visitor), Err(AppError::Unauthenticated));
    }
}
