//! `POST /oauth/token` (RFC 6749 §3.2).

use super::{client_auth::ClientRequest, error::OAuthError};
use crate::server::{domain::access_token::PlainAccessToken, service::sessions::RefreshError, state::AppState};
use axum::{Json, extract::State};
use serde::Serialize;

/// RFC 6749 §5.1.
#[derive(Serialize)]
pub(super) struct TokenResponse {
    access_token: String,
    token_type: &'static str,
    expires_in: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
}

pub(super) async fn token(
    State(state): State<AppState>,
    request: ClientRequest,
) -> Result<Json<TokenResponse>, OAuthError> {
    let grant = request.form.require("grant_type", "grant_type is missing")?;
    if request.form.get("scope").is_some() {
        return Err(OAuthError::InvalidScope);
    }
    match grant {
        "client_credentials" => {
            let issued = state.sessions.issue_for_client(&request.client);
            let expires_in = i64::try_from(issued.expires_in.as_secs()).unwrap_or(i64::MAX);
            Ok(Json(token_response(&issued.access, expires_in, None)))
        }
        "refresh_token" => refresh(&state, &request).await.map(Json),
        _ => Err(OAuthError::UnsupportedGrantType),
    }
}

async fn refresh(state: &AppState, request: &ClientRequest) -> Result<TokenResponse, OAuthError> {
    let token = request.form.require("refresh_token", "refresh_token is missing")?;
    let token = state.sessions.present_refresh(token);
    let refreshed = state.sessions.refresh(&request.client, token, request.from).await;
    let tokens = refreshed.map_err(reduce)?.tokens;
    Ok(token_response(&tokens.access, tokens.life.seconds(), Some(tokens.refresh.as_str().to_owned())))
}

fn token_response(access: &PlainAccessToken, expires_in: i64, refresh_token: Option<String>) -> TokenResponse {
    TokenResponse { access_token: access.as_str().to_owned(), token_type: "Bearer", expires_in, refresh_token }
}

/// Only a final verdict may make a client discard its token.
fn reduce(error: RefreshError) -> OAuthError {
    match error {
        RefreshError::Store(cause) => cause.into(),
        error if error.is_final() => OAuthError::InvalidGrant,
        _ => OAuthError::Unavailable,
    }
}
