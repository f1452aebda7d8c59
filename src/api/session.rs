//! Signing in, staying signed in, signing out.

use super::form_post::FormPost;
use crate::{
    browser::http_client::{PlainClient, SessionClient},
    error::AppError,
    model::{CurrentUser, TokenLife},
};
use leptos::prelude::*;

/// Signs in with e-mail address and password, and goes to `return_to` or the account page.
///
/// # Errors
///
/// [`AppError::InvalidCredentials`] whether the address is unknown, the password wrong or the account disabled.
#[server(prefix = "/api", endpoint = "session/login", protocol = FormPost, client = PlainClient)]
pub async fn login(
    #[server(default)] email: String,
    #[server(default)] password: String,
    #[server(default)] return_to: Option<String>,
) -> Result<(), AppError> {
    use crate::server::context;

    context::allow_sign_in(&email)?;
    let signed_in = context::accounts().sign_in(&context::sign_in_context(), &email, password.into()).await;
    if signed_in.is_ok() {
        context::remember_sign_in(&email);
    }
    context::begin_session(signed_in, return_to.as_deref())
}

/// Redeems the refresh token in the cookie: sets three new cookies, and returns the new token's times. If the access
/// token is still fresh, only its times.
///
/// # Errors
///
/// [`AppError::Unauthenticated`] if the session cannot be continued; [`AppError::Unavailable`] if that cannot be
/// determined at the moment. Neither response sets a cookie.
#[server(prefix = "/api", endpoint = "session/refresh", protocol = FormPost)]
pub async fn refresh() -> Result<TokenLife, AppError> {
    use crate::server::context;

    context::refresh_session().await
}

/// Ends this session everywhere and clears its cookies. Without a session it only clears what is there.
///
/// # Errors
///
/// [`AppError::Unavailable`] if the session could not be ended; the cookies then stay, for another try.
#[server(prefix = "/api", endpoint = "session/logout", protocol = FormPost)]
pub async fn logout() -> Result<(), AppError> {
    use crate::server::context;

    context::sign_out().await
}

/// The signed-in user; `None` for an anonymous visitor.
///
/// # Errors
///
/// [`AppError::Unauthenticated`] for a caller with cookies of a session that is over; [`AppError::Unavailable`] if the
/// store cannot be reached.
#[server(prefix = "/api", endpoint = "session/current", protocol = FormPost, client = SessionClient)]
pub async fn current() -> Result<Option<CurrentUser>, AppError> {
    use crate::server::context;

    context::current_user().await
}
