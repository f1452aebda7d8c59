//! The registered OAuth clients, which may redeem and introspect tokens (RFC 6749 §2, RFC 9700 §2.5).
//!
//! A server holds all of them in memory and reloads them every two seconds, so that authenticating a client needs no
//! query, however many attempts arrive. Secrets are stored as hashes: they have 256 bits of entropy, so a fast hash is
//! enough. Two secrets of a client are valid at a time, so that it can change its secret on one server after the other.

use super::outage::Outage;
use crate::server::{
    clock::Timestamp,
    keyring::Keyring,
    random,
    redacted::redacted,
    store::{Client, ClientStore, StoreError},
    telemetry::SECURITY,
};
use aws_lc_rs::{constant_time, digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};
use tokio::time::{MissedTickBehavior, interval};
use tracing::info;
use uuid::Uuid;

/// The client id of the server functions. Its secrets are derived from the master secret: each version known here is
/// accepted.
pub const WEB: &str = "web";

/// How often the clients are reloaded.
const INTERVAL: Duration = Duration::from_secs(2);
const MAX_ID_CHARS: usize = 64;
const MAX_AUDIENCE_BYTES: usize = 512;

/// A client's id and secret, as it presents them.
#[derive(Clone, Copy)]
pub struct ClientCredentials<'a> {
    pub id: &'a str,
    pub secret: &'a str,
}

impl fmt::Debug for ClientCredentials<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCredentials").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The client is unknown or its secret is wrong: deliberately indistinguishable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the client could not be authenticated")]
pub struct InvalidClient;

/// A client that has authenticated itself by id and secret: only [`Clients::authenticate`] creates one. A function with
/// such an argument cannot be called without a client's secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownClient {
    id: Arc<str>,
    audience: Option<Arc<str>>,
}

impl KnownClient {
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The audience of the tokens that it gets for itself; `None`: this application.
    #[must_use]
    pub fn audience(&self) -> Option<&str> {
        self.audience.as_deref()
    }
}

/// Why a client cannot be registered or changed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error(
        "a client's id is up to 64 small letters, digits, hyphens and underscores, begins with a letter, and is not a UUID"
    )]
    BadId,
    #[error("an audience is up to 512 printable ASCII characters without spaces")]
    BadAudience,
    #[error("the client \"web\" is this application itself")]
    Reserved,
    #[error("a client with this id already exists")]
    Exists,
    #[error("there is no such client")]
    Unknown,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A client's secret, to be shown once.
#[derive(Clone, PartialEq, Eq)]
pub struct NewSecret(String);

impl NewSecret {
    fn generate() -> Self {
        Self(URL_SAFE_NO_PAD.encode(random::bytes::<32>()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

redacted!(NewSecret);

/// The clients this server knows.
#[derive(Debug)]
pub struct Clients {
    store: Arc<dyn ClientStore>,
    web: Vec<[u8; 32]>,
    registered: RwLock<Arc<HashMap<String, Client>>>,
}

impl Clients {
    /// Loads the registered clients.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the database cannot be reached.
    pub async fn load(store: Arc<dyn ClientStore>, keyring: &Keyring) -> Result<Self, StoreError> {
        let web = keyring.web_client_secrets().map(hash).collect();
        let clients = Self { store, web, registered: RwLock::default() };
        clients.reload().await?;
        Ok(clients)
    }

    /// Authenticates a client by id and secret; compares in constant time.
    ///
    /// # Errors
    ///
    /// [`InvalidClient`] if the id is unknown or the secret is wrong.
    pub fn authenticate(&self, credentials: ClientCredentials<'_>) -> Result<KnownClient, InvalidClient> {
        let presented = hash(credentials.secret);
        let fits = |expected: &[u8; 32]| constant_time::verify_slices_are_equal(&presented, expected).is_ok();
        if credentials.id == WEB {
            let web = KnownClient { id: WEB.into(), audience: None };
            return if self.web.iter().any(fits) { Ok(web) } else { Err(InvalidClient) };
        }
        let registered = self.registered();
        let client = registered.get(credentials.id).ok_or(InvalidClient)?;
        if fits(&client.secret_hash) || client.previous_secret_hash.as_ref().is_some_and(fits) {
            Ok(KnownClient { id: client.id.as_str().into(), audience: client.audience.as_deref().map(Into::into) })
        } else {
            Err(InvalidClient)
        }
    }

    /// Registers a client; returns its secret.
    ///
    /// # Errors
    ///
    /// [`ClientError`] if an argument is not acceptable or the database cannot be reached.
    pub async fn register(&self, id: &str, audience: Option<&str>, now: Timestamp) -> Result<NewSecret, ClientError> {
        check_id(id)?;
        if audience.is_some_and(|audience| !is_audience(audience)) {
            return Err(ClientError::BadAudience);
        }
        let secret = NewSecret::generate();
        let client = Client {
            id: id.to_owned(),
            audience: audience.map(str::to_owned),
            secret_hash: hash(secret.as_str()),
            previous_secret_hash: None,
            created_at: now,
        };
        if !self.store.add_client(&client).await? {
            return Err(ClientError::Exists);
        }
        info!(target: SECURITY, event = "client_registered", client = id);
        self.reload().await?;
        Ok(secret)
    }

    /// Gives a client a new secret. The previous one stays valid until the next rotation, unless `at_once`.
    ///
    /// # Errors
    ///
    /// [`ClientError`] if an argument is not acceptable or the database cannot be reached.
    pub async fn rotate_secret(&self, id: &str, at_once: bool) -> Result<NewSecret, ClientError> {
        check_id(id)?;
        let secret = NewSecret::generate();
        if !self.store.rotate_client_secret(id, &hash(secret.as_str()), !at_once).await? {
            return Err(ClientError::Unknown);
        }
        info!(target: SECURITY, event = "client_secret_rotated", client = id, at_once);
        self.reload().await?;
        Ok(secret)
    }

    /// Removes a client.
    ///
    /// # Errors
    ///
    /// [`ClientError`] if an argument is not acceptable or the database cannot be reached.
    pub async fn remove(&self, id: &str) -> Result<(), ClientError> {
        check_id(id)?;
        if !self.store.remove_client(id).await? {
            return Err(ClientError::Unknown);
        }
        info!(target: SECURITY, event = "client_removed", client = id);
        Ok(self.reload().await?)
    }

    /// Reloads the registered clients.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the database cannot be reached; the known clients stay.
    pub async fn reload(&self) -> Result<(), StoreError> {
        let clients = self.store.list_clients().await?;
        let clients = clients.into_iter().map(|client| (client.id.clone(), client)).collect();
        *self.registered.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(clients);
        Ok(())
    }

    /// Reloads for as long as the server runs.
    pub async fn run_reload_loop(&self) {
        let mut ticks = interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut outage = Outage::default();
        loop {
            ticks.tick().await;
            outage.record(&self.reload().await, "cannot reload the registered clients; retrying");
        }
    }

    fn registered(&self) -> Arc<HashMap<String, Client>> {
        Arc::clone(&self.registered.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The `sub` of a client's own token is its id, which must not look like that of a user.
fn check_id(id: &str) -> Result<(), ClientError> {
    if id == WEB {
        return Err(ClientError::Reserved);
    }
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
    let begins = id.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
    let is_id = begins && id.len() <= MAX_ID_CHARS && id.bytes().all(is_plain) && Uuid::try_parse(id).is_err();
    if is_id { Ok(()) } else { Err(ClientError::BadId) }
}

fn is_audience(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_AUDIENCE_BYTES && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn hash(secret: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, secret.as_bytes()).as_ref());
    hash
}
