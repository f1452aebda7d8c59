//! The claims of an access token for another audience than this application: for an upstream, or a registered client's
//! own (RFC 9068).

use super::{session::SessionId, user::UserId};
use crate::server::clock::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use uuid::Uuid;

/// On whose behalf an upstream is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bearer {
    /// The signed-in user of a session.
    User { user_id: UserId, session_id: SessionId },
    /// The client itself: the application, or a registered one.
    Client,
}

/// The claims on the wire (RFC 9068 §2.2). They lack the session claims of this application's own tokens, so this
/// application never accepts such a token, whatever its audience.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpstreamClaims {
    pub iss: String,
    /// The user's id, or the client's id if it acts for itself (RFC 9068 §2.2).
    pub sub: String,
    pub aud: String,
    pub exp: i64,
    pub nbf: i64,
    pub iat: i64,
    pub jti: Uuid,
    pub client_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<Uuid>,
}

impl UpstreamClaims {
    /// The claims of a token that lives for `ttl`.
    #[must_use]
    pub fn of(
        bearer: Bearer,
        client_id: &str,
        issuer: &str,
        audience: &str,
        token_id: Uuid,
        now: Timestamp,
        ttl: Duration,
    ) -> Self {
        let (sub, sid) = match bearer {
            Bearer::User { user_id, session_id } => (user_id.to_string(), Some(session_id.as_uuid())),
            Bearer::Client => (client_id.to_owned(), None),
        };
        Self {
            iss: issuer.to_owned(),
            sub,
            aud: audience.to_owned(),
            exp: (now + ttl).as_seconds(),
            nbf: now.as_seconds(),
            iat: now.as_seconds(),
            jti: token_id,
            client_id: client_id.to_owned(),
            sid,
        }
    }
}
