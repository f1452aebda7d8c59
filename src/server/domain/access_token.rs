//! The claims of an access token (RFC 9068), and whether they are valid at a given time.

use super::{
    session::{Generation, Session, SessionId},
    upstream_token::UpstreamClaims,
    user::UserId,
};
use crate::server::{clock::Timestamp, redacted::redacted};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use uuid::Uuid;

/// How far the clocks of two servers may be apart before a token counts as issued in the future.
pub const CLOCK_LEEWAY: Duration = Duration::from_mins(1);

/// The claims on the wire (RFC 9068 §2.2), with the session (`sid`) and its generation (`gen`) as private claims. No
/// personal data but an opaque user id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    pub iss: String,
    pub sub: Uuid,
    pub aud: String,
    pub exp: i64,
    pub nbf: i64,
    pub iat: i64,
    pub jti: Uuid,
    pub client_id: String,
    pub sid: Uuid,
    #[serde(rename = "gen")]
    pub generation: u32,
    pub auth_time: i64,
}

/// The claims of any access token issued here, for introspection.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum AnyClaims {
    Session(Box<Claims>),
    /// For another audience than this application: a client's own token, or a user's for an upstream.
    Upstream(Box<UpstreamClaims>),
}

impl AnyClaims {
    /// The session of the token; a client's own token has none.
    #[must_use]
    pub fn session_id(&self) -> Option<SessionId> {
        match self {
            Self::Session(claims) => Some(SessionId::from_uuid(claims.sid)),
            Self::Upstream(claims) => claims.sid.map(SessionId::from_uuid),
        }
    }

    /// The client that the token was issued to.
    #[must_use]
    pub fn client_id(&self) -> &str {
        match self {
            Self::Session(claims) => &claims.client_id,
            Self::Upstream(claims) => &claims.client_id,
        }
    }

    /// Checks the times, as [`Claims::check_times`] does.
    ///
    /// # Errors
    ///
    /// [`ClaimsError`] names the time that is not valid at `now`.
    pub fn check_times(&self, now: Timestamp, access_ttl: Duration) -> Result<(), ClaimsError> {
        match self {
            Self::Session(claims) => claims.check_times(now, access_ttl).map(drop),
            Self::Upstream(claims) => check_times(claims.iat, claims.nbf, claims.exp, now, access_ttl),
        }
    }
}

/// What a valid access token proves about the request that carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AccessToken {
    pub user_id: UserId,
    pub session_id: SessionId,
    pub generation: Generation,
    pub issued_at: Timestamp,
    pub expires_at: Timestamp,
}

impl AccessToken {
    /// Whether the browser that holds it does not need another one yet. The last fifth of its life, at most a minute,
    /// is twice the time before its expiry at which a browser refreshes.
    #[must_use]
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        let life = self.expires_at.since(self.issued_at);
        self.expires_at.since(now) > (life / 5).min(Duration::from_mins(1))
    }
}

/// An access token as text: a credential, not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct PlainAccessToken(String);

impl PlainAccessToken {
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

redacted!(PlainAccessToken);

/// Why claims with a valid signature are not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimsError {
    #[error("the access token has expired")]
    Expired,
    #[error("the access token is not valid yet")]
    NotYetValid,
    /// Lives longer than any token issued here.
    #[error("the access token lives too long")]
    Overlong,
}

impl Claims {
    /// The claims for a session's access token.
    #[must_use]
    pub fn of(
        session: &Session,
        issuer: &str,
        audience: &str,
        token_id: Uuid,
        now: Timestamp,
        access_ttl: Duration,
    ) -> Self {
        let expires_at = (now + access_ttl).min(session.expires_at);
        Self {
            iss: issuer.to_owned(),
            sub: session.user_id.as_uuid(),
            aud: audience.to_owned(),
            exp: expires_at.as_seconds(),
            nbf: now.as_seconds(),
            iat: now.as_seconds(),
            jti: token_id,
            client_id: session.client_id.clone(),
            sid: session.id.as_uuid(),
            generation: session.generation.number(),
            auth_time: session.began_at.as_seconds(),
        }
    }

    /// Checks the times, which the signature does not.
    ///
    /// The expiry has no leeway: a clock that runs ahead costs a refresh, never a sign-out. The beginning has
    /// [`CLOCK_LEEWAY`], because a token of a server whose clock runs ahead must not be refused here.
    ///
    /// # Errors
    ///
    /// [`ClaimsError`] names the time that is not valid at `now`.
    pub fn check_times(&self, now: Timestamp, access_ttl: Duration) -> Result<AccessToken, ClaimsError> {
        check_times(self.iat, self.nbf, self.exp, now, access_ttl)?;
        Ok(AccessToken {
            user_id: UserId::from_uuid(self.sub),
            session_id: SessionId::from_uuid(self.sid),
            generation: Generation::new(self.generation),
            issued_at: Timestamp::from_seconds(self.iat),
            expires_at: Timestamp::from_seconds(self.exp),
        })
    }
}

fn check_times(iat: i64, nbf: i64, exp: i64, now: Timestamp, access_ttl: Duration) -> Result<(), ClaimsError> {
    if now >= Timestamp::from_seconds(exp) {
        return Err(ClaimsError::Expired);
    }
    let latest_start = now + CLOCK_LEEWAY;
    if Timestamp::from_seconds(iat) > latest_start || Timestamp::from_seconds(nbf) > latest_start {
        return Err(ClaimsError::NotYetValid);
    }
    if exp.saturating_sub(iat) > i64::try_from(access_ttl.as_secs()).unwrap_or(i64::MAX).saturating_add(1) {
        return Err(ClaimsError::Overlong);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TTL: Duration = Duration::from_hours(1);
    const NOW: Timestamp = Timestamp::from_seconds(1_000_000);

    fn claims(issued: i64, lives: i64) -> Claims {
        Claims {
            iss: String::new(),
            sub: Uuid::nil(),
            aud: String::new(),
            exp: issued.saturating_add(lives),
            nbf: issued,
            iat: issued,
            jti: Uuid::nil(),
            client_id: "web".to_owned(),
            sid: Uuid::nil(),
            generation: 3,
            auth_time: issued,
        }
    }

    fn error_after(issued_ago: i64, lives: i64) -> Option<ClaimsError> {
        claims(1_000_000 - issued_ago, lives).check_times(NOW, TTL).err()
    }

    #[test]
    fn a_token_is_valid_from_its_issue_to_its_expiry() {
        assert_eq!(error_after(0, 3600), None);
        assert_eq!(error_after(3599, 3600), None);
        assert_eq!(error_after(3600, 3600), Some(ClaimsError::Expired));
    }

    #[test]
    fn a_token_is_fresh_until_a_browser_may_refresh() {
        let token = |lives| claims(1_000_000, lives).check_times(NOW, TTL).expect("it is valid");
        let after = |seconds| NOW + Duration::from_secs(seconds);
        assert!(token(3600).is_fresh(after(3539)));
        assert!(!token(3600).is_fresh(after(3540)));
        assert!(!token(3600).is_fresh(after(9999)));
        assert!(token(10).is_fresh(after(7)));
        assert!(!token(10).is_fresh(after(8)));
    }

    #[test]
    fn a_clock_ahead_by_a_minute_is_tolerated() {
        assert_eq!(error_after(-60, 3600), None);
        assert_eq!(error_after(-61, 3600), Some(ClaimsError::NotYetValid));
    }

    #[test]
    fn a_token_that_lives_longer_than_ours_is_refused() {
        assert_eq!(error_after(0, 3602), Some(ClaimsError::Overlong));
        assert_eq!(error_after(0, i64::MAX), Some(ClaimsError::Overlong));
        assert_eq!(claims(i64::MIN, 0).check_times(NOW, TTL), Err(ClaimsError::Expired));
    }
}
