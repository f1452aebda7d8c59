//! The sessions in SQLite.

use super::SqliteStore;
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
use futures::future::try_join_all;
use uuid::Uuid;

#[async_trait]
impl SessionStore for SqliteStore {
    async fn begin_session(&self, session: &Session) -> Result<bool, StoreError> {
        let statement = sqlx::query(
            "INSERT INTO sessions (id, user_id, client_id, method, began_at, expires_at, generation, rotated_at, delivered, address, user_agent)
             SELECT $1, id, $3, $4, $5, $6, $7, $8, $9, $10, $11 FROM users WHERE id = $2 AND disabled_at IS NULL",
        )
        .bind(session.id.as_uuid())
        .bind(session.user_id.as_uuid())
        .bind(&session.client_id)
        .bind(session.method.amr())
        .bind(session.began_at.as_millis())
        .bind(session.expires_at.as_millis())
        .bind(session.generation.number())
        .bind(session.rotated_at.as_millis())
        .bind(session.delivered.number())
        .bind(&session.address)
        .bind(&session.user_agent);
        Ok(self.group_commit.write(statement).await? == 1)
    }

    async fn find_session(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        let row: Option<SessionRow> = sqlx::query_as("SELECT * FROM sessions WHERE id = $1")
            .bind(id.as_uuid())
            .fetch_optional(&self.readers)
            .await?;
        row.map(Session::try_from).transpose()
    }

    async fn find_session_with_user(&self, id: SessionId) -> Result<Option<(Session, User)>, StoreError> {
        let row: Option<SessionWithUserRow> = sqlx::query_as(
            "SELECT sessions.*, users.email, users.display_name, users.password_hash, users.created_at, users.disabled_at
             FROM sessions JOIN users ON users.id = sessions.user_id WHERE sessions.id = $1",
        )
        .bind(id.as_uuid())
        .fetch_optional(&self.readers)
        .await?;
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
        .bind(from.number())
        .bind(to.number())
        .bind(at.as_millis());
        Ok(self.group_commit.write(statement).await? == 1)
    }

    async fn mark_delivered(&self, marks: &[(SessionId, Generation)]) -> Result<(), StoreError> {
        let writes = marks.iter().map(|(id, generation)| {
            let statement = sqlx::query("UPDATE sessions SET delivered = $2 WHERE id = $1 AND delivered < $2")
                .bind(id.as_uuid())
                .bind(generation.number());
            self.group_commit.write(statement)
        });
        try_join_all(writes).await.map(drop)
    }

    async fn end_session(&self, id: SessionId, at: Timestamp, reason: EndReason) -> Result<bool, StoreError> {
        let statement =
            sqlx::query("UPDATE sessions SET ended_at = $2, end_reason = $3 WHERE id = $1 AND ended_at IS NULL")
                .bind(id.as_uuid())
                .bind(at.as_millis())
                .bind(reason.code());
        Ok(self.group_commit.write(statement).await? == 1)
    }

    async fn end_reused_session(&self, id: SessionId, at: Timestamp, from: &str) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "UPDATE sessions SET ended_at = $2, end_reason = 'reuse', reused_from = $3 WHERE id = $1 AND ended_at IS NULL",
        )
        .bind(id.as_uuid())
        .bind(at.as_millis())
        .bind(from)
        .execute(&self.writer)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    async fn end_other_sessions(
        &self,
        user: UserId,
        spared: SessionId,
        keep: u32,
        at: Timestamp,
        reason: EndReason,
    ) -> Result<Vec<SessionId>, StoreError> {
        let rows: Vec<(Uuid,)> = sqlx::query_as(
            "UPDATE sessions SET ended_at = $4, end_reason = $5 WHERE id IN (
                 SELECT id FROM sessions WHERE user_id = $1 AND ended_at IS NULL AND expires_at > $4 AND id <> $2
                 ORDER BY rotated_at DESC, id DESC LIMIT -1 OFFSET $3
             ) RETURNING id",
        )
        .bind(user.as_uuid())
        .bind(spared.as_uuid())
        .bind(keep)
        .bind(at.as_millis())
        .bind(reason.code())
        .fetch_all(&self.writer)
        .await?;
        Ok(rows.into_iter().map(|(id,)| SessionId::from_uuid(id)).collect())
    }

    async fn list_live_sessions(&self, user: UserId, at: Timestamp) -> Result<Vec<Session>, StoreError> {
        let rows: Vec<SessionRow> = sqlx::query_as(
            "SELECT * FROM sessions WHERE user_id = $1 AND ended_at IS NULL AND expires_at > $2
             ORDER BY rotated_at DESC, id DESC",
        )
        .bind(user.as_uuid())
        .bind(at.as_millis())
        .fetch_all(&self.readers)
        .await?;
        rows.into_iter().map(Session::try_from).collect()
    }

    async fn list_reused_sessions(
        &self,
        user: UserId,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<ReusedSession>, StoreError> {
        let rows: Vec<ReusedSessionRow> = sqlx::query_as(
            "SELECT * FROM sessions
             WHERE user_id = $1 AND end_reason = 'reuse' AND reuse_dismissed_at IS NULL AND ended_at >= $2
             ORDER BY ended_at DESC, id DESC LIMIT $3",
        )
        .bind(user.as_uuid())
        .bind(since.as_millis())
        .bind(limit)
        .fetch_all(&self.readers)
        .await?;
        rows.into_iter().map(ReusedSession::try_from).collect()
    }

    async fn dismiss_reused_session(&self, user: UserId, id: SessionId, at: Timestamp) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "UPDATE sessions SET reuse_dismissed_at = coalesce(reuse_dismissed_at, $3)
             WHERE id = $2 AND user_id = $1 AND end_reason = 'reuse'",
        )
        .bind(user.as_uuid())
        .bind(id.as_uuid())
        .bind(at.as_millis())
        .execute(&self.writer)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    async fn sessions_ended_since(&self, since: Timestamp) -> Result<Vec<EndedSession>, StoreError> {
        let rows: Vec<EndedSessionRow> = sqlx::query_as("SELECT id, ended_at FROM sessions WHERE ended_at >= $1")
            .bind(since.as_millis())
            .fetch_all(&self.readers)
            .await?;
        Ok(rows.into_iter().map(EndedSession::from).collect())
    }

    /// There is one server, which knows what it ended itself; of other processes it learns by asking.
    async fn tell_ended(&self, _tell: &Teller<'_>) -> Result<(), StoreError> {
        self.writer.close_event().await;
        Ok(())
    }

    async fn delete_expired_sessions(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let done =
            sqlx::query("DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at < $1 LIMIT $2)")
                .bind(before.as_millis())
                .bind(limit)
                .execute(&self.writer)
                .await?;
        Ok(done.rows_affected())
    }
}
