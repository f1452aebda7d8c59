//! The users in SQLite.

use super::SqliteStore;
use crate::server::{
    clock::Timestamp,
    domain::{
        email::EmailKey,
        session::EndReason,
        user::{DisplayName, PasswordHash, User, UserId},
    },
    store::{StoreError, UserStore, users::UserRow},
};
use async_trait::async_trait;

#[async_trait]
impl UserStore for SqliteStore {
    async fn add_user(&self, user: &User) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO users (id, email, email_key, display_name, password_hash, created_at, disabled_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(user.id.as_uuid())
        .bind(user.email.as_typed())
        .bind(user.email_key().as_str())
        .bind(user.display_name.as_str())
        .bind(user.password.as_phc())
        .bind(user.created_at.as_millis())
        .bind(user.disabled_at.map(Timestamp::as_millis))
        .execute(&self.writer)
        .await?;
        Ok(())
    }

    async fn find_user_by_email(&self, key: &EmailKey) -> Result<Option<User>, StoreError> {
        let row: Option<UserRow> = sqlx::query_as("SELECT * FROM users WHERE email_key = $1")
            .bind(key.as_str())
            .fetch_optional(&self.readers)
            .await?;
        row.map(User::try_from).transpose()
    }

    async fn list_users(&self, after: Option<UserId>, limit: u32) -> Result<Vec<User>, StoreError> {
        let rows: Vec<UserRow> = sqlx::query_as("SELECT * FROM users WHERE $1 IS NULL OR id > $1 ORDER BY id LIMIT $2")
            .bind(after.map(UserId::as_uuid))
            .bind(limit)
            .fetch_all(&self.readers)
            .await?;
        rows.into_iter().map(User::try_from).collect()
    }

    async fn disable_user(&self, key: &EmailKey, at: Timestamp) -> Result<bool, StoreError> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        let found = sqlx::query("UPDATE users SET disabled_at = coalesce(disabled_at, $2) WHERE email_key = $1")
            .bind(key.as_str())
            .bind(at.as_millis())
            .execute(&mut *transaction)
            .await?;
        sqlx::query(
            "UPDATE sessions SET ended_at = $2, end_reason = $3
             WHERE ended_at IS NULL AND user_id = (SELECT id FROM users WHERE email_key = $1)",
        )
        .bind(key.as_str())
        .bind(at.as_millis())
        .bind(EndReason::AccountDisabled.code())
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(found.rows_affected() == 1)
    }

    async fn enable_user(&self, key: &EmailKey) -> Result<bool, StoreError> {
        let done = sqlx::query("UPDATE users SET disabled_at = NULL WHERE email_key = $1")
            .bind(key.as_str())
            .execute(&self.writer)
            .await?;
        Ok(done.rows_affected() == 1)
    }

    async fn change_display_name(&self, id: UserId, name: &DisplayName) -> Result<bool, StoreError> {
        let done = sqlx::query("UPDATE users SET display_name = $2 WHERE id = $1")
            .bind(id.as_uuid())
            .bind(name.as_str())
            .execute(&self.writer)
            .await?;
        Ok(done.rows_affected() == 1)
    }

    async fn replace_password_hash(
        &self,
        id: UserId,
        old: &PasswordHash,
        new: &PasswordHash,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query("UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2")
            .bind(id.as_uuid())
            .bind(old.as_phc())
            .bind(new.as_phc())
            .execute(&self.writer)
            .await?;
        Ok(done.rows_affected() == 1)
    }
}
