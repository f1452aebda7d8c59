//! The account: creating it, changing it.

use crate::{error::AppError, model::PasswordRating, session::client::SessionClient};
use leptos::{
    prelude::*,
    server_fn::codec::{Json, PostUrl},
};

/// Creates an account, signs in, and goes to `return_to` or the account page.
///
/// # Errors
///
/// [`AppError::Validation`] names each field that has to change.
#[server(prefix = "/api", endpoint = "account/sign_up", input = PostUrl, output = Json)]
pub async fn sign_up(
    #[server(default)] email: String,
    #[server(default)] display_name: String,
    #[server(default)] password: String,
    #[server(default)] return_to: Option<String>,
) -> Result<(), AppError> {
    use crate::server::request;

    request::allow_sign_up()?;
    let signed_up = request::accounts().sign_up(&request::origin(), &email, &display_name, password.into()).await;
    request::begin_session(signed_up, return_to.as_deref()).await
}

/// Changes the name shown to the owner, and returns it as stored.
///
/// # Errors
///
/// [`AppError::Unauthenticated`], [`AppError::Validation`].
#[server(prefix = "/api", endpoint = "account/change_display_name", input = PostUrl, output = Json, client = SessionClient)]
pub async fn change_display_name(#[server(default)] display_name: String) -> Result<String, AppError> {
    use crate::server::request;

    let session = request::require_session()?;
    let changed = request::accounts().change_display_name(session.user_id, &display_name).await;
    request::report_then_go_to(changed, "/account?saved=display_name")
}

/// Rates a password before it is chosen, for the strength meter. Nothing is stored.
///
/// # Errors
///
/// [`AppError::RateLimited`].
#[server(prefix = "/api", endpoint = "account/rate_password", input = PostUrl, output = Json)]
pub async fn rate_password(
    #[server(default)] password: String,
    #[server(default)] email: String,
    #[server(default)] display_name: String,
) -> Result<PasswordRating, AppError> {
    use crate::server::request;

    request::allow_password_rating()?;
    Ok(request::accounts().rate_password(password.into(), &email, &display_name).await)
}
