//! Sessions: the contract, and how rows become sessions.

use super::{StoreError, users::UserRow};
use crate::server::{
    clock::Timestamp,
    domain::{
        session::{EndReason, Ended, Generation, LoginMethod, ReusedSession, Session, SessionId},
        user::{User, UserId},
    },
};
use async_trait::async_trait;
use sqlx::FromRow;
use std::fmt;
use uuid::Uuid;

/// A session that ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndedSession {
    pub id: SessionId,
    pub at: Timestamp,
}

/// Who is told that a session has ended.
pub type Teller<'a> = dyn Fn(SessionId) + Send + Sync + 'a;

/// The sessions of the [store](super::Store).
#[async_trait]
pub trait SessionStore: fmt::Debug + Send + Sync + 'static {
    /// Adds a session, unless its user is disabled by then. `false` if so.
    async fn begin_session(&self, session: &Session) -> Result<bool, StoreError>;

    async fn find_session(&self, id: SessionId) -> Result<Option<Session>, StoreError>;

    /// A session together with its user.
    async fn find_session_with_user(&self, id: SessionId) -> Result<Option<(Session, User)>, StoreError>;

    /// Moves a session on from one generation to another, exactly as [`Session::advance`] does: the compare-and-swap of
    /// rotation. `false` if it did not move: it does not stand at `from` any more, has ended, or is to be handed out
    /// again and has arrived meanwhile.
    async fn advance_session(
        &self,
        id: SessionId,
        from: Generation,
        to: Generation,
        at: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Notes that generations have evidently arrived. Never lowers what is noted.
    async fn mark_delivered(&self, marks: &[(SessionId, Generation)]) -> Result<(), StoreError>;

    /// Ends a session. `false` if there is none or it had ended before.
    async fn end_session(&self, id: SessionId, at: Timestamp, reason: EndReason) -> Result<bool, StoreError>;

    /// Ends a session because an old token of it came from `from`. `false` if there is none or it had ended before.
    async fn end_reused_session(&self, id: SessionId, at: Timestamp, from: &str) -> Result<bool, StoreError>;

    /// Ends the live sessions of a user except `spared` and the `keep` others that were rotated last; returns their
    /// ids.
    async fn end_other_sessions(
        &self,
        user: UserId,
        spared: SessionId,
        keep: u32,
        at: Timestamp,
        reason: EndReason,
    ) -> Result<Vec<SessionId>, StoreError>;

    /// The sessions of a user that live at `at`, the one rotated last first.
    async fn list_live_sessions(&self, user: UserId, at: Timestamp) -> Result<Vec<Session>, StoreError>;

    /// Up to `limit` sessions of a user that ended by reuse at `since` or later and were not dismissed, the newest
    /// first.
    async fn list_reused_sessions(
        &self,
        user: UserId,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<ReusedSession>, StoreError>;

    /// Notes that a user has seen that this session of theirs ended by reuse. `false` if there is no such session.
    async fn dismiss_reused_session(&self, user: UserId, id: SessionId, at: Timestamp) -> Result<bool, StoreError>;

    /// The sessions that ended at `since` or later.
    async fn sessions_ended_since(&self, since: Timestamp) -> Result<Vec<EndedSession>, StoreError>;

    /// Tells of each session that ends from now on, whoever ends it, until the connection is lost (an error) or the
    /// store closed. A database that cannot tell keeps silent until then. What is told is early news, not all of it:
    /// whoever must know asks [`Self::sessions_ended_since`] as well.
    async fn tell_ended(&self, tell: &Teller<'_>) -> Result<(), StoreError>;

    /// Deletes up to `limit` sessions whose time was up before `before`; returns how many.
    async fn delete_expired_sessions(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError>;
}

#[derive(FromRow)]
pub(super) struct SessionRow {
    id: Uuid,
    user_id: Uuid,
    client_id: String,
    method: String,
    began_at: i64,
    expires_at: i64,
    generation: i64,
    rotated_at: i64,
    delivered: i64,
    ended_at: Option<i64>,
    end_reason: Option<String>,
    address: String,
    user_agent: String,
}

impl TryFrom<SessionRow> for Session {
    type Error = StoreError;

    fn try_from(row: SessionRow) -> Result<Self, StoreError> {
        let ended = match (row.ended_at, row.end_reason) {
            (Some(at), Some(reason)) => {
                let reason = EndReason::from_code(&reason).ok_or(StoreError::Corrupt("end reason"))?;
                Some(Ended { at: Timestamp::from_millis(at), reason })
            }
            _ => None,
        };
        Ok(Self {
            id: SessionId::from_uuid(row.id),
            user_id: UserId::from_uuid(row.user_id),
            client_id: row.client_id,
            method: LoginMethod::from_amr(&row.method).ok_or(StoreError::Corrupt("login method"))?,
            began_at: Timestamp::from_millis(row.began_at),
            expires_at: Timestamp::from_millis(row.expires_at),
            generation: generation(row.generation)?,
            rotated_at: Timestamp::from_millis(row.rotated_at),
            delivered: generation(row.delivered)?,
            ended,
            address: row.address,
            user_agent: row.user_agent,
        })
    }
}

/// Postgres has no unsigned integers.
fn generation(number: i64) -> Result<Generation, StoreError> {
    u32::try_from(number).map(Generation::new).map_err(|_| StoreError::Corrupt("generation"))
}

#[derive(FromRow)]
pub(super) struct EndedSessionRow {
    id: Uuid,
    ended_at: i64,
}

impl From<EndedSessionRow> for EndedSession {
    fn from(row: EndedSessionRow) -> Self {
        Self { id: SessionId::from_uuid(row.id), at: Timestamp::from_millis(row.ended_at) }
    }
}

#[derive(FromRow)]
pub(super) struct ReusedSessionRow {
    #[sqlx(flatten)]
    session: SessionRow,
    reused_from: Option<String>,
}

impl TryFrom<ReusedSessionRow> for ReusedSession {
    type Error = StoreError;

    fn try_from(row: ReusedSessionRow) -> Result<Self, StoreError> {
        let session = Session::try_from(row.session)?;
        let at = session.ended.ok_or(StoreError::Corrupt("end of a session"))?.at;
        // Not noted by versions that did not know this column yet.
        Ok(Self { session, at, from: row.reused_from.unwrap_or_default() })
    }
}

#[derive(FromRow)]
pub(super) struct SessionWithUserRow {
    #[sqlx(flatten)]
    session: SessionRow,
    email: String,
    display_name: String,
    password_hash: String,
    created_at: i64,
    disabled_at: Option<i64>,
}

impl TryFrom<SessionWithUserRow> for (Session, User) {
    type Error = StoreError;

    fn try_from(row: SessionWithUserRow) -> Result<Self, StoreError> {
        let user = UserRow {
            id: row.session.user_id,
            email: row.email,
            display_name: row.display_name,
            password_hash: row.password_hash,
            created_at: row.created_at,
            disabled_at: row.disabled_at,
        };
        Ok((row.session.try_into()?, user.try_into()?))
    }
}
