//! The store in one SQLite file: nothing to install, one server.
//!
//! One connection writes, a few read beside it (WAL). Every commit is on disk before it is answered
//! (`synchronous = FULL`), so a rotation that a browser has heard of survives a power cut. What is written often shares
//! its commit with what is written at the same time (`group_commit.rs`).

mod group_commit;

use super::{
    Client, ClientStore, EndedSession, SecretVersion, SecretVersionStore, SessionStore, SigningKeyStore, Store,
    StoreError, StoredSigningKey, Teller, UserStore,
    clients::ClientRow,
    secret_versions::SecretVersionRow,
    sessions::{EndedSessionRow, ReusedSessionRow, SessionRow, SessionWithUserRow},
    signing_keys::SigningKeyRow,
    users::UserRow,
};
use crate::server::{
    clock::Timestamp,
    domain::{
        email::EmailKey,
        session::{EndReason, Generation, ReusedSession, Session, SessionId},
        user::{DisplayName, PasswordHash, User, UserId},
    },
    keyring::Sealed,
};
use async_trait::async_trait;
use futures::future::try_join_all;
use group_commit::GroupCommit;
use sqlx::{
    SqlitePool,
    error::DatabaseError,
    sqlite::{SqliteConnectOptions, SqliteError, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{
    fs::{File, OpenOptions},
    io,
    path::Path,
    time::Duration,
};
use uuid::Uuid;

/// How long a statement waits for another process that writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a request waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
const READERS: u32 = 4;

static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("src/server/store/sqlite/migrations");

/// A store in a SQLite file.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    writer: SqlitePool,
    /// The same connection, for single statements that come in numbers.
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
        // Commands and servers that start at the same time make one schema: sqlx locks nothing on SQLite.
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
}

/// Waits until no other process is opening a database in this folder. Not the file itself is locked: SQLite locks it in
/// its own way, and loses that when another handle of the same process is closed.
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

#[async_trait]
impl UserStore for SqliteStore {
    async fn add_user(&self, user: &User) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO users (id, email, email_key, display_name, password_hash, created_at, disabled_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(user.id.as_uuid())
        .bind(user.email.as_typed())
        .bind(user.email_key().as_str())
        .bind(user.display_name.as_str())
        .bind(user.password.as_phc())
        .bind(user.created_at.as_millis())
        .bind(user.disabled_at.map(Timestamp::as_millis))
        .execute(&self.writer)
        .await?;
        Ok(())
    }

    async fn find_user_by_email(&self, key: &EmailKey) -> Result<Option<User>, StoreError> {
        let row: Option<UserRow> = sqlx::query_as("SELECT * FROM users WHERE email_key = $1")
            .bind(key.as_str())
            .fetch_optional(&self.readers)
            .await?;
        row.map(User::try_from).transpose()
    }

    async fn list_users(&self, after: Option<UserId>, limit: u32) -> Result<Vec<User>, StoreError> {
        let rows: Vec<UserRow> = sqlx::query_as("SELECT * FROM users WHERE $1 IS NULL OR id > $1 ORDER BY id LIMIT $2")
            .bind(after.map(UserId::as_uuid))
            .bind(limit)
            .fetch_all(&self.readers)
            .await?;
        rows.into_iter().map(User::try_from).collect()
    }

    async fn disable_user(&self, key: &EmailKey, at: Timestamp) -> Result<bool, StoreError> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        let found = sqlx::query("UPDATE users SET disabled_at = coalesce(disabled_at, $2) WHERE email_key = $1")
            .bind(key.as_str())
            .bind(at.as_millis())
            .execute(&mut *transaction)
            .await?;
        sqlx::query(
            "UPDATE sessions SET ended_at = $2, end_reason = $3
             WHERE ended_at IS NULL AND user_id = (SELECT id FROM users WHERE email_key = $1)",
        )
        .bind(key.as_str())
        .bind(at.as_millis())
        .bind(EndReason::AccountDisabled.code())
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(found.rows_affected() == 1)
    }

    async fn enable_user(&self, key: &EmailKey) -> Result<bool, StoreError> {
        let done = sqlx::query("UPDATE users SET disabled_at = NULL WHERE email_key = $1")
            .bind(key.as_str())
            .execute(&self.writer)
            .await?;
        Ok(done.rows_affected() == 1)
    }

    async fn change_display_name(&self, id: UserId, name: &DisplayName) -> Result<bool, StoreError> {
        let done = sqlx::query("UPDATE users SET display_name = $2 WHERE id = $1")
            .bind(id.as_uuid())
            .bind(name.as_str())
            .execute(&self.writer)
            .await?;
        Ok(done.rows_affected() == 1)
    }

    async fn replace_password_hash(
        &self,
        id: UserId,
        old: &PasswordHash,
        new: &PasswordHash,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query("UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2")
            .bind(id.as_uuid())
            .bind(old.as_phc())
            .bind(new.as_phc())
            .execute(&self.writer)
            .await?;
        Ok(done.rows_affected() == 1)
    }
}

#[async_trait]
impl SessionStore for SqliteStore {
    async fn begin_session(&self, session: &Session) -> Result<bool, StoreError> {
        let statement = sqlx::query(
            "INSERT INTO sessions (id, user_id, client_id, method, began_at, expires_at, generation, rotated_at, delivered, address, user_agent)
             SELECT $1, id, $3, $4, $5, $6, $7, $8, $9, $10, $11 FROM users WHERE id = $2 AND disabled_at IS NULL",
        )
        .bind(session.id.as_uuid())
        .bind(session.user_id.as_uuid())
        .bind(&session.client_id)
        .bind(session.method.amr())
        .bind(session.began_at.as_millis())
        .bind(session.expires_at.as_millis())
        .bind(session.generation.number())
        .bind(session.rotated_at.as_millis())
        .bind(session.delivered.number())
        .bind(&session.address)
        .bind(&session.user_agent);
        Ok(self.group_commit.write(statement).await? == 1)
    }

    async fn find_session(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        let row: Option<SessionRow> = sqlx::query_as("SELECT * FROM sessions WHERE id = $1")
            .bind(id.as_uuid())
            .fetch_optional(&self.readers)
            .await?;
        row.map(Session::try_from).transpose()
    }

    async fn find_session_with_user(&self, id: SessionId) -> Result<Option<(Session, User)>, StoreError> {
        let row: Option<SessionWithUserRow> = sqlx::query_as(
            "SELECT sessions.*, users.email, users.display_name, users.password_hash, users.created_at, users.disabled_at
             FROM sessions JOIN users ON users.id = sessions.user_id WHERE sessions.id = $1",
        )
        .bind(id.as_uuid())
        .fetch_optional(&self.readers)
        .await?;
        row.map(<(Session, User)>::try_from).transpose()
    }

    async fn advance_session(
        &self,
        id: SessionId,
        from: Generation,
        to: Generation,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let statement = sqlx::query(
            "UPDATE sessions SET generation = $3, rotated_at = $4
             WHERE id = $1 AND generation = $2 AND ended_at IS NULL AND ($2 <> $3 OR delivered < $2)",
        )
        .bind(id.as_uuid())
        .bind(from.number())
        .bind(to.number())
        .bind(at.as_millis());
        Ok(self.group_commit.write(statement).await? == 1)
    }

    async fn mark_delivered(&self, marks: &[(SessionId, Generation)]) -> Result<(), StoreError> {
        let writes = marks.iter().map(|(id, generation)| {
            let statement = sqlx::query("UPDATE sessions SET delivered = $2 WHERE id = $1 AND delivered < $2")
                .bind(id.as_uuid())
                .bind(generation.number());
            self.group_commit.write(statement)
        });
        try_join_all(writes).await.map(drop)
    }

    async fn end_session(&self, id: SessionId, at: Timestamp, reason: EndReason) -> Result<bool, StoreError> {
        let statement =
            sqlx::query("UPDATE sessions SET ended_at = $2, end_reason = $3 WHERE id = $1 AND ended_at IS NULL")
                .bind(id.as_uuid())
                .bind(at.as_millis())
                .bind(reason.code());
        Ok(self.group_commit.write(statement).await? == 1)
    }

    async fn end_reused_session(&self, id: SessionId, at: Timestamp, from: &str) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "UPDATE sessions SET ended_at = $2, end_reason = 'reuse', reused_from = $3 WHERE id = $1 AND ended_at IS NULL",
        )
        .bind(id.as_uuid())
        .bind(at.as_millis())
        .bind(from)
        .execute(&self.writer)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    async fn end_other_sessions(
        &self,
        user: UserId,
        spared: SessionId,
        keep: u32,
        at: Timestamp,
        reason: EndReason,
    ) -> Result<Vec<SessionId>, StoreError> {
        let rows: Vec<(Uuid,)> = sqlx::query_as(
            "UPDATE sessions SET ended_at = $4, end_reason = $5 WHERE id IN (
                 SELECT id FROM sessions WHERE user_id = $1 AND ended_at IS NULL AND expires_at > $4 AND id <> $2
                 ORDER BY rotated_at DESC, id DESC LIMIT -1 OFFSET $3
             ) RETURNING id",
        )
        .bind(user.as_uuid())
        .bind(spared.as_uuid())
        .bind(keep)
        .bind(at.as_millis())
        .bind(reason.code())
        .fetch_all(&self.writer)
        .await?;
        Ok(rows.into_iter().map(|(id,)| SessionId::from_uuid(id)).collect())
    }

    async fn list_live_sessions(&self, user: UserId, at: Timestamp) -> Result<Vec<Session>, StoreError> {
        let rows: Vec<SessionRow> = sqlx::query_as(
            "SELECT * FROM sessions WHERE user_id = $1 AND ended_at IS NULL AND expires_at > $2
             ORDER BY rotated_at DESC, id DESC",
        )
        .bind(user.as_uuid())
        .bind(at.as_millis())
        .fetch_all(&self.readers)
        .await?;
        rows.into_iter().map(Session::try_from).collect()
    }

    async fn list_reused_sessions(
        &self,
        user: UserId,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<ReusedSession>, StoreError> {
        let rows: Vec<ReusedSessionRow> = sqlx::query_as(
            "SELECT * FROM sessions
             WHERE user_id = $1 AND end_reason = 'reuse' AND reuse_dismissed_at IS NULL AND ended_at >= $2
             ORDER BY ended_at DESC, id DESC LIMIT $3",
        )
        .bind(user.as_uuid())
        .bind(since.as_millis())
        .bind(limit)
        .fetch_all(&self.readers)
        .await?;
        rows.into_iter().map(ReusedSession::try_from).collect()
    }

    async fn dismiss_reused_session(&self, user: UserId, id: SessionId, at: Timestamp) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "UPDATE sessions SET reuse_dismissed_at = coalesce(reuse_dismissed_at, $3)
             WHERE id = $2 AND user_id = $1 AND end_reason = 'reuse'",
        )
        .bind(user.as_uuid())
        .bind(id.as_uuid())
        .bind(at.as_millis())
        .execute(&self.writer)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    async fn sessions_ended_since(&self, since: Timestamp) -> Result<Vec<EndedSession>, StoreError> {
        let rows: Vec<EndedSessionRow> = sqlx::query_as("SELECT id, ended_at FROM sessions WHERE ended_at >= $1")
            .bind(since.as_millis())
            .fetch_all(&self.readers)
            .await?;
        Ok(rows.into_iter().map(EndedSession::from).collect())
    }

    /// There is one server, which knows what it ended itself; of other processes it learns by asking.
    async fn tell_ended(&self, _tell: &Teller<'_>) -> Result<(), StoreError> {
        self.writer.close_event().await;
        Ok(())
    }

    async fn delete_expired_sessions(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let done =
            sqlx::query("DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at < $1 LIMIT $2)")
                .bind(before.as_millis())
                .bind(limit)
                .execute(&self.writer)
                .await?;
        Ok(done.rows_affected())
    }
}

#[async_trait]
impl ClientStore for SqliteStore {
    async fn add_client(&self, client: &Client) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "INSERT INTO clients (id, audience, secret_hash, previous_secret_hash, created_at)
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO NOTHING",
        )
        .bind(&client.id)
        .bind(&client.audience)
        .bind(client.secret_hash.as_slice())
        .bind(client.previous_secret_hash.as_ref().map(<[u8; 32]>::as_slice))
        .bind(client.created_at.as_millis())
        .execute(&self.writer)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    async fn list_clients(&self) -> Result<Vec<Client>, StoreError> {
        let rows: Vec<ClientRow> = sqlx::query_as("SELECT * FROM clients ORDER BY id").fetch_all(&self.readers).await?;
        rows.into_iter().map(Client::try_from).collect()
    }

    async fn rotate_client_secret(&self, id: &str, new: &[u8; 32], keep_previous: bool) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "UPDATE clients SET previous_secret_hash = CASE WHEN $3 THEN secret_hash END, secret_hash = $2 WHERE id = $1",
        )
        .bind(id)
        .bind(new.as_slice())
        .bind(keep_previous)
        .execute(&self.writer)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    async fn remove_client(&self, id: &str) -> Result<bool, StoreError> {
        let done = sqlx::query("DELETE FROM clients WHERE id = $1").bind(id).execute(&self.writer).await?;
        Ok(done.rows_affected() == 1)
    }
}

#[async_trait]
impl SigningKeyStore for SqliteStore {
    async fn add_signing_key(&self, key: &StoredSigningKey) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "INSERT INTO signing_keys (number, id, sealed, created_at, signs_from) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (number) DO NOTHING",
        )
        .bind(key.times.number)
        .bind(&key.id)
        .bind(key.sealed.as_bytes())
        .bind(key.created_at.as_millis())
        .bind(key.times.signs_from.as_millis())
        .execute(&self.writer)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    async fn list_signing_keys(&self) -> Result<Vec<StoredSigningKey>, StoreError> {
        let rows: Vec<SigningKeyRow> =
            sqlx::query_as("SELECT * FROM signing_keys ORDER BY number").fetch_all(&self.readers).await?;
        rows.into_iter().map(StoredSigningKey::try_from).collect()
    }

    async fn remove_signing_key(&self, number: u32) -> Result<bool, StoreError> {
        let done = sqlx::query("DELETE FROM signing_keys WHERE number = $1").bind(number).execute(&self.writer).await?;
        Ok(done.rows_affected() == 1)
    }

    async fn reseal_signing_key(&self, number: u32, old: &Sealed, new: &Sealed) -> Result<bool, StoreError> {
        let done = sqlx::query("UPDATE signing_keys SET sealed = $3 WHERE number = $1 AND sealed = $2")
            .bind(number)
            .bind(old.as_bytes())
            .bind(new.as_bytes())
            .execute(&self.writer)
            .await?;
        Ok(done.rows_affected() == 1)
    }
}

#[async_trait]
impl SecretVersionStore for SqliteStore {
    async fn note_secret_version(&self, version: &SecretVersion) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "INSERT INTO secret_versions (version, fingerprint, needed_until) VALUES ($1, $2, $3)
             ON CONFLICT (version) DO UPDATE SET needed_until = max(needed_until, excluded.needed_until)
             WHERE fingerprint = excluded.fingerprint",
        )
        .bind(version.version)
        .bind(version.fingerprint.as_slice())
        .bind(version.needed_until.as_millis())
        .execute(&self.writer)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    async fn list_secret_versions(&self) -> Result<Vec<SecretVersion>, StoreError> {
        let rows: Vec<SecretVersionRow> =
            sqlx::query_as("SELECT * FROM secret_versions ORDER BY version").fetch_all(&self.readers).await?;
        rows.into_iter().map(SecretVersion::try_from).collect()
    }

    async fn retire_secret_version(&self, version: u8, at: Timestamp) -> Result<bool, StoreError> {
        let done = sqlx::query("UPDATE secret_versions SET needed_until = min(needed_until, $2) WHERE version = $1")
            .bind(version)
            .bind(at.as_millis())
            .execute(&self.writer)
            .await?;
        Ok(done.rows_affected() == 1)
    }
}

/// Whether a refusal tells of a state that passes: locked, out of room, or the file out of reach.
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
