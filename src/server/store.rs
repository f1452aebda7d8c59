//! The storage of users, sessions, clients and keys.
//!
//! Each method is one atomic unit of work: no transaction leaks out, and no caller depends on the database in use. A
//! missing row is `None` or `false`, a violated unique constraint is a [`Conflict`]. Implementations pass the same
//! contract in `tests/store.rs`.
//!
//! Each entity has a file with its trait, its rows and the statements that suit both databases, and one file in each
//! backend with the implementation. Statements name their columns, never `*`: a newer server may add some while an
//! older one still runs, and Postgres refuses prepared statements whose result type has changed.
//!
//! # Adding a table, in 8 steps
//!
//! Below, `things` is the table and `ThingStore` its trait; `clients` is a small example of all steps.
//!
//! 1. `store/sqlite/migrations/` and `store/postgres/migrations/`: in each add the next number, `…_things.sql`, with
//!    `CREATE TABLE`. Never change a file that has been released: servers refuse a database whose migrations differ.
//! 2. `store/things.rs`: define the trait, with what a method promises and when it returns `false`; below it the
//!    statements as constants, the function that binds the values of the `INSERT`, and the row with its `TryFrom`.
//! 3. `store.rs`: add `mod things`, `pub use`, and `ThingStore` to the sum that [`Store`] is.
//! 4. `store/sqlite/things.rs` and `store/postgres/things.rs`: implement the trait, and add `mod things` to `sqlite.rs`
//!    and `postgres.rs`. A statement that has to differ (a lock, a batch) is written here.
//! 5. `tests/store.rs`: write one function for each promise, and name it in `contract!`.
//! 6. `tests/http/support/watched_store.rs`: add a block to `watch!`, one line for each method: `ask` for methods that
//!    requests call, `ask_beside` for those that only background tasks call.
//! 7. `service/`: let the service that uses it hold an `Arc<dyn ThingStore>`, and pass `store.clone()` to it in
//!    `start.rs`.
//! 8. `docs/architecture.md`: add the table to the section "Data". Then run
//!    `script/postgres cargo test --features ssr --test store --test http -- --include-ignored`.
//!
//! # Adding a column, in 5 steps
//!
//! 1. `store/sqlite/migrations/` and `store/postgres/migrations/`: in each add the next number, with
//!    `ALTER TABLE … ADD COLUMN`. Let it be null or have a default: an older server still inserts rows without it.
//! 2. The type, such as `domain/session.rs`: add the field. [`Session::begin`](super::domain::session::Session::begin)
//!    gives it the value that it has in a new session; a test sets it only if the test is about it. A user is written
//!    out where it is made: `git grep -n 'User {'`, and compile with `--all-targets`.
//! 3. `store/sessions.rs`, or the file of another entity: add it to the column list, to the `INSERT` and the values
//!    bound below it, to the row, and to the row's `TryFrom`. Both backends use these.
//! 4. `tests/store.rs`: give it a value in `session()`, so that
//!    `a_session_comes_back_as_it_was_begun` reads it back; a user's, in `user()`. Then run the command above.
//! 5. If it can be changed: a method in the entity's trait and its `UPDATE` beside it, the method in both backends, a line
//!    in `watch!` (`tests/http/support/watched_store.rs`) and a test in `tests/store.rs`. `change_display_name` is an
//!    example of all of them.

mod clients;
pub mod postgres;
mod secret_versions;
mod sessions;
mod signing_keys;
pub mod sqlite;
mod users;

pub use crate::server::store::{
    clients::{Client, ClientStore},
    secret_versions::{SecretVersion, SecretVersionStore},
    sessions::{EndedListener, EndedSession, SessionStore},
    signing_keys::{SigningKeyStore, StoredSigningKey},
    users::UserStore,
};
use async_trait::async_trait;
use std::{fmt, io};

/// Why the store could not do what was requested.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A unique constraint would be violated.
    #[error("{0} is taken")]
    Conflict(Conflict),
    /// The database cannot be reached, is locked for too long, or has no room.
    #[error("the database is not available")]
    Unavailable(#[source] sqlx::Error),
    /// The database refuses because of a defect of this application.
    #[error("the database refused")]
    Backend(#[source] sqlx::Error),
    /// A row has a value that no version of this program writes.
    #[error("the database holds an unreadable {0}")]
    Corrupt(&'static str),
    /// The schema could not be brought up to date.
    #[error("the database could not be migrated")]
    Migration(#[source] sqlx::migrate::MigrateError),
}

impl StoreError {
    /// The database did not respond in time.
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

/// The store: all its entities, and its lifecycle. See the module for what applies to every method; all fail with
/// [`StoreError::Unavailable`] if the database cannot be reached.
#[async_trait]
pub trait Store: UserStore + SessionStore + ClientStore + SigningKeyStore + SecretVersionStore {
    /// Checks that the database responds.
    async fn ping(&self) -> Result<(), StoreError>;

    /// Waits for pending writes and closes the connections.
    async fn close(&self);
}
