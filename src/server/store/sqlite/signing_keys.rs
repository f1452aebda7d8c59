//! The signing keys in SQLite.

use super::SqliteStore;
use crate::server::{
    keyring::Sealed,
    store::{
        SigningKeyStore, StoreError, StoredSigningKey,
        signing_keys::{self, SigningKeyRow},
    },
};
use async_trait::async_trait;

#[async_trait]
impl SigningKeyStore for SqliteStore {
    async fn add_signing_key(&self, key: &StoredSigningKey) -> Result<bool, StoreError> {
        Ok(self.change(signing_keys::add(key)).await? == 1)
    }

    async fn list_signing_keys(&self) -> Result<Vec<StoredSigningKey>, StoreError> {
        self.list::<SigningKeyRow, _>(sqlx::query_as(signing_keys::LIST)).await
    }

    async fn remove_signing_key(&self, number: u32) -> Result<bool, StoreError> {
        Ok(self.change(sqlx::query(signing_keys::REMOVE).bind(i64::from(number))).await? == 1)
    }

    async fn reseal_signing_key(&self, number: u32, old: &Sealed, new: &Sealed) -> Result<bool, StoreError> {
        let statement =
            sqlx::query(signing_keys::RESEAL).bind(i64::from(number)).bind(old.as_bytes()).bind(new.as_bytes());
        Ok(self.change(statement).await? == 1)
    }
}
