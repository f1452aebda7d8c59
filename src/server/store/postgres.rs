//! The store in Postgres: for as many servers as wanted.
//!
//! Each method is one statement, or one short transaction where one statement cannot see what it has to. Columns are
//! named, never `*`: a newer server may add some while an older one runs on, and Postgres refuses prepared statements
//! whose answer has changed its shape. Who changes many sessions locks them in the order of their ids, so that two who
//! do never wait for each other.

mod at_home;
mod connect;
mod listen;

pub use connect::PostgresSettings;

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
use at_home::AtHome;
use sqlx::{
    FromRow, PgPool, Postgres,
    error::DatabaseError,
    postgres::{PgArguments, PgDatabaseError, PgRow},
    query::{Query, QueryAs},
};
use std::{future::Future, time::Duration};
use tokio::{runtime::Handle, time::timeout};
use uuid::Uuid;

/// Connections for what runs beside the requests. It must not queue behind them: news of ended sessions would come too
/// late just when the server is busiest.
const BACKGROUND_CONNECTIONS: u32 = 2;

/// The lock on the database that keeps servers starting at once from migrating at once is part of it.
static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("src/server/store/postgres/migrations");

macro_rules! user_columns {
    () => {
        "users.id, users.email, users.display_name, users.password_hash, users.created_at, users.disabled_at"
    };
}

macro_rules! session_columns {
    () => {
        "sessions.id, sessions.user_id, sessions.client_id, sessions.method, sessions.began_at, sessions.expires_at, \
         sessions.generation, sessions.rotated_at, sessions.delivered, sessions.ended_at, sessions.end_reason, \
         sessions.address, sessions.user_agent"
    };
}

/// A store in a Postgres database.
#[derive(Clone, Debug)]
pub struct PostgresStore {
    settings: PostgresSettings,
    requests: PgPool,
    background: PgPool,
    give_up_after: Duration,
    /// The runtime that looks after all connections, whichever thread sends a statement.
    home: Handle,
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
        let home = Handle::current();
        Ok(Self { give_up_after: settings.give_up_after(), settings, requests, background, home })
    }

    /// A statement may have to open a connection. It is opened at home: on the runtime of the thread that happens to be
    /// the first one to need it, whoever uses it later would wait for that thread too.
    async fn run<T>(&self, work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, StoreError> {
        let work = AtHome::new(work, &self.home);
        Ok(timeout(self.give_up_after, work).await.map_err(|_| StoreError::timed_out())??)
    }

    /// How many rows a statement has changed.
    async fn change(&self, pool: &PgPool, statement: Query<'_, Postgres, PgArguments>) -> Result<u64, StoreError> {
        Ok(self.run(statement.execute(pool)).await?.rows_affected())
    }

    async fn find<R>(&self, query: QueryAs<'_, Postgres, R, PgArguments>) -> Result<Option<R>, StoreError>
    where
        R: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        self.run(query.fetch_optional(&self.requests)).await
    }

    async fn list<R>(&self, pool: &PgPool, query: QueryAs<'_, Postgres, R, PgArguments>) -> Result<Vec<R>, StoreError>
    where
        R: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        self.run(query.fetch_all(pool)).await
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

#[async_trait]
impl UserStore for PostgresStore {
    async fn add_user(&self, user: &User) -> Result<(), StoreError> {
        let statement = sqlx::query(
            "INSERT INTO users (id, email, email_key, display_name, password_hash, created_at, disabled_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(user.id.as_uuid())
        .bind(user.email.as_typed())
        .bind(user.email_key().as_str())
        .bind(user.display_name.as_str())
        .bind(user.password.as_phc())
        .bind(user.created_at.as_millis())
        .bind(user.disabled_at.map(Timestamp::as_millis));
        self.change(&self.requests, statement).await.map(drop)
    }

    async fn find_user_by_email(&self, key: &EmailKey) -> Result<Option<User>, StoreError> {
        let query = sqlx::query_as(concat!("SELECT ", user_columns!(), " FROM users WHERE email_key = $1"));
        let row: Option<UserRow> = self.find(query.bind(key.as_str())).await?;
        row.map(User::try_from).transpose()
    }

    async fn list_users(&self, after: Option<UserId>, limit: u32) -> Result<Vec<User>, StoreError> {
        let query =
            sqlx::query_as(concat!("SELECT ", user_columns!(), " FROM users WHERE id > $1 ORDER BY id LIMIT $2"))
                .bind(after.map_or(Uuid::nil(), UserId::as_uuid))
                .bind(i64::from(limit));
        let rows: Vec<UserRow> = self.list(&self.requests, query).await?;
        rows.into_iter().map(User::try_from).collect()
    }

    /// Two statements: the first waits for those who begin a session of this user, the second then sees them.
    async fn disable_user(&self, key: &EmailKey, at: Timestamp) -> Result<bool, StoreError> {
        self.run(async {
            let mut transaction = self.requests.begin().await?;
            let found = sqlx::query("UPDATE users SET disabled_at = coalesce(disabled_at, $2) WHERE email_key = $1")
                .bind(key.as_str())
                .bind(at.as_millis())
                .execute(&mut *transaction)
                .await?;
            sqlx::query(
                "UPDATE sessions SET ended_at = $2, end_reason = $3 WHERE id IN (
                     SELECT id FROM sessions
                     WHERE ended_at IS NULL AND user_id = (SELECT id FROM users WHERE email_key = $1)
                     ORDER BY id FOR NO KEY UPDATE
                 )",
            )
            .bind(key.as_str())
            .bind(at.as_millis())
            .bind(EndReason::AccountDisabled.code())
            .execute(&mut *transaction)
            .await?;
            transaction.commit().await?;
            Ok(found.rows_affected() == 1)
        })
        .await
    }

    async fn enable_user(&self, key: &EmailKey) -> Result<bool, StoreError> {
        let statement = sqlx::query("UPDATE users SET disabled_at = NULL WHERE email_key = $1").bind(key.as_str());
        Ok(self.change(&self.requests, statement).await? == 1)
    }

    async fn change_display_name(&self, id: UserId, name: &DisplayName) -> Result<bool, StoreError> {
        let statement =
            sqlx::query("UPDATE users SET display_name = $2 WHERE id = $1").bind(id.as_uuid()).bind(name.as_str());
        Ok(self.change(&self.requests, statement).await? == 1)
    }

    async fn replace_password_hash(
        &self,
        id: UserId,
        old: &PasswordHash,
        new: &PasswordHash,
    ) -> Result<bool, StoreError> {
        let statement = sqlx::query("UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2")
            .bind(id.as_uuid())
            .bind(old.as_phc())
            .bind(new.as_phc());
        Ok(self.change(&self.requests, statement).await? == 1)
    }
}

#[async_trait]
impl SessionStore for PostgresStore {
    /// The lock on the user makes whoever disables them wait, or this.
    async fn begin_session(&self, session: &Session) -> Result<bool, StoreError> {
        let statement = sqlx::query(
            "INSERT INTO sessions (id, user_id, client_id, method, began_at, expires_at, generation, rotated_at, delivered, address, user_agent)
             SELECT $1, id, $3, $4, $5, $6, $7, $8, $9, $10, $11 FROM users WHERE id = $2 AND disabled_at IS NULL FOR SHARE",
        )
        .bind(session.id.as_uuid())
        .bind(session.user_id.as_uuid())
        .bind(&session.client_id)
        .bind(session.method.amr())
        .bind(session.began_at.as_millis())
        .bind(session.expires_at.as_millis())
        .bind(i64::from(session.generation.number()))
        .bind(session.rotated_at.as_millis())
        .bind(i64::from(session.delivered.number()))
        .bind(&session.address)
        .bind(&session.user_agent);
        Ok(self.change(&self.requests, statement).await? == 1)
    }

    async fn find_session(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        let query = sqlx::query_as(concat!("SELECT ", session_columns!(), " FROM sessions WHERE id = $1"));
        let row: Option<SessionRow> = self.find(query.bind(id.as_uuid())).await?;
        row.map(Session::try_from).transpose()
    }

    async fn find_session_with_user(&self, id: SessionId) -> Result<Option<(Session, User)>, StoreError> {
        let query = sqlx::query_as(concat!(
            "SELECT ",
            session_columns!(),
            ", users.email, users.display_name, users.password_hash, users.created_at, users.disabled_at
             FROM sessions JOIN users ON users.id = sessions.user_id WHERE sessions.id = $1",
        ));
        let row: Option<SessionWithUserRow> = self.find(query.bind(id.as_uuid())).await?;
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
        .bind(i64::from(from.number()))
        .bind(i64::from(to.number()))
        .bind(at.as_millis());
        Ok(self.change(&self.requests, statement).await? == 1)
    }

    async fn mark_delivered(&self, marks: &[(SessionId, Generation)]) -> Result<(), StoreError> {
        let ids: Vec<Uuid> = marks.iter().map(|(id, _)| id.as_uuid()).collect();
        let generations: Vec<i64> = marks.iter().map(|(_, generation)| generation.number().into()).collect();
        let statement = sqlx::query(
            "WITH marks AS (
                 SELECT id, max(generation) AS generation
                 FROM unnest($1::uuid[], $2::bigint[]) AS mark (id, generation) GROUP BY id
             ), locked AS (
                 SELECT sessions.id, marks.generation FROM sessions JOIN marks ON marks.id = sessions.id
                 ORDER BY sessions.id FOR NO KEY UPDATE OF sessions
             )
             UPDATE sessions SET delivered = locked.generation FROM locked
             WHERE sessions.id = locked.id AND sessions.delivered < locked.generation",
        )
        .bind(ids)
        .bind(generations);
        self.change(&self.background, statement).await.map(drop)
    }

    async fn end_session(&self, id: SessionId, at: Timestamp, reason: EndReason) -> Result<bool, StoreError> {
        let statement =
            sqlx::query("UPDATE sessions SET ended_at = $2, end_reason = $3 WHERE id = $1 AND ended_at IS NULL")
                .bind(id.as_uuid())
                .bind(at.as_millis())
                .bind(reason.code());
        Ok(self.change(&self.requests, statement).await? == 1)
    }

    async fn end_reused_session(&self, id: SessionId, at: Timestamp, from: &str) -> Result<bool, StoreError> {
        let statement = sqlx::query(
            "UPDATE sessions SET ended_at = $2, end_reason = 'reuse', reused_from = $3 WHERE id = $1 AND ended_at IS NULL",
        )
        .bind(id.as_uuid())
        .bind(at.as_millis())
        .bind(from);
        Ok(self.change(&self.requests, statement).await? == 1)
    }

    /// Locks in the order of the ids, as everybody does who ends many, so that two of them never wait for each other.
    async fn end_other_sessions(
        &self,
        user: UserId,
        spared: SessionId,
        keep: u32,
        at: Timestamp,
        reason: EndReason,
    ) -> Result<Vec<SessionId>, StoreError> {
        let query = sqlx::query_as(
            "UPDATE sessions SET ended_at = $4, end_reason = $5 WHERE ended_at IS NULL AND id IN (
                 SELECT id FROM sessions WHERE id IN (
                     SELECT id FROM sessions WHERE user_id = $1 AND ended_at IS NULL AND expires_at > $4 AND id <> $2
                     ORDER BY rotated_at DESC, id DESC OFFSET $3
                 ) ORDER BY id FOR NO KEY UPDATE
             ) RETURNING id",
        )
        .bind(user.as_uuid())
        .bind(spared.as_uuid())
        .bind(i64::from(keep))
        .bind(at.as_millis())
        .bind(reason.code());
        let rows: Vec<(Uuid,)> = self.list(&self.requests, query).await?;
        Ok(rows.into_iter().map(|(id,)| SessionId::from_uuid(id)).collect())
    }

    async fn list_live_sessions(&self, user: UserId, at: Timestamp) -> Result<Vec<Session>, StoreError> {
        let query = sqlx::query_as(concat!(
            "SELECT ",
            session_columns!(),
            " FROM sessions WHERE user_id = $1 AND ended_at IS NULL AND expires_at > $2
              ORDER BY rotated_at DESC, id DESC"
        ))
        .bind(user.as_uuid())
        .bind(at.as_millis());
        let rows: Vec<SessionRow> = self.list(&self.requests, query).await?;
        rows.into_iter().map(Session::try_from).collect()
    }

    async fn list_reused_sessions(
        &self,
        user: UserId,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<ReusedSession>, StoreError> {
        let query = sqlx::query_as(concat!(
            "SELECT ",
            session_columns!(),
            ", reused_from FROM sessions
              WHERE user_id = $1 AND end_reason = 'reuse' AND reuse_dismissed_at IS NULL AND ended_at >= $2
              ORDER BY ended_at DESC, id DESC LIMIT $3"
        ))
        .bind(user.as_uuid())
        .bind(since.as_millis())
        .bind(i64::from(limit));
        let rows: Vec<ReusedSessionRow> = self.list(&self.requests, query).await?;
        rows.into_iter().map(ReusedSession::try_from).collect()
    }

    async fn dismiss_reused_session(&self, user: UserId, id: SessionId, at: Timestamp) -> Result<bool, StoreError> {
        let statement = sqlx::query(
            "UPDATE sessions SET reuse_dismissed_at = coalesce(reuse_dismissed_at, $3)
             WHERE id = $2 AND user_id = $1 AND end_reason = 'reuse'",
        )
        .bind(user.as_uuid())
        .bind(id.as_uuid())
        .bind(at.as_millis());
        Ok(self.change(&self.requests, statement).await? == 1)
    }

    async fn sessions_ended_since(&self, since: Timestamp) -> Result<Vec<EndedSession>, StoreError> {
        let query = sqlx::query_as("SELECT id, ended_at FROM sessions WHERE ended_at >= $1").bind(since.as_millis());
        let rows: Vec<EndedSessionRow> = self.list(&self.background, query).await?;
        Ok(rows.into_iter().map(EndedSession::from).collect())
    }

    async fn tell_ended(&self, tell: &Teller<'_>) -> Result<(), StoreError> {
        let mut closed = self.background.close_event();
        match closed.do_until(listen::listen(&self.settings, tell)).await {
            Ok(lost) => lost,
            Err(_closed) => Ok(()),
        }
    }

    /// Skips what another server is just deleting.
    async fn delete_expired_sessions(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let statement = sqlx::query(
            "DELETE FROM sessions WHERE id IN (
                 SELECT id FROM sessions WHERE expires_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED
             )",
        )
        .bind(before.as_millis())
        .bind(i64::from(limit));
        self.change(&self.background, statement).await
    }
}

#[async_trait]
impl ClientStore for PostgresStore {
    async fn add_client(&self, client: &Client) -> Result<bool, StoreError> {
        let statement = sqlx::query(
            "INSERT INTO clients (id, audience, secret_hash, previous_secret_hash, created_at)
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO NOTHING",
        )
        .bind(&client.id)
        .bind(&client.audience)
        .bind(client.secret_hash.as_slice())
        .bind(client.previous_secret_hash.as_ref().map(<[u8; 32]>::as_slice))
        .bind(client.created_at.as_millis());
        Ok(self.change(&self.requests, statement).await? == 1)
    }

    async fn list_clients(&self) -> Result<Vec<Client>, StoreError> {
        let query = sqlx::query_as(
            "SELECT id, audience, secret_hash, previous_secret_hash, created_at FROM clients ORDER BY id",
        );
        let rows: Vec<ClientRow> = self.list(&self.background, query).await?;
        rows.into_iter().map(Client::try_from).collect()
    }

    async fn rotate_client_secret(&self, id: &str, new: &[u8; 32], keep_previous: bool) -> Result<bool, StoreError> {
        let statement = sqlx::query(
            "UPDATE clients SET previous_secret_hash = CASE WHEN $3 THEN secret_hash END, secret_hash = $2 WHERE id = $1",
        )
        .bind(id)
        .bind(new.as_slice())
        .bind(keep_previous);
        Ok(self.change(&self.requests, statement).await? == 1)
    }

    async fn remove_client(&self, id: &str) -> Result<bool, StoreError> {
        let statement = sqlx::query("DELETE FROM clients WHERE id = $1").bind(id);
        Ok(self.change(&self.requests, statement).await? == 1)
    }
}

#[async_trait]
impl SigningKeyStore for PostgresStore {
    async fn add_signing_key(&self, key: &StoredSigningKey) -> Result<bool, StoreError> {
        let statement = sqlx::query(
            "INSERT INTO signing_keys (number, id, sealed, created_at, signs_from) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (number) DO NOTHING",
        )
        .bind(i64::from(key.times.number))
        .bind(&key.id)
        .bind(key.sealed.as_bytes())
        .bind(key.created_at.as_millis())
        .bind(key.times.signs_from.as_millis());
        Ok(self.change(&self.requests, statement).await? == 1)
    }

    async fn list_signing_keys(&self) -> Result<Vec<StoredSigningKey>, StoreError> {
        let query =
            sqlx::query_as("SELECT number, id, sealed, created_at, signs_from FROM signing_keys ORDER BY number");
        let rows: Vec<SigningKeyRow> = self.list(&self.requests, query).await?;
        rows.into_iter().map(StoredSigningKey::try_from).collect()
    }

    async fn remove_signing_key(&self, number: u32) -> Result<bool, StoreError> {
        let statement = sqlx::query("DELETE FROM signing_keys WHERE number = $1").bind(i64::from(number));
        Ok(self.change(&self.requests, statement).await? == 1)
    }

    async fn reseal_signing_key(&self, number: u32, old: &Sealed, new: &Sealed) -> Result<bool, StoreError> {
        let statement = sqlx::query("UPDATE signing_keys SET sealed = $3 WHERE number = $1 AND sealed = $2")
            .bind(i64::from(number))
            .bind(old.as_bytes())
            .bind(new.as_bytes());
        Ok(self.change(&self.requests, statement).await? == 1)
    }
}

#[async_trait]
impl SecretVersionStore for PostgresStore {
    async fn note_secret_version(&self, version: &SecretVersion) -> Result<bool, StoreError> {
        let statement = sqlx::query(
            "INSERT INTO secret_versions AS known (version, fingerprint, needed_until) VALUES ($1, $2, $3)
             ON CONFLICT (version) DO UPDATE SET needed_until = greatest(known.needed_until, excluded.needed_until)
             WHERE known.fingerprint = excluded.fingerprint",
        )
        .bind(i64::from(version.version))
        .bind(version.fingerprint.as_slice())
        .bind(version.needed_until.as_millis());
        Ok(self.change(&self.background, statement).await? == 1)
    }

    async fn list_secret_versions(&self) -> Result<Vec<SecretVersion>, StoreError> {
        let query = sqlx::query_as("SELECT version, fingerprint, needed_until FROM secret_versions ORDER BY version");
        let rows: Vec<SecretVersionRow> = self.list(&self.background, query).await?;
        rows.into_iter().map(SecretVersion::try_from).collect()
    }

    async fn retire_secret_version(&self, version: u8, at: Timestamp) -> Result<bool, StoreError> {
        let statement =
            sqlx::query("UPDATE secret_versions SET needed_until = least(needed_until, $2) WHERE version = $1")
                .bind(i64::from(version))
                .bind(at.as_millis());
        Ok(self.change(&self.background, statement).await? == 1)
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
