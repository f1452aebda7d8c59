//! The account: creating it, changing it, its sessions.

use super::form_post::FormPost;
use crate::{
    browser::http_client::{PlainClient, SessionClient},
    error::AppError,
    model::{PasswordRating, ReuseNotice, SessionEntry},
};
use leptos::prelude::*;

/// Creates an account, signs in, and goes to `return_to` or the account page.
///
/// # Errors
///
/// [`AppError::Validation`] with each refused field; [`AppError::RateLimited`] for too many attempts from one address.
#[server(prefix = "/api", endpoint = "account/sign_up", protocol = FormPost, client = PlainClient)]
pub async fn sign_up(
    #[server(default)] email: String,
    #[server(default)] display_name: String,
    #[server(default)] password: String,
    #[server(default)] return_to: Option<String>,
) -> Result<(), AppError> {
    use crate::server::context;

    context::allow_sign_up()?;
    let signed_up =
        context::accounts().sign_up(&context::sign_in_context(), &email, &display_name, password.into()).await;
    context::begin_session(signed_up, return_to.as_deref())
}

/// Changes the name shown to the owner, and returns it as stored.
///
/// # Errors
///
/// [`AppError::Unauthenticated`] without a session; [`AppError::Validation`] if the name is refused.
#[server(prefix = "/api", endpoint = "account/change_display_name", protocol = FormPost, client = SessionClient)]
pub async fn change_display_name(#[server(default)] display_name: String) -> Result<String, AppError> {
    use crate::{paths::done, server::context};
    let session = context::require_session()?;
    let changed = context::accounts().change_display_name(session.user_id, &display_name).await;
    context::report_then_go_to(changed, done::DISPLAY_NAME_SAVED)
}

/// Rates a password before it is chosen, for the strength meter. Nothing is stored.
///
/// # Errors
///
/// [`AppError::RateLimited`] for too many attempts from one address.
#[server(prefix = "/api", endpoint = "account/rate_password", protocol = FormPost, client = PlainClient)]
pub async fn rate_password(
    #[server(default)] password: String,
    #[server(default)] email: String,
    #[server(default)] display_name: String,
) -> Result<PasswordRating, AppError> {
    use crate::server::context;

    context::allow_password_rating()?;
    Ok(context::accounts().rate_password(password.into(), &email, &display_name).await)
}

/// The caller's sessions: the one of this request, then the others, the one used last first.
///
/// # Errors
///
/// [`AppError::Unauthenticated`] without a session.
#[server(prefix = "/api", endpoint = "account/sessions", protocol = FormPost, client = SessionClient)]
pub async fn list_sessions() -> Result<Vec<SessionEntry>, AppError> {
    use crate::server::context;

    let session = context::require_session()?;
    context::own_sessions::list(session).await
}

/// Ends one of the caller's sessions. Ending the one of this request is signing out.
///
/// # Errors
///
/// [`AppError::Unauthenticated`] without a session; [`AppError::NotFound`] if the caller never had a session of this
/// id, whether another user has one or not.
#[server(prefix = "/api", endpoint = "account/end_session", protocol = FormPost, client = SessionClient)]
pub async fn end_session(#[server(default)] id: String) -> Result<(), AppError> {
    use crate::{paths::done, server::context};
    let session = context::require_session()?;
    let ended = context::own_sessions::end(session, &id).await;
    context::report_then_go_to(ended, done::SESSION_ENDED)
}

/// Ends all of the caller's sessions except the one of this request; returns how many.
///
/// # Errors
///
/// [`AppError::Unauthenticated`] without a session.
#[server(prefix = "/api", endpoint = "account/end_other_sessions", protocol = FormPost, client = SessionClient)]
pub async fn end_other_sessions() -> Result<u32, AppError> {
    use crate::{paths::done, server::context};
    let session = context::require_session()?;
    let ended = context::own_sessions::end_others(session).await;
    context::report_then_go_to(ended, done::OTHER_SESSIONS_ENDED)
}

/// The caller's sessions that ended because an old token was used again, until the caller dismisses the notice.
///
/// # Errors
///
/// [`AppError::Unauthenticated`] without a session.
#[server(prefix = "/api", endpoint = "account/reuses", protocol = FormPost, client = SessionClient)]
pub async fn list_reuses() -> Result<Vec<ReuseNotice>, AppError> {
    use crate::server::context;

    let session = context::require_session()?;
    context::own_sessions::list_reused_sessions(session).await
}

/// Dismisses one of the notices of [`list_reuses`].
///
/// # Errors
///
/// [`AppError::Unauthenticated`] without a session; [`AppError::NotFound`] if the caller has no such notice.
#[server(prefix = "/api", endpoint = "account/dismiss_reuse", protocol = FormPost, client = SessionClient)]
pub async fn dismiss_reuse(#[server(default)] id: String) -> Result<(), AppError> {
    use crate::{paths::ACCOUNT, server::context};
    let session = context::require_session()?;
    let dismissed = context::own_sessions::dismiss_reused(session, &id).await;
    context::report_then_go_to(dismissed, ACCOUNT)
}
