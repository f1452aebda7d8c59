//! The store in Postgres: for any number of servers.
//!
//! Each method is one statement, or one short transaction where one statement cannot see all rows it has to. Statements
//! that change several sessions lock them in the order of their ids, so that two of them never deadlock.

mod clients;
mod connect;
mod listen;
mod on_runtime;
mod secret_versions;
mod sessions;
mod signing_keys;
mod users;

pub use connect::PostgresSettings;

use super::{Store, StoreError};
use async_trait::async_trait;
use on_runtime::OnRuntime;
use sqlx::{
    FromRow, PgPool, Postgres,
    error::DatabaseError,
    postgres::{PgArguments, PgDatabaseError, PgRow},
    query::{Query, QueryAs},
};
use std::{future::Future, time::Duration};
use tokio::{runtime::Handle, time::timeout};

/// Connections for background tasks. These must not queue behind requests: ended sessions would be noticed too late
/// just when the server is busiest.
const BACKGROUND_CONNECTIONS: u32 = 2;

/// Includes the lock on the database that keeps servers which start at the same time from migrating concurrently.
static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("src/server/store/postgres/migrations");

/// A store in a Postgres database.
#[derive(Clone, Debug)]
pub struct PostgresStore {
    settings: PostgresSettings,
    requests: PgPool,
    background: PgPool,
    give_up_after: Duration,
    /// The runtime that drives all connections, whichever thread sends a statement.
    runtime: Handle,
}

impl PostgresStore {
    /// Connects and brings the schema up to date. Servers may do so concurrently.
    ///
    /// The runtime that this is called on drives the connections from then on, and must not be blocked.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the database cannot be reached, [`StoreError::Migration`] if its schema was
    /// written by a newer version.
    pub async fn open(settings: PostgresSettings) -> Result<Self, StoreError> {
        let migrating = settings.single().await?;
        let migrated = MIGRATOR.run(&migrating).await.map_err(StoreError::Migration);
        // Closing it releases the lock, whatever happened.
        migrating.close().await;
        migrated?;
        let requests = settings.pool(settings.pool_size).await?;
        let background = settings.pool(BACKGROUND_CONNECTIONS).await?;
        let runtime = Handle::current();
        Ok(Self { give_up_after: settings.give_up_after(), settings, requests, background, runtime })
    }

    /// A statement may have to open a connection, which must belong to `self.runtime`: on the runtime of the thread
    /// that first needs it, later users would wait for that thread too.
    async fn run<T>(&self, work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, StoreError> {
        let work = OnRuntime::new(work, &self.runtime);
        Ok(timeout(self.give_up_after, work).await.map_err(|_| StoreError::timed_out())??)
    }

    /// Executes a statement; returns the number of changed rows.
    async fn change(&self, pool: &PgPool, statement: Query<'_, Postgres, PgArguments>) -> Result<u64, StoreError> {
        Ok(self.run(statement.execute(pool)).await?.rows_affected())
    }

    async fn find<R, T>(&self, query: QueryAs<'_, Postgres, R, PgArguments>) -> Result<Option<T>, StoreError>
    where
        R: for<'r> FromRow<'r, PgRow> + Send + Unpin,
        T: TryFrom<R, Error = StoreError>,
    {
        self.run(query.fetch_optional(&self.requests)).await?.map(T::try_from).transpose()
    }

    async fn list<R, T>(
        &self,
        pool: &PgPool,
        query: QueryAs<'_, Postgres, R, PgArguments>,
    ) -> Result<Vec<T>, StoreError>
    where
        R: for<'r> FromRow<'r, PgRow> + Send + Unpin,
        T: TryFrom<R, Error = StoreError>,
    {
        self.run(query.fetch_all(pool)).await?.into_iter().map(T::try_from).collect()
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn ping(&self) -> Result<(), StoreError> {
        self.change(&self.requests, sqlx::query("SELECT 1")).await.map(drop)
    }

    async fn close(&self) {
        self.background.close().await;
        self.requests.close().await;
    }
}

/// Whether an error is transient, by its SQLSTATE: the statement is right, but the database has to recover or to be
/// repaired.
pub(super) fn is_passing(refusal: &(dyn DatabaseError + 'static)) -> bool {
    /// No connection; access denied; no such database (being restored); rolled back in favour of others (serialization,
    /// deadlock); out of resources (disk, memory, connections); operator intervention (shutdown, startup, statement
    /// timeout); system error.
    const CLASSES: [&str; 7] = ["08", "28", "3D", "40", "53", "57", "58"];
    /// A standby accepts no writes; a lock was not available in time.
    const CODES: [&str; 2] = ["25006", "55P03"];

    refusal.try_downcast_ref::<PgDatabaseError>().is_some_and(|refusal| {
        let code = refusal.code();
        CODES.contains(&code) || code.get(..2).is_some_and(|class| CLASSES.contains(&class))
    })
}
