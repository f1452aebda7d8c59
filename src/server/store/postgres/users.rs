//! The users in Postgres.

use super::PostgresStore;
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
use uuid::Uuid;

macro_rules! user_columns {
    () => {
        "users.id, users.email, users.display_name, users.password_hash, users.created_at, users.disabled_at"
    };
}

#[async_trait]
impl UserStore for PostgresStore {
    async fn add_user(&self, user: &User) -> Result<(), StoreError> {
        let statement = sqlx::query(
            "INSERT INTO users (id, email, email_key, display_name, password_hash, created_at, disabled_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(user.id.as_uuid())
        .bind(user.email.as_typed())
        .bind(user.email_key().as_str())
        .bind(user.display_name.as_str())
        .bind(user.password.as_phc())
        .bind(user.created_at.as_millis())
        .bind(user.disabled_at.map(Timestamp::as_millis));
        self.change(&self.requests, statement).await.map(drop)
    }

    async fn find_user_by_email(&self, key: &EmailKey) -> Result<Option<User>, StoreError> {
        let query = sqlx::query_as(concat!("SELECT ", user_columns!(), " FROM users WHERE email_key = $1"));
        let row: Option<UserRow> = self.find(query.bind(key.as_str())).await?;
        row.map(User::try_from).transpose()
    }

    async fn list_users(&self, after: Option<UserId>, limit: u32) -> Result<Vec<User>, StoreError> {
        let query =
            sqlx::query_as(concat!("SELECT ", user_columns!(), " FROM users WHERE id > $1 ORDER BY id LIMIT $2"))
                .bind(after.map_or(Uuid::nil(), UserId::as_uuid))
                .bind(i64::from(limit));
        let rows: Vec<UserRow> = self.list(&self.requests, query).await?;
        rows.into_iter().map(User::try_from).collect()
    }

    /// Two statements: the first waits for those who begin a session of this user, the second then sees them.
    async fn disable_user(&self, key: &EmailKey, at: Timestamp) -> Result<bool, StoreError> {
        self.run(async {
            let mut transaction = self.requests.begin().await?;
            let found = sqlx::query("UPDATE users SET disabled_at = coalesce(disabled_at, $2) WHERE email_key = $1")
                .bind(key.as_str())
                .bind(at.as_millis())
                .execute(&mut *transaction)
                .await?;
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
        let statement = sqlx::query("UPDATE users SET disabled_at = NULL WHERE email_key = $1").bind(key.as_str());
        Ok(self.change(&self.requests, statement).await? == 1)
    }

    async fn change_display_name(&self, id: UserId, name: &DisplayName) -> Result<bool, StoreError> {
        let statement =
            sqlx::query("UPDATE users SET display_name = $2 WHERE id = $1").bind(id.as_uuid()).bind(name.as_str());
        Ok(self.change(&self.requests, statement).await? == 1)
    }

    async fn replace_password_hash(
        &self,
        id: UserId,
        old: &PasswordHash,
        new: &PasswordHash,
    ) -> Result<bool, StoreError> {
        let statement = sqlx::query("UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2")
            .bind(id.as_uuid())
            .bind(old.as_phc())
            .bind(new.as_phc());
        Ok(self.change(&self.requests, statement).await? == 1)
    }
}
