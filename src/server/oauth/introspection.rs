//! `POST /oauth/introspect` (RFC 7662). The kind of token follows from its form; the hint is not needed.

use super::{client_auth::ClientRequest, error::OAuthError};
use crate::server::{
    domain::{
        access_token::{AnyClaims, Claims},
        upstream_token::UpstreamClaims,
    },
    service::sessions::token_service::Introspected,
    state::AppState,
};
use axum::{Json, extract::State};
use serde::Serialize;
use uuid::Uuid;

/// RFC 7662 §2.2. For an inactive token, nothing but that.
#[derive(Serialize)]
pub(super) struct IntrospectionResponse {
    active: bool,
    #[serde(flatten)]
    token: Option<ActiveToken>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum ActiveToken {
    Access {
        token_type: &'static str,
        sid: Uuid,
        auth_time: i64,
        iss: String,
        sub: Uuid,
        aud: String,
        exp: i64,
        nbf: i64,
        iat: i64,
        jti: Uuid,
        client_id: String,
    },
    UpstreamAccess {
        token_type: &'static str,
        #[serde(flatten)]
        claims: Box<UpstreamClaims>,
    },
    Refresh {
        iss: String,
        sub: Uuid,
        client_id: String,
        exp: i64,
        auth_time: i64,
        sid: Uuid,
    },
}

pub(super) async fn introspect(
    State(state): State<AppState>,
    request: ClientRequest,
) -> Result<Json<IntrospectionResponse>, OAuthError> {
    let token = request.form.require("token", "token is missing")?;
    let token = state.sessions.introspect(&request.client, token).await?.map(ActiveToken::from);
    Ok(Json(IntrospectionResponse { active: token.is_some(), token }))
}

impl From<Introspected> for ActiveToken {
    fn from(introspected: Introspected) -> Self {
        const TOKEN_TYPE: &str = "Bearer";
        match introspected {
            Introspected::Access(AnyClaims::Session(claims)) => {
                let Claims { iss, sub, aud, exp, nbf, iat, jti, client_id, sid, auth_time, .. } = *claims;
                Self::Access { token_type: TOKEN_TYPE, sid, auth_time, iss, sub, aud, exp, nbf, iat, jti, client_id }
            }
            Introspected::Access(AnyClaims::Upstream(claims)) => {
                Self::UpstreamAccess { token_type: TOKEN_TYPE, claims }
            }
            Introspected::Refresh { session, issuer } => Self::Refresh {
                iss: issuer,
                sub: session.user_id.as_uuid(),
                client_id: session.client_id,
                exp: session.expires_at.as_seconds(),
                auth_time: session.began_at.as_seconds(),
                sid: session.id.as_uuid(),
            },
        }
    }
}
