//! The OAuth clients in SQLite.

use super::SqliteStore;
use crate::server::store::{Client, ClientStore, StoreError, clients::ClientRow};
use async_trait::async_trait;

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
