//! The visitor: determined once per request by the session layer, read by pages and server functions.

use crate::{
    error::AppError,
    model::TokenLife,
    server::{
        domain::{refresh_token::PresentedRefreshToken, session::SessionId, user::UserId},
        service::sessions::IssuedSession,
    },
};
use std::sync::{Arc, Mutex, PoisonError};

/// The visitor, as determined by the session layer. In the request's extensions.
#[derive(Clone, Debug, Default)]
pub struct Visitor {
    /// The live session of a signed-in user.
    pub session: Option<VisitorSession>,
    /// There is no session yet, but a refresh token that this kind of request does not redeem: the script that sent it
    /// refreshes and retries.
    pub may_refresh: bool,
    /// The sessions whose authentic tokens the request carries, valid or not: a sign-in in this browser replaces them,
    /// and signing out ends them. More than one only if the tokens belong to different sessions.
    pub proven_sessions: Vec<SessionId>,
    /// The times of the request's access token, if it needs no renewal yet.
    pub fresh_life: Option<TokenLife>,
    /// The request's refresh token, for the server function that redeems it.
    pub refresh_token: Option<PresentedRefreshToken>,
    /// The change to the browser's cookies.
    pub cookies: CookieChange,
}

impl Visitor {
    /// The session of a signed-in user.
    ///
    /// # Errors
    ///
    /// [`AppError::Unauthenticated`] without one; [`AppError::Unavailable`] if it is unconfirmed.
    pub fn require_session(&self) -> Result<VisitorSession, AppError> {
        let session = self.session.ok_or(AppError::Unauthenticated)?;
        session.is_confirmed.then_some(session).ok_or(AppError::Unavailable)
    }
}

/// The session of a request, proven by its access token or by redeeming its refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VisitorSession {
    pub user_id: UserId,
    pub session_id: SessionId,
    /// Whether it is known to be live; see [`crate::server::service::sessions::Authenticated`].
    pub is_confirmed: bool,
}

impl VisitorSession {
    /// Whether this is a user other than the one that a call names: the page that sent it is outdated.
    #[must_use]
    pub fn is_not_of(&self, expected: &[u8]) -> bool {
        self.user_id.to_string().as_bytes() != expected
    }
}

/// What the response does to the browser's cookies. The last change wins, so that signing out overrides a rotation of
/// the same request; the session layer writes it to the head of the response.
#[derive(Clone, Debug, Default)]
pub struct CookieChange(Arc<Mutex<Change>>);

#[derive(Clone, Debug, Default)]
pub enum Change {
    #[default]
    None,
    Issue(Box<IssuedSession>),
    /// Only the cookie that scripts can read was lost.
    RenewLife {
        life: TokenLife,
        seconds_left: i64,
    },
    /// The session has ended: delete all three.
    ClearAll,
    /// The request's cookies are useless: delete just those.
    ClearPresented,
    /// The refresh token is finally spent, and the request's other cookies are useless with it. Only those are deleted:
    /// this response may arrive late, after a new sign-in, and a new refresh token restores all but itself.
    ClearBesidesRefresh,
}

impl CookieChange {
    pub fn set(&self, change: Change) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = change;
    }

    #[must_use]
    pub fn take(&self) -> Change {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
