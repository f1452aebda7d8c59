//! OAuth clients: the contract, the statements, which both databases share, and how rows become clients.

use super::StoreError;
use crate::server::clock::Timestamp;
use async_trait::async_trait;
use sqlx::{Database, Encode, FromRow, Type, query::Query};
use std::fmt;

/// A registered OAuth client (RFC 6749 §2.2) and the hashes of its secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    pub id: String,
    /// The audience of the tokens that it gets for itself; `None`: this application.
    pub audience: Option<String>,
    /// SHA-256 of the secret, which has 256 bits of entropy.
    pub secret_hash: [u8; 32],
    /// SHA-256 of the previous secret, while that is still valid.
    pub previous_secret_hash: Option<[u8; 32]>,
    pub created_at: Timestamp,
}

/// The registered OAuth clients of the [store](super::Store).
#[async_trait]
pub trait ClientStore: fmt::Debug + Send + Sync + 'static {
    /// Registers a client. `false` if its id is already registered.
    async fn add_client(&self, client: &Client) -> Result<bool, StoreError>;

    /// All clients, in the order of their ids.
    async fn list_clients(&self) -> Result<Vec<Client>, StoreError>;

    /// Gives a client a new secret, in addition to the current one or in its place. `false` if there is no such client.
    async fn rotate_client_secret(&self, id: &str, new: &[u8; 32], keep_previous: bool) -> Result<bool, StoreError>;

    /// Removes a client. `false` if there is none.
    async fn remove_client(&self, id: &str) -> Result<bool, StoreError>;
}

const ADD: &str = "INSERT INTO clients (id, audience, secret_hash, previous_secret_hash, created_at)
                   VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO NOTHING";

pub(super) const LIST: &str =
    "SELECT id, audience, secret_hash, previous_secret_hash, created_at FROM clients ORDER BY id";

pub(super) const ROTATE_SECRET: &str = "UPDATE clients
    SET previous_secret_hash = CASE WHEN $3 THEN secret_hash END, secret_hash = $2 WHERE id = $1";

pub(super) const REMOVE: &str = "DELETE FROM clients WHERE id = $1";

/// [`ADD`] with its values.
pub(super) fn add<'q, DB>(client: &'q Client) -> Query<'q, DB, DB::Arguments>
where
    DB: Database,
    &'q str: Encode<'q, DB> + Type<DB>,
    Option<&'q str>: Encode<'q, DB> + Type<DB>,
    &'q [u8]: Encode<'q, DB> + Type<DB>,
    Option<&'q [u8]>: Encode<'q, DB> + Type<DB>,
    i64: Encode<'q, DB> + Type<DB>,
{
    sqlx::query(ADD)
        .bind(client.id.as_str())
        .bind(client.audience.as_deref())
        .bind(client.secret_hash.as_slice())
        .bind(client.previous_secret_hash.as_ref().map(<[u8; 32]>::as_slice))
        .bind(client.created_at.as_millis())
}

#[derive(FromRow)]
pub(super) struct ClientRow {
    id: String,
    audience: Option<String>,
    secret_hash: Vec<u8>,
    previous_secret_hash: Option<Vec<u8>>,
    created_at: i64,
}

impl TryFrom<ClientRow> for Client {
    type Error = StoreError;

    fn try_from(row: ClientRow) -> Result<Self, StoreError> {
        let hash = |bytes: Vec<u8>| bytes.try_into().map_err(|_| StoreError::Corrupt("client secret hash"));
        Ok(Self {
            id: row.id,
            audience: row.audience,
            secret_hash: hash(row.secret_hash)?,
            previous_secret_hash: row.previous_secret_hash.map(hash).transpose()?,
            created_at: Timestamp::from_millis(row.created_at),
        })
    }
}
