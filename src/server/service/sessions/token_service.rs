//! What a registered client may request: a token of its own, the introspection and the revocation of a token.

use super::{RefreshError, SessionStatus, Sessions};
use crate::server::{
    clock::Timestamp,
    domain::{
        access_token::AnyClaims,
        refresh_token::{RefreshToken, RefreshTokenError},
        rotation::{Verdict, decide},
        session::{EndReason, Session},
        user::User,
    },
    service::{clients::KnownClient, tokens::IssuedForClient},
    store::StoreError,
};

/// What introspection reports of an active token (RFC 7662 §2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Introspected {
    Access(AnyClaims),
    Refresh { session: Box<Session>, issuer: String },
}

/// Why the state of a token cannot be determined now.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// Made under a version of the master secret that this server lacks.
    #[error("only another server may be able to verify the token")]
    NotHere,
    /// The store could not be reached, so the session may have ended.
    #[error("the token's session may have ended")]
    NotNow,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a token was not revoked.
#[derive(Debug, thiserror::Error)]
pub enum RevokeError {
    #[error("the token was issued to another client")]
    NotYours,
    /// An access token without a session: there is no state that could be ended.
    #[error("tokens of this kind cannot be revoked")]
    Unsupported,
    #[error(transparent)]
    Inspect(#[from] InspectError),
}

impl From<StoreError> for RevokeError {
    fn from(error: StoreError) -> Self {
        Self::Inspect(error.into())
    }
}

impl Sessions {
    /// Issues an access token for the client itself (RFC 6749 §4.4).
    #[must_use]
    pub fn issue_for_client(&self, client: &KnownClient) -> IssuedForClient {
        self.tokens.issue_for_client(client.id(), client.audience(), self.clock.now())
    }

    /// The content of a token, if it is active (RFC 7662). `None` if it is not, or may not be disclosed to this client:
    /// a refresh token is disclosed only to the client it was issued to.
    ///
    /// # Errors
    ///
    /// [`InspectError`] if the token or the end of its session cannot be checked now.
    pub async fn introspect(&self, client: &KnownClient, token: &str) -> Result<Option<Introspected>, InspectError> {
        let now = self.clock.now();
        if let Some(refresh) = self.refresh_token_of(token).await? {
            let found = self.store.find_session_with_user(refresh.session_id).await?;
            let is_theirs = |(session, user): &(Session, User)| {
                session.client_id == client.id() && user.disabled_at.is_none() && is_redeemable(session, refresh, now)
            };
            let session = found.filter(is_theirs).map(|(session, _)| Box::new(session));
            return Ok(
                session.map(|session| Introspected::Refresh { session, issuer: self.tokens.issuer().to_owned() })
            );
        }
        let Ok(claims) = self.tokens.inspect(token, now).await else { return Ok(None) };
        let status = match claims.session_id() {
            Some(session) => self.status(session, now).await,
            None => SessionStatus::Live,
        };
        match status {
            SessionStatus::Live => Ok(Some(Introspected::Access(claims))),
            SessionStatus::Ended => Ok(None),
            SessionStatus::Unknown => Err(InspectError::NotNow),
        }
    }

    /// Ends the session of a token of this client, with all its tokens (RFC 7009 §2.1). An unknown or expired token
    /// counts as revoked.
    ///
    /// # Errors
    ///
    /// [`RevokeError`] if the token is of another client, has no session, or cannot be checked now.
    pub async fn revoke(&self, client: &KnownClient, token: &str) -> Result<(), RevokeError> {
        if let Some(refresh) = self.refresh_token_of(token).await? {
            let Some(session) = self.store.find_session(refresh.session_id).await? else { return Ok(()) };
            if session.client_id != client.id() {
                return Err(RevokeError::NotYours);
            }
            self.end(session.id, EndReason::Revoked).await?;
            return Ok(());
        }
        let Ok(claims) = self.tokens.inspect(token, self.clock.now()).await else { return Ok(()) };
        if claims.client_id() != client.id() {
            return Err(RevokeError::NotYours);
        }
        let session = claims.session_id().ok_or(RevokeError::Unsupported)?;
        self.end(session, EndReason::Revoked).await?;
        Ok(())
    }

    /// Parses the text as a refresh token. `None` if it is not a genuine one.
    async fn refresh_token_of(&self, text: &str) -> Result<Option<RefreshToken>, InspectError> {
        match self.genuine(self.present_refresh(text)).await {
            Ok(token) => Ok(Some(token)),
            Err(RefreshError::Store(error)) => Err(error.into()),
            Err(RefreshError::Token(RefreshTokenError::UnknownKey(_))) => Err(InspectError::NotHere),
            Err(_) => Ok(None),
        }
    }
}

fn is_redeemable(session: &Session, token: RefreshToken, now: Timestamp) -> bool {
    use Verdict::{Ended, Expired, Refuse, Replay, Reuse, RollForward, Rotate};

    match decide(session, token.generation, now) {
        Rotate { .. } | Replay { .. } | RollForward { .. } => true,
        Refuse | Reuse | Expired | Ended => false,
    }
}
