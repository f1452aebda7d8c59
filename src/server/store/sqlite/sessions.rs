//! The sessions in SQLite.

use super::SqliteStore;
use crate::server::{
    clock::Timestamp,
    domain::{
        session::{EndReason, Generation, ReusedSession, Session, SessionId},
        user::{User, UserId},
    },
    store::{
        EndedListener, EndedSession, SessionStore, StoreError,
        sessions::{self, EndedSessionRow, ReusedSessionRow, SessionRow, SessionWithUserRow},
    },
};
use async_trait::async_trait;
use futures::future::try_join_all;
use uuid::Uuid;

#[async_trait]
impl SessionStore for SqliteStore {
    async fn begin_session(&self, session: &Session) -> Result<bool, StoreError> {
        Ok(self.group_commit.write(sessions::begin(sessions::BEGIN, session)).await? == 1)
    }

    async fn find_session(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        self.find::<SessionRow, _>(sqlx::query_as(sessions::FIND).bind(id.as_uuid())).await
    }

    async fn find_session_with_user(&self, id: SessionId) -> Result<Option<(Session, User)>, StoreError> {
        self.find::<SessionWithUserRow, _>(sqlx::query_as(sessions::FIND_WITH_USER).bind(id.as_uuid())).await
    }

    async fn advance_session(
        &self,
        id: SessionId,
        from: Generation,
        to: Generation,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let statement = sqlx::query(sessions::ADVANCE)
            .bind(id.as_uuid())
            .bind(i64::from(from.number()))
            .bind(i64::from(to.number()))
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
        let statement = sqlx::query(sessions::END).bind(id.as_uuid()).bind(at.as_millis()).bind(reason.code());
        Ok(self.group_commit.write(statement).await? == 1)
    }

    async fn end_reused_session(&self, id: SessionId, at: Timestamp, from: &str) -> Result<bool, StoreError> {
        let statement = sqlx::query(sessions::END_REUSED).bind(id.as_uuid()).bind(at.as_millis()).bind(from);
        Ok(self.change(statement).await? == 1)
    }

    async fn end_other_sessions(
        &self,
        user: UserId,
        spared: SessionId,
        keep: u32,
        at: Timestamp,
        reason: EndReason,
    ) -> Result<Vec<SessionId>, StoreError> {
        let query = sqlx::query_scalar(
            "UPDATE sessions SET ended_at = $4, end_reason = $5 WHERE id IN (
                 SELECT id FROM sessions WHERE user_id = $1 AND ended_at IS NULL AND expires_at > $4 AND id <> $2
                 ORDER BY rotated_at DESC, id DESC LIMIT -1 OFFSET $3
             ) RETURNING id",
        )
        .bind(user.as_uuid())
        .bind(spared.as_uuid())
        .bind(i64::from(keep))
        .bind(at.as_millis())
        .bind(reason.code());
        let ended: Vec<Uuid> = query.fetch_all(&self.writer).await?;
        Ok(ended.into_iter().map(SessionId::from_uuid).collect())
    }

    async fn list_live_sessions(&self, user: UserId, at: Timestamp) -> Result<Vec<Session>, StoreError> {
        let query = sqlx::query_as(sessions::LIST_LIVE).bind(user.as_uuid()).bind(at.as_millis());
        self.list::<SessionRow, _>(query).await
    }

    async fn list_reused_sessions(
        &self,
        user: UserId,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<ReusedSession>, StoreError> {
        let query =
            sqlx::query_as(sessions::LIST_REUSED).bind(user.as_uuid()).bind(since.as_millis()).bind(i64::from(limit));
        self.list::<ReusedSessionRow, _>(query).await
    }

    async fn dismiss_reused_session(&self, user: UserId, id: SessionId, at: Timestamp) -> Result<bool, StoreError> {
        let statement =
            sqlx::query(sessions::DISMISS_REUSED).bind(user.as_uuid()).bind(id.as_uuid()).bind(at.as_millis());
        Ok(self.change(statement).await? == 1)
    }

    async fn sessions_ended_since(&self, since: Timestamp) -> Result<Vec<EndedSession>, StoreError> {
        let query = sqlx::query_as(sessions::ENDED_SINCE).bind(since.as_millis());
        self.list::<EndedSessionRow, _>(query).await
    }

    /// There is one server, which knows the sessions it has ended itself; those that other processes end are found by
    /// polling.
    async fn subscribe_ended(&self, _listener: &EndedListener<'_>) -> Result<(), StoreError> {
        self.writer.close_event().await;
        Ok(())
    }

    async fn delete_expired_sessions(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let statement =
            sqlx::query("DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at < $1 LIMIT $2)")
                .bind(before.as_millis())
                .bind(i64::from(limit));
        self.change(statement).await
    }
}
