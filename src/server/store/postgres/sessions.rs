//! The sessions in Postgres.

use super::{PostgresStore, listen};
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
use uuid::Uuid;

#[async_trait]
impl SessionStore for PostgresStore {
    async fn begin_session(&self, session: &Session) -> Result<bool, StoreError> {
        Ok(self.change(&self.requests, sessions::begin(sessions::BEGIN_LOCKING_USER, session)).await? == 1)
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
        let statement = sqlx::query(sessions::END).bind(id.as_uuid()).bind(at.as_millis()).bind(reason.code());
        Ok(self.change(&self.requests, statement).await? == 1)
    }

    async fn end_reused_session(&self, id: SessionId, at: Timestamp, from: &str) -> Result<bool, StoreError> {
        let statement = sqlx::query(sessions::END_REUSED).bind(id.as_uuid()).bind(at.as_millis()).bind(from);
        Ok(self.change(&self.requests, statement).await? == 1)
    }

    /// Locks in the order of the ids, like every statement that ends several sessions, so that two of them never
    /// deadlock.
    async fn end_other_sessions(
        &self,
        user: UserId,
        spared: SessionId,
        keep: u32,
        at: Timestamp,
        reason: EndReason,
    ) -> Result<Vec<SessionId>, StoreError> {
        let query = sqlx::query_scalar(
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
        let ended: Vec<Uuid> = self.run(query.fetch_all(&self.requests)).await?;
        Ok(ended.into_iter().map(SessionId::from_uuid).collect())
    }

    async fn list_live_sessions(&self, user: UserId, at: Timestamp) -> Result<Vec<Session>, StoreError> {
        let query = sqlx::query_as(sessions::LIST_LIVE).bind(user.as_uuid()).bind(at.as_millis());
        self.list::<SessionRow, _>(&self.requests, query).await
    }

    async fn list_reused_sessions(
        &self,
        user: UserId,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<ReusedSession>, StoreError> {
        let query =
            sqlx::query_as(sessions::LIST_REUSED).bind(user.as_uuid()).bind(since.as_millis()).bind(i64::from(limit));
        self.list::<ReusedSessionRow, _>(&self.requests, query).await
    }

    async fn dismiss_reused_session(&self, user: UserId, id: SessionId, at: Timestamp) -> Result<bool, StoreError> {
        let statement =
            sqlx::query(sessions::DISMISS_REUSED).bind(user.as_uuid()).bind(id.as_uuid()).bind(at.as_millis());
        Ok(self.change(&self.requests, statement).await? == 1)
    }

    async fn sessions_ended_since(&self, since: Timestamp) -> Result<Vec<EndedSession>, StoreError> {
        let query = sqlx::query_as(sessions::ENDED_SINCE).bind(since.as_millis());
        self.list::<EndedSessionRow, _>(&self.background, query).await
    }

    async fn subscribe_ended(&self, listener: &EndedListener<'_>) -> Result<(), StoreError> {
        let mut closed = self.background.close_event();
        match closed.do_until(listen::listen(&self.settings, listener)).await {
            Ok(lost) => lost,
            Err(_closed) => Ok(()),
        }
    }

    /// Skips rows that another server is deleting.
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
