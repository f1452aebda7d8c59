//! What users see of their own sessions and can do with them.

use super::Sessions;
use crate::server::{
    domain::{
        session::{EndReason, ReusedSession, Session, SessionId},
        user::UserId,
    },
    store::StoreError,
};
use std::time::Duration;
use tracing::warn;

/// How many sessions a user has at most (ASVS 7.1.2): far more than a user has browsers. One more sign-in ends the
/// session that was unused for longest.
pub const MAX_SESSIONS: u32 = 50;
/// How long a session that ended by reuse is reported to its owner, unless dismissed.
const REPORTED_FOR: Duration = Duration::from_hours(30 * 24);
/// How many of those are reported at once, the newest.
const MAX_REPORTED: u32 = 5;

impl Sessions {
    /// The live sessions of a user, the one used last first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the database cannot be reached.
    pub async fn list(&self, owner: UserId) -> Result<Vec<Session>, StoreError> {
        self.store.list_live_sessions(owner, self.clock.now()).await
    }

    /// Ends a session of this user; no effect if it has already ended. `false` if the user has no such session.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the database cannot be reached; the session then continues.
    pub async fn end_own(&self, owner: UserId, session: SessionId) -> Result<bool, StoreError> {
        let found = self.store.find_session(session).await?;
        if found.is_none_or(|session| session.user_id != owner) {
            return Ok(false);
        }
        self.end(session, EndReason::EndedByOwner).await?;
        Ok(true)
    }

    /// Ends all sessions of a user except the current one; returns how many.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the database cannot be reached; all of them then continue.
    pub async fn end_others(&self, owner: UserId, spared: SessionId) -> Result<usize, StoreError> {
        self.end_all_but(owner, spared, 0, EndReason::EndedByOwner).await
    }

    /// The sessions of a user that ended by reuse, for display to the user.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the database cannot be reached.
    pub async fn list_reused_sessions(&self, owner: UserId) -> Result<Vec<ReusedSession>, StoreError> {
        self.store.list_reused_sessions(owner, self.clock.now().before(REPORTED_FOR), MAX_REPORTED).await
    }

    /// Records that a user has dismissed the report of a session that ended by reuse. `false` if there is none.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the database cannot be reached.
    pub async fn dismiss_reused(&self, owner: UserId, session: SessionId) -> Result<bool, StoreError> {
        self.store.dismiss_reused_session(owner, session, self.clock.now()).await
    }

    /// Enforces [`MAX_SESSIONS`] after a new session. A failure leaves one too many until the next sign-in.
    pub(super) async fn make_room_for(&self, new: &Session) {
        if let Err(error) = self.end_all_but(new.user_id, new.id, MAX_SESSIONS - 1, EndReason::TooMany).await {
            warn!(user = %new.user_id, error = &error as &dyn std::error::Error, "could not enforce the limit of sessions");
        }
    }

    async fn end_all_but(
        &self,
        user: UserId,
        spared: SessionId,
        keep: u32,
        reason: EndReason,
    ) -> Result<usize, StoreError> {
        let now = self.clock.now();
        let ended = self.store.end_other_sessions(user, spared, keep, now, reason).await?;
        for session in &ended {
            self.record_end(*session, now, reason, true);
        }
        Ok(ended.len())
    }
}
