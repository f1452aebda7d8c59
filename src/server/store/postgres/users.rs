//! The users in Postgres.

use super::PostgresStore;
use crate::server::{
    clock::Timestamp,
    domain::{
        email::EmailKey,
        session::EndReason,
        user::{DisplayName, PasswordHash, User, UserId},
    },
    store::{
        StoreError, UserStore,
        users::{self, UserRow},
    },
};
use async_trait::async_trait;
use uuid::Uuid;

#[async_trait]
impl UserStore for PostgresStore {
    async fn add_user(&self, user: &User) -> Result<(), StoreError> {
        self.change(&self.requests, users::add(user)).await.map(drop)
    }

    async fn find_user_by_email(&self, key: &EmailKey) -> Result<Option<User>, StoreError> {
        self.find::<UserRow, _>(sqlx::query_as(users::FIND_BY_EMAIL).bind(key.as_str())).await
    }

    async fn list_users(&self, after: Option<UserId>, limit: u32) -> Result<Vec<User>, StoreError> {
        let query = sqlx::query_as(users::LIST).bind(after.map_or(Uuid::nil(), UserId::as_uuid)).bind(i64::from(limit));
        self.list::<UserRow, _>(&self.requests, query).await
    }

    /// Two statements: the first waits for transactions that begin a session of this user, the second then sees those
    /// sessions.
    async fn disable_user(&self, key: &EmailKey, at: Timestamp) -> Result<bool, StoreError> {
        self.run(async {
            let mut transaction = self.requests.begin().await?;
            let found =
                sqlx::query(users::DISABLE).bind(key.as_str()).bind(at.as_millis()).execute(&mut *transaction).await?;
            sqlx::query(
                "UPDATE sessions SET ended_at = $2, end_reason = $3 WHERE id IN (
                     SELECT id FROM sessions
                     WHERE ended_at IS NULL AND user_id = (SELECT id FROM users WHERE email_key = $1)
                     ORDER BY id FOR NO KEY UPDATE
                 )",
            )
            .bind(key.as_str())
            .bind(at.as_millis())
            .bind(EndReason::AccountDisabled.code())
            .execute(&mut *transaction)
            .await?;
            transaction.commit().await?;
            Ok(found.rows_affected() == 1)
        })
        .await
    }

    async fn enable_user(&self, key: &EmailKey) -> Result<bool, StoreError> {
        Ok(self.change(&self.requests, sqlx::query(users::ENABLE).bind(key.as_str())).await? == 1)
    }

    async fn change_display_name(&self, id: UserId, name: &DisplayName) -> Result<bool, StoreError> {
        let statement = sqlx::query(users::CHANGE_DISPLAY_NAME).bind(id.as_uuid()).bind(name.as_str());
        Ok(self.change(&self.requests, statement).await? == 1)
    }

    async fn replace_password_hash(
        &self,
        id: UserId,
        old: &PasswordHash,
        new: &PasswordHash,
    ) -> Result<bool, StoreError> {
        let statement =
            sqlx::query(users::REPLACE_PASSWORD_HASH).bind(id.as_uuid()).bind(old.as_phc()).bind(new.as_phc());
        Ok(self.change(&self.requests, statement).await? == 1)
    }
}
