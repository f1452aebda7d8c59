//! What a server function may ask: who is calling, the services, and how to answer.
//!
//! Its body runs in two settings: called over HTTP, where success may lead to another page; and called directly while
//! a page is rendered, where the page decides what to show.

use super::{
    auth::visitor::{Change, Visitor, VisitorSession},
    domain::{
        email::EmailKey,
        session::{EndReason, SessionId},
    },
    edge::{client_address::ClientAddress, rate_limit::RetryAfter},
    service::{
        Origin,
        accounts::Accounts,
        sessions::{RefreshError, Refreshed},
    },
    state::AppState,
    wire,
};
use crate::{
    error::AppError,
    model::{CurrentUser, ReuseNotice, SessionEntry, TokenLife},
    paths::ReturnTo,
};
use axum::http::{HeaderName, HeaderValue, header, request::Parts};
use leptos::prelude::{expect_context, use_context};
use leptos_axum::ResponseOptions;
use std::{cmp::Reverse, net::IpAddr, sync::Arc};

/// The header by which a server function tells the script that called it where to go (`server_fn`).
const REDIRECT_HEADER: HeaderName = HeaderName::from_static(leptos::server_fn::redirect::REDIRECT_HEADER);
const MAX_USER_AGENT_CHARS: usize = 512;

/// Marks a request whose server function was called over HTTP, not directly while a page is rendered.
#[derive(Clone, Copy, Debug)]
pub struct CalledOverHttp {
    /// By a plain form, so that the answer is a page.
    pub by_form: bool,
}

#[must_use]
pub fn accounts() -> Arc<Accounts> {
    state().accounts
}

/// The browser that the request comes from.
#[must_use]
pub fn origin() -> Origin {
    let parts = expect_context::<Parts>();
    let user_agent = parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    Origin {
        address: address(&parts),
        user_agent: user_agent.chars().take(MAX_USER_AGENT_CHARS).collect(),
        replaces: visitor().proven,
    }
}

/// Counts an attempt to sign in.
///
/// # Errors
///
/// [`AppError::RateLimited`].
pub fn allow_sign_in(email: &str) -> Result<(), AppError> {
    limited("sign_in", state().limits.check_sign_in(address(&expect_context()), &account_name(email)))
}

/// Notes that somebody signed in: strangers who try the same account elsewhere do not slow them down.
pub fn remember_sign_in(email: &str) {
    state().limits.remember_sign_in(address(&expect_context()), &account_name(email));
}

/// Counts an attempt to sign up.
///
/// # Errors
///
/// [`AppError::RateLimited`].
pub fn allow_sign_up() -> Result<(), AppError> {
    limited("sign_up", state().limits.check_sign_up(address(&expect_context())))
}

/// Counts a rating of a password.
///
/// # Errors
///
/// [`AppError::RateLimited`].
pub fn allow_password_rating() -> Result<(), AppError> {
    limited("password_rating", state().limits.check_password_rating(address(&expect_context())))
}

/// The caller's session.
///
/// # Errors
///
/// [`AppError::Unauthenticated`]; [`AppError::Unavailable`] if nobody can say whether it has ended.
pub fn require_session() -> Result<VisitorSession, AppError> {
    let session = visitor().session.ok_or(AppError::Unauthenticated)?;
    session.is_certain.then_some(session).ok_or(AppError::Unavailable)
}

/// Answers a sign-in: hands out the cookies, and leads on.
///
/// # Errors
///
/// What the sign-in failed with.
pub fn begin_session<E: Into<AppError>>(
    signed_in: Result<Refreshed, E>,
    return_to: Option<&str>,
) -> Result<(), AppError> {
    let begun = report(signed_in)?;
    visitor().cookies.set(Change::Issue(Box::new(begun)));
    lead_to(ReturnTo::parse(return_to).as_str());
    Ok(())
}

/// Redeems the refresh token that came with the request, unless a fresh access token came as well: another tab was
/// faster, and a rotation right after the last one would do harm (see [`super::domain::rotation`]).
///
/// # Errors
///
/// [`AppError::Unauthenticated`], [`AppError::Unavailable`]. No cookie is touched then.
pub async fn refresh_session() -> Result<TokenLife, AppError> {
    let visitor = visitor();
    let refresh_token = visitor.refresh_token.ok_or(AppError::Unauthenticated)?;
    if let Some(life) = visitor.fresh {
        return Ok(life);
    }
    let redeemed = state().redeem(refresh_token, address(&expect_context())).await;
    let refreshed = redeemed.map_err(RefreshError::reduce)?;
    let life = refreshed.tokens.life;
    visitor.cookies.set(Change::Issue(Box::new(refreshed)));
    Ok(life)
}

/// Ends the caller's session, if there is one, and clears the cookies.
///
/// # Errors
///
/// [`AppError::Unavailable`]; session and cookies stay.
pub async fn sign_out() -> Result<(), AppError> {
    let (visitor, sessions) = (visitor(), state().sessions);
    for session in &visitor.proven {
        sessions.end(*session, EndReason::SignedOut).await?;
    }
    if let (true, Some(token)) = (visitor.proven.is_empty(), &visitor.refresh_token)
        && let Err(error) = sessions.read_refresh(token).await
        && !error.is_final()
    {
        // Another server could still redeem it: saying that its session has ended would be untrue.
        return Err(AppError::Unavailable);
    }
    visitor.cookies.set(Change::ClearAll);
    lead_to(crate::paths::HOME);
    Ok(())
}

/// Who is signed in.
///
/// # Errors
///
/// [`AppError::Unauthenticated`] if the cookies promise somebody whom this request cannot show,
/// [`AppError::Unavailable`] if the store cannot be asked.
pub async fn current_user() -> Result<Option<CurrentUser>, AppError> {
    let visitor = visitor();
    match state().current_user(visitor.session).await? {
        None if visitor.session.is_some() || visitor.can_refresh => Err(AppError::Unauthenticated),
        current => Ok(current),
    }
}

/// The sessions of the caller: the present one, then the others, the one used last first.
///
/// # Errors
///
/// [`AppError::Unavailable`].
pub async fn list_sessions(caller: VisitorSession) -> Result<Vec<SessionEntry>, AppError> {
    let state = state();
    let mut sessions = state.sessions.list(caller.user_id).await?;
    sessions.sort_by_key(|session| Reverse(session.id == caller.session_id));
    let now = state.sessions.clock.now();
    let entry =
        |session| wire::session_entry(session, caller.session_id, &state.keyring, state.settings.access_ttl_secs, now);
    Ok(sessions.iter().map(entry).collect())
}

/// Ends one of the caller's sessions, named as on the page. The present one is ended by signing out.
///
/// # Errors
///
/// [`AppError::NotFound`], [`AppError::Unavailable`].
pub async fn end_session(caller: VisitorSession, public_id: &str) -> Result<(), AppError> {
    let session = revealed(public_id)?;
    if session == caller.session_id {
        return sign_out().await;
    }
    let found = state().sessions.end_own(caller.user_id, session).await?;
    found.then_some(()).ok_or(AppError::NotFound)
}

/// Ends all sessions of the caller except the present one; returns how many.
///
/// # Errors
///
/// [`AppError::Unavailable`].
pub async fn end_other_sessions(caller: VisitorSession) -> Result<u32, AppError> {
    let ended = state().sessions.end_others(caller.user_id, caller.session_id).await?;
    Ok(u32::try_from(ended).unwrap_or(u32::MAX))
}

/// The caller's sessions that ended by reuse, the newest first.
///
/// # Errors
///
/// [`AppError::Unavailable`].
pub async fn list_reuses(caller: VisitorSession) -> Result<Vec<ReuseNotice>, AppError> {
    let state = state();
    let reused = state.sessions.list_reused(caller.user_id).await?;
    Ok(reused.iter().map(|reused| wire::reuse_notice(reused, &state.keyring)).collect())
}

/// Notes that the caller knows about one of those.
///
/// # Errors
///
/// [`AppError::NotFound`], [`AppError::Unavailable`].
pub async fn dismiss_reuse(caller: VisitorSession, public_id: &str) -> Result<(), AppError> {
    let session = revealed(public_id)?;
    let found = state().sessions.dismiss_reused(caller.user_id, session).await?;
    found.then_some(()).ok_or(AppError::NotFound)
}

/// Reduces an outcome to the wire. Over HTTP, [`super::web::server_functions`] gives it the status that fits.
///
/// # Errors
///
/// The reduced error.
pub fn report<T, E: Into<AppError>>(outcome: Result<T, E>) -> Result<T, AppError> {
    outcome.map_err(Into::into)
}

/// Reduces an outcome to the wire, and leads the browser without JavaScript on to a page.
///
/// # Errors
///
/// The reduced error.
pub fn report_then_go_to<T, E: Into<AppError>>(outcome: Result<T, E>, page: &'static str) -> Result<T, AppError> {
    let done = report(outcome)?;
    if use_context::<Parts>()
        .is_some_and(|parts| parts.extensions.get::<CalledOverHttp>().is_some_and(|call| call.by_form))
    {
        lead_to(page);
    }
    Ok(done)
}

/// Tells whoever called where to go next. `location` is one of our paths, and ASCII.
fn lead_to(location: &str) {
    if let Some(response) = use_context::<ResponseOptions>()
        && let Ok(location) = HeaderValue::from_str(location)
    {
        say(&response, header::LOCATION, location);
        say(&response, REDIRECT_HEADER, HeaderValue::from_static(""));
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that puts headers on a server function's answer; none of them is a cookie"
)]
fn say(response: &ResponseOptions, name: HeaderName, value: HeaderValue) {
    response.append_header(name, value);
}

fn limited(what: &'static str, allowed: Result<(), RetryAfter>) -> Result<(), AppError> {
    allowed.map_err(|wait| {
        let retry_after_secs = wait.seconds();
        tracing::info!(target: "tokenlife::security", event = "rate_limited", what, retry_after_secs, address = %address(&expect_context()));
        AppError::RateLimited { retry_after_secs }
    })
}

fn state() -> AppState {
    expect_context()
}

fn visitor() -> Visitor {
    use_context::<Parts>().and_then(|parts| parts.extensions.get::<Visitor>().cloned()).unwrap_or_default()
}

/// The session that a page names so. Whose it is, if it is one at all, has to be asked.
fn revealed(public_id: &str) -> Result<SessionId, AppError> {
    state().keyring.session_called(public_id).ok_or(AppError::NotFound)
}

/// How attempts on an account are counted: spellings of one address as one.
fn account_name(email: &str) -> String {
    EmailKey::of(email).map_or_else(|| email.trim().to_lowercase(), |key| key.to_string())
}

fn address(parts: &Parts) -> IpAddr {
    ClientAddress::of(&parts.extensions)
}
