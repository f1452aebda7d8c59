//! Users: the contract, and how rows become users.

use super::StoreError;
use crate::server::{
    clock::Timestamp,
    domain::{
        email::{Email, EmailKey},
        user::{DisplayName, PasswordHash, User, UserId},
    },
};
use async_trait::async_trait;
use sqlx::FromRow;
use std::fmt;
use uuid::Uuid;

/// The users of the [store](super::Store).
#[async_trait]
pub trait UserStore: fmt::Debug + Send + Sync + 'static {
    /// Adds a user.
    ///
    /// # Errors
    ///
    /// [`Conflict::Email`](super::Conflict::Email) if another user has the same e-mail key.
    async fn add_user(&self, user: &User) -> Result<(), StoreError>;

    async fn find_user_by_email(&self, key: &EmailKey) -> Result<Option<User>, StoreError>;

    /// Up to `limit` users in the order of their ids, beginning after `after`.
    async fn list_users(&self, after: Option<UserId>, limit: u32) -> Result<Vec<User>, StoreError>;

    /// Disables a user and ends all their sessions, or does nothing more if already disabled. `false` if there is none.
    async fn disable_user(&self, key: &EmailKey, at: Timestamp) -> Result<bool, StoreError>;

    /// Lets a disabled user sign in again. `false` if there is none.
    async fn enable_user(&self, key: &EmailKey) -> Result<bool, StoreError>;

    /// `false` if there is no such user.
    async fn change_display_name(&self, id: UserId, name: &DisplayName) -> Result<bool, StoreError>;

    /// Replaces a password hash, if it still is `old`. `false` if it is not.
    async fn replace_password_hash(
        &self,
        id: UserId,
        old: &PasswordHash,
        new: &PasswordHash,
    ) -> Result<bool, StoreError>;
}

#[derive(FromRow)]
pub(super) struct UserRow {
    pub(super) id: Uuid,
    pub(super) email: String,
    pub(super) display_name: String,
    pub(super) password_hash: String,
    pub(super) created_at: i64,
    pub(super) disabled_at: Option<i64>,
}

impl TryFrom<UserRow> for User {
    type Error = StoreError;

    fn try_from(row: UserRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: UserId::from_uuid(row.id),
            email: Email::parse(&row.email).map_err(|_| StoreError::Corrupt("e-mail address"))?,
            display_name: DisplayName::from_stored(row.display_name),
            password: PasswordHash::from_phc(row.password_hash),
            created_at: Timestamp::from_millis(row.created_at),
            disabled_at: row.disabled_at.map(Timestamp::from_millis),
        })
    }
}
