//! The life of a session: begin, refresh, end.

mod owner;
pub mod token_service;

use super::{
    SignInContext,
    clients::{KnownClient, WEB},
    delivery::Delivery,
    ended::EndedSessions,
    secret_versions::SecretVersions,
    tokens::{AccessTokenError, IssuedTokens, Tokens},
};
use crate::{
    server::{
        clock::{Clock, Timestamp},
        domain::{
            access_token::AccessToken,
            refresh_token::{PresentedRefreshToken, RefreshToken, RefreshTokenError},
            rotation::{Verdict, decide},
            session::{EndReason, Session, SessionId},
            user::{User, UserId},
        },
        random,
        store::{EndedSession, SessionStore, StoreError},
        telemetry::SECURITY,
    },
    sign_in_method::SignInMethod,
};
pub use owner::MAX_SESSIONS;
use std::{error::Error, net::IpAddr, sync::Arc, time::Duration};
use tokio::time::timeout;
use tracing::{Instrument as _, info, warn};

/// How often the decision is repeated after a lost race. The second round finds the winner's generation and issues
/// that, so more than two are needed only when several generations pass within one request.
const MAX_ROUNDS: usize = 8;
/// How long the store may take to report whether a session has ended.
const STATUS_TIMEOUT: Duration = Duration::from_secs(1);

/// Begins, refreshes and ends sessions.
#[derive(Debug)]
pub struct Sessions {
    store: Arc<dyn SessionStore>,
    clock: Arc<dyn Clock>,
    tokens: Arc<Tokens>,
    secrets: Arc<SecretVersions>,
    ended: Arc<EndedSessions>,
    delivery: Delivery,
    refresh_ttl: Duration,
}

/// Why a refresh token was not redeemed.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    #[error(transparent)]
    Token(#[from] RefreshTokenError),
    /// The session is unknown: deleted after its expiry, or of another installation.
    #[error("the session of the refresh token is unknown")]
    UnknownSession,
    /// Made under a version of the master secret that this database never recorded, or that is no longer needed.
    #[error("the refresh token was made under a master secret that has been retired")]
    Retired,
    #[error("the session has reached its end")]
    Expired,
    #[error("the session has been ended")]
    Ended,
    /// A copy was used; this has ended the session.
    #[error("the refresh token was used again after it had been replaced")]
    Reused,
    /// The successor has been delivered to the browser; this is a late request.
    #[error("the refresh token has been replaced")]
    Replaced,
    /// Concurrent requests rotated the session on each attempt.
    #[error("too many concurrent rotations of the session")]
    Contended,
    /// The task panicked; the panic has been logged, and the state of the session is unknown.
    #[error("redeeming the refresh token was interrupted")]
    Interrupted,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl RefreshError {
    /// Whether the token was not issued by this application.
    #[must_use]
    pub const fn is_foreign(&self) -> bool {
        matches!(self, Self::Token(RefreshTokenError::Malformed | RefreshTokenError::Forged))
    }

    /// Whether no server will ever redeem this token: the only case in which its cookie may be deleted.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        match self {
            Self::Token(RefreshTokenError::Malformed | RefreshTokenError::Forged)
            | Self::UnknownSession
            | Self::Retired
            | Self::Expired
            | Self::Ended
            | Self::Reused => true,
            Self::Token(RefreshTokenError::UnknownKey(_))
            | Self::Replaced
            | Self::Contended
            | Self::Interrupted
            | Self::Store(_) => false,
        }
    }
}

/// The tokens of a session, with its user and its id.
#[derive(Clone, Debug)]
pub struct IssuedSession {
    pub user_id: UserId,
    pub session_id: SessionId,
    pub tokens: IssuedTokens,
}

/// A valid access token.
#[derive(Clone, Copy, Debug)]
pub struct Authenticated {
    pub token: AccessToken,
    /// When it was verified.
    pub at: Timestamp,
    /// Whether its session is known not to have ended. If `false`, the store could not be reached, and nothing may be
    /// done or shown on behalf of the session.
    pub is_confirmed: bool,
}

/// The known status of a session whose access token is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SessionStatus {
    Live,
    Ended,
    /// The store could not be reached.
    Unknown,
}

/// Why an access token is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    #[error(transparent)]
    Token(#[from] AccessTokenError),
    #[error("the session has been ended")]
    Ended,
}

impl AccessError {
    /// Whether no server will ever accept this token: the only case in which its cookie may be deleted.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        match self {
            Self::Token(error) => error.is_final(),
            Self::Ended => true,
        }
    }
}

impl Sessions {
    /// `refresh_ttl` is how long a session lives.
    #[must_use]
    pub const fn new(
        store: Arc<dyn SessionStore>,
        clock: Arc<dyn Clock>,
        tokens: Arc<Tokens>,
        secrets: Arc<SecretVersions>,
        ended: Arc<EndedSessions>,
        delivery: Delivery,
        refresh_ttl: Duration,
    ) -> Self {
        Self { store, clock, tokens, secrets, ended, delivery, refresh_ttl }
    }

    /// Begins a session for a user who has just authenticated, in place of those that the browser had. `None` if the
    /// account has been disabled meanwhile.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn begin(
        &self,
        user: UserId,
        method: SignInMethod,
        context: &SignInContext,
    ) -> Result<Option<IssuedSession>, StoreError> {
        let now = self.clock.now();
        let id = SessionId::from_uuid(random::id(now));
        let session = Session {
            address: context.address.to_string(),
            user_agent: context.user_agent.clone(),
            ..Session::begin(id, user, WEB, method, now, self.refresh_ttl)
        };
        if !self.store.begin_session(&session).await? {
            return Ok(None);
        }
        info!(target: SECURITY, event = "session_begun", %user, session = %session.id, method = method.amr());
        for replaced in &context.replaces {
            if let Err(error) = self.end(*replaced, EndReason::Replaced).await {
                // What remains is a session whose tokens no browser holds.
                warn!(session = %replaced, error = &error as &dyn Error, "could not end a session that has been replaced");
            }
        }
        self.make_room_for(&session).await;
        Ok(Some(self.issue(&session, now)))
    }

    /// Verifies an access token and checks that its session has not ended.
    ///
    /// # Errors
    ///
    /// [`AccessError`].
    pub async fn authenticate(&self, access_token: &str) -> Result<Authenticated, AccessError> {
        let now = self.clock.now();
        let token = self.tokens.read_access(access_token, now).await?;
        let status = self.status(token.session_id, now).await;
        if status == SessionStatus::Ended {
            return Err(AccessError::Ended);
        }
        self.delivery.record_delivery(&token, now);
        Ok(Authenticated { token, at: now, is_confirmed: status == SessionStatus::Live })
    }

    /// Whether a session has ended: from memory, or from the store if memory may be out of date.
    pub(super) async fn status(&self, session: SessionId, now: Timestamp) -> SessionStatus {
        if self.ended.contains(session) {
            return SessionStatus::Ended;
        }
        if self.ended.is_current(now) {
            return SessionStatus::Live;
        }
        match timeout(STATUS_TIMEOUT, self.store.find_session(session)).await {
            Ok(Ok(Some(session))) if session.ended.is_none() && now < session.expires_at => SessionStatus::Live,
            Ok(Ok(_)) => {
                self.ended.insert(EndedSession { id: session, at: now });
                SessionStatus::Ended
            }
            Ok(Err(error)) => {
                warn!(error = &error as &dyn Error, "cannot query whether a session has ended");
                SessionStatus::Unknown
            }
            Err(_elapsed) => {
                warn!("cannot query in time whether a session has ended");
                SessionStatus::Unknown
            }
        }
    }

    /// Verifies a refresh token as a request presents it. Does not access the store and does not redeem it.
    #[must_use]
    pub fn present_refresh(&self, text: &str) -> PresentedRefreshToken {
        self.tokens.present_refresh(text)
    }

    /// Redeems a refresh token for a client (RFC 6749 §6); `from` is the address of the request.
    ///
    /// Runs as a task of its own: a client that disconnects meanwhile cannot lose a rotation that is being committed.
    ///
    /// # Errors
    ///
    /// [`RefreshError`]; see [`RefreshError::is_final`].
    pub async fn refresh(
        self: &Arc<Self>,
        client: &KnownClient,
        token: PresentedRefreshToken,
        from: IpAddr,
    ) -> Result<IssuedSession, RefreshError> {
        let (sessions, client) = (Arc::clone(self), client.clone());
        let work = async move { sessions.redeem(&client, token, from).await };
        // The task is never aborted, so a join error means that it panicked.
        tokio::spawn(work.in_current_span()).await.unwrap_or(Err(RefreshError::Interrupted))
    }

    async fn redeem(
        &self,
        client: &KnownClient,
        token: PresentedRefreshToken,
        from: IpAddr,
    ) -> Result<IssuedSession, RefreshError> {
        let token = self.genuine(token).await?;
        for _ in 0..MAX_ROUNDS {
            let session = self.store.find_session(token.session_id).await?.ok_or(RefreshError::UnknownSession)?;
            if session.client_id != client.id() {
                return Err(RefreshError::UnknownSession);
            }
            if let Some(done) = self.carry_out(session, token, from).await? {
                return Ok(done);
            }
        }
        Err(RefreshError::Contended)
    }

    /// The content of a refresh token, without redeeming it.
    ///
    /// # Errors
    ///
    /// [`RefreshError::Token`] if it is not genuine, [`RefreshError::Retired`] if no server can verify it any more;
    /// [`RefreshError::Store`] if that has to be looked up and the store cannot be reached.
    pub async fn genuine(&self, token: PresentedRefreshToken) -> Result<RefreshToken, RefreshError> {
        match token.genuine() {
            Err(RefreshTokenError::UnknownKey(version)) if self.secrets.is_over(version, self.clock.now()).await? => {
                Err(RefreshError::Retired)
            }
            read => Ok(read?),
        }
    }

    /// Whether a refresh token may still be redeemed, without redeeming it. Never `false` for one that another server,
    /// or this one later, would redeem.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn is_redeemable(&self, token: PresentedRefreshToken) -> Result<bool, StoreError> {
        let token = match self.genuine(token).await {
            Ok(token) => token,
            Err(RefreshError::Store(error)) => return Err(error),
            Err(error) => return Ok(!error.is_final()),
        };
        let session = self.store.find_session(token.session_id).await?;
        let verdict = session.map(|session| decide(&session, token.generation, self.clock.now()));
        Ok(!verdict.is_none_or(Verdict::is_final))
    }

    /// Carries out the verdict on this token in this state of the session. `None` if the state has changed meanwhile,
    /// so that the verdict has to be decided again.
    async fn carry_out(
        &self,
        session: Session,
        token: RefreshToken,
        from: IpAddr,
    ) -> Result<Option<IssuedSession>, RefreshError> {
        let now = self.clock.now();
        let verdict = decide(&session, token.generation, now);
        match verdict {
            Verdict::Rotate { .. } | Verdict::RollForward { .. } | Verdict::Replay { .. } => {
                let next = session.after(verdict, now);
                if next != session
                    && !self
                        .store
                        .advance_session(session.id, session.generation, next.generation, next.rotated_at)
                        .await?
                {
                    return Ok(None);
                }
                Ok(Some(self.issue(&next, now)))
            }
            Verdict::Refuse => Err(RefreshError::Replaced),
            Verdict::Expired => Err(RefreshError::Expired),
            Verdict::Ended => Err(RefreshError::Ended),
            Verdict::Reuse => {
                let ended = self.store.end_reused_session(session.id, now, &from.to_string()).await?;
                self.record_end(session.id, now, EndReason::Reuse, ended);
                if ended {
                    warn!(
                        target: SECURITY, event = "refresh_token_reused", user = %session.user_id, session = %session.id,
                        presented = token.generation.number(), current = session.generation.number(), address = %from,
                    );
                }
                Err(RefreshError::Reused)
            }
        }
    }

    /// Ends a session, on this server at once and on others within a second. `false` if it had ended before.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; the session then goes on.
    pub async fn end(&self, session: SessionId, reason: EndReason) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let ended = self.store.end_session(session, now, reason).await?;
        self.record_end(session, now, reason, ended);
        Ok(ended)
    }

    /// Makes this server refuse the session's access tokens, and logs the end if `only_now`: if it had not ended
    /// before.
    fn record_end(&self, session: SessionId, at: Timestamp, reason: EndReason, only_now: bool) {
        self.ended.insert(EndedSession { id: session, at });
        if only_now {
            info!(target: SECURITY, event = "session_ended", %session, reason = reason.code());
        }
    }

    /// A live session and its user.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn find_live(&self, session: SessionId) -> Result<Option<(Session, User)>, StoreError> {
        let now = self.clock.now();
        let found = self.store.find_session_with_user(session).await?;
        let live = found.filter(|(session, user)| {
            session.ended.is_none() && now < session.expires_at && user.disabled_at.is_none()
        });
        if live.is_none() {
            // Ended by another server a moment ago: from now on its access token is refused here too.
            self.ended.insert(EndedSession { id: session, at: now });
        }
        Ok(live)
    }

    /// Whether a session is known to this server to have ended, or has expired if `expires_at` is known. Reads memory
    /// only.
    #[must_use]
    pub fn is_over(&self, session: SessionId, expires_at: Option<Timestamp>) -> bool {
        self.ended.contains(session) || expires_at.is_some_and(|at| self.clock.now() >= at)
    }

    fn issue(&self, session: &Session, now: Timestamp) -> IssuedSession {
        IssuedSession { user_id: session.user_id, session_id: session.id, tokens: self.tokens.issue(session, now) }
    }
}
