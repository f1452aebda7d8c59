//! The sessions in Postgres.

use super::{PostgresStore, listen};
use crate::server::{
    clock::Timestamp,
    domain::{
        session::{EndReason, Generation, ReusedSession, Session, SessionId},
        user::{User, UserId},
    },
    store::{
        EndedSession, SessionStore, StoreError, Teller,
        sessions::{EndedSessionRow, ReusedSessionRow, SessionRow, SessionWithUserRow},
    },
};
use async_trait::async_trait;
use uuid::Uuid;

macro_rules! session_columns {
    () => {
        "sessions.id, sessions.user_id, sessions.client_id, sessions.method, sessions.began_at, sessions.expires_at, \
         sessions.generation, sessions.rotated_at, sessions.delivered, sessions.ended_at, sessions.end_reason, \
         sessions.address, sessions.user_agent"
    };
}

#[async_trait]
impl SessionStore for PostgresStore {
    /// The lock on the user makes whoever disables them wait, or this.
    async fn begin_session(&self, session: &Session) -> Result<bool, StoreError> {
        let statement = sqlx::query(
            "INSERT INTO sessions (id, user_id, client_id, method, began_at, expires_at, generation, rotated_at, delivered, address, user_agent)
             SELECT $1, id, $3, $4, $5, $6, $7, $8, $9, $10, $11 FROM users WHERE id = $2 AND disabled_at IS NULL FOR SHARE",
        )
        .bind(session.id.as_uuid())
        .bind(session.user_id.as_uuid())
        .bind(&session.client_id)
        .bind(session.method.amr())
        .bind(session.began_at.as_millis())
        .bind(session.expires_at.as_millis())
        .bind(i64::from(session.generation.number()))
        .bind(session.rotated_at.as_millis())
        .bind(i64::from(session.delivered.number()))
        .bind(&session.address)
        .bind(&session.user_agent);
        Ok(self.change(&self.requests, statement).await? == 1)
    }

    async fn find_session(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        let query = sqlx::query_as(concat!("SELECT ", session_columns!(), " FROM sessions WHERE id = $1"));
        let row: Option<SessionRow> = self.find(query.bind(id.as_uuid())).await?;
        row.map(Session::try_from).transpose()
    }

    async fn find_session_with_user(&self, id: SessionId) -> Result<Option<(Session, User)>, StoreError> {
        let query = sqlx::query_as(concat!(
            "SELECT ",
            session_columns!(),
            ", users.email, users.display_name, users.password_hash, users.created_at, users.disabled_at
             FROM sessions JOIN users ON users.id = sessions.user_id WHERE sessions.id = $1",
        ));
        let row: Option<SessionWithUserRow> = self.find(query.bind(id.as_uuid())).await?;
        row.map(<(Session, User)>::try_from).transpose()
    }

    async fn advance_session(
        &self,
        id: SessionId,
        from: Generation,
        to: Generation,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let statement = sqlx::query(
            "UPDATE sessions SET generation = $3, rotated_at = $4
             WHERE id = $1 AND generation = $2 AND ended_at IS NULL AND ($2 <> $3 OR delivered < $2)",
        )
        .bind(id.as_uuid())
        .bind(i64::from(from.number()))
        .bind(i64::from(to.number()))
        .bind(at.as_millis());
        Ok(self.change(&self.requests, statement).await? == 1)
    }

    async fn mark_delivered(&self, marks: &[(SessionId, Generation)]) -> Result<(), StoreError> {
        let ids: Vec<Uuid> = marks.iter().map(|(id, _)| id.as_uuid()).collect();
        let generations: Vec<i64> = marks.iter().map(|(_, generation)| generation.number().into()).collect();
        let statement = sqlx::query(
            "WITH marks AS (
                 SELECT id, max(generation) AS generation
                 FROM unnest($1::uuid[], $2::bigint[]) AS mark (id, generation) GROUP BY id
             ), locked AS (
                 SELECT sessions.id, marks.generation FROM sessions JOIN marks ON marks.id = sessions.id
                 ORDER BY sessions.id FOR NO KEY UPDATE OF sessions
             )
             UPDATE sessions SET delivered = locked.generation FROM locked
             WHERE sessions.id = locked.id AND sessions.delivered < locked.generation",
        )
        .bind(ids)
        .bind(generations);
        self.change(&self.background, statement).await.map(drop)
    }

    async fn end_session(&self, id: SessionId, at: Timestamp, reason: EndReason) -> Result<bool, StoreError> {
        let statement =
            sqlx::query("UPDATE sessions SET ended_at = $2, end_reason = $3 WHERE id = $1 AND ended_at IS NULL")
                .bind(id.as_uuid())
                .bind(at.as_millis())
                .bind(reason.code());
        Ok(self.change(&self.requests, statement).await? == 1)
    }

    async fn end_reused_session(&self, id: SessionId, at: Timestamp, from: &str) -> Result<bool, StoreError> {
        let statement = sqlx::query(
            "UPDATE sessions SET ended_at = $2, end_reason = 'reuse', reused_from = $3 WHERE id = $1 AND ended_at IS NULL",
        )
        .bind(id.as_uuid())
        .bind(at.as_millis())
        .bind(from);
        Ok(self.change(&self.requests, statement).await? == 1)
    }

    /// Locks in the order of the ids, as everybody does who ends many, so that two of them never wait for each other.
    async fn end_other_sessions(
        &self,
        user: UserId,
        spared: SessionId,
        keep: u32,
        at: Timestamp,
        reason: EndReason,
    ) -> Result<Vec<SessionId>, StoreError> {
        let query = sqlx::query_as(
            "UPDATE sessions SET ended_at = $4, end_reason = $5 WHERE ended_at IS NULL AND id IN (
                 SELECT id FROM sessions WHERE id IN (
                     SELECT id FROM sessions WHERE user_id = $1 AND ended_at IS NULL AND expires_at > $4 AND id <> $2
                     ORDER BY rotated_at DESC, id DESC OFFSET $3
                 ) ORDER BY id FOR NO KEY UPDATE
             ) RETURNING id",
        )
        .bind(user.as_uuid())
        .bind(spared.as_uuid())
        .bind(i64::from(keep))
        .bind(at.as_millis())
        .bind(reason.code());
        let rows: Vec<(Uuid,)> = self.list(&self.requests, query).await?;
        Ok(rows.into_iter().map(|(id,)| SessionId::from_uuid(id)).collect())
    }

    async fn list_live_sessions(&self, user: UserId, at: Timestamp) -> Result<Vec<Session>, StoreError> {
        let query = sqlx::query_as(concat!(
            "SELECT ",
            session_columns!(),
            " FROM sessions WHERE user_id = $1 AND ended_at IS NULL AND expires_at > $2
              ORDER BY rotated_at DESC, id DESC"
        ))
        .bind(user.as_uuid())
        .bind(at.as_millis());
        let rows: Vec<SessionRow> = self.list(&self.requests, query).await?;
        rows.into_iter().map(Session::try_from).collect()
    }

    async fn list_reused_sessions(
        &self,
        user: UserId,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<ReusedSession>, StoreError> {
        let query = sqlx::query_as(concat!(
            "SELECT ",
            session_columns!(),
            ", reused_from FROM sessions
              WHERE user_id = $1 AND end_reason = 'reuse' AND reuse_dismissed_at IS NULL AND ended_at >= $2
              ORDER BY ended_at DESC, id DESC LIMIT $3"
        ))
        .bind(user.as_uuid())
        .bind(since.as_millis())
        .bind(i64::from(limit));
        let rows: Vec<ReusedSessionRow> = self.list(&self.requests, query).await?;
        rows.into_iter().map(ReusedSession::try_from).collect()
    }

    async fn dismiss_reused_session(&self, user: UserId, id: SessionId, at: Timestamp) -> Result<bool, StoreError> {
        let statement = sqlx::query(
            "UPDATE sessions SET reuse_dismissed_at = coalesce(reuse_dismissed_at, $3)
             WHERE id = $2 AND user_id = $1 AND end_reason = 'reuse'",
        )
        .bind(user.as_uuid())
        .bind(id.as_uuid())
        .bind(at.as_millis());
        Ok(self.change(&self.requests, statement).await? == 1)
    }

    async fn sessions_ended_since(&self, since: Timestamp) -> Result<Vec<EndedSession>, StoreError> {
        let query = sqlx::query_as("SELECT id, ended_at FROM sessions WHERE ended_at >= $1").bind(since.as_millis());
        let rows: Vec<EndedSessionRow> = self.list(&self.background, query).await?;
        Ok(rows.into_iter().map(EndedSession::from).collect())
    }

    async fn tell_ended(&self, tell: &Teller<'_>) -> Result<(), StoreError> {
        let mut closed = self.background.close_event();
        match closed.do_until(listen::listen(&self.settings, tell)).await {
            Ok(lost) => lost,
            Err(_closed) => Ok(()),
        }
    }

    /// Skips what another server is just deleting.
    async fn delete_expired_sessions(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let statement = sqlx::query(
            "DELETE FROM sessions WHERE id IN (
                 SELECT id FROM sessions WHERE expires_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED
             )",
        )
        .bind(before.as_millis())
        .bind(i64::from(limit));
        self.change(&self.background, statement).await
    }
}
