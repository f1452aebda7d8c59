//! The OAuth clients in Postgres.

use super::PostgresStore;
use crate::server::store::{Client, ClientStore, StoreError, clients::ClientRow};
use async_trait::async_trait;

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
