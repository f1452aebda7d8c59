//! The real store behind a switch, and a record of what the application asks of it.

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
    store::{Client, EndedSession, SecretVersion, Store, StoreError, StoredSigningKey, Teller},
};

/// How the database is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    Fine,
    /// It cannot be reached.
    Down,
    /// It does what it is asked, but the answer never arrives.
    LosesAnswers,
    /// It says nothing at all.
    Hangs,
    /// Our own code about it has a fault.
    Panics,
    /// It answers requests, but the background cannot reach it.
    OutOfTouch,
}

#[derive(Debug)]
pub struct WatchedStore {
    inner: Arc<dyn Store>,
    condition: Mutex<Condition>,
    asked: Mutex<Vec<&'static str>>,
    asked_beside: Mutex<BTreeMap<&'static str, usize>>,
    asked_for_keys: AtomicUsize,
}

impl WatchedStore {
    pub fn new(inner: Arc<dyn Store>) -> Self {
        Self {
            inner,
            condition: Mutex::new(Condition::Fine),
            asked: Mutex::default(),
            asked_beside: Mutex::default(),
            asked_for_keys: AtomicUsize::new(0),
        }
    }

    pub fn set(&self, condition: Condition) {
        *self.condition.lock().unwrap_or_else(PoisonError::into_inner) = condition;
    }

    /// What was asked since this was last called, in the order of asking; the background's own questions left out.
    pub fn asked(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.asked.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How often the background has asked this, answered or not.
    pub fn asked_beside(&self, what: &str) -> usize {
        self.asked_beside.lock().unwrap_or_else(PoisonError::into_inner).get(what).copied().unwrap_or_default()
    }

    /// How often the signing keys were asked for, by requests or by the background.
    pub fn asked_for_keys(&self) -> usize {
        self.asked_for_keys.load(Ordering::SeqCst)
    }

    async fn ask<T>(
        &self,
        what: &'static str,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(what);
        match self.condition() {
            Condition::Fine | Condition::OutOfTouch => work.await,
            Condition::Down => Err(unavailable()),
            Condition::LosesAnswers => work.await.and(Err(unavailable())),
            Condition::Hangs => pending().await,
            Condition::Panics => panic!("the store was told to panic"),
        }
    }

    /// What the background asks.
    async fn ask_beside<T>(
        &self,
        what: &'static str,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        *self.asked_beside.lock().unwrap_or_else(PoisonError::into_inner).entry(what).or_default() += 1;
        match self.condition() {
            Condition::Fine => work.await,
            Condition::Panics => panic!("the store was told to panic"),
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

macro_rules! ask {
    ($self:ident . $method:ident ( $($argument:expr),* )) => {
        $self.ask(stringify!($method), $self.inner.$method($($argument),*)).await
    };
}

macro_rules! ask_beside {
    ($self:ident . $method:ident ( $($argument:expr),* )) => {
        $self.ask_beside(stringify!($method), $self.inner.$method($($argument),*)).await
    };
}

#[async_trait]
impl Store for WatchedStore {
    async fn ping(&self) -> Result<(), StoreError> {
        ask!(self.ping())
    }

    async fn add_user(&self, user: &User) -> Result<(), StoreError> {
        ask!(self.add_user(user))
    }

    async fn find_user_by_email(&self, key: &EmailKey) -> Result<Option<User>, StoreError> {
        ask!(self.find_user_by_email(key))
    }

    async fn list_users(&self, after: Option<UserId>, limit: u32) -> Result<Vec<User>, StoreError> {
        ask!(self.list_users(after, limit))
    }

    async fn disable_user(&self, key: &EmailKey, at: Timestamp) -> Result<bool, StoreError> {
        ask!(self.disable_user(key, at))
    }

    async fn enable_user(&self, key: &EmailKey) -> Result<bool, StoreError> {
        ask!(self.enable_user(key))
    }

    async fn change_display_name(&self, id: UserId, name: &DisplayName) -> Result<bool, StoreError> {
        ask!(self.change_display_name(id, name))
    }

    async fn replace_password_hash(
        &self,
        id: UserId,
        old: &PasswordHash,
        new: &PasswordHash,
    ) -> Result<bool, StoreError> {
        ask!(self.replace_password_hash(id, old, new))
    }

    async fn begin_session(&self, session: &Session) -> Result<bool, StoreError> {
        ask!(self.begin_session(session))
    }

    async fn find_session(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        ask!(self.find_session(id))
    }

    async fn find_session_with_user(&self, id: SessionId) -> Result<Option<(Session, User)>, StoreError> {
        ask!(self.find_session_with_user(id))
    }

    async fn advance_session(
        &self,
        id: SessionId,
        from: Generation,
        to: Generation,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        ask!(self.advance_session(id, from, to, at))
    }

    async fn mark_delivered(&self, marks: &[(SessionId, Generation)]) -> Result<(), StoreError> {
        ask_beside!(self.mark_delivered(marks))
    }

    async fn end_session(&self, id: SessionId, at: Timestamp, reason: EndReason) -> Result<bool, StoreError> {
        ask!(self.end_session(id, at, reason))
    }

    async fn end_reused_session(&self, id: SessionId, at: Timestamp, from: &str) -> Result<bool, StoreError> {
        ask!(self.end_reused_session(id, at, from))
    }

    async fn end_other_sessions(
        &self,
        user: UserId,
        spared: SessionId,
        keep: u32,
        at: Timestamp,
        reason: EndReason,
    ) -> Result<Vec<SessionId>, StoreError> {
        ask!(self.end_other_sessions(user, spared, keep, at, reason))
    }

    async fn list_live_sessions(&self, user: UserId, at: Timestamp) -> Result<Vec<Session>, StoreError> {
        ask!(self.list_live_sessions(user, at))
    }

    async fn list_reused_sessions(
        &self,
        user: UserId,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<ReusedSession>, StoreError> {
        ask!(self.list_reused_sessions(user, since, limit))
    }

    async fn dismiss_reused_session(&self, user: UserId, id: SessionId, at: Timestamp) -> Result<bool, StoreError> {
        ask!(self.dismiss_reused_session(user, id, at))
    }

    async fn sessions_ended_since(&self, since: Timestamp) -> Result<Vec<EndedSession>, StoreError> {
        ask_beside!(self.sessions_ended_since(since))
    }

    /// Tells only as long as all is fine.
    async fn tell_ended(&self, tell: &Teller<'_>) -> Result<(), StoreError> {
        let heard = |id| {
            if self.condition() == Condition::Fine {
                tell(id);
            }
        };
        self.inner.tell_ended(&heard).await
    }

    async fn delete_expired_sessions(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        ask_beside!(self.delete_expired_sessions(before, limit))
    }

    async fn add_client(&self, client: &Client) -> Result<bool, StoreError> {
        ask!(self.add_client(client))
    }

    async fn list_clients(&self) -> Result<Vec<Client>, StoreError> {
        ask_beside!(self.list_clients())
    }

    async fn rotate_client_secret(&self, id: &str, new: &[u8; 32], keep_previous: bool) -> Result<bool, StoreError> {
        ask!(self.rotate_client_secret(id, new, keep_previous))
    }

    async fn remove_client(&self, id: &str) -> Result<bool, StoreError> {
        ask!(self.remove_client(id))
    }

    async fn add_signing_key(&self, key: &StoredSigningKey) -> Result<bool, StoreError> {
        ask_beside!(self.add_signing_key(key))
    }

    async fn list_signing_keys(&self) -> Result<Vec<StoredSigningKey>, StoreError> {
        self.asked_for_keys.fetch_add(1, Ordering::SeqCst);
        match self.condition() {
            Condition::Fine => self.inner.list_signing_keys().await,
            Condition::Hangs => pending().await,
            _ => Err(unavailable()),
        }
    }

    async fn remove_signing_key(&self, number: u32) -> Result<bool, StoreError> {
        ask_beside!(self.remove_signing_key(number))
    }

    async fn reseal_signing_key(&self, number: u32, old: &Sealed, new: &Sealed) -> Result<bool, StoreError> {
        ask_beside!(self.reseal_signing_key(number, old, new))
    }

    async fn note_secret_version(&self, version: &SecretVersion) -> Result<bool, StoreError> {
        ask_beside!(self.note_secret_version(version))
    }

    async fn list_secret_versions(&self) -> Result<Vec<SecretVersion>, StoreError> {
        ask_beside!(self.list_secret_versions())
    }

    async fn retire_secret_version(&self, version: u8, at: Timestamp) -> Result<bool, StoreError> {
        ask_beside!(self.retire_secret_version(version, at))
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}
