//! `POST /oauth/revoke` (RFC 7009). The kind of token follows from its form; the hint is not needed.

use super::{client_auth::ClientRequest, error::OAuthError};
use crate::server::state::AppState;
use axum::{extract::State, http::StatusCode};

pub(super) async fn revoke(State(state): State<AppState>, request: ClientRequest) -> Result<StatusCode, OAuthError> {
    let token = request.form.require("token", "token is missing")?;
    state.sessions.revoke(&request.client, token).await?;
    Ok(StatusCode::OK)
}
