//! The visitor: identified once per request by the session layer, read by pages and server functions.

use crate::{
    error::AppError,
    model::TokenLife,
    server::{
        domain::{refresh_token::PresentedRefreshToken, session::SessionId, user::UserId},
        service::sessions::IssuedSession,
    },
};
use std::sync::{Arc, Mutex, PoisonError};

/// The visitor, as the session layer found them. Travels in the request's extensions.
#[derive(Clone, Debug, Default)]
pub struct Visitor {
    /// The live session of a signed-in user.
    pub session: Option<VisitorSession>,
    /// Without a session: a refresh token was presented that this kind of request does not redeem. The script that sent
    /// it refreshes and retries.
    pub may_refresh: bool,
    /// The sessions whose genuine tokens came along, good or not: a sign-in in this browser replaces them, and signing
    /// out ends them. More than one only if the tokens are of different sessions.
    pub proven_sessions: Vec<SessionId>,
    /// The times of the access token that this request came with, if it needs no renewal yet.
    pub fresh_life: Option<TokenLife>,
    /// The refresh token that came along, for the server function that redeems it.
    pub refresh_token: Option<PresentedRefreshToken>,
    /// What is to become of the browser's cookies.
    pub cookies: CookieChange,
}

impl Visitor {
    /// The session of a signed-in user.
    ///
    /// # Errors
    ///
    /// [`AppError::Unauthenticated`] without one; [`AppError::Unavailable`] if it cannot be known whether it has ended.
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
    /// Whether it is known not to have ended; see [`crate::server::service::sessions::Authenticated`].
    pub is_confirmed: bool,
}

impl VisitorSession {
    /// Whether this is not the person for whom a call says it is meant: the page that sent it has grown old.
    #[must_use]
    pub fn is_not_of(&self, expected: &[u8]) -> bool {
        self.user_id.to_string().as_bytes() != expected
    }
}

/// What the answer tells the browser to do with its cookies. The last word counts, so that signing out wins over a
/// rotation of the same request; the session layer writes it on the head of the answer.
#[derive(Clone, Debug, Default)]
pub struct CookieChange(Arc<Mutex<Change>>);

#[derive(Clone, Debug, Default)]
pub enum Change {
    #[default]
    None,
    Issue(Box<IssuedSession>),
    /// Only the readable cookie was lost.
    RenewLife {
        life: TokenLife,
        seconds_left: i64,
    },
    /// The session is over: delete all three.
    ClearAll,
    /// What came with the request is good for nothing: delete just that.
    ClearPresented,
    /// The refresh token is spent for good, and with it whatever else came along. Only that is deleted: this answer may
    /// arrive late, after the user has signed in again, and a new refresh token restores all but itself.
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
