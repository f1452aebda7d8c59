//! The notes, in one SQLite file. Every query names the owner: nobody reaches somebody else's.

use crate::{
    bearer::Owner,
    error::Error,
    note::{Content, Note, fold},
};
use serde::Serialize;
use sqlx::{
    Sqlite, SqliteConnection, SqlitePool, Transaction,
    migrate::Migrator,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use std::{fs, path::Path, time::Duration};

/// So many notes one owner may have.
pub const MAX_NOTES: u32 = 100;

const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

static MIGRATOR: Migrator = sqlx::migrate!();

/// Counts the changes of one owner's notes.
pub type Revision = i64;

/// The database.
#[derive(Clone, Debug)]
pub struct Store(SqlitePool);

/// Somebody's notes as they stood at a revision, the one changed last first.
#[derive(Debug, Serialize)]
pub struct Notes {
    pub revision: Revision,
    pub notes: Vec<Note>,
}

impl Store {
    /// Opens or creates the file and brings its schema up to date.
    pub async fn open(file: &Path) -> Result<Self, sqlx::Error> {
        create_private(file)?;
        let options = SqliteConnectOptions::new()
            .filename(file)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(BUSY_TIMEOUT);
        let pool = SqlitePool::connect_with(options).await?;
        MIGRATOR.run(&pool).await?;
        Ok(Self(pool))
    }

    /// All notes, or those that hold the text `search` somewhere.
    pub async fn list(&self, owner: &Owner, search: &str) -> Result<Notes, Error> {
        // One transaction, so that revision and notes belong together.
        let mut reading = self.0.begin().await?;
        let revision = revision(&mut reading, owner).await?;
        let notes = sqlx::query_as(
            "SELECT * FROM notes WHERE owner = $1 AND ($2 = '' OR instr(folded, $2) > 0) ORDER BY version DESC",
        )
        .bind(owner.as_str())
        .bind(fold(search.trim()))
        .fetch_all(&mut *reading)
        .await?;
        Ok(Notes { revision, notes })
    }

    pub async fn find(&self, owner: &Owner, id: &str) -> Result<Option<Note>, Error> {
        let mut connection = self.0.acquire().await?;
        find(&mut connection, owner, id).await
    }

    /// The revision at which an owner's notes stand.
    pub async fn revision(&self, owner: &Owner) -> Result<Revision, Error> {
        let mut connection = self.0.acquire().await?;
        revision(&mut connection, owner).await
    }

    pub async fn add(&self, owner: &Owner, content: &Content) -> Result<Note, Error> {
        let (mut change, version) = self.begin_change(owner).await?;
        let there: u32 = sqlx::query_scalar("SELECT count(*) FROM notes WHERE owner = $1")
            .bind(owner.as_str())
            .fetch_one(&mut *change)
            .await?;
        if there >= MAX_NOTES {
            return Err(Error::Full { max: MAX_NOTES });
        }
        let note = sqlx::query_as(
            "INSERT INTO notes (owner, title, text, folded, version) VALUES ($1, $2, $3, $4, $5) RETURNING *",
        )
        .bind(owner.as_str())
        .bind(&content.title)
        .bind(&content.text)
        .bind(content.folded())
        .bind(version)
        .fetch_one(&mut *change)
        .await?;
        change.commit().await?;
        Ok(note)
    }

    /// Changes a note, if it is still of the version that was `seen`.
    pub async fn change(&self, owner: &Owner, id: &str, seen: Revision, content: &Content) -> Result<Note, Error> {
        let (mut change, version) = self.begin_change(owner).await?;
        let changed = sqlx::query_as(
            "UPDATE notes SET title = $4, text = $5, folded = $6, version = $7, changed_at = unixepoch()
             WHERE owner = $1 AND id = $2 AND version = $3 RETURNING *",
        )
        .bind(owner.as_str())
        .bind(id)
        .bind(seen)
        .bind(&content.title)
        .bind(&content.text)
        .bind(content.folded())
        .bind(version)
        .fetch_optional(&mut *change)
        .await?;
        let Some(note) = changed else { return Err(refusal(&mut change, owner, id).await) };
        change.commit().await?;
        Ok(note)
    }

    /// Deletes a note, if it is still of the version that was `seen`, and returns the revision after it.
    pub async fn delete(&self, owner: &Owner, id: &str, seen: Revision) -> Result<Revision, Error> {
        let (mut change, revision) = self.begin_change(owner).await?;
        let deleted = sqlx::query("DELETE FROM notes WHERE owner = $1 AND id = $2 AND version = $3")
            .bind(owner.as_str())
            .bind(id)
            .bind(seen)
            .execute(&mut *change)
            .await?;
        if deleted.rows_affected() == 0 {
            return Err(refusal(&mut change, owner, id).await);
        }
        change.commit().await?;
        Ok(revision)
    }

    /// Begins the only change at this time, and counts it. What is not committed has not been counted either.
    async fn begin_change(&self, owner: &Owner) -> Result<(Transaction<'static, Sqlite>, Revision), Error> {
        let mut change = self.0.begin_with("BEGIN IMMEDIATE").await?;
        let revision = sqlx::query_scalar(
            "INSERT INTO owners (owner, revision) VALUES ($1, 1)
             ON CONFLICT (owner) DO UPDATE SET revision = revision + 1 RETURNING revision",
        )
        .bind(owner.as_str())
        .fetch_one(&mut *change)
        .await?;
        Ok((change, revision))
    }
}

/// Why a note could not be changed: it is of another version by now, or not there.
async fn refusal(connection: &mut SqliteConnection, owner: &Owner, id: &str) -> Error {
    match find(connection, owner, id).await {
        Ok(Some(_)) => Error::Conflict,
        Ok(None) => Error::NotFound,
        Err(error) => error,
    }
}

async fn find(connection: &mut SqliteConnection, owner: &Owner, id: &str) -> Result<Option<Note>, Error> {
    let note = sqlx::query_as("SELECT * FROM notes WHERE owner = $1 AND id = $2")
        .bind(owner.as_str())
        .bind(id)
        .fetch_optional(connection)
        .await?;
    Ok(note)
}

async fn revision(connection: &mut SqliteConnection, owner: &Owner) -> Result<Revision, Error> {
    let revision = sqlx::query_scalar("SELECT revision FROM owners WHERE owner = $1")
        .bind(owner.as_str())
        .fetch_optional(connection)
        .await?;
    Ok(revision.unwrap_or(0))
}

/// Creates the file, if it is not there, so that only its owner may read it. SQLite gives its side files the same mode.
fn create_private(file: &Path) -> Result<(), sqlx::Error> {
    use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};

    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    fs::OpenOptions::new().append(true).create(true).mode(0o600).open(file)?;
    Ok(())
}
