//! The versions of the master secret in Postgres.

use super::PostgresStore;
use crate::server::{
    clock::Timestamp,
    store::{SecretVersion, SecretVersionStore, StoreError, secret_versions::SecretVersionRow},
};
use async_trait::async_trait;

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
