//! Sessions: the contract, the statements that both databases share, and how rows become sessions.

use super::{
    StoreError,
    users::{UserColumns, user_columns},
};
use crate::{
    server::{
        clock::Timestamp,
        domain::{
            session::{EndReason, Ended, Generation, ReusedSession, Session, SessionId},
            user::{User, UserId},
        },
    },
    sign_in_method::SignInMethod,
};
use async_trait::async_trait;
use sqlx::{Database, Encode, FromRow, Type, query::Query};
use std::fmt;
use uuid::Uuid;

/// A session that ended before its expiry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndedSession {
    pub id: SessionId,
    pub at: Timestamp,
}

/// Called for each session that has ended.
pub type EndedListener<'a> = dyn Fn(SessionId) + Send + Sync + 'a;

/// The sessions of the [store](super::Store).
#[async_trait]
pub trait SessionStore: fmt::Debug + Send + Sync + 'static {
    /// Adds a session, unless its user is disabled. `false` if so.
    async fn begin_session(&self, session: &Session) -> Result<bool, StoreError>;

    async fn find_session(&self, id: SessionId) -> Result<Option<Session>, StoreError>;

    /// A session together with its user.
    async fn find_session_with_user(&self, id: SessionId) -> Result<Option<(Session, User)>, StoreError>;

    /// Advances a session from one generation to another, exactly as [`Session::advance`] does: the compare-and-swap of
    /// rotation. `false` if nothing changed: it is no longer at `from`, has ended, or is to be issued again and was
    /// delivered meanwhile.
    async fn advance_session(
        &self,
        id: SessionId,
        from: Generation,
        to: Generation,
        at: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Records that generations were delivered. Never lowers a recorded one.
    async fn mark_delivered(&self, marks: &[(SessionId, Generation)]) -> Result<(), StoreError>;

    /// Ends a session. `false` if there is none or it had ended before.
    async fn end_session(&self, id: SessionId, at: Timestamp, reason: EndReason) -> Result<bool, StoreError>;

    /// Ends a session because one of its old tokens was presented from `from`. `false` if there is none or it had ended
    /// before.
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

    /// The sessions of a user that are live at `at`, the one rotated last first.
    async fn list_live_sessions(&self, user: UserId, at: Timestamp) -> Result<Vec<Session>, StoreError>;

    /// Up to `limit` sessions of a user that ended by reuse at `since` or later and were not dismissed, the newest
    /// first.
    async fn list_reused_sessions(
        &self,
        user: UserId,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<ReusedSession>, StoreError>;

    /// Records that a user has dismissed the report that this session ended by reuse. `false` if there is no such
    /// session.
    async fn dismiss_reused_session(&self, user: UserId, id: SessionId, at: Timestamp) -> Result<bool, StoreError>;

    /// The sessions that ended at `since` or later.
    async fn sessions_ended_since(&self, since: Timestamp) -> Result<Vec<EndedSession>, StoreError>;

    /// Calls `listener` for each session that ends from now on, on any server, until the connection is lost (an error)
    /// or the store is closed. With a database without notifications it is never called. Notifications are early but
    /// may be incomplete: a caller that must not miss any also polls [`Self::sessions_ended_since`].
    async fn subscribe_ended(&self, listener: &EndedListener<'_>) -> Result<(), StoreError>;

    /// Deletes up to `limit` sessions that expired before `before`; returns how many.
    async fn delete_expired_sessions(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError>;
}

macro_rules! session_columns {
    () => {
        "sessions.id, sessions.user_id, sessions.client_id, sessions.method, sessions.began_at, sessions.expires_at, \
         sessions.generation, sessions.rotated_at, sessions.delivered, sessions.ended_at, sessions.end_reason, \
         sessions.address, sessions.user_agent"
    };
}

macro_rules! begin_session {
    () => {
        "INSERT INTO sessions (id, user_id, client_id, method, began_at, expires_at, generation, rotated_at, delivered, \
                               address, user_agent)
         SELECT $1, id, $3, $4, $5, $6, $7, $8, $9, $10, $11 FROM users WHERE id = $2 AND disabled_at IS NULL"
    };
}

pub(super) const BEGIN: &str = begin_session!();

/// [`BEGIN`] with a lock on the user: a transaction that disables the user waits for this one, or this one for that.
pub(super) const BEGIN_LOCKING_USER: &str = concat!(begin_session!(), " FOR SHARE");

pub(super) const FIND: &str = concat!("SELECT ", session_columns!(), " FROM sessions WHERE id = $1");

pub(super) const FIND_WITH_USER: &str = concat!(
    "SELECT ",
    session_columns!(),
    ", ",
    user_columns!(),
    " FROM sessions JOIN users ON users.id = sessions.user_id WHERE sessions.id = $1"
);

pub(super) const ADVANCE: &str = "UPDATE sessions SET generation = $3, rotated_at = $4
    WHERE id = $1 AND generation = $2 AND ended_at IS NULL AND ($2 <> $3 OR delivered < $2)";

pub(super) const END: &str = "UPDATE sessions SET ended_at = $2, end_reason = $3 WHERE id = $1 AND ended_at IS NULL";

pub(super) const END_REUSED: &str = "UPDATE sessions SET ended_at = $2, end_reason = 'reuse', reused_from = $3
    WHERE id = $1 AND ended_at IS NULL";

pub(super) const LIST_LIVE: &str = concat!(
    "SELECT ",
    session_columns!(),
    " FROM sessions WHERE user_id = $1 AND ended_at IS NULL AND expires_at > $2
      ORDER BY rotated_at DESC, id DESC"
);

pub(super) const LIST_REUSED: &str = concat!(
    "SELECT ",
    session_columns!(),
    ", reused_from FROM sessions
      WHERE user_id = $1 AND end_reason = 'reuse' AND reuse_dismissed_at IS NULL AND ended_at >= $2
      ORDER BY ended_at DESC, id DESC LIMIT $3"
);

pub(super) const DISMISS_REUSED: &str = "UPDATE sessions SET reuse_dismissed_at = coalesce(reuse_dismissed_at, $3)
     WHERE id = $2 AND user_id = $1 AND end_reason = 'reuse'";

pub(super) const ENDED_SINCE: &str = "SELECT id, ended_at FROM sessions WHERE ended_at >= $1";

/// [`BEGIN`] or [`BEGIN_LOCKING_USER`] with its values.
pub(super) fn begin<'q, DB>(sql: &'static str, session: &'q Session) -> Query<'q, DB, DB::Arguments>
where
    DB: Database,
    Uuid: Encode<'q, DB> + Type<DB>,
    &'q str: Encode<'q, DB> + Type<DB>,
    i64: Encode<'q, DB> + Type<DB>,
{
    sqlx::query(sql)
        .bind(session.id.as_uuid())
        .bind(session.user_id.as_uuid())
        .bind(session.client_id.as_str())
        .bind(session.method.amr())
        .bind(session.began_at.as_millis())
        .bind(session.expires_at.as_millis())
        .bind(i64::from(session.generation.number()))
        .bind(session.rotated_at.as_millis())
        .bind(i64::from(session.delivered.number()))
        .bind(session.address.as_str())
        .bind(session.user_agent.as_str())
}

/// The columns of `session_columns!`.
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
            method: SignInMethod::from_amr(&row.method).ok_or(StoreError::Corrupt("login method"))?,
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

impl TryFrom<EndedSessionRow> for EndedSession {
    type Error = StoreError;

    fn try_from(row: EndedSessionRow) -> Result<Self, StoreError> {
        Ok(Self { id: SessionId::from_uuid(row.id), at: Timestamp::from_millis(row.ended_at) })
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
        // Not recorded by versions without this column.
        Ok(Self { session, at, from: row.reused_from.unwrap_or_default() })
    }
}

#[derive(FromRow)]
pub(super) struct SessionWithUserRow {
    #[sqlx(flatten)]
    session: SessionRow,
    #[sqlx(flatten)]
    user: UserColumns,
}

impl TryFrom<SessionWithUserRow> for (Session, User) {
    type Error = StoreError;

    fn try_from(row: SessionWithUserRow) -> Result<Self, StoreError> {
        let session = Session::try_from(row.session)?;
        let user = row.user.of_user(session.user_id)?;
        Ok((session, user))
    }
}
