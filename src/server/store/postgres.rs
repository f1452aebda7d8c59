//! The store in Postgres: for as many servers as wanted.
//!
//! Each method is one statement, or one short transaction where one statement cannot see what it has to. Who changes
//! many sessions locks them in the order of their ids, so that two who do never wait for each other.

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

/// Connections for what runs beside the requests. It must not queue behind them: news of ended sessions would come too
/// late just when the server is busiest.
const BACKGROUND_CONNECTIONS: u32 = 2;

/// The lock on the database that keeps servers starting at once from migrating at once is part of it.
static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("src/server/store/postgres/migrations");

/// A store in a Postgres database.
#[derive(Clone, Debug)]
pub struct PostgresStore {
    settings: PostgresSettings,
    requests: PgPool,
    background: PgPool,
    give_up_after: Duration,
    /// The runtime that looks after all connections, whichever thread sends a statement.
    runtime: Handle,
}

impl PostgresStore {
    /// Connects and brings the schema up to date. Servers may do so at once.
    ///
    /// The runtime that this is called on looks after the connections from then on, and must not be kept busy.
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

    /// A statement may have to open a connection. It is opened at home: on the runtime of the thread that happens to be
    /// the first one to need it, whoever uses it later would wait for that thread too.
    async fn run<T>(&self, work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, StoreError> {
        let work = OnRuntime::new(work, &self.runtime);
        Ok(timeout(self.give_up_after, work).await.map_err(|_| StoreError::timed_out())??)
    }

    /// How many rows a statement has changed.
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

/// Whether a refusal tells of a state that passes, by its SQLSTATE: somebody has to wait or to mend the database, but
/// nothing is wrong with what was asked.
pub(super) fn is_passing(refusal: &(dyn DatabaseError + 'static)) -> bool {
    /// No connection; not let in; no such database (just being restored); rolled back for others' sake (serialization,
    /// deadlock); no room (disk, memory, connections); stopped by an operator (shutting down, starting up, statement
    /// timeout); the system below fails.
    const CLASSES: [&str; 7] = ["08", "28", "3D", "40", "53", "57", "58"];
    /// A standby takes no writes; a lock was not to be had in time.
    const CODES: [&str; 2] = ["25006", "55P03"];

    refusal.try_downcast_ref::<PgDatabaseError>().is_some_and(|refusal| {
        let code = refusal.code();
        CODES.contains(&code) || code.get(..2).is_some_and(|class| CLASSES.contains(&class))
    })
}
