//! The store in one SQLite file: nothing to install, one server.
//!
//! One connection writes, a few others read concurrently (WAL). Every commit is on disk before the call returns
//! (`synchronous = FULL`), so a rotation whose response was sent survives a power failure. Frequent writes share their
//! commit with concurrent ones (`group_commit.rs`).

mod clients;
mod group_commit;
mod secret_versions;
mod sessions;
mod signing_keys;
mod users;

use super::{Store, StoreError};
use async_trait::async_trait;
use group_commit::GroupCommit;
use sqlx::{
    FromRow, Sqlite, SqlitePool,
    error::DatabaseError,
    query::{Query, QueryAs},
    sqlite::{
        SqliteArguments, SqliteConnectOptions, SqliteError, SqliteJournalMode, SqlitePoolOptions, SqliteRow,
        SqliteSynchronous,
    },
};
use std::{
    fs::{File, OpenOptions},
    io,
    path::Path,
    time::Duration,
};

/// How long a statement waits for a writing process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a request waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
const READERS: u32 = 4;

static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("src/server/store/sqlite/migrations");

/// A store in a SQLite file.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    writer: SqlitePool,
    /// The same connection, for frequent single statements.
    group_commit: GroupCommit,
    readers: SqlitePool,
}

impl SqliteStore {
    /// Opens or creates the file and brings its schema up to date.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the file cannot be opened, [`StoreError::Migration`] if it was written by a
    /// newer version.
    pub async fn open(file: &Path) -> Result<Self, StoreError> {
        // Commands and servers that start at the same time must not migrate concurrently: sqlx takes no lock on SQLite.
        let alone = lock_folder_of(file).await.map_err(sqlx::Error::Io)?;
        create_private(file).map_err(sqlx::Error::Io)?;
        let options = SqliteConnectOptions::new()
            .filename(file)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT);
        let pool = || {
            SqlitePoolOptions::new()
                .acquire_timeout(ACQUIRE_TIMEOUT)
                .test_before_acquire(false)
                .idle_timeout(None)
                .max_lifetime(None)
        };
        let writer = pool().max_connections(1).connect_with(options.clone()).await?;
        MIGRATOR.run(&writer).await.map_err(StoreError::Migration)?;
        drop(alone);
        let readers = pool().max_connections(READERS).connect_with(options.read_only(true)).await?;
        Ok(Self { group_commit: GroupCommit::start(writer.clone()), writer, readers })
    }

    /// Executes a statement; returns the number of changed rows.
    async fn change(&self, statement: Query<'_, Sqlite, SqliteArguments>) -> Result<u64, StoreError> {
        Ok(statement.execute(&self.writer).await?.rows_affected())
    }

    async fn find<R, T>(&self, query: QueryAs<'_, Sqlite, R, SqliteArguments>) -> Result<Option<T>, StoreError>
    where
        R: for<'r> FromRow<'r, SqliteRow> + Send + Unpin,
        T: TryFrom<R, Error = StoreError>,
    {
        query.fetch_optional(&self.readers).await?.map(T::try_from).transpose()
    }

    async fn list<R, T>(&self, query: QueryAs<'_, Sqlite, R, SqliteArguments>) -> Result<Vec<T>, StoreError>
    where
        R: for<'r> FromRow<'r, SqliteRow> + Send + Unpin,
        T: TryFrom<R, Error = StoreError>,
    {
        query.fetch_all(&self.readers).await?.into_iter().map(T::try_from).collect()
    }
}

/// Waits until no other process is opening a database in this folder. The file itself is not locked: SQLite holds its
/// own lock on it, and loses that when another handle of the same process is closed.
async fn lock_folder_of(file: &Path) -> io::Result<File> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = File::open(folder)?;
    tokio::task::spawn_blocking(move || folder.lock().map(|()| folder)).await?
}

/// Creates the file, if it is not there, so that only its owner may read it. SQLite gives its side files the same mode.
fn create_private(file: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file).map(drop)
}

#[async_trait]
impl Store for SqliteStore {
    async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1").execute(&self.readers).await?;
        Ok(())
    }

    async fn close(&self) {
        self.readers.close().await;
        self.group_commit.close().await;
        self.writer.close().await;
    }
}

/// Whether an error is transient: the database is locked, out of space, or the file is inaccessible.
pub(super) fn is_passing(refusal: &(dyn DatabaseError + 'static)) -> bool {
    const BUSY: u32 = 5;
    const LOCKED: u32 = 6;
    const READ_ONLY: u32 = 8;
    const IO_ERROR: u32 = 10;
    const FULL: u32 = 13;
    const CANNOT_OPEN: u32 = 14;

    let is_ours = refusal.try_downcast_ref::<SqliteError>().is_some();
    let extended_code = refusal.code().and_then(|code| code.parse::<u32>().ok());
    let primary = extended_code.map(|code| code & 0xff);
    is_ours && matches!(primary, Some(BUSY | LOCKED | READ_ONLY | IO_ERROR | FULL | CANNOT_OPEN))
}
