//! The OAuth clients in Postgres.

use super::PostgresStore;
use crate::server::store::{
    Client, ClientStore, StoreError,
    clients::{self, ClientRow},
};
use async_trait::async_trait;

#[async_trait]
impl ClientStore for PostgresStore {
    async fn add_client(&self, client: &Client) -> Result<bool, StoreError> {
        Ok(self.change(&self.requests, clients::add(client)).await? == 1)
    }

    async fn list_clients(&self) -> Result<Vec<Client>, StoreError> {
        self.list::<ClientRow, _>(&self.background, sqlx::query_as(clients::LIST)).await
    }

    async fn rotate_client_secret(&self, id: &str, new: &[u8; 32], keep_previous: bool) -> Result<bool, StoreError> {
        let statement = sqlx::query(clients::ROTATE_SECRET).bind(id).bind(new.as_slice()).bind(keep_previous);
        Ok(self.change(&self.requests, statement).await? == 1)
    }

    async fn remove_client(&self, id: &str) -> Result<bool, StoreError> {
        Ok(self.change(&self.requests, sqlx::query(clients::REMOVE).bind(id)).await? == 1)
    }
}
