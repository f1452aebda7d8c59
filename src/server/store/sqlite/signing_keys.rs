//! The signing keys in SQLite.

use super::SqliteStore;
use crate::server::{
    keyring::Sealed,
    store::{SigningKeyStore, StoreError, StoredSigningKey, signing_keys::SigningKeyRow},
};
use async_trait::async_trait;

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
