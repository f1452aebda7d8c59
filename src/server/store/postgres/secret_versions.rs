//! The versions of the master secret in Postgres.

use super::PostgresStore;
use crate::server::{
    clock::Timestamp,
    store::{
        SecretVersion, SecretVersionStore, StoreError,
        secret_versions::{self, SecretVersionRow},
    },
};
use async_trait::async_trait;

#[async_trait]
impl SecretVersionStore for PostgresStore {
    async fn record_secret_version(&self, version: &SecretVersion) -> Result<bool, StoreError> {
        Ok(self.change(&self.background, secret_versions::record(version)).await? == 1)
    }

    async fn list_secret_versions(&self) -> Result<Vec<SecretVersion>, StoreError> {
        self.list::<SecretVersionRow, _>(&self.background, sqlx::query_as(secret_versions::LIST)).await
    }

    async fn retire_secret_version(&self, version: u8, at: Timestamp) -> Result<bool, StoreError> {
        let statement = sqlx::query(secret_versions::RETIRE).bind(i64::from(version)).bind(at.as_millis());
        Ok(self.change(&self.background, statement).await? == 1)
    }
}
