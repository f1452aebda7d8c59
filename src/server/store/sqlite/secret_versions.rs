//! The versions of the master secret in SQLite.

use super::SqliteStore;
use crate::server::{
    clock::Timestamp,
    store::{SecretVersion, SecretVersionStore, StoreError, secret_versions::SecretVersionRow},
};
use async_trait::async_trait;

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
