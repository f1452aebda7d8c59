//! The context of a server function: its caller, the services, and the response.
//!
//! A server function runs in two settings: called over HTTP, where success may redirect to another page; and called
//! directly while a page is rendered, where the page decides what to show.

pub mod own_sessions;

use super::{
    auth::{
        current_user,
        visitor::{Change, Visitor, VisitorSession},
    },
    domain::{email::EmailKey, session::EndReason},
    edge::{client_address::ClientAddress, rate_limit::RetryAfter},
    service::{
        SignInContext,
        accounts::Accounts,
        sessions::{IssuedSession, RefreshError},
    },
    state::AppState,
    telemetry::SECURITY,
};
use crate::{
    error::AppError,
    model::{CurrentUser, TokenLife},
    paths::ReturnTo,
};
use axum::http::{HeaderName, HeaderValue, header, request::Parts};
use leptos::prelude::{expect_context, use_context};
use leptos_axum::ResponseOptions;
use std::{net::IpAddr, sync::Arc};

/// The header by which a server function makes the calling script follow `Location` (`server_fn`).
const REDIRECT_HEADER: HeaderName = HeaderName::from_static(leptos::server_fn::redirect::REDIRECT_HEADER);
const MAX_USER_AGENT_CHARS: usize = 512;

/// Marks a request whose server function was called over HTTP, not directly while a page is rendered.
#[derive(Clone, Copy, Debug)]
pub struct CalledOverHttp {
    /// By a plain HTML form, so the response is a page.
    pub by_form: bool,
}

#[must_use]
pub fn accounts() -> Arc<Accounts> {
    state().accounts
}

/// The browser that the request comes from.
#[must_use]
pub fn sign_in_context() -> SignInContext {
    let parts = expect_context::<Parts>();
    let user_agent = parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    SignInContext {
        address: address(&parts),
        user_agent: user_agent.chars().take(MAX_USER_AGENT_CHARS).collect(),
        replaces: visitor().proven_sessions,
    }
}

/// Counts an attempt to sign in.
///
/// # Errors
///
/// [`AppError::RateLimited`] if there were too many attempts.
pub fn allow_sign_in(email: &str) -> Result<(), AppError> {
    limited("sign_in", state().limits.check_sign_in(address(&expect_context()), &account_name(email)))
}

/// Records a successful sign-in, so that attempts from other addresses do not throttle this user.
pub fn remember_sign_in(email: &str) {
    state().limits.remember_sign_in(address(&expect_context()), &account_name(email));
}

/// Counts an attempt to sign up.
///
/// # Errors
///
/// [`AppError::RateLimited`] if there were too many attempts.
pub fn allow_sign_up() -> Result<(), AppError> {
    limited("sign_up", state().limits.check_sign_up(address(&expect_context())))
}

/// Counts a rating of a password.
///
/// # Errors
///
/// [`AppError::RateLimited`] if there were too many attempts.
pub fn allow_password_rating() -> Result<(), AppError> {
    limited("password_rating", state().limits.check_password_rating(address(&expect_context())))
}

/// The caller's session.
///
/// # Errors
///
/// [`AppError::Unauthenticated`] if there is none; [`AppError::Unavailable`] if it cannot be determined whether it has
/// ended.
pub fn require_session() -> Result<VisitorSession, AppError> {
    visitor().require_session()
}

/// Responds to a sign-in: sets the cookies and redirects.
///
/// # Errors
///
/// The error of a failed sign-in.
pub fn begin_session<E: Into<AppError>>(
    signed_in: Result<IssuedSession, E>,
    return_to: Option<&str>,
) -> Result<(), AppError> {
    let issued = report(signed_in)?;
    visitor().cookies.set(Change::Issue(Box::new(issued)));
    redirect_to(ReturnTo::parse(return_to).as_str());
    Ok(())
}

/// Redeems the refresh token of the request, unless the request also has a fresh access token: another tab was faster,
/// and a rotation right after the last one would do harm (see [`super::domain::rotation`]).
///
/// # Errors
///
/// [`AppError::Unauthenticated`] if there is no redeemable refresh token, [`AppError::Unavailable`] if it cannot be
/// redeemed now. No cookie is changed then.
pub async fn refresh_session() -> Result<TokenLife, AppError> {
    let visitor = visitor();
    let refresh_token = visitor.refresh_token.ok_or(AppError::Unauthenticated)?;
    if let Some(life) = visitor.fresh_life {
        return Ok(life);
    }
    let AppState { sessions, web_client, .. } = state();
    let redeemed = sessions.refresh(&web_client, refresh_token, address(&expect_context())).await;
    let refreshed = redeemed.map_err(RefreshError::reduce)?;
    let life = refreshed.tokens.life;
    visitor.cookies.set(Change::Issue(Box::new(refreshed)));
    Ok(life)
}

/// Ends the caller's session, if there is one, and clears the cookies.
///
/// # Errors
///
/// [`AppError::Unavailable`] if the session cannot be ended now; session and cookies stay.
pub async fn sign_out() -> Result<(), AppError> {
    let (visitor, sessions) = (visitor(), state().sessions);
    for session in &visitor.proven_sessions {
        sessions.end(*session, EndReason::SignedOut).await?;
    }
    if let (true, Some(token)) = (visitor.proven_sessions.is_empty(), visitor.refresh_token)
        && let Err(error) = sessions.genuine(token).await
        && !error.is_final()
    {
        // Another server could still redeem it, so its session has not ended.
        return Err(AppError::Unavailable);
    }
    visitor.cookies.set(Change::ClearAll);
    redirect_to(crate::paths::HOME);
    Ok(())
}

/// The signed-in user, if there is one.
///
/// # Errors
///
/// [`AppError::Unauthenticated`] if the cookies belong to a session that this request cannot show,
/// [`AppError::Unavailable`] if the store cannot be reached.
pub async fn current_user() -> Result<Option<CurrentUser>, AppError> {
    let visitor = visitor();
    match current_user::current_user(&state().sessions, visitor.session).await? {
        None if visitor.session.is_some() || visitor.may_refresh => Err(AppError::Unauthenticated),
        current => Ok(current),
    }
}

/// Reduces an outcome to the wire. Over HTTP, [`super::web::server_functions`] sets the matching status.
///
/// # Errors
///
/// The reduced error.
pub fn report<T, E: Into<AppError>>(outcome: Result<T, E>) -> Result<T, AppError> {
    outcome.map_err(Into::into)
}

/// Reduces an outcome to the wire, and redirects a browser without JavaScript to a page.
///
/// # Errors
///
/// The reduced error.
pub fn report_then_go_to<T, E: Into<AppError>>(outcome: Result<T, E>, page: &'static str) -> Result<T, AppError> {
    let done = report(outcome)?;
    if use_context::<Parts>()
        .is_some_and(|parts| parts.extensions.get::<CalledOverHttp>().is_some_and(|call| call.by_form))
    {
        redirect_to(page);
    }
    Ok(done)
}

/// Redirects the caller. `location` is a path of this application, and ASCII.
fn redirect_to(location: &str) {
    if let Some(response) = use_context::<ResponseOptions>()
        && let Ok(location) = HeaderValue::from_str(location)
    {
        append_header(&response, header::LOCATION, location);
        append_header(&response, REDIRECT_HEADER, HeaderValue::from_static(""));
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that sets headers of a server function's response; none of them is a cookie"
)]
fn append_header(response: &ResponseOptions, name: HeaderName, value: HeaderValue) {
    response.append_header(name, value);
}

fn limited(what: &'static str, allowed: Result<(), RetryAfter>) -> Result<(), AppError> {
    allowed.map_err(|wait| {
        let retry_after_secs = wait.seconds();
        tracing::info!(target: SECURITY, event = "rate_limited", what, retry_after_secs, address = %address(&expect_context()));
        AppError::RateLimited { retry_after_secs }
    })
}

fn state() -> AppState {
    expect_context()
}

fn visitor() -> Visitor {
    use_context::<Parts>().and_then(|parts| parts.extensions.get::<Visitor>().cloned()).unwrap_or_default()
}

/// The key by which attempts on an account are counted: the same for all spellings of one address.
fn account_name(email: &str) -> String {
    EmailKey::of(email).map_or_else(|| email.trim().to_lowercase(), |key| key.to_string())
}

fn address(parts: &Parts) -> IpAddr {
    ClientAddress::of(&parts.extensions)
}
