//! Users: the contract, the statements that both databases share, and how rows become users.

use super::StoreError;
use crate::server::{
    clock::Timestamp,
    domain::{
        email::{Email, EmailKey},
        user::{DisplayName, PasswordHash, User, UserId},
    },
};
use async_trait::async_trait;
use sqlx::{Database, Encode, FromRow, Type, query::Query};
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

    /// Disables a user and ends all their sessions, or does nothing if already disabled. `false` if there is no such
    /// user.
    async fn disable_user(&self, key: &EmailKey, at: Timestamp) -> Result<bool, StoreError>;

    /// Enables a disabled user. `false` if there is no such user.
    async fn enable_user(&self, key: &EmailKey) -> Result<bool, StoreError>;

    /// Changes the display name of a user. `false` if there is no such user.
    async fn change_display_name(&self, id: UserId, name: &DisplayName) -> Result<bool, StoreError>;

    /// Replaces a password hash, if it is still `old`. `false` if it is not.
    async fn replace_password_hash(
        &self,
        id: UserId,
        old: &PasswordHash,
        new: &PasswordHash,
    ) -> Result<bool, StoreError>;
}

/// The columns of a user besides the id. None has the name of a column of `sessions`: a session is loaded with its
/// user.
macro_rules! user_columns {
    () => {
        "users.email, users.display_name, users.password_hash, users.created_at, users.disabled_at"
    };
}

pub(super) use user_columns;

const ADD: &str = "INSERT INTO users (id, email, email_key, display_name, password_hash, created_at, disabled_at)
                   VALUES ($1, $2, $3, $4, $5, $6, $7)";

pub(super) const FIND_BY_EMAIL: &str =
    concat!("SELECT users.id, ", user_columns!(), " FROM users WHERE email_key = $1");

pub(super) const LIST: &str =
    concat!("SELECT users.id, ", user_columns!(), " FROM users WHERE id > $1 ORDER BY id LIMIT $2");

pub(super) const DISABLE: &str = "UPDATE users SET disabled_at = coalesce(disabled_at, $2) WHERE email_key = $1";

pub(super) const ENABLE: &str = "UPDATE users SET disabled_at = NULL WHERE email_key = $1";

pub(super) const CHANGE_DISPLAY_NAME: &str = "UPDATE users SET display_name = $2 WHERE id = $1";

pub(super) const REPLACE_PASSWORD_HASH: &str =
    "UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2";

/// [`ADD`] with its values.
pub(super) fn add<'q, DB>(user: &'q User) -> Query<'q, DB, DB::Arguments>
where
    DB: Database,
    Uuid: Encode<'q, DB> + Type<DB>,
    &'q str: Encode<'q, DB> + Type<DB>,
    i64: Encode<'q, DB> + Type<DB>,
    Option<i64>: Encode<'q, DB> + Type<DB>,
{
    sqlx::query(ADD)
        .bind(user.id.as_uuid())
        .bind(user.email.as_typed())
        .bind(user.email_key().as_str())
        .bind(user.display_name.as_str())
        .bind(user.password.as_phc())
        .bind(user.created_at.as_millis())
        .bind(user.disabled_at.map(Timestamp::as_millis))
}

#[derive(FromRow)]
pub(super) struct UserRow {
    id: Uuid,
    #[sqlx(flatten)]
    columns: UserColumns,
}

/// The columns of `user_columns!`.
#[derive(FromRow)]
pub(super) struct UserColumns {
    email: String,
    display_name: String,
    password_hash: String,
    created_at: i64,
    disabled_at: Option<i64>,
}

impl TryFrom<UserRow> for User {
    type Error = StoreError;

    fn try_from(row: UserRow) -> Result<Self, StoreError> {
        row.columns.of_user(UserId::from_uuid(row.id))
    }
}

impl UserColumns {
    pub(super) fn of_user(self, id: UserId) -> Result<User, StoreError> {
        Ok(User {
            id,
            email: Email::parse(&self.email).map_err(|_| StoreError::Corrupt("e-mail address"))?,
            display_name: DisplayName::from_stored(self.display_name),
            password: PasswordHash::from_phc(self.password_hash),
            created_at: Timestamp::from_millis(self.created_at),
            disabled_at: self.disabled_at.map(Timestamp::from_millis),
        })
    }
}
