//! The real store behind a switch, with a record of the application's calls.

use async_trait::async_trait;
use std::{
    collections::BTreeMap,
    future::{Future, pending},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokenlife::server::{
    clock::Timestamp,
    domain::{
        email::EmailKey,
        session::{EndReason, Generation, ReusedSession, Session, SessionId},
        user::{DisplayName, PasswordHash, User, UserId},
    },
    keyring::Sealed,
    store::{
        Client, ClientStore, EndedListener, EndedSession, SecretVersion, SecretVersionStore, SessionStore,
        SigningKeyStore, Store, StoreError, StoredSigningKey, UserStore,
    },
};

/// The condition of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    Fine,
    /// It cannot be reached.
    Down,
    /// It carries out statements, but the result never arrives.
    LosesAnswers,
    /// It never responds.
    Hangs,
    /// The code that uses it panics.
    Panics,
    /// It serves requests, but the background cannot reach it.
    OutOfTouch,
}

#[derive(Debug)]
pub struct WatchedStore {
    inner: Arc<dyn Store>,
    condition: Mutex<Condition>,
    calls: Mutex<Vec<&'static str>>,
    background_calls: Mutex<BTreeMap<&'static str, usize>>,
    key_calls: AtomicUsize,
}

impl WatchedStore {
    pub fn new(inner: Arc<dyn Store>) -> Self {
        Self {
            inner,
            condition: Mutex::new(Condition::Fine),
            calls: Mutex::default(),
            background_calls: Mutex::default(),
            key_calls: AtomicUsize::new(0),
        }
    }

    pub fn set(&self, condition: Condition) {
        *self.condition.lock().unwrap_or_else(PoisonError::into_inner) = condition;
    }

    /// The calls since this was last called, in order, without those of the background.
    pub fn calls(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How often the background has called this method, with any outcome.
    pub fn background_calls(&self, what: &str) -> usize {
        self.background_calls.lock().unwrap_or_else(PoisonError::into_inner).get(what).copied().unwrap_or_default()
    }

    /// How often the signing keys were listed, by requests or by the background.
    pub fn key_calls(&self) -> usize {
        self.key_calls.load(Ordering::SeqCst)
    }

    async fn ask<T>(
        &self,
        what: &'static str,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).push(what);
        match self.condition() {
            Condition::Fine | Condition::OutOfTouch => work.await,
            Condition::Down => Err(unavailable()),
            Condition::LosesAnswers => work.await.and(Err(unavailable())),
            Condition::Hangs => pending().await,
            Condition::Panics => panic!("the store was set to panic"),
        }
    }

    /// A call of the background.
    async fn ask_beside<T>(
        &self,
        what: &'static str,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        *self.background_calls.lock().unwrap_or_else(PoisonError::into_inner).entry(what).or_default() += 1;
        match self.condition() {
            Condition::Fine => work.await,
            Condition::Panics => panic!("the store was set to panic"),
            _ => Err(unavailable()),
        }
    }

    /// A call for the signing keys, which requests and the background make. It never panics.
    async fn ask_for_keys<T>(
        &self,
        _what: &'static str,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.key_calls.fetch_add(1, Ordering::SeqCst);
        match self.condition() {
            Condition::Fine => work.await,
            Condition::Hangs => pending().await,
            _ => Err(unavailable()),
        }
    }

    fn condition(&self) -> Condition {
        *self.condition.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unavailable() -> StoreError {
    StoreError::Unavailable(sqlx::Error::PoolTimedOut)
}

/// Implements parts of the store: each method listed passes its arguments on to the real store through the method of
/// [`WatchedStore`] before its name. Those in the second pair of braces are used as they are.
macro_rules! watch {
    ($($part:ident {
        $($ask:ident $method:ident($($name:ident: $type:ty),*) -> $outcome:ty;)+
    } $({ $($own:tt)+ })?)+) => {$(
        #[async_trait]
        impl $part for WatchedStore {
            $(async fn $method(&self, $($name: $type),*) -> Result<$outcome, StoreError> {
                self.$ask(stringify!($method), self.inner.$method($($name),*)).await
            })+
            $($($own)+)?
        }
    )+};
}

watch! {
    UserStore {
        ask add_user(user: &User) -> ();
        ask find_user_by_email(key: &EmailKey) -> Option<User>;
        ask list_users(after: Option<UserId>, limit: u32) -> Vec<User>;
        ask disable_user(key: &EmailKey, at: Timestamp) -> bool;
        ask enable_user(key: &EmailKey) -> bool;
        ask change_display_name(id: UserId, name: &DisplayName) -> bool;
        ask replace_password_hash(id: UserId, old: &PasswordHash, new: &PasswordHash) -> bool;
    }
    SessionStore {
        ask begin_session(session: &Session) -> bool;
        ask find_session(id: SessionId) -> Option<Session>;
        ask find_session_with_user(id: SessionId) -> Option<(Session, User)>;
        ask advance_session(id: SessionId, from: Generation, to: Generation, at: Timestamp) -> bool;
        ask_beside mark_delivered(marks: &[(SessionId, Generation)]) -> ();
        ask end_session(id: SessionId, at: Timestamp, reason: EndReason) -> bool;
        ask end_reused_session(id: SessionId, at: Timestamp, from: &str) -> bool;
        ask end_other_sessions(
            user: UserId, spared: SessionId, keep: u32, at: Timestamp, reason: EndReason
        ) -> Vec<SessionId>;
        ask list_live_sessions(user: UserId, at: Timestamp) -> Vec<Session>;
        ask list_reused_sessions(user: UserId, since: Timestamp, limit: u32) -> Vec<ReusedSession>;
        ask dismiss_reused_session(user: UserId, id: SessionId, at: Timestamp) -> bool;
        ask_beside sessions_ended_since(since: Timestamp) -> Vec<EndedSession>;
        ask_beside delete_expired_sessions(before: Timestamp, limit: u32) -> u64;
    } {
        /// Passes notifications on only while the database is fine.
        async fn subscribe_ended(&self, tell: &EndedListener<'_>) -> Result<(), StoreError> {
            let heard = |id| {
                if self.condition() == Condition::Fine {
                    tell(id);
                }
            };
            self.inner.subscribe_ended(&heard).await
        }
    }
    ClientStore {
        ask add_client(client: &Client) -> bool;
        ask_beside list_clients() -> Vec<Client>;
        ask rotate_client_secret(id: &str, new: &[u8; 32], keep_previous: bool) -> bool;
        ask remove_client(id: &str) -> bool;
    }
    SigningKeyStore {
        ask_beside add_signing_key(key: &StoredSigningKey) -> bool;
        ask_for_keys list_signing_keys() -> Vec<StoredSigningKey>;
        ask_beside remove_signing_key(number: u32) -> bool;
        ask_beside reseal_signing_key(number: u32, old: &Sealed, new: &Sealed) -> bool;
    }
    SecretVersionStore {
        ask_beside record_secret_version(version: &SecretVersion) -> bool;
        ask_beside list_secret_versions() -> Vec<SecretVersion>;
        ask_beside retire_secret_version(version: u8, at: Timestamp) -> bool;
    }
    Store {
        ask ping() -> ();
    } {
        async fn close(&self) {
            self.inner.close().await;
        }
    }
}
