//! Where users, sessions, clients and keys are kept.
//!
//! Each method is one atomic unit of work: no transaction leaks out, and nothing above knows which database it is.
//! "Not there" is `Option` or `bool`, a broken rule of uniqueness is a [`Conflict`]. Implementations pass the one
//! contract of `tests/store.rs`.

pub mod postgres;
mod rows;
pub mod sqlite;

use super::{
    clock::Timestamp,
    domain::{
        email::EmailKey,
        key_schedule::KeyTimes,
        session::{EndReason, Generation, ReusedSession, Session, SessionId},
        user::{DisplayName, PasswordHash, User, UserId},
    },
    keyring::{FINGERPRINT_BYTES, Sealed},
};
use async_trait::async_trait;
use std::{fmt, io};

/// Why the store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A rule of uniqueness stands against it.
    #[error("{0} is taken")]
    Conflict(Conflict),
    /// The database cannot be reached, is locked for too long, or has no room.
    #[error("the database is not available")]
    Unavailable(#[source] sqlx::Error),
    /// The database refuses for a reason that is our fault.
    #[error("the database refused")]
    Backend(#[source] sqlx::Error),
    /// A row says something no version of this program writes.
    #[error("the database holds an unreadable {0}")]
    Corrupt(&'static str),
    /// The schema could not be brought up to date.
    #[error("the database could not be migrated")]
    Migration(#[source] sqlx::migrate::MigrateError),
}

impl StoreError {
    /// Nothing was heard from the database in time.
    pub(super) fn timed_out() -> Self {
        Self::Unavailable(sqlx::Error::Io(io::ErrorKind::TimedOut.into()))
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error::{Database, Io, PoolClosed, PoolTimedOut, Tls, WorkerCrashed};

        match &error {
            Database(refusal) if refusal.is_unique_violation() && refusal.message().contains("email_key") => {
                Self::Conflict(Conflict::Email)
            }
            Database(refusal) if sqlite::is_passing(&**refusal) || postgres::is_passing(&**refusal) => {
                Self::Unavailable(error)
            }
            Io(_) | PoolClosed | PoolTimedOut | Tls(_) | WorkerCrashed => Self::Unavailable(error),
            _ => Self::Backend(error),
        }
    }
}

/// What has to be unique.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conflict {
    Email,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Email => "the e-mail address",
        })
    }
}

/// A registered OAuth client (RFC 6749 §2.2) and the hashes of its secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    pub id: String,
    /// Whom the tokens are for that it gets in its own name.
    pub audience: Option<String>,
    /// SHA-256 of the secret, which has 256 bits of entropy.
    pub secret_hash: [u8; 32],
    /// The same of the secret before, while that is still valid.
    pub previous_secret_hash: Option<[u8; 32]>,
    pub created_at: Timestamp,
}

/// A signing key: when it signs, its public name, and the private key sealed under the master secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSigningKey {
    pub times: KeyTimes,
    /// `kid` (RFC 7515 §4.1.4).
    pub id: String,
    pub sealed: Sealed,
    pub created_at: Timestamp,
}

/// What is known about a version of the master secret; not the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecretVersion {
    pub version: u8,
    /// By which it is recognised.
    pub fingerprint: [u8; FINGERPRINT_BYTES],
    /// When the last refresh token made under it expires.
    pub needed_until: Timestamp,
}

/// A session that ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndedSession {
    pub id: SessionId,
    pub at: Timestamp,
}

/// Who is told that a session has ended.
pub type Teller<'a> = dyn Fn(SessionId) + Send + Sync + 'a;

/// The store. See the module for what holds for every method; all fail with [`StoreError::Unavailable`] when the
/// database cannot be reached.
#[async_trait]
pub trait Store: fmt::Debug + Send + Sync + 'static {
    /// Whether the database answers.
    async fn ping(&self) -> Result<(), StoreError>;

    /// Adds a user.
    ///
    /// # Errors
    ///
    /// [`Conflict::Email`] if another user has the same e-mail key.
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

    /// Adds a session, unless its user is disabled by then. `false` if so.
    async fn begin_session(&self, session: &Session) -> Result<bool, StoreError>;

    async fn find_session(&self, id: SessionId) -> Result<Option<Session>, StoreError>;

    /// A session together with its user.
    async fn find_session_with_user(&self, id: SessionId) -> Result<Option<(Session, User)>, StoreError>;

    /// Moves a session on from one generation to another, exactly as [`Session::advance`] does: the compare-and-swap of
    /// rotation. `false` if it did not move: it does not stand at `from` any more, has ended, or is to be handed out
    /// again and has arrived meanwhile.
    async fn advance_session(
        &self,
        id: SessionId,
        from: Generation,
        to: Generation,
        at: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Notes that generations have evidently arrived. Never lowers what is noted.
    async fn mark_delivered(&self, marks: &[(SessionId, Generation)]) -> Result<(), StoreError>;

    /// Ends a session. `false` if there is none or it had ended before.
    async fn end_session(&self, id: SessionId, at: Timestamp, reason: EndReason) -> Result<bool, StoreError>;

    /// Ends a session because an old token of it came from `from`. `false` if there is none or it had ended before.
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

    /// The sessions of a user that live at `at`, the one rotated last first.
    async fn list_live_sessions(&self, user: UserId, at: Timestamp) -> Result<Vec<Session>, StoreError>;

    /// Up to `limit` sessions of a user that ended by reuse at `since` or later and were not dismissed, the newest
    /// first.
    async fn list_reused_sessions(
        &self,
        user: UserId,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<ReusedSession>, StoreError>;

    /// Notes that a user has seen that this session of theirs ended by reuse. `false` if there is no such session.
    async fn dismiss_reused_session(&self, user: UserId, id: SessionId, at: Timestamp) -> Result<bool, StoreError>;

    /// The sessions that ended at `since` or later.
    async fn sessions_ended_since(&self, since: Timestamp) -> Result<Vec<EndedSession>, StoreError>;

    /// Tells of each session that ends from now on, whoever ends it, until the connection is lost (an error) or the
    /// store closed. A database that cannot tell keeps silent until then. What is told is early news, not all of it:
    /// whoever must know asks [`Self::sessions_ended_since`] as well.
    async fn tell_ended(&self, tell: &Teller<'_>) -> Result<(), StoreError>;

    /// Deletes up to `limit` sessions whose time was up before `before`; returns how many.
    async fn delete_expired_sessions(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError>;

    /// Registers a client. `false` if there is one of its id.
    async fn add_client(&self, client: &Client) -> Result<bool, StoreError>;

    /// All clients, in the order of their ids.
    async fn list_clients(&self) -> Result<Vec<Client>, StoreError>;

    /// Gives a client a new secret, beside the one before or in its place. `false` if there is no such client.
    async fn rotate_client_secret(&self, id: &str, new: &[u8; 32], keep_previous: bool) -> Result<bool, StoreError>;

    /// Removes a client. `false` if there is none.
    async fn remove_client(&self, id: &str) -> Result<bool, StoreError>;

    /// Adds a signing key, unless there is one of its number already: of all servers that make the next key, one does.
    /// `false` if it was another one.
    async fn add_signing_key(&self, key: &StoredSigningKey) -> Result<bool, StoreError>;

    /// All signing keys, in the order of their numbers.
    async fn list_signing_keys(&self) -> Result<Vec<StoredSigningKey>, StoreError>;

    /// Removes the signing key of this number. `false` if there is none.
    async fn remove_signing_key(&self, number: u32) -> Result<bool, StoreError>;

    /// Exchanges what is sealed in a signing key, if it still is `old`. `false` if it is not.
    async fn reseal_signing_key(&self, number: u32, old: &Sealed, new: &Sealed) -> Result<bool, StoreError>;

    /// Notes that a version of the master secret is in use. Never lowers until when it is needed. `false`, and nothing
    /// is noted, if another secret is known under this version.
    async fn note_secret_version(&self, version: &SecretVersion) -> Result<bool, StoreError>;

    /// The versions of the master secret that were ever in use, in their order.
    async fn list_secret_versions(&self) -> Result<Vec<SecretVersion>, StoreError>;

    /// Notes that a version of the master secret is not needed from `at` on. `false` if there is none.
    async fn retire_secret_version(&self, version: u8, at: Timestamp) -> Result<bool, StoreError>;

    /// Waits for what is being written and closes the connections.
    async fn close(&self);
}
