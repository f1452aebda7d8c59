//! Password hashing: Argon2id on a bounded number of threads.

use crate::server::{
    domain::{password_policy::NormalPassword, user::PasswordHash},
    random,
};
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version, password_hash::phc};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::spawn_blocking,
    time::timeout,
};

/// OWASP's minimum for Argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// The highest parameters accepted in a stored hash; more would be an attack through the database.
const MAX_MEMORY_KIB: u32 = 256 * 1024;
const MAX_PASSES: u32 = 16;
const MAX_LANES: u32 = 8;

/// How long a request waits for a thread before it fails with [`HashingError::Busy`].
const MAX_WAIT: Duration = Duration::from_secs(2);
/// How many requests wait at most; further ones fail at once.
const MAX_WAITING: usize = 64;

const SALT_BYTES: usize = 16;

/// Hashes and verifies passwords, a few at a time.
#[derive(Clone, Debug)]
pub struct Hasher {
    threads: Arc<Semaphore>,
    queue: Arc<Semaphore>,
    /// Compared with the password of an unknown user: has the current parameters and matches no password.
    decoy: PasswordHash,
}

/// Why a password could not be hashed or verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashingError {
    /// Too many requests are waiting.
    #[error("too many passwords are being checked at once")]
    Busy,
    /// The stored hash is not an acceptable Argon2id hash, or Argon2 fails.
    #[error("the stored password hash cannot be used")]
    Unusable,
}

/// The result of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    Match {
        /// The stored hash was made under weaker parameters than today's.
        outdated: bool,
    },
    Mismatch,
}

impl Hasher {
    /// A hasher that uses up to `threads` threads at once.
    ///
    /// # Errors
    ///
    /// [`HashingError::Unusable`] if Argon2 refuses the built-in parameters.
    pub fn new(threads: usize) -> Result<Self, HashingError> {
        let decoy = decoy()?;
        let threads = threads.max(1);
        Ok(Self {
            threads: Arc::new(Semaphore::new(threads)),
            queue: Arc::new(Semaphore::new(threads + MAX_WAITING)),
            decoy,
        })
    }

    /// A hasher with one thread fewer than the machine has, which leaves one for serving requests.
    ///
    /// # Errors
    ///
    /// As [`Hasher::new`].
    pub fn for_this_machine() -> Result<Self, HashingError> {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self::new(cores.saturating_sub(1))
    }

    /// Hashes a new password under today's parameters and a fresh salt.
    ///
    /// # Errors
    ///
    /// [`HashingError::Busy`] after 2 s of waiting, or at once if the queue is full.
    pub async fn hash(&self, password: NormalPassword) -> Result<PasswordHash, HashingError> {
        self.run(move || hash_now(password.as_bytes())).await
    }

    /// Compares a password with a stored hash, or with a decoy that takes as long if there is none.
    ///
    /// # Errors
    ///
    /// As [`Hasher::hash`]; [`HashingError::Unusable`] if the stored hash has excessive parameters.
    pub async fn compare(
        &self,
        password: NormalPassword,
        stored: Option<PasswordHash>,
    ) -> Result<Comparison, HashingError> {
        let (hash, is_decoy) = stored.map_or_else(|| (self.decoy.clone(), true), |hash| (hash, false));
        let found = self.run(move || compare_now(password.as_bytes(), &hash)).await?;
        Ok(if is_decoy { Comparison::Mismatch } else { found })
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, HashingError> + Send + 'static,
    ) -> Result<T, HashingError> {
        let place = Arc::clone(&self.queue).try_acquire_owned().map_err(|_| HashingError::Busy)?;
        let permit =
            timeout(MAX_WAIT, Arc::clone(&self.threads).acquire_owned()).await.map_err(|_| HashingError::Busy)?;
        let permit = permit.map_err(|_| HashingError::Busy)?;
        // Both permits move into the task: a client that disconnects frees no thread that still computes.
        spawn_blocking(move || run_holding((place, permit), work)).await.map_err(|_| HashingError::Unusable)?
    }
}

fn run_holding<T>(permits: (OwnedSemaphorePermit, OwnedSemaphorePermit), work: impl FnOnce() -> T) -> T {
    let result = work();
    drop(permits);
    result
}

fn current() -> Result<Argon2<'static>, HashingError> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|_| HashingError::Unusable)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// A hash with today's parameters and random bytes as its output: as costly to compare as any other. Not computed,
/// because that would double the startup time.
fn decoy() -> Result<PasswordHash, HashingError> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|_| HashingError::Unusable)?;
    let decoy = phc::PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: (&params).try_into().map_err(|_| HashingError::Unusable)?,
        salt: Some(phc::Salt::new(&random::bytes::<SALT_BYTES>()).map_err(|_| HashingError::Unusable)?),
        hash: Some(
            phc::Output::new(&random::bytes::<{ Params::DEFAULT_OUTPUT_LEN }>()).map_err(|_| HashingError::Unusable)?,
        ),
    };
    Ok(PasswordHash::from_phc(decoy.to_string()))
}

fn hash_now(password: &[u8]) -> Result<PasswordHash, HashingError> {
    let salt = random::bytes::<SALT_BYTES>();
    let hash: phc::PasswordHash =
        current()?.hash_password_with_salt(password, &salt).map_err(|_| HashingError::Unusable)?;
    Ok(PasswordHash::from_phc(hash.to_string()))
}

fn compare_now(password: &[u8], stored: &PasswordHash) -> Result<Comparison, HashingError> {
    let parsed = phc::PasswordHash::new(stored.as_phc()).map_err(|_| HashingError::Unusable)?;
    let params = Params::try_from(&parsed).map_err(|_| HashingError::Unusable)?;
    let bounded = params.m_cost() <= MAX_MEMORY_KIB && params.t_cost() <= MAX_PASSES && params.p_cost() <= MAX_LANES;
    if !bounded || parsed.algorithm.as_str() != Algorithm::Argon2id.ident().as_str() {
        return Err(HashingError::Unusable);
    }
    match current()?.verify_password(password, &parsed) {
        Ok(()) => Ok(Comparison::Match { outdated: params.m_cost() < MEMORY_KIB || params.t_cost() < PASSES }),
        Err(argon2::password_hash::Error::PasswordInvalid) => Ok(Comparison::Mismatch),
        Err(_) => Err(HashingError::Unusable),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::domain::password_policy::PlainPassword;
    use futures::FutureExt as _;
    use tokio::sync::oneshot;

    fn password(text: &str) -> NormalPassword {
        PlainPassword::from(text.to_owned()).normal().expect("short enough")
    }

    #[tokio::test]
    async fn a_password_matches_its_hash_and_no_other() {
        let hasher = Hasher::new(1).expect("a hasher");
        let hash = hasher.hash(password("vermilion otter")).await.expect("a hash");
        assert!(hash.as_phc().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        let compare = |text: &str, hash: Option<&PasswordHash>| hasher.compare(password(text), hash.cloned());
        assert_eq!(compare("vermilion otter", Some(&hash)).await, Ok(Comparison::Match { outdated: false }));
        assert_eq!(compare("vermilion ottes", Some(&hash)).await, Ok(Comparison::Mismatch));
        assert_eq!(compare("vermilion otter", None).await, Ok(Comparison::Mismatch));
        let parameters = |hash: &PasswordHash| hash.as_phc().rsplitn(3, '$').nth(2).map(str::to_owned);
        assert_eq!(parameters(&hasher.decoy), parameters(&hash), "the decoy costs as much");
    }

    #[tokio::test]
    async fn a_weaker_hash_still_matches_and_is_reported_as_outdated() {
        let weak =
            Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(12_288, 3, 1, None).expect("parameters"));
        let hash: phc::PasswordHash = weak.hash_password_with_salt(b"vermilion otter", &[1; 16]).expect("a hash");
        let stored = PasswordHash::from_phc(hash.to_string());
        let found = Hasher::new(1).expect("a hasher").compare(password("vermilion otter"), Some(stored)).await;
        assert_eq!(found, Ok(Comparison::Match { outdated: true }));
    }

    #[tokio::test]
    async fn a_hash_with_excessive_parameters_is_refused() {
        let hasher = Hasher::new(1).expect("a hasher");
        for phc in [
            "$argon2id$v=19$m=4194304,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "$argon2id$v=19$m=19456,t=1000,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "$argon2i$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "plain",
        ] {
            let found = hasher.compare(password("x"), Some(PasswordHash::from_phc(phc.to_owned()))).await;
            assert_eq!(found, Err(HashingError::Unusable), "{phc}");
        }
    }

    #[tokio::test]
    async fn a_cancelled_caller_frees_no_thread_that_still_computes() {
        let hasher = Hasher::new(1).expect("a hasher");
        let free = || (hasher.threads.available_permits(), hasher.queue.available_permits());
        let (start, has_started) = oneshot::channel();
        let (finish, may_finish) = std::sync::mpsc::channel::<()>();
        let work = hasher.run(move || {
            start.send(()).expect("the receiver still waits");
            may_finish.recv().map_err(|_| HashingError::Unusable)
        });
        assert!(work.now_or_never().is_none(), "the caller polls once and gives up");
        has_started.await.expect("the work has begun");
        assert_eq!(free(), (0, MAX_WAITING));
        let next = hasher.hash(password("vermilion otter"));
        assert!(next.now_or_never().is_none(), "a caller that comes meanwhile has to wait");
        assert_eq!(free(), (0, MAX_WAITING), "a caller that gives up leaves the queue");
        finish.send(()).expect("the work still goes on");
        assert!(hasher.hash(password("vermilion otter")).await.is_ok());
        assert_eq!(free(), (1, 1 + MAX_WAITING));
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once() {
        let hasher = Hasher::new(1).expect("a hasher");
        let all = Arc::clone(&hasher.queue).try_acquire_many_owned(u32::try_from(MAX_WAITING + 1).expect("few"));
        assert_eq!(hasher.hash(password("x")).await, Err(HashingError::Busy));
        drop(all);
        assert!(hasher.hash(password("x")).await.is_ok());
    }
}
