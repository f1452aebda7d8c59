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
    },
    sign_in_method::SignInMethod,
};
pub use owner::MAX_SESSIONS;
use std::{error::Error, net::IpAddr, sync::Arc, time::Duration};
use tokio::time::timeout;
use tracing::{Instrument as _, info, warn};

/// How often a lost race is decided anew. The second round finds the winner's generation and hands that out, so more
/// than two are only needed when several generations pass within one request.
const MAX_ROUNDS: usize = 8;
/// How long the store is asked about a session that may have ended.
const ASK_FOR: Duration = Duration::from_secs(1);

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
    /// The session is not known: deleted after its time, or of another installation.
    #[error("the session of the refresh token is unknown")]
    UnknownSession,
    /// Under a version of the master secret that this database never saw, or that is not needed any more.
    #[error("the refresh token was made under a master secret that has been retired")]
    Retired,
    #[error("the session has reached its end")]
    Expired,
    #[error("the session has been ended")]
    Ended,
    /// A copy was used; the session ended with this.
    #[error("the refresh token was used again after it had been replaced")]
    Reused,
    /// The successor has arrived in the browser; this is a late packet.
    #[error("the refresh token has been replaced")]
    Replaced,
    /// Others moved the session on faster than this request could follow.
    #[error("the session changes too fast")]
    Contended,
    /// The work panicked; that has been logged, and nothing is known of the session.
    #[error("redeeming the refresh token was interrupted")]
    Interrupted,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl RefreshError {
    /// Whether the token was not even made here.
    #[must_use]
    pub const fn is_foreign(&self) -> bool {
        matches!(self, Self::Token(RefreshTokenError::Malformed | RefreshTokenError::Forged))
    }

    /// Whether this token can never be redeemed any more, anywhere: the only case in which its cookie may be deleted.
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

/// Tokens for a session, and who and which it is.
#[derive(Clone, Debug)]
pub struct IssuedSession {
    pub user_id: UserId,
    pub session_id: SessionId,
    pub tokens: IssuedTokens,
}

/// A good access token.
#[derive(Clone, Copy, Debug)]
pub struct Authenticated {
    pub token: AccessToken,
    /// When it was checked.
    pub at: Timestamp,
    /// Whether its session is known not to have ended. If not, the store could not be asked, and nothing may be done
    /// or shown in its name.
    pub is_confirmed: bool,
}

/// What is known of a session whose access token holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SessionStatus {
    Live,
    Ended,
    /// The store could not be asked.
    Unknown,
}

/// Why a bearer of an access token is not let in.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    #[error(transparent)]
    Token(#[from] AccessTokenError),
    #[error("the session has been ended")]
    Ended,
}

impl AccessError {
    /// Whether no server will ever let this bearer in: the only case in which the cookie may be deleted.
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

    /// Begins a session for a user who has just proved who they are, in the place of those the browser had. `None` if
    /// the account has been disabled meanwhile.
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
        info!(target: "tokenlife::security", event = "session_begun", %user, session = %session.id, method = method.amr());
        for replaced in &context.replaces {
            if let Err(error) = self.end(*replaced, EndReason::Replaced).await {
                // It only leaves a session that nobody has the tokens of any more.
                warn!(session = %replaced, error = &error as &dyn Error, "could not end a session that has been replaced");
            }
        }
        self.make_room_for(&session).await;
        Ok(Some(self.issue(&session, now)))
    }

    /// Reads an access token and checks that its session has not ended.
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

    /// Whether a session has ended: by what this server knows, and if that may be out of date by asking the store.
    pub(super) async fn status(&self, session: SessionId, now: Timestamp) -> SessionStatus {
        if self.ended.contains(session) {
            return SessionStatus::Ended;
        }
        if self.ended.is_current(now) {
            return SessionStatus::Live;
        }
        match timeout(ASK_FOR, self.store.find_session(session)).await {
            Ok(Ok(Some(session))) if session.ended.is_none() && now < session.expires_at => SessionStatus::Live,
            Ok(Ok(_)) => {
                self.ended.insert(EndedSession { id: session, at: now });
                SessionStatus::Ended
            }
            Ok(Err(error)) => {
                warn!(error = &error as &dyn Error, "cannot find out whether a session has ended");
                SessionStatus::Unknown
            }
            Err(_elapsed) => {
                warn!("cannot find out in time whether a session has ended");
                SessionStatus::Unknown
            }
        }
    }

    /// Opens a refresh token as a request presents it. Nothing is looked up, and nothing redeemed.
    #[must_use]
    pub fn present_refresh(&self, text: &str) -> PresentedRefreshToken {
        self.tokens.present_refresh(text)
    }

    /// Redeems a refresh token that came from an address, for a client (RFC 6749 §6).
    ///
    /// The work is a task of its own: a browser that hangs up in the middle cannot lose a rotation that is being
    /// committed.
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
        // The task is never aborted, so not to be joined means that it panicked.
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

    /// What a refresh token says, without redeeming it.
    ///
    /// # Errors
    ///
    /// [`RefreshError::Token`] if it is not genuine, [`RefreshError::Retired`] if no server can open it any more;
    /// [`RefreshError::Store`] if the store has to be asked about that, and cannot.
    pub async fn genuine(&self, token: PresentedRefreshToken) -> Result<RefreshToken, RefreshError> {
        match token.genuine() {
            Err(RefreshTokenError::UnknownKey(version)) if self.secrets.is_over(version, self.clock.now()).await? => {
                Err(RefreshError::Retired)
            }
            read => Ok(read?),
        }
    }

    /// Whether a refresh token may still be redeemed, without doing so. Never `false` for one that another server, or
    /// this one later, would take.
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

    /// Does what the rules say about this token and this state of the session. `None` if the state has changed
    /// meanwhile, so that the rules have to be asked again.
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
                        target: "tokenlife::security", event = "refresh_token_reused", user = %session.user_id, session = %session.id,
                        presented = token.generation.number(), current = session.generation.number(), address = %from,
                    );
                }
                Err(RefreshError::Reused)
            }
        }
    }

    /// Ends a session, here at once and elsewhere within a second. `false` if it had ended before.
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

    /// Has this server refuse the session's access tokens, and tells the log if it ended only now.
    fn record_end(&self, session: SessionId, at: Timestamp, reason: EndReason, only_now: bool) {
        self.ended.insert(EndedSession { id: session, at });
        if only_now {
            info!(target: "tokenlife::security", event = "session_ended", %session, reason = reason.code());
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
            // Ended elsewhere a moment ago: from now on its access token is refused here too.
            self.ended.insert(EndedSession { id: session, at: now });
        }
        Ok(live)
    }

    /// Whether a session that lives until then, if that is known, is over, as far as this server knows: a look into
    /// memory.
    #[must_use]
    pub fn is_over(&self, session: SessionId, expires_at: Option<Timestamp>) -> bool {
        self.ended.contains(session) || expires_at.is_some_and(|at| self.clock.now() >= at)
    }

    fn issue(&self, session: &Session, now: Timestamp) -> IssuedSession {
        IssuedSession { user_id: session.user_id, session_id: session.id, tokens: self.tokens.issue(session, now) }
    }
}
