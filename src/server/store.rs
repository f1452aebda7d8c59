//! Where users, sessions, clients and keys are kept.
//!
//! Each method is one atomic unit of work: no transaction leaks out, and nothing above knows which database it is.
//! "Not there" is `Option` or `bool`, a broken rule of uniqueness is a [`Conflict`]. Implementations pass the one
//! contract of `tests/store.rs`.

mod clients;
pub mod postgres;
mod secret_versions;
mod sessions;
mod signing_keys;
pub mod sqlite;
mod users;

pub use self::{
    clients::{Client, ClientStore},
    secret_versions::{SecretVersion, SecretVersionStore},
    sessions::{EndedSession, SessionStore, Teller},
    signing_keys::{SigningKeyStore, StoredSigningKey},
    users::UserStore,
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

/// The store: all that is kept in it, and its own life. See the module for what holds for every method; all fail with
/// [`StoreError::Unavailable`] when the database cannot be reached.
#[async_trait]
pub trait Store: UserStore + SessionStore + ClientStore + SigningKeyStore + SecretVersionStore {
    /// Whether the database answers.
    async fn ping(&self) -> Result<(), StoreError>;

    /// Waits for what is being written and closes the connections.
    async fn close(&self);
}
